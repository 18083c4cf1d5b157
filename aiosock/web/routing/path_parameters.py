"""Path parameters: the types that a handler's signature gives them, beside what the pattern says."""

import inspect
import re
from collections.abc import Callable, Mapping
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from aiosock.errors import RouteError
from aiosock.web.routing.pattern import CONVERTORS, Convertor, parameter_names, parse_part, split_pattern
from aiosock.web.routing.signature import Parameter, annotated, has_model, may_be_provided, name_of, unwrapped

_BARE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def typed_pattern(function: Callable[..., Any], pattern: str) -> str:
    """Return a pattern in which `{id}` is `{id:int}` if the handler takes an int; float and UUID likewise.

    Raises RouteError for a malformed pattern.
    """
    parameter_names(pattern)
    known = {parameter.name: unwrapped(annotation) for parameter, annotation in _annotated(function)}
    return _BARE.sub(lambda found: f"{{{found[1]}{_suffix(known.get(found[1]))}}}", pattern)


def path_parameters(
    function: Callable[..., Any], pattern: str, convertors: Mapping[str, Convertor] = CONVERTORS
) -> list[Parameter]:
    """Return the parameters of a pattern whose annotations say more than its convertors do, such as an Enum or a limit.

    Raises RouteError for an annotation that contradicts the convertor.
    """
    kinds = {name: kind for part in split_pattern(pattern) for _, name, kind in parse_part(part, pattern) if name}
    found = []
    for parameter, annotation in _annotated(function):
        name = parameter.name
        if name not in kinds or unwrapped(annotation) in (Any, object):
            continue
        made = _class_made(kinds[name], convertors)
        if made is None:
            continue
        is_text = made is str and f"{{{name}}}" in pattern
        is_read = _is_choice(annotation) or (is_text and not has_model(annotation) and not _is_made(annotation))
        if not is_read and not _takes(annotation, made):
            raise RouteError(
                f"the pattern {pattern!r} makes {name!r} {_article(made.__name__)}, but handler {name_of(function)} "
                f"takes {getattr(annotation, '__name__', annotation)}"
            )
        if not _takes(annotation, made) or _is_limited(annotation):
            found.append(Parameter(name, annotation, inspect.Parameter.empty, "path", name))
    return found


def _annotated(function: Callable[..., Any]) -> list[tuple[inspect.Parameter, Any]]:
    """Return the annotated parameters; none if one cannot be resolved: others report that where it matters."""
    try:
        return annotated(function)
    except RouteError:
        return []


def _suffix(kind: Any) -> str:
    if kind is int or kind is float:
        return f":{kind.__name__}"
    return ":uuid" if isinstance(kind, type) and (kind.__module__, kind.__name__) == ("uuid", "UUID") else ""


def _class_made(kind: str, convertors: Mapping[str, Convertor]) -> type | None:
    """Return the class of the values that a convertor makes; None where that is not known."""
    convertor = convertors.get(kind)
    if convertor is None:
        return None
    if convertor is CONVERTORS.get(kind) and kind in ("float", "uuid"):
        if kind == "float":
            return float
        from uuid import UUID

        return UUID
    return convertor.convert if isinstance(convertor.convert, type) else None


def _takes(annotation: Any, made: type) -> bool:
    """Return whether a value of a class fits an annotation, as far as that can be known."""
    kind = unwrapped(annotation)
    if get_origin(kind) in (Union, UnionType):
        return any(_takes(member, made) for member in get_args(kind))
    if made is int and kind is float:  # PEP 484
        return True
    if get_origin(kind) is None and isinstance(kind, type):
        return issubclass(made, kind)
    return get_origin(kind) is None  # such as a type variable


def _is_made(annotation: Any) -> bool:
    """Return whether only a provider makes such a value: no text of a path can be that."""
    kind = unwrapped(annotation)
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return any(map(may_be_provided, members))


def _is_choice(annotation: Any) -> bool:
    """Return whether an annotation lists its values: an Enum or a Literal."""
    kind = unwrapped(annotation)
    return get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum))


def _is_limited(annotation: Any) -> bool:
    """Return whether an annotation has metadata, such as the limits of msgspec."""
    return get_origin(annotation) is Annotated and any(
        type(each).__module__.partition(".")[0] == "msgspec" for each in get_args(annotation)[1:]
    )


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
