"""Operations: the parameters and responses of one method of one path, from the signature of its handler."""

import inspect
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from aiosock.web.openapi.paths import Template
from aiosock.web.response import Response
from aiosock.web.routing.pattern import parameter_names
from aiosock.web.routing.signature import client_parameters, is_stream, models_of, return_annotation
from aiosock.web.routing.table import Route

_ERROR = {"$ref": "#/components/responses/Error"}
_INVALID = {"$ref": "#/components/responses/ValidationError"}


class Operation:
    """One method of one route.

    `annotations` are the types whose schemas `described` needs, in this order: those of the parameters, then that of
    the JSON response.
    """

    def __init__(
        self, route: Route, method: str, template: Template, name: str, summary: str, description: str
    ) -> None:
        handler = route.handler or route.endpoint
        self.method = method
        self.template = template
        self._texts = {"operationId": name, "summary": summary, "description": description}
        self._inputs = client_parameters(handler, parameter_names(route.pattern))
        self._is_streamed = is_stream(handler)
        self._returned = [] if self._is_streamed else _return_types(return_annotation(handler))
        json = [member for member in self._returned if _is_json(member)]
        self._has_json = bool(json)
        self.annotations: list[Any] = [each.annotation for each in self._inputs]
        if json:
            self.annotations.append(Union[tuple(json)])  # noqa: UP007

    def described(self, schemas: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the Operation Object (OpenAPI 3.1.1 section 4.8.10); `schemas` are those of `annotations`."""
        described: dict[str, Any] = {key: value for key, value in self._texts.items() if value}
        parameters = [
            {"name": name, "in": "path", "required": True, "schema": schema}
            for name, schema in self.template.parameters
        ]
        for each, schema in zip(self._inputs, schemas, strict=False):
            if each.place == "body":
                described["requestBody"] = {
                    "required": each.is_required,
                    "content": {"application/json": {"schema": schema}},
                }
            else:
                parameters.append(_query_parameter(each.name, each.default, schema))
        if parameters:
            described["parameters"] = parameters
        described["responses"] = self._responses(schemas)
        return described

    def _responses(self, schemas: list[dict[str, Any]]) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        content: dict[str, Any] = {"application/json": {"schema": schemas[-1]}} if self._has_json else {}
        if self._is_streamed or str in self._returned:
            content["text/plain"] = {"schema": {"type": "string"}}
        if bytes in self._returned:
            content["application/octet-stream"] = {}
        if content:
            responses["200"] = {"description": "Success", "content": content}
        if NoneType in self._returned:
            responses["204"] = {"description": "Success, without content"}
        if not responses or any(_is_response(member) for member in self._returned):
            responses["2XX"] = {"description": "Success"}
        if any(each.place == "body" for each in self._inputs):
            responses |= {"400": _ERROR, "413": _ERROR, "415": _ERROR}
        if self._inputs:
            responses["422"] = _INVALID
        return {**responses, "default": _ERROR}


def _query_parameter(name: str, default: object, schema: dict[str, Any]) -> dict[str, Any]:
    from aiosock.web.openapi.schemas import as_default, as_text

    schema = as_text(schema)
    described = {"name": name, "in": "query", "required": default is inspect.Parameter.empty}
    if "description" in schema:
        described["description"] = schema.pop("description")
    return {**described, "schema": {**schema, **as_default(default)}}


def _return_types(annotation: Any) -> list[Any]:
    """Return the types that a handler may return: the members of a union, or the annotation itself; [] if there is none."""
    if annotation is inspect.Signature.empty:
        return []
    if get_origin(annotation) in (Union, UnionType):
        return [part for member in get_args(annotation) for part in _return_types(member)]
    return [annotation]


def _is_json(annotation: Any) -> bool:
    """Return whether values of a type are sent as JSON: see `aiosock.web.routing.endpoint`."""
    return bool(models_of(annotation)) or issubclass(_class_of(annotation), dict | list)


def _is_response(annotation: Any) -> bool:
    return issubclass(_class_of(annotation), Response)


def _class_of(annotation: Any) -> type:
    if get_origin(annotation) is Annotated:
        return _class_of(get_args(annotation)[0])
    kind = get_origin(annotation) or annotation
    return kind if isinstance(kind, type) else object
