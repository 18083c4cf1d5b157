"""Operations: the parameters and responses of one method of one path, from the signature of its handler."""

import inspect
from collections.abc import Mapping, Sequence
from itertools import starmap
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from aiosock.errors import reason_phrase
from aiosock.web.forms import Form
from aiosock.web.openapi.inputs import Input, has_file, inputs_of, is_closed
from aiosock.web.openapi.paths import Template
from aiosock.web.openapi.schemas import as_default, as_text
from aiosock.web.response import Response
from aiosock.web.routing.signature import Parameter, is_stream, models_of, return_annotation
from aiosock.web.routing.table import Route
from aiosock.wire.forms import MULTIPART, URLENCODED

_ERROR = {"$ref": "#/components/responses/Error"}
_INVALID = {"$ref": "#/components/responses/ValidationError"}


class Operation:
    """One method of one route.

    `annotations` are the types whose schemas `described` needs, in this order: those of the inputs, those of the
    route's `responses`, then that of the JSON response.
    """

    def __init__(
        self, route: Route, method: str, template: Template, texts: Mapping[str, str], parameters: list[Parameter]
    ) -> None:
        handler = route.handler or route.endpoint
        self.method = method
        self.template = template
        self.route = route
        self._texts = texts
        self._whole_form = any(each.annotation is Form for each in parameters)
        self._is_closed = any(each.place == "form" and is_closed(each.annotation) for each in parameters)
        self._inputs = inputs_of(parameters)
        self._is_streamed = is_stream(handler)
        self._returned = [] if self._is_streamed else _return_types(return_annotation(handler))
        self._others = [each for each in route.responses.values() if not isinstance(each, str)]
        json = [member for member in self._returned if _is_json(member)]
        self._has_json = bool(json)
        self.annotations: list[Any] = [*(each.annotation for each in self._inputs), *self._others]
        if json:
            self.annotations.append(Union[tuple(json)])  # noqa: UP007

    def described(self, schemas: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the Operation Object (OpenAPI 3.1.1 section 4.8.10); `schemas` are those of `annotations`."""
        described: dict[str, Any] = {key: value for key, value in self._texts.items() if value}
        if self.route.tags:
            described["tags"] = list(self.route.tags)
        inputs = list(zip(self._inputs, schemas, strict=False))
        parameters = [
            *self._in_path(inputs),
            *starmap(_parameter, (each for each in inputs if each[0].place in _PLACES)),
        ]
        if parameters:
            described["parameters"] = parameters
        if (body := self._body(inputs)) is not None:
            described["requestBody"] = body
        described["responses"] = self._responses(schemas)
        if self.route.security is not None:
            described["security"] = [{name: []} for name in self.route.security]
        return described

    def _in_path(self, inputs: "_Inputs") -> list[dict[str, Any]]:
        """Return the parameters of the path: as the handler annotates them, or else as the pattern's convertors say."""
        annotated = {each.name: as_text(schema) for each, schema in inputs if each.place == "path"}
        return [
            {"name": name, "in": "path", "required": True, "schema": annotated.get(own, schema)}
            for own, (name, schema) in zip(self.template.names, self.template.parameters, strict=True)
        ]

    def _body(self, inputs: "_Inputs") -> dict[str, Any] | None:
        for each, schema in inputs:
            if each.place == "body":
                return {"required": each.is_required, "content": {"application/json": {"schema": schema}}}
        fields = [(each, schema) for each, schema in inputs if each.place == "form"]
        if not fields and not self._whole_form:
            return None
        required = [each.name for each, _ in fields if each.is_required]
        form: dict[str, Any] = {
            "type": "object",
            "properties": {each.name: {**as_text(schema), **as_default(each.default)} for each, schema in fields},
            **({"required": required} if required else {}),
            **({"additionalProperties": False} if self._is_closed else {}),
        }
        kinds = [] if any(has_file(each.annotation) for each, _ in fields) else [URLENCODED]
        return {
            "required": bool(required) or self._whole_form,
            "content": {kind: {"schema": form} for kind in [*kinds, MULTIPART]},
        }

    def _responses(self, schemas: list[dict[str, Any]]) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        status = self.route.status
        content: dict[str, Any] = {"application/json": {"schema": schemas[-1]}} if self._has_json else {}
        if self._is_streamed or str in self._returned:
            content["text/plain"] = {"schema": {"type": "string"}}
        if bytes in self._returned:
            content["application/octet-stream"] = {}
        if content:
            responses[str(status)] = {"description": "Success", "content": content}
        if NoneType in self._returned:
            responses.setdefault("204" if status == 200 else str(status), {"description": "Success, without content"})
        if not responses or any(_is_response(member) for member in self._returned):
            responses["2XX"] = {"description": "Success"}
        if any(each.place in ("body", "form") for each in self._inputs) or self._whole_form:
            responses |= {"400": _ERROR, "413": _ERROR, "415": _ERROR}
        if any(each.place != "path" for each in self._inputs):
            responses["422"] = _INVALID
        if self.route.security:
            responses["401"] = _ERROR
        others = iter(schemas[len(self._inputs) :])
        for code, what in self.route.responses.items():
            responses[str(code)] = _described(code, what) if isinstance(what, str) else _of_json(code, next(others))
        return {**responses, "default": _ERROR}


_PLACES = ("query", "header", "cookie")
_Inputs = Sequence[tuple[Input, dict[str, Any]]]


def _parameter(given: Input, schema: dict[str, Any]) -> dict[str, Any]:
    schema = as_text(schema)
    described = {"name": given.name, "in": given.place, "required": given.is_required}
    if "description" in schema:
        described["description"] = schema.pop("description")
    return {**described, "schema": {**schema, **as_default(given.default)}}


def _described(status: int, text: str) -> dict[str, Any]:
    return {**_ERROR, "description": text} if status >= 400 else {"description": text}


def _of_json(status: int, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": reason_phrase(status) or "Response", "content": {"application/json": {"schema": schema}}}


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
