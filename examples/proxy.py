"""A proxy to another server (RFC 9110 section 7.6): bodies pass through both ways as they come, and nothing is kept."""

import os
from collections.abc import AsyncIterator, Iterable

import httpx

from aiosock import App, HTTPError, Request, Response, run

UPSTREAM = httpx.URL(os.environ.get("UPSTREAM", "http://127.0.0.1:9000"))
TIMEOUT = httpx.Timeout(30, connect=5)
Fields = Iterable[tuple[str, str]]

OF_ONE_CONNECTION = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
# What the next server believes of us, it must not hear from clients; and a 100 is ours to send, when the body is read.
OURS = {"host", "expect", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}

app = App()


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    # Not a client: that would add fields of its own, keep cookies and follow redirects.
    async with httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1000)) as app.state.upstream:
        yield


def passed_on(fields: Fields, version: str) -> list[tuple[str, str]]:
    """Leave out what is for one connection only (section 7.6.1), and say who passes the rest on (section 7.6.3)."""
    kept = [(name.lower(), value) for name, value in fields]
    named = {option.strip().lower() for name, value in kept if name == "connection" for option in value.split(",")}
    via = ("via", f"{version.removeprefix('HTTP/')} aiosock")
    return [field for field in kept if field[0] not in OF_ONE_CONNECTION | named] + [via]


def asked(request: Request) -> httpx.Request:
    fields = [field for field in passed_on(request.headers.items(), request.version) if field[0] not in OURS]
    host = request.host or UPSTREAM.netloc.decode()
    fields += [("host", host), ("x-forwarded-host", host), ("x-forwarded-proto", request.scheme)]
    if request.client is not None:
        fields.append(("x-forwarded-for", request.client.host))
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    target = request.raw_path + (f"?{request.head.query}" if request.head.query else "")
    return httpx.Request(
        request.method,
        UPSTREAM,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in fields],
        content=request.body if has_body else None,
        extensions={"timeout": TIMEOUT.as_dict(), "target": target.encode()},  # as sent: an httpx.URL would tidy it up
    )


async def proxy(request: Request) -> Response:
    request.exchange.on_disconnect = "eager"  # whoever leaves, even politely, is not waiting for the answer
    try:
        answer = await app.state.upstream.handle_async_request(asked(request))
    except httpx.TimeoutException:
        raise HTTPError(504) from None
    except httpx.TransportError:
        raise HTTPError(502) from None
    fields = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
    # The stream is read as fast as the client reads, in the coding that it came in, and closed whatever happens.
    return Response(answer.stream, answer.status_code, passed_on(fields, answer.http_version))


app.mount("", proxy)

if __name__ == "__main__":
    run(app, port=8080)
