"""Inputs: what a client sends to one operation, name by name; a model outside the body is one input for each field."""

import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from aiosock.web.forms import Form, Upload
from aiosock.web.routing.places import Place, wire_name
from aiosock.web.routing.signature import Parameter, has_model, unwrapped


class Input(NamedTuple):
    """A name in a place of the request, and the type of its value."""

    name: str
    annotation: Any
    default: object
    place: Place
    is_required: bool


def inputs_of(parameters: Iterable[Parameter]) -> list[Input]:
    """Return what a client sends for the parameters of a handler, in their order."""
    return [each for parameter in parameters for each in _inputs(parameter)]


def has_file(annotation: Any) -> bool:
    """Return whether a value of a type is a file, or several."""
    return annotation is Upload or any(map(has_file, get_args(annotation)))


def is_closed(annotation: Any) -> bool:
    """Return whether a model refuses fields that it does not have."""
    config = getattr(_model(annotation), "__struct_config__", None)
    return getattr(config, "forbid_unknown_fields", False)


def _inputs(parameter: Parameter) -> Iterator[Input]:
    place, annotation = parameter.place, parameter.annotation
    if place == "resource" or annotation is Form:
        return
    if place != "body" and has_model(annotation):
        for name, kind, default, is_required in _fields(annotation):
            is_needed = is_required and parameter.is_required
            yield _made(wire_name(name, place), kind, default, place, is_needed=is_needed)
    else:
        yield _made(parameter.wire_name, annotation, parameter.default, place, is_needed=parameter.is_required)


def _made(name: str, annotation: Any, default: object, place: Place, *, is_needed: bool) -> Input:
    # A browser leaves out a checkbox that is not ticked.
    is_checkbox = place == "form" and unwrapped(annotation) is bool
    return Input(name, annotation, default, place, is_needed and not is_checkbox)


def _fields(annotation: Any) -> Iterator[tuple[str, Any, object, bool]]:
    """Yield the fields of a model as (name in the request, annotation, default, whether it is required)."""
    model = _model(annotation)
    if not dataclasses.is_dataclass(get_origin(model) or model):
        for info in msgspec.structs.fields(model):
            default = inspect.Parameter.empty if info.default is msgspec.NODEFAULT else info.default
            yield info.encode_name, info.type, default, info.required
        return
    kind: Any = get_origin(model) or model
    hints = get_type_hints(kind, include_extras=True)
    for each in dataclasses.fields(kind):
        is_required = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        default = inspect.Parameter.empty if each.default is dataclasses.MISSING else each.default
        yield each.name, hints[each.name], default, is_required


def _model(annotation: Any) -> Any:
    """Return the model that an annotation is, or may be beside None."""
    model = unwrapped(annotation)
    if get_origin(model) in (Union, UnionType):
        model = next(member for member in get_args(model) if member is not NoneType)
    return model
