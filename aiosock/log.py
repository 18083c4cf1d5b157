"""Logging: the names of the loggers, and the id of the request in their lines.

`aiosock.server` is for what the server does, `aiosock.app` for errors in handlers, `aiosock.access` for the access log.
Nothing here configures logging: programs do, and `runner` for programs that do not.
"""

import logging
from contextvars import ContextVar

server_logger: logging.Logger = logging.getLogger("aiosock.server")
access_logger: logging.Logger = logging.getLogger("aiosock.access")

request_ids: ContextVar[tuple[str, str]] = ContextVar("aiosock.request_ids", default=("-", "-"))
"""The id of the request that is being handled and that of its trace; set by the middleware `request_id`."""


class RequestIdFilter(logging.Filter):
    """Adds the attributes `request_id` and `trace_id` to records, for formats: `-` outside a request.

    Add it to handlers, not to loggers: a logger does not filter the records of its children. `in_request` is the id in
    brackets and a space, or nothing.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        request_id, trace_id = request_ids.get()
        in_request = "" if request_id == "-" else f"[{request_id}] "
        record.__dict__.update(request_id=request_id, trace_id=trace_id, in_request=in_request)
        return True
