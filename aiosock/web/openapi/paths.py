"""Templates: patterns as OpenAPI writes paths, and their parameters as JSON Schema has them."""

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
    "path": {"type": "string", "description": "The rest of the path, slashes included."},
}

# Possessive, named and the like: JSON Schema takes ECMA-262's patterns, which have no such thing.
_PYTHON_ONLY = re.compile(r"\(\?[^:=!]|[+*?}]\+|\\[AZ]")


class Template(NamedTuple):
    """A path such as /users/{id}, and its parameters: (name there, schema), in order; `names` are the handler's."""

    path: str
    parameters: tuple[tuple[str, dict[str, Any]], ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, pattern: str, convertors: Mapping[str, Convertor]) -> Self:
        """Write a route's pattern as OpenAPI does."""
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
        """Give this template with the names of another of its shape."""
        parameters = tuple((name, schema) for name, (_, schema) in zip(other.names, self.parameters, strict=True))
        return self._replace(path=other.path, parameters=parameters)


def shape_of(pattern: str) -> tuple[str, ...]:
    """Give what is left of a pattern without the names of its parameters."""
    return tuple(
        f"{literal}{{" if name else literal
        for part in split_pattern(pattern)
        for literal, name, _ in parse_part(part, pattern)
    )


def _schema(kind: str, convertor: Convertor | None) -> dict[str, Any]:
    if convertor is None:  # a router's own, which its app will have
        return {"type": "string"}
    if CONVERTORS.get(kind) is convertor:
        return _SCHEMAS[kind]
    # Parentheses, because an alternative would end the anchoring.
    is_portable = not _PYTHON_ONLY.search(convertor.regex)
    return {"type": "string", **({"pattern": f"^(?:{convertor.regex})$"} if is_portable else {})}
