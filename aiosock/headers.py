"""Header fields in wire order, with case-insensitive names (RFC 9110 section 5)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Self, overload

from aiosock.errors import ResponseError

TCHAR = r"!#$%&'*+\-.^_`|~0-9A-Za-z"
"""The characters of a token, as the inside of a regex class (RFC 9110 section 5.6.2)."""

FIELD_CHAR = r"\t\x20-\x7e\x80-\xff"
"""The characters of a field value: visible ones, space, tab and obs-text (RFC 9110 section 5.5)."""

_NAME = re.compile(rf"[{TCHAR}]++")
_VALUE = re.compile(rf"[{FIELD_CHAR}]*+")


@lru_cache(maxsize=1024)
def _checked_name(name: str) -> str:
    """Return `name` in lower case; raise ResponseError unless it is a token. Cached, since programs use few names."""
    try:
        is_valid = _NAME.fullmatch(name)
    except TypeError:
        raise TypeError(f"the name of a field is a str, not {name!r}") from None
    if not is_valid:
        raise ResponseError(f"not a field name: {name!r}")
    return name.lower()


def _checked_value(name: str, value: str) -> str:
    """Return `value` stripped; raise ResponseError if it has a line break or another character that is not allowed.

    A line break in a value would let it add fields or a second response (response splitting). Raise TypeError for a
    value that is no str.
    """
    try:
        is_valid = _VALUE.fullmatch(value)
    except TypeError:
        raise TypeError(f"the value of the field {name} is a str, not {value!r}: write {str(value)!r}") from None
    if not is_valid:
        raise ResponseError(f"not a field value for {name}: {value!r}")
    return value.strip(" \t")


class Headers:
    """Header fields: ordered, case-insensitive, multi-valued, and always valid.

    ```python
    headers = Headers({"Accept": "text/html"})
    headers.append("accept", "text/plain")
    print(headers["ACCEPT"])  # text/html, text/plain
    print(headers.get_all("accept"))  # ['text/html', 'text/plain']
    ```

    Names are kept in lower case, values as `str` of ISO-8859-1. A value with CR, LF, NUL or another control
    character raises ResponseError when it is set, so that nothing invalid can be sent. A value that is no str, such as
    a number, raises TypeError. `dict(headers)` has each name once.
    `fields`, a mapping or pairs, are copied.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: "Mapping[str, str] | Iterable[tuple[str, str]] | Headers" = ()) -> None:
        pairs = fields.items() if isinstance(fields, (Mapping, Headers)) else fields
        self._fields: tuple[tuple[str, str], ...] | list[tuple[str, str]] = [
            (_checked_name(name), _checked_value(name, value)) for name, value in pairs
        ]

    @classmethod
    def from_block(cls, block: bytes) -> Self:
        r"""Make Headers of a field block that the grammar has accepted: lines of `name: value\r\n`."""
        headers = cls.__new__(cls)
        headers._fields = fields = []
        for line in block.decode("latin-1").split("\r\n")[:-1]:
            name, _, value = line.partition(":")
            fields.append((name.lower(), value.strip(" \t")))
        return headers

    @classmethod
    def from_valid(cls, fields: tuple[tuple[str, str], ...] = ()) -> Self:
        """Make Headers of pairs that are known to be valid, with names in lower case. The tuple is not copied."""
        headers = cls.__new__(cls)
        headers._fields = fields
        return headers

    def pairs(self) -> Sequence[tuple[str, str]]:
        """Return every field line as (lower-case name, value), in wire order. It is not a copy: do not keep it."""
        return self._fields

    def _mutable(self) -> list[tuple[str, str]]:
        self._fields = fields = list(self._fields)
        return fields

    def items(self) -> list[tuple[str, str]]:
        """Return a list of every field line as (lower-case name, value), in wire order."""
        return list(self._fields)

    @overload
    def get(self, name: str, default: str) -> str: ...

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the value, or `default`; lines with the same name are joined with ", " (RFC 9110 section 5.3)."""
        wanted = name.lower()
        values = [value for key, value in self._fields if key == wanted]
        if len(values) == 1:
            return values[0]
        return ", ".join(values) if values else default

    def get_all(self, name: str) -> list[str]:
        """Return the value of each line with that name, in wire order, as Set-Cookie needs it."""
        wanted = name.lower()
        return [value for key, value in self._fields if key == wanted]

    def append(self, name: str, value: str) -> None:
        """Add a line at the end; lines with the same name stay."""
        self._mutable().append((_checked_name(name), _checked_value(name, value)))

    def setdefault(self, name: str, value: str) -> None:
        """Add a line unless there is one with that name."""
        if name not in self:
            self.append(name, value)

    def __getitem__(self, name: str) -> str:
        """Return the value as `get` does; raise KeyError if no line has that name."""
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        """Replace all lines with that name by one line at the end."""
        line = (_checked_name(name), _checked_value(name, value))
        fields = self._mutable()
        fields[:] = [field for field in fields if field[0] != line[0]]
        fields.append(line)

    def __delitem__(self, name: str) -> None:
        """Remove all lines with that name. It is no error if there is none, as with `pop(name, None)`."""
        wanted = name.lower()
        fields = self._mutable()
        fields[:] = [field for field in fields if field[0] != wanted]

    def __contains__(self, name: object) -> bool:
        """Return whether a line has that name, in any case."""
        return isinstance(name, str) and any(key == name.lower() for key, _ in self._fields)

    def keys(self) -> list[str]:
        """Return the names, each once, in wire order. With it, `dict(headers)` has the values that `[]` returns."""
        return list(self)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, each once, in wire order."""
        return iter(dict.fromkeys(key for key, _ in self._fields))

    def __len__(self) -> int:
        """Return the number of lines, which may be more than the names."""
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        """Compare the lines and their order. Headers can change, so like a dict they have no hash."""
        return list(self._fields) == list(other._fields) if isinstance(other, Headers) else NotImplemented

    def __repr__(self) -> str:
        """Show the lines."""
        return f"Headers({list(self._fields)!r})"
