"""Templates: route patterns as OpenAPI paths, and their parameters as JSON Schema."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from aiosock.web.routing.pattern import CONVERTORS, Convertor, parse_part, split_pattern

_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "str": {"type": "string", "minLength": 1},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "uuid": {"type": "string", "format": "uuid"},
    "path": {"type": "string", "description": "The rest of the path, including slashes."},
}

# Possessive quantifiers, named groups and the like: JSON Schema uses the patterns of ECMA-262, which do not have them.
_PYTHON_ONLY = re.compile(r"\(\?[^:=!]|[+*?}]\+|\\[AZ]")


class Template(NamedTuple):
    """A path such as /users/{id}, and its parameters as (name, schema), in order; `names` are those in the handler."""

    path: str
    parameters: tuple[tuple[str, dict[str, Any]], ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, pattern: str, convertors: Mapping[str, Convertor]) -> Self:
        """Return the template of a route's pattern."""
        path = ""
        parameters = []
        for part in split_pattern(pattern):
            path += "/"
            for literal, name, kind in parse_part(part, pattern):
                path += quote(literal) + (f"{{{name}}}" if name else "")
                if name:
                    parameters.append((name, _schema(kind, convertors.get(kind))))
        return cls(path, tuple(parameters), tuple(name for name, _ in parameters))

    def named_as(self, other: Self) -> Self:
        """Return this template with the parameter names of another one of the same shape."""
        parameters = tuple((name, schema) for name, (_, schema) in zip(other.names, self.parameters, strict=True))
        return self._replace(path=other.path, parameters=parameters)


def shape_of(pattern: str) -> tuple[str, ...]:
    """Return the parts of a pattern without the names and types of its parameters."""
    return tuple(
        f"{literal}{{" if name else literal
        for part in split_pattern(pattern)
        for literal, name, _ in parse_part(part, pattern)
    )


def _schema(kind: str, convertor: Convertor | None) -> dict[str, Any]:
    """Return the schema of a path parameter."""
    if convertor is None:  # a router on its own: the app that includes it will have the convertor
        return {"type": "string"}
    if CONVERTORS.get(kind) is convertor:
        return _SCHEMAS[kind]
    # The group keeps both anchors for every alternative in the pattern.
    is_portable = not _PYTHON_ONLY.search(convertor.regex)
    return {"type": "string", **({"pattern": f"^(?:{convertor.regex})$"} if is_portable else {})}
