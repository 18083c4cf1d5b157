"""Signatures: a handler's parameters and its return annotation, read once when it is registered."""

import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import is_dataclass
from functools import partial
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from aiosock.errors import RouteError

Endpoint = Callable[..., Awaitable[object]]
"""A handler as users write it, called with the request, then the parameters by name."""

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Parameter(NamedTuple):
    """A parameter that the client fills: from the body if its annotation has a model, else from the query."""

    name: str
    annotation: Any
    default: object
    is_body: bool

    @property
    def is_required(self) -> bool:
        """Return whether it has no default."""
        return self.default is inspect.Parameter.empty


def client_parameters(function: Callable[..., Any], taken: Collection[str]) -> list[Parameter]:
    """Return a handler's annotated parameters, without the request and those `taken` by the pattern.

    A parameter without annotation keeps its default. So does one that a partial has bound: no client may change it. A
    scalar without a default must be keyword-only. Otherwise it is probably one that is missing in the pattern.
    Raises RouteError for an annotation that cannot be resolved.
    """
    found = []
    bound = {*taken, *(function.keywords if isinstance(function, partial) else ())}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.annotation is parameter.empty or parameter.kind not in _BY_NAME or parameter.name in bound:
            continue
        try:
            annotation = _resolved(function, parameter.annotation)
        except Exception as error:
            raise RouteError(
                f"the parameter {parameter.name!r} of handler {name_of(function)} is annotated "
                f"{parameter.annotation!r}, which cannot be resolved: {error}"
            ) from None
        is_body = has_model(annotation)
        if is_body or parameter.default is not parameter.empty or parameter.kind is parameter.KEYWORD_ONLY:
            found.append(Parameter(parameter.name, annotation, parameter.default, is_body))
    return found


def return_annotation(function: Callable[..., Any]) -> Any:
    """Return a handler's return annotation; `inspect.Signature.empty` if there is none or it cannot be resolved."""
    annotation = inspect.signature(function).return_annotation
    try:
        return annotation if annotation is inspect.Signature.empty else _resolved(function, annotation)
    except Exception:  # such as a name that only the type checker knows
        return inspect.Signature.empty


def has_model(annotation: Any) -> bool:
    """Return whether an annotation is, or contains, a dataclass or a `msgspec.Struct`."""
    annotation = getattr(annotation, "__value__", annotation)  # the type behind `type Name = ...`
    if isinstance(annotation, type) and (is_dataclass(annotation) or hasattr(annotation, "__struct_fields__")):
        return True
    origin = get_origin(annotation)
    if origin is None or origin is Literal:
        return False
    parts = get_args(annotation)[:1] if origin is Annotated else get_args(annotation)
    return any(map(has_model, (origin, *parts)))


def models_of(annotation: Any) -> tuple[type, ...]:
    """Return the classes with a model in an annotation or in a union's members; their objects are written as JSON."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return models_of(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return tuple(model for member in get_args(annotation) for model in models_of(member))
    kind = origin or annotation
    return (kind,) if isinstance(kind, type) and has_model(annotation) else ()


def is_coroutine(function: Callable[..., Any]) -> bool:
    """Return whether a handler is an `async def`."""
    return any(map(inspect.iscoroutinefunction, _called(function)))


def is_stream(function: Callable[..., Any]) -> bool:
    """Return whether a handler is an async generator."""
    return any(map(inspect.isasyncgenfunction, _called(function)))


def _called(function: Callable[..., Any]) -> tuple[Any, Any]:
    # The function itself, a partial of one, or the `__call__` of an instance.
    return function, getattr(function, "__call__", None)  # noqa: B004


def written(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that a partial was made of; anything else unchanged."""
    while isinstance(function, partial):
        function = function.func
    return function


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a handler as it stands in its source."""
    return getattr(function, "__qualname__", type(function).__qualname__)


def _resolved(function: Callable[..., Any], annotation: Any) -> Any:
    """Return an annotation with its forward references resolved in the module where the handler was written."""

    def holder() -> None: ...

    holder.__annotations__ = {"it": annotation}
    return get_type_hints(holder, _globals(function), include_extras=True)["it"]


def _globals(function: Callable[..., Any]) -> dict[str, Any]:
    names = (getattr(inspect.unwrap(called), "__globals__", None) for called in _called(written(function)))
    return next(filter(None, names), {})
