"""All bodies that are held in memory have one budget, `limits.bodies_bytes`."""

import pytest

from aiosock import App, Limits, Request
from aiosock.testing import Client, Peer
from aiosock.web.exchange import UNCOUNTED_BYTES

KIB = 1024
HEAD = "POST /{} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"


def app_that_reads() -> App:
    app = App()

    @app.post("/read")
    async def read(request: Request) -> str:
        return f"{len(await request.read())}"

    @app.post("/form")
    async def form(request: Request) -> str:
        return f"{len(await request.form())}"

    return app


def field(text: str) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + text.encode() + b"\r\n"


def file(size: int) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n' + b"x" * size + b"\r\n"


async def hold(client: Client, target: str, body: bytes) -> Peer:
    """Send all of a body but its last byte."""
    peer = await client.connect()
    peer.send(HEAD.format(target, len(body) + 1).encode() + body)
    await client.settle()
    return peer


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("read", b"x" * 100 * KIB),
        ("form", file(100 * KIB) + b"--b"),
        ("form", field("a" * 100 * KIB) + b"--b"),
        ("form", field("\U0001f600" + "a" * 25 * KIB) + field("unfinished")),
    ],
    ids=["whole", "file", "field", "field with an emoji"],
)
async def test_a_body_beyond_the_budget_of_all_is_503_until_another_is_over(target: str, body: bytes) -> None:
    limits = Limits(bodies_bytes=150 * KIB)
    async with Client(app_that_reads(), limits=limits) as client:
        first = await hold(client, target, body)
        bodies = client.server.service.bodies
        assert 100 * KIB - UNCOUNTED_BYTES <= bodies.held <= 101 * KIB
        refused = await (await hold(client, target, body)).response()
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert bodies.held <= 101 * KIB
        first.reset()
        await first.done()
        assert bodies.held == 0
        peer = await hold(client, "read", b"x" * 100 * KIB)
        peer.send(b"x")
        assert (await peer.response()).status == 200
        assert bodies.held == 0


async def test_small_bodies_are_not_counted() -> None:
    async with Client(app_that_reads(), limits=Limits(bodies_bytes=1)) as client:
        await hold(client, "read", b"x" * UNCOUNTED_BYTES)
        assert client.server.service.bodies.held == 0


async def test_a_body_that_is_refused_holds_nothing() -> None:
    async with Client(app_that_reads(), limits=Limits(bodies_bytes=10)) as client:
        answer = await client.post("/read", body=b"x" * 100 * KIB)
        assert answer.status == 503
        assert client.server.service.bodies.held == 0
