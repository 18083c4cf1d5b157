"""A JSON API with validation: typed handlers, errors that name each field, and an OpenAPI page at /docs."""

from collections.abc import AsyncIterator
from datetime import date
from itertools import count
from typing import Annotated, Literal

from msgspec import Meta, Struct

from aiosock import App, HTTPError, Request, Response, run
from aiosock.web.openapi import publish

app = App()
Title = Annotated[str, Meta(min_length=1, max_length=80, examples=["Water the plants"])]
State = Literal["open", "done"]


class NewTask(Struct, forbid_unknown_fields=True):
    """A task as a client sends it."""

    title: Title
    due: date | None = None
    tags: Annotated[list[Annotated[str, Meta(max_length=20)]], Meta(max_length=10)] = []


class Task(NewTask):
    """A task on the list."""

    id: int = 0
    state: State = "open"


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    app.state.tasks = {}
    app.state.ids = count(1)
    yield


@app.get("/tasks")
async def index(
    request: Request, state: State | None = None, limit: Annotated[int, Meta(ge=1, le=100)] = 20
) -> list[Task]:
    """List the tasks, the oldest first."""
    found = [task for task in app.state.tasks.values() if state in (None, task.state)]
    return found[:limit]


@app.post("/tasks", body_limit=10_000)
async def create(request: Request, new: NewTask) -> Response:
    """Put a task on the list."""
    task = Task(new.title, new.due, new.tags, id=next(app.state.ids))
    app.state.tasks[task.id] = task
    return Response.json(task, 201, {"location": app.url_for("show", id=task.id)})


@app.get("/tasks/{id:int}")
async def show(request: Request, id: int) -> Task:
    """Show a task."""
    if id not in app.state.tasks:
        raise HTTPError(404, f"There is no task {id}.")
    return app.state.tasks[id]


@app.put("/tasks/{id:int}", body_limit=10_000)
async def update(request: Request, id: int, new: NewTask, *, state: State) -> Task:
    """Replace a task and set its state."""
    await show(request, id)
    app.state.tasks[id] = Task(new.title, new.due, new.tags, id=id, state=state)
    return app.state.tasks[id]


publish(app, title="Tasks", version="1.0", description="Things to do.")

if __name__ == "__main__":
    run(app, port=8080)
