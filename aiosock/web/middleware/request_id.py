"""An id for each request, on every line logged while it is handled, and its place in a trace (W3C Trace Context)."""

import os
import re
from typing import NamedTuple

from aiosock.log import request_ids
from aiosock.web.handler import Middleware, Next
from aiosock.web.request import Request
from aiosock.web.response import Response

_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}+")
"""An id that is accepted: nothing in it can break a log line or a field."""

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*+)?+")
"""W3C Trace Context section 3.2; only future versions may have more than four parts."""


class Trace(NamedTuple):
    """The place of a request in a trace. Send both fields, unless empty, with each request that your handler makes."""

    id: str
    traceparent: str
    tracestate: str


def request_id(*, incoming: bool = False) -> Middleware:
    """Set an id for each request, and send it back as X-Request-ID.

    ```python
    app.middleware(request_id())


    @app.get("/")
    async def show(request: Request) -> str:
        return f"This is request {request.id}."
    ```

    Handlers read it in `request.id`; the access log has it as `request_id`. `request.state.trace` is a Trace: that of
    the client's traceparent if it is well-formed, else a new one. `aiosock.log.RequestIdFilter` adds both ids to lines
    that are logged meanwhile; under `run`, lines have the request's id without it. With `incoming`, a well-formed
    X-Request-ID of the client is kept: for servers behind a proxy that sets it.
    """

    async def identified(request: Request, next: Next) -> Response:
        given = request.headers.get("x-request-id", "") if incoming else ""
        id_ = given if _ID.fullmatch(given) else os.urandom(16).hex()
        trace = _trace(request)
        request.id, request.state.trace = id_, trace
        request_ids.set(
            (id_, trace.id)
        )  # in the context of this request: also for its streamed body, and no other request
        response = await next(request)
        response.headers["x-request-id"] = id_
        return response

    return identified


def _trace(request: Request) -> Trace:
    """Return the trace that the request is part of, with a new span; a new trace if it is part of none."""
    span = os.urandom(8).hex()
    field = request.headers.get("traceparent", "")
    match = _TRACEPARENT.fullmatch(field)
    if match is None or (field.startswith("00") and match[3]):
        id_ = os.urandom(16).hex()
        return Trace(id_, f"00-{id_}-{span}-00", "")
    sampled = int(match[2], 16) & 1  # section 3.2.2.5.1; unknown flags are not passed on
    return Trace(match[1], f"00-{match[1]}-{span}-{sampled:02x}", request.headers.get("tracestate", ""))
