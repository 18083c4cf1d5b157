"""The measured app: the demo site, and handlers that stream, wait, leave requests undone, and count."""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

from aiosock import Request, Response
from aiosock.cli import main
from aiosock.web.exchange import OnDisconnect
from run import app

BLOCK = bytes(64 * 1024)

counts: Counter[str] = Counter()
released = asyncio.Event()


@app.get("/stats")
async def stats(request: Request) -> dict[str, int]:
    """Return the number of tasks, and of the objects that remain after a garbage collection."""
    gc.collect()
    return {"tasks": len(asyncio.all_tasks()), "objects": len(gc.get_objects()), **counts}


@app.get("/stream/{size:int}")
async def stream(request: Request, size: int) -> Response:
    """Send zeros as fast as the client reads them."""

    async def blocks() -> AsyncIterator[bytes]:
        counts["streams"] += 1
        counts["streams begun"] += 1
        try:
            for _ in range(size // len(BLOCK)):
                yield BLOCK
        finally:
            counts["streams"] -= 1

    return Response(blocks())


@app.get("/pieces")
async def pieces(request: Request) -> AsyncIterator[str]:
    """Send a few small pieces, one by one."""
    for piece in ("one\n", "two\n", "three\n"):
        yield piece
        await asyncio.sleep(0)


@app.get("/fields")
async def fields(request: Request) -> dict[str, int]:
    """Read fields and cookies in every possible way."""
    joined = request.headers.get("x", "")
    return {"joined": len(joined), "lines": len(request.headers.get_all("x")), "cookies": len(request.cookies)}


@app.post("/late")
async def late(request: Request) -> dict[str, int]:
    """Read the body only after a while."""
    await asyncio.sleep(0.3)
    return {"bytes": sum([len(piece) async for piece in request.body])}


@app.get("/slow")
async def slow(request: Request) -> str:
    """Answer after a while."""
    await asyncio.sleep(0.25)
    return "slow\n"


@app.get("/hoard")
async def hoard(request: Request) -> str:
    """Take all descriptors but a few, until those who wait may go on."""
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(6):
            os.close(taken.pop())
        await released.wait()
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return "given back\n"


@app.get("/release")
async def release(request: Request) -> str:
    """Release the handlers that wait."""
    released.set()
    return "released\n"


async def _until_released(how: OnDisconnect) -> str:
    counts[f"{how} begun"] += 1
    try:
        await released.wait()
    except asyncio.CancelledError:
        counts[f"{how} cancelled"] += 1
        raise
    counts[f"{how} finished"] += 1
    return f"{how}\n"


@app.get("/work/default")
async def default(request: Request) -> str:
    return await _until_released("cancel")


@app.get("/work/finish", on_disconnect="finish")
async def finish(request: Request) -> str:
    return await _until_released("finish")


@app.get("/work/eager", on_disconnect="eager")
async def eager(request: Request) -> str:
    return await _until_released("eager")


@app.get("/stubborn")
async def stubborn(request: Request) -> str:
    """Ignore every cancellation."""
    counts["stubborn"] += 1
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


if __name__ == "__main__":
    main(app)
