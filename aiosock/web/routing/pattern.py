"""Patterns of paths, such as `/users/{id:int}`: parse and compile them, convert the text of paths, build paths."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import quote

from aiosock.errors import RouteError
from aiosock.web.json import finite
from aiosock.web.routing.splitting import Splitter, splitter

MAX_SPLIT_SEGMENT = 255
"""Characters of a segment that is split between several parameters. The time to try all splits grows with the square of
the length."""


class Convertor(NamedTuple):
    """A kind of path parameter. If `convert` raises ValueError for a text that matches `regex`, the path is not found.

    ```python
    app.convertors["even"] = Convertor("[0-9]*[02468]", int)


    @app.get("/half/{number:even}")
    async def half(request: Request, number: int) -> str:
        return f"{number // 2}"
    ```
    """

    regex: str
    convert: Callable[[str], Any]


def _uuid(text: str) -> object:
    from uuid import UUID  # here: not every app needs it, and `import aiosock` is faster without it

    return UUID(text)


CONVERTORS: Mapping[str, Convertor] = {
    "str": Convertor(r".+", str),  # within one segment: a slash in it was sent as %2F
    "int": Convertor(r"-?[0-9]+", int),
    "float": Convertor(r"-?[0-9]+(?:\.[0-9]+)?", finite),
    "uuid": Convertor(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", _uuid),
    "path": Convertor(r".*", str),
}
"""`path` takes the rest of the path, with its slashes, and may be empty. So it must come last in a pattern."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a pattern between two slashes that has parameters."""

    regex: re.Pattern[str]
    convertors: tuple[tuple[str, Convertor], ...]
    splitter: Splitter | None = field(default=None, compare=False)
    """For several parameters, in place of `regex`."""

    @property
    def takes_rest(self) -> bool:
        """Return whether it takes the rest of the path and not only one segment."""
        return any(convertor.regex == CONVERTORS["path"].regex for _, convertor in self.convertors)

    def convert(self, text: str, params: dict[str, Any]) -> bool:
        """Add the parameters of this segment to `params`; return whether the text fits."""
        if self.splitter is not None:
            return self._split(text, params, self.splitter)
        match = self.regex.fullmatch(text)
        if match is None:
            return False
        name, (_, convert) = self.convertors[0]
        try:
            params[name] = convert(match[1])  # the first group: a convertor may have groups of its own
        except ValueError:
            return False
        return True

    def _split(self, text: str, params: dict[str, Any], splitter: Splitter) -> bool:
        texts = splitter.split(text) if len(text) <= MAX_SPLIT_SEGMENT else None
        if texts is None:
            return False
        try:
            found = [(name, convert(part)) for (name, (_, convert)), part in zip(self.convertors, texts, strict=True)]
        except ValueError:
            return False
        params.update(found)
        return True


def compile_segment(part: str, pattern: str, known: Mapping[str, Convertor]) -> Segment:
    """Compile a part of a pattern that has parameters, with the `known` convertors.

    Raises RouteError for an unknown convertor, and for more than three parameters.
    """
    regex, convertors, literals = "", [], []
    for literal, name, kind in parse_part(part, pattern):
        literals.append(literal)
        regex += re.escape(literal)
        if name:
            if kind not in known:
                raise RouteError(f"the pattern {pattern!r} has an unknown convertor {kind!r}")
            regex += f"(?P<{name}>{known[kind].regex})"
            convertors.append((name, known[kind]))
    if len(convertors) > 3:
        raise RouteError(f"the pattern {pattern!r} has more than three parameters between two slashes")
    several = splitter(literals, [convertor.regex for _, convertor in convertors])
    return Segment(re.compile(regex, re.DOTALL), tuple(convertors), several)


_TYPED_ELSEWHERE = re.compile(r"<(\w+):(\w+)>")
_PLAIN_ELSEWHERE = re.compile(r"<()(\w+)>")
"""Parameters as Flask and Django write them; the second only as a whole segment."""


def split_pattern(pattern: str) -> list[str]:
    """Split a pattern at its slashes; raise RouteError unless it starts with one and has `path` only at its end.

    Raise RouteError also for <int:id>, a parameter as other frameworks write it. No path has these characters as they
    are: clients encode them (RFC 3986 section 2).
    """
    if not pattern.startswith("/"):
        raise RouteError(f"the pattern {pattern!r} must start with a slash")
    parts = pattern[1:].split("/")
    for part in parts:
        if found := _TYPED_ELSEWHERE.search(part) or _PLAIN_ELSEWHERE.fullmatch(part):
            kind = f":{found[1]}" if found[1] not in ("", "str", "string") else ""
            raise RouteError(f"the pattern {pattern!r} has {found[0]}: write {{{found[2]}{kind}}}")
    if any(":path}" in part for part in parts[:-1]):
        raise RouteError(f"the pattern {pattern!r} has a path parameter that is not at its end")
    return parts


def parameter_names(pattern: str) -> list[str]:
    """Return the names of a pattern's parameters in order.

    Raises RouteError if a name comes twice, or after its convertor.
    """
    parsed = [parameter for part in split_pattern(pattern) for parameter in parse_part(part, pattern)]
    names = [name for _, name, _ in parsed if name]
    for _, name, kind in parsed:
        if name in ("int", "float", "str") and kind not in CONVERTORS:
            raise RouteError(f"the pattern {pattern!r} has {{{name}:{kind}}}: write {{{kind}:{name}}}")
    if len(names) != len(set(names)):
        raise RouteError(f"the pattern {pattern!r} has the same parameter twice")
    return names


def build_path(pattern: str, params: Mapping[str, object], known: Mapping[str, Convertor] = CONVERTORS) -> str:
    """Return the encoded path of a pattern with its parameters filled in.

    Raises RouteError if `params` are not the parameters of the pattern, or if the path would not lead back to them: an
    empty text, a number that its convertor does not take, a `.` or `..`, which browsers resolve, or two slashes at the
    start, which lead to another host.
    """
    if set(parameter_names(pattern)) != set(params):
        raise RouteError(f"the pattern {pattern!r} does not take the parameters {sorted(params)}")
    built = [_build_part(part, pattern, params, known) for part in split_pattern(pattern)]
    path = "/" + "/".join(built)
    if path.startswith("//") or not _DOT_SEGMENTS.isdisjoint(path.split("/")):
        raise RouteError(
            f"the pattern {pattern!r} with {dict(params)} gives {path!r}, which browsers read as another URL"
        )
    return path


_DOT_SEGMENTS = frozenset((".", ".."))


def _build_part(part: str, pattern: str, params: Mapping[str, object], known: Mapping[str, Convertor]) -> str:
    """Return the encoded text of a part with its parameters; raise RouteError as `build_path` says."""
    if "{" not in part:
        return quote(_literal(part, pattern))
    texts: dict[str, str] = {}
    whole = encoded = ""
    try:
        for literal, name, kind in parse_part(part, pattern):
            texts[name] = text = _spelled(params[name], kind) if name else ""
            whole += literal + text
            encoded += quote(literal) + quote(text, safe="/" if kind == "path" else "")
    except UnicodeEncodeError:  # half a surrogate pair is not text
        raise RouteError(f"the pattern {pattern!r} has no path for {text!r}") from None
    segment = compile_segment(part, pattern, known)
    match = segment.regex.fullmatch(whole)
    # Where two parameters meet, the text could be split at another place.
    found = match is not None and all(match[name] == text for name, text in texts.items() if name)
    if not found or not segment.convert(whole, {}):
        raise RouteError(
            f"the pattern {pattern!r} has no path for {', '.join(f'{name}={texts[name]!r}' for name in texts if name)}"
        )
    return encoded


def _spelled(value: object, kind: str) -> str:
    """Return a parameter as text; a float without an exponent, which its convertor does not take."""
    if kind == "float" and isinstance(value, float) and isfinite(value):
        return f"{Decimal(repr(float(value))):f}"
    return str(value)


def parse_part(part: str, pattern: str) -> Iterator[tuple[str, str, str]]:
    """Yield (literal before it, name, convertor) for each parameter, then (literal, "", "") for the rest."""
    position = 0
    for match in re.finditer(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([A-Za-z_][A-Za-z0-9_]*))?\}", part):
        yield _literal(part[position : match.start()], pattern), match[1], match[2] or "str"
        position = match.end()
    yield _literal(part[position:], pattern), "", ""


def _literal(text: str, pattern: str) -> str:
    if "{" in text or "}" in text:
        raise RouteError(f"the pattern {pattern!r} has a brace that is not {{name}} or {{name:convertor}}")
    return text
