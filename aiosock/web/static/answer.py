"""Answer a request with a representation: all of it, ranges of it, 304 or an error (RFC 9110 sections 13 to 15)."""

import secrets
import time

from aiosock.errors import HTTPError
from aiosock.web.disk.file_body import FileBody
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.routing.table import method_not_allowed
from aiosock.web.static.representation import Representation
from aiosock.wire.conditional import Verdict, allows_range, evaluate, without_content
from aiosock.wire.ranges import Span, content_range, multipart_heads, parse_range

VALIDATORS = frozenset({"accept-ranges", "etag", "last-modified"})
"""Fields that are left out when a page is sent with an error status: they would describe another resource."""


def answer(request: Request, chosen: Representation, file: FileBody | None, status: int) -> Response:
    """Answer a request: from memory, or with the open `file`, which then becomes the body of the response.

    Of a response to another method, or with another `status` than 200, the representation is the content all the same,
    but its validators and ranges are not those of the target: it is sent whole (RFC 9110 sections 13.2.1 and 14.2).

    Raises HTTPError: 412 if a precondition fails, 416 if all ranges are beyond the end.
    """
    if status != 200 or request.method not in ("GET", "HEAD"):
        fields = [field for field in chosen.fields if field[0] not in VALIDATORS]
        return _respond(chosen, file, [Span(0, chosen.size)], fields, status)
    verdict = evaluate(request.headers, request.method, chosen.etag, chosen.modified)
    if verdict is Verdict.FAILED:
        raise HTTPError(
            412, "The file has changed: it does not match the preconditions of the request.", {"etag": chosen.etag}
        )
    if verdict is Verdict.NOT_MODIFIED:
        return Response(status=304, headers=without_content(chosen.fields))
    spans = _requested_spans(request, chosen)
    if spans is not None:
        return _respond_with_parts(chosen, file, spans)
    if chosen.content is not None:
        return Response.prepared(chosen.content, chosen.fields)
    return _respond(chosen, file, [Span(0, chosen.size)], list(chosen.fields), 200)


def answer_options(request: Request, allow: str) -> Response:
    """Answer OPTIONS with 204 and the methods in `allow`, also where no file is; raise HTTPError (405, 501) for others.

    Load balancers ask so whether a server is alive: it is the default check of HAProxy.
    """
    if request.method != "OPTIONS":
        raise method_not_allowed(request.method, allow)
    return Response(status=204, headers={"allow": allow})


def _requested_spans(request: Request, chosen: Representation) -> list[Span] | None:
    """Return the requested ranges, None for the whole file; raise HTTPError (416) if all are beyond the end."""
    asked = request.headers.get("range")
    # RFC 9110 section 14.2: Range is defined for GET only. An empty file has no ranges: it is sent whole.
    if asked is None or request.method != "GET" or not chosen.size:
        return None
    if not allows_range(request.headers, chosen.etag, chosen.modified, time.time()):
        return None
    spans = parse_range(asked, chosen.size)
    if spans is not None and not spans:
        detail = f"The range is beyond the end of the file, which has {chosen.size} bytes."
        raise HTTPError(416, detail, {"content-range": content_range(None, chosen.size)})
    return spans


def _respond_with_parts(chosen: Representation, file: FileBody | None, spans: list[Span]) -> Response:
    if len(spans) == 1:
        fields = [*chosen.fields, ("content-range", content_range(spans[0], chosen.size))]
        return _respond(chosen, file, list(spans), fields, 206)
    boundary = secrets.token_hex(16)
    heads = multipart_heads(spans, chosen.size, chosen.content_type, boundary)
    parts: list[Span | bytes] = [part for pair in zip(heads, spans, strict=False) for part in pair]
    others = [field for field in chosen.fields if field[0] != "content-type"]
    fields = [("content-type", f"multipart/byteranges; boundary={boundary}"), *others]
    return _respond(chosen, file, [*parts, heads[-1]], fields, 206)


def _respond(
    chosen: Representation,
    file: FileBody | None,
    parts: list[Span | bytes],
    fields: list[tuple[str, str]],
    status: int,
) -> Response:
    if chosen.content is not None:
        content = chosen.content
        whole = (part if isinstance(part, bytes) else content[part.start : part.stop] for part in parts)
        return Response(b"".join(whole), status, fields)
    if file is None:  # HEAD
        length = sum(part.length if isinstance(part, Span) else len(part) for part in parts)
        return Response(b"", status, [*fields, ("content-length", str(length))])
    file.parts = parts
    return Response(file, status, [*fields, ("content-length", str(file.length))])
