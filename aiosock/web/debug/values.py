"""Values as text, bounded: long ones are neither copied nor walked, secrets are hidden, and no `repr` can do harm.

What Python itself made is written here, item by item, as far as there is room. The `__repr__` of another class is
called only if the object holds nothing large.
"""

import gc
import re
import sys
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType, SimpleNamespace, TracebackType
from typing import Any, Final

from aiosock.web.debug.secrets import HIDDEN, is_secret, masked, masked_target
from aiosock.web.request import Request

MAX_TEXT: Final = 1_000
"""Characters of a value."""

MAX_ITEMS: Final = 30
"""Items of a container that are shown, and attributes of an object."""

MAX_NAME: Final = 200
"""Characters of the name of a class."""

MAX_DEPTH: Final = 4
"""Containers within each other."""

MAX_BITS: Final = 1_024
"""Bits of an int: writing one in decimal takes the square of its length."""

LARGE: Final = 1_000
"""Items of a container, and hundreds of characters of a text, from which on an object that holds it is not asked."""

MAX_LOOKED_AT: Final = 300
"""Objects that are looked at to find a large one."""

_ATOMS = (bool, float, complex, type(None), type(...), type(NotImplemented), range, slice)
_TEXTS = (str, bytes, bytearray)
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
    type({}.keys()): ("dict_keys([", "])"),
    type({}.values()): ("dict_values([", "])"),
    type({}.items()): ("dict_items([", "])"),
}
_NO_CONTENT = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType, FrameType, TracebackType)
_CONTAINERS = (dict, *_BRACKETS)
_GENERATED = re.compile(r"<(?:string|attrs generated .*)>")


def shown(value: object) -> str:
    """Return a value as text of little more than `MAX_TEXT` characters. Raises nothing."""
    try:
        return masked(_Writer().text(value, 0))
    except BaseException as error:  # of a class that lies about itself, as proxies do
        return f"<it could not be shown: {class_name(type(error))}>"


def shown_by_name(name: str, value: object) -> str:
    """Return a value as text, or that it is hidden, because its name is that of a secret. Raises nothing."""
    try:
        is_hidden = value is not None and is_secret(name, value)
    except BaseException:
        is_hidden = True
    return HIDDEN if is_hidden else shown(value)


def class_name(kind: type) -> str:
    """Return the name of a class, with its module unless it is built in."""
    name, module = type.__getattribute__(kind, "__qualname__"), vars(kind).get("__module__", "")
    is_told = isinstance(module, str) and module not in ("", "builtins", "__main__")
    return (f"{module}.{name}" if is_told else f"{name}")[:MAX_NAME]


class _Writer:
    """Writes one value; `_left` is the number of characters that there is room for."""

    def __init__(self) -> None:
        self._left = MAX_TEXT
        self._open: set[int] = set()

    def text(self, value: object, depth: int) -> str:
        writing = self._writing(value)
        if writing is None:
            written = _atom(value, max(self._left, 40))
            self._left -= len(written)
            return written
        if id(value) in self._open or depth >= MAX_DEPTH or self._left <= 0:
            return "…"
        self._open.add(id(value))
        try:
            before, pieces, after = writing(value, depth)
            return f"{before}{', '.join(pieces)}{after}"
        finally:
            self._open.discard(id(value))

    def _writing(self, value: object) -> "Callable[[Any, int], tuple[str, Iterable[str], str]] | None":
        """Return the function that writes a value with its content; None for a value that has none."""
        writes = _repr_of(type(value))
        if isinstance(value, dict) and writes in (_repr_of(dict), _repr_of(OrderedDict), _repr_of(defaultdict)):
            return self._mapping
        if (base := _base_of(value)) is not None and writes is _repr_of(base):
            return self._sequence
        return self._fields if _field_names(value) is not None else None

    def _mapping(self, value: dict[Any, Any], depth: int) -> tuple[str, Iterable[str], str]:
        before, after = ("{", "}") if type(value) is dict else (f"{type(value).__name__}({{", "})")
        pairs = (self._pair(self.text(key, depth + 1), key, item, depth) for key, item in dict.items(value))
        return before, self._first(pairs, dict.__len__(value)), after

    def _pair(self, before: str, name: object, value: object, depth: int, sign: str = ": ") -> str:
        return f"{before}{sign}{HIDDEN if _hides(name, value) else self.text(value, depth + 1)}"

    def _sequence(self, value: Any, depth: int) -> tuple[str, Iterable[str], str]:
        base = _base_of(value)
        assert base is not None
        before, after = _BRACKETS[base]
        count = base.__len__(value)
        if base is tuple and count == 2 and _hides(value[0], value[1]):  # a pair, as in a list of fields
            return before, [self.text(value[0], depth + 1), HIDDEN], after
        items = (self.text(item, depth + 1) for item in base.__iter__(value))
        if base is set and not count:
            return "set()", (), ""
        return before, self._first(items, count), ",)" if base is tuple and count == 1 else after

    def _fields(self, value: Any, depth: int) -> tuple[str, Iterable[str], str]:
        names = _field_names(value) or []
        fields = (self._pair(name, name, _attribute(value, name), depth, "=") for name in names)
        return f"{type(value).__name__}(", self._first(fields, len(names)), ")"

    def _first(self, items: Iterator[str], count: int) -> Iterator[str]:
        """Yield items while there is room, then how many more there are."""
        written = 0
        for item in islice(items, MAX_ITEMS):
            yield item
            written += 1
            self._left -= 2
            if self._left <= 0:
                break
        if written < count:
            yield f"… {count - written:,} more"


def _hides(name: object, value: object) -> bool:
    if type(name) is bytes:
        name = name[:100].decode("latin-1")
    return isinstance(name, str) and value is not None and is_secret(name, value)


def _base_of(value: object) -> type[Any] | None:
    """Return the class of containers that a value belongs to; its methods run no code of a subclass."""
    return next((base for base in _BRACKETS if isinstance(value, base)), None)


def _repr_of(kind: type) -> Any:
    return kind.__repr__


def _field_names(value: object) -> list[str] | None:
    """Return the names of the fields that a generated `__repr__` would write; None for another class."""
    kind = type(value)
    if kind is SimpleNamespace:
        return list(vars(value))
    if isinstance(value, tuple) and isinstance(names := getattr(kind, "_fields", None), tuple):
        return list(names)
    if isinstance(names := getattr(kind, "__struct_fields__", None), tuple):  # msgspec
        return list(names)
    writes = getattr(kind.__repr__, "__wrapped__", kind.__repr__)  # before 3.13 that of a dataclass is wrapped
    if not _GENERATED.fullmatch(getattr(getattr(writes, "__code__", None), "co_filename", "")):
        return None
    if isinstance(fields := getattr(kind, "__dataclass_fields__", None), dict):
        return [name for name, field in fields.items() if field.repr]
    attributes = getattr(kind, "__attrs_attrs__", ())
    return [each.name for each in attributes if each.repr] or None


def _attribute(value: object, name: str) -> object:
    try:
        return getattr(value, name)
    except BaseException as error:
        return error


# Values without content.


def _atom(value: object, room: int) -> str:
    if isinstance(value, _ATOMS) and type(value) in _ATOMS:
        return repr(value)
    for kind in _TEXTS:
        if isinstance(value, kind) and _repr_of(type(value)) is _repr_of(kind):
            return _cut_text(value, kind, room)
    if isinstance(value, int) and _repr_of(type(value)) is _repr_of(int):
        bits = int.bit_length(value)
        return int.__repr__(value) if bits <= MAX_BITS else f"<int of {bits:,} bits>"
    return _foreign(value, room)


def _cut_text(value: Any, kind: type[Any], room: int) -> str:
    length = kind.__len__(value)
    if length <= room:
        return str(_repr_of(kind)(value))
    unit = "characters" if kind is str else "bytes"
    return f"{repr(kind.__getitem__(value, slice(0, room)))[: room + 10]}… {length:,} {unit}"


def _foreign(value: Any, room: int) -> str:
    """Return what the `__repr__` of a class says of an object, unless that may take long."""
    kind = type(value)
    if _repr_of(kind) is _repr_of(object):
        return f"<{class_name(kind)} object>"
    if kind is Request:  # its path may have a parameter that is a secret
        return f"<Request {value.method} {masked_target(value.target[:room], value.params)}>"
    if not isinstance(value, _NO_CONTENT) and _holds_much(value):
        return f"<{class_name(kind)} object, too large to show>"
    try:
        text = repr(value)
    except BaseException as error:  # SystemExit too: a page must not end the server
        return f"<{class_name(kind)} object, whose repr raises {class_name(type(error))}>"
    return text if len(text) <= room else f"{text[:room]}…"


def _holds_much(value: object) -> bool:
    """Return whether an object holds a large container or text, also within other containers. No code of it is run."""
    level, seen = [value], {id(value)}
    for _ in range(MAX_DEPTH + 1):
        if any(map(_is_large, level)):
            return True
        # What other objects hold is theirs: from a request, everything in the process can be reached.
        holding = [item for item in level if item is value or isinstance(item, _CONTAINERS)]
        below = (each for item in holding for each in gc.get_referents(item) if not isinstance(each, _NO_CONTENT))
        level = [each for each in islice(below, MAX_LOOKED_AT) if id(each) not in seen]
        seen.update(map(id, level))
    return False


def _is_large(value: object) -> bool:
    if isinstance(value, _TEXTS):
        return len(value) > LARGE * 100
    if isinstance(value, dict) or _base_of(value) is not None:
        return sys.getsizeof(value) > LARGE * 64 or _length(value) > LARGE
    try:
        return object.__sizeof__(value) > LARGE * 100 or sys.getsizeof(value) > LARGE * 100
    except BaseException:
        return True


def _length(value: Any) -> int:
    base = dict if isinstance(value, dict) else _base_of(value)
    return base.__len__(value) if base is not None else 0
