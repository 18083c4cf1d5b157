"""Signatures: a handler's parameters and its return annotation, read once when it is registered."""

import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import is_dataclass
from enum import Enum
from functools import partial
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from aiosock.errors import RouteError
from aiosock.web.routing.places import Place, marked_place

Endpoint = Callable[..., Awaitable[object]]
"""A handler as users write it, called with the request, then the parameters by name."""

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

_PLAIN = frozenset({"builtins", "typing", "collections", "collections.abc", "datetime", "decimal", "types", "uuid"})
"""The modules whose classes are values, or hold values: no program means a resource by one of them."""

_READABLE = (Enum, str, bytes, int, float, dict, list, tuple, set, frozenset)


class Parameter(NamedTuple):
    """A parameter that aiosock fills: from the request, or by a provider. `wire_name` is its name in the request."""

    name: str
    annotation: Any
    default: object
    place: Place
    wire_name: str

    @property
    def is_required(self) -> bool:
        """Return whether it has no default."""
        return self.default is inspect.Parameter.empty


def client_parameters(
    function: Callable[..., Any], taken: Collection[str], is_provided: Callable[[Any], bool] = lambda _: False
) -> list[Parameter]:
    """Return a handler's annotated parameters, without the request and those `taken` by the pattern.

    A parameter without annotation keeps its default. So does one that a partial has bound: no client may change it. A
    scalar without a default must be keyword-only, unless its annotation has a mark. Otherwise it is probably one that
    is missing in the pattern. Raises RouteError for an annotation that cannot be resolved.
    """
    found = []
    for parameter, annotation in annotated(function, taken):
        place, wire_name = _place(annotation, parameter.name, is_provided)
        is_scalar = place == "query" and marked_place(annotation, parameter.name) is None
        if not is_scalar or parameter.default is not parameter.empty or parameter.kind is parameter.KEYWORD_ONLY:
            found.append(Parameter(parameter.name, annotation, parameter.default, place, wire_name))
    return found


def annotated(
    function: Callable[..., Any], taken: Collection[str] = (), first: int = 1, who: str = ""
) -> list[tuple[inspect.Parameter, Any]]:
    """Return the annotated parameters after the `first` ones, each with its annotation.

    Those `taken`, and those that a partial has bound, are left out. Raises RouteError for an annotation that cannot be
    resolved.
    """
    bound = {*taken, *(function.keywords if isinstance(function, partial) else ())}
    found = []
    for parameter in list(inspect.signature(function).parameters.values())[first:]:
        if parameter.annotation is parameter.empty or parameter.kind not in _BY_NAME or parameter.name in bound:
            continue
        try:
            found.append((parameter, _resolved(function, parameter.annotation)))
        except Exception as error:
            raise RouteError(
                f"the parameter {parameter.name!r} of {who or f'handler {name_of(function)}'} is annotated "
                f"{parameter.annotation!r}, which cannot be resolved: {error}"
            ) from None
    return found


def _place(annotation: Any, name: str, is_provided: Callable[[Any], bool]) -> tuple[Place, str]:
    """Return where a parameter comes from: a mark says so, or a provider is known, or the type decides."""
    if (marked := marked_place(annotation, name)) is not None:
        return marked
    if is_provided(annotation):
        return "resource", name
    if has_model(annotation):
        return "body", name
    return ("resource" if may_be_provided(annotation) else "query"), name


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


def may_be_provided(annotation: Any) -> bool:
    """Return whether no request can have a value of this type, so that only a provider makes it: a class of a program.

    A type made by NewType is judged by the type behind it.
    """
    annotation = getattr(annotation, "__value__", annotation)
    if get_origin(annotation) is Annotated:
        return may_be_provided(get_args(annotation)[0])
    kind = unwrapped(get_origin(annotation) or annotation)
    return isinstance(kind, type) and kind.__module__ not in _PLAIN and not issubclass(kind, _READABLE)


def plain_base(annotation: Any) -> str:
    """Return the name of the class of values from which a class of a program derives, such as tuple; "" for none."""
    if not isinstance(annotation, type) or annotation.__module__ in _PLAIN:
        return ""
    return next((base.__name__ for base in annotation.__mro__ if base in _READABLE), "")


def unwrapped(annotation: Any) -> Any:
    """Return the type behind `Annotated`, `NewType` and `type Name = ...`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
            continue
        behind = getattr(annotation, "__supertype__", getattr(annotation, "__value__", annotation))
        if behind is annotation or isinstance(annotation, type):
            return annotation
        annotation = behind


def has_pydantic(annotation: Any) -> bool:
    """Return whether an annotation is, or contains, a model of pydantic."""
    annotation = getattr(annotation, "__value__", annotation)
    return hasattr(annotation, "__pydantic_validator__") or any(map(has_pydantic, get_args(annotation)))


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
    # The function itself, or the `__call__` of an instance; perhaps in a partial.
    function = written(function)
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
