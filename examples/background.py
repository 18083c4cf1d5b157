"""A job that outlives its request: the response says where the result will be, and a shutdown waits for running jobs."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from itertools import count

from aiosock import App, HTTPError, Request, Response, run

KEPT = 1000  # jobs whose results are kept

app = App()


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    app.state.jobs = {}
    app.state.ids = count(1)
    # The lifespan ends after the last response. The end of the group waits for its tasks.
    async with asyncio.TaskGroup() as group:
        app.state.group = group
        yield


def digest(data: bytes) -> str:
    for _ in range(1000):
        data = hashlib.sha256(data).digest()
    return data.hex()


@app.post("/jobs", body_limit=1_000_000)
async def start(request: Request) -> Response:
    work = asyncio.to_thread(digest, await request.read())  # a long computation would block the event loop
    id = next(app.state.ids)
    app.state.jobs[id] = app.state.group.create_task(work)
    app.state.jobs.pop(id - KEPT, None)
    return Response.json({"id": id}, 202, {"location": app.url_for("show", id=id)})


@app.get("/jobs/{id:int}")
async def show(request: Request, id: int) -> dict[str, object]:
    job = app.state.jobs.get(id)
    if job is None:
        raise HTTPError(404, f"There is no job {id}.")
    return {"id": id, "digest": job.result() if job.done() else None}


if __name__ == "__main__":
    run(app, port=8080)
