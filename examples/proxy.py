"""A proxy to another server (RFC 9110 section 7.6): bodies are streamed in both directions and never held in memory."""

import os
from collections.abc import AsyncIterator, Iterable

import httpx

from aiosock import App, HTTPError, Request, Response, run

UPSTREAM = httpx.URL(os.environ.get("UPSTREAM", "http://127.0.0.1:9000"))
TIMEOUT = httpx.Timeout(30, connect=5)
Fields = Iterable[tuple[str, str]]

OF_ONE_CONNECTION = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
# The next server trusts what we say about the client, so the client must not set these fields itself. `expect` is left
# out because we send the 100 ourselves, when the body is read.
OURS = {"host", "expect", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}

app = App()


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    # A transport, since an httpx.AsyncClient would add fields, keep cookies and follow redirects.
    async with httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1000)) as app.state.upstream:
        yield


def passed_on(fields: Fields, version: str) -> list[tuple[str, str]]:
    """Remove the fields for one connection only (section 7.6.1), and add a Via field for this proxy (section 7.6.3)."""
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
        # The target as it was received: an httpx.URL would normalise it.
        extensions={"timeout": TIMEOUT.as_dict(), "target": target.encode()},
    )


async def proxy(request: Request) -> Response:
    request.exchange.on_disconnect = "eager"  # cancel at once when the client closes or half-closes the connection
    try:
        answer = await app.state.upstream.handle_async_request(asked(request))
    except httpx.TimeoutException:
        raise HTTPError(504) from None
    except httpx.TransportError:
        raise HTTPError(502) from None
    fields = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
    # The stream is read as fast as the client reads, is not decoded, and is closed in any case.
    return Response(answer.stream, answer.status_code, passed_on(fields, answer.http_version))


app.mount("", proxy)

if __name__ == "__main__":
    run(app, port=8080)
