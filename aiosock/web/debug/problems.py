"""Problems of a request that does not fit its handler: for each value, where it was looked for and what arrived."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from aiosock.errors import ValidationError
from aiosock.web.debug.secrets import HIDDEN, is_secret
from aiosock.web.debug.values import shown
from aiosock.web.request import Request

MAX_PROBLEMS: Final = 50
"""Problems that are shown."""

MAX_JSON: Final = 256 * 1024
"""Bytes of a body that is decoded again, to show what is at the place of a problem."""

_MISSING = object()


@dataclass(slots=True)
class ProblemRecord:
    """What is wrong with a value: as the client is told, with its place in words, and what arrived there."""

    told: Mapping[str, str]
    place: str
    detail: str
    arrived: str


def problem_records(error: ValidationError, request: Request | None) -> list[ProblemRecord]:
    """Return what is wrong with a request."""
    body = _decoded_body(request) if any("pointer" in each for each in error.errors) else _MISSING
    return [_record(each, request, body) for each in error.errors[:MAX_PROBLEMS]]


def _record(problem: Mapping[str, str], request: Request | None, body: object) -> ProblemRecord:
    if (pointer := problem.get("pointer")) is not None:
        name, value = pointer.rpartition("/")[2], _at(body, pointer)
        place = f"body, {pointer}" if pointer != "#" else "body, the whole"
    else:
        name, where = problem.get("parameter", ""), problem.get("in", "query")
        value = _MISSING if request is None else _alone(_values(request, where, name))
        place = f"query, ?{name}=" if where == "query" else f"{where}, {name}"
    is_hidden = value is not _MISSING and (problem.get("in") == "cookie" or is_secret(name, value))
    arrived = "nothing" if value is _MISSING else HIDDEN if is_hidden else shown(value)
    return ProblemRecord(problem, place, problem["detail"], arrived)


def _values(request: Request, where: str, name: str) -> Sequence[object]:
    """Return what arrived by a name in the query, or in the place that a problem names."""
    match where:
        case "query":
            return request.query.get_all(name)
        case "header":
            return request.headers.get_all(name)
        case "cookie":
            return [request.cookies[name]] if name in request.cookies else []
        case "form":
            return request._form.get_all(name) if request._form is not None else []
    return []


def _alone(values: Sequence[object]) -> object:
    if not values:
        return _MISSING
    return values[0] if len(values) == 1 else values


def _decoded_body(request: Request | None) -> object:
    content = None if request is None else request._content
    if content is None or len(content) > MAX_JSON:
        return _MISSING
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _MISSING


def _at(value: Any, pointer: str) -> object:
    """Return what a JSON Pointer in a URI fragment points to (RFC 6901 section 6)."""
    for part in pointer.removeprefix("#").split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (LookupError, ValueError, TypeError):
            return _MISSING
    return value
