"""An API with every kind of parameter, for the tests of its description and of its page."""

from datetime import date
from itertools import count
from typing import Annotated, Literal

from msgspec import Meta, Struct

from aiosock import App, HTTPError, Request, Response
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


TASKS: dict[int, Task] = {}
ids = count(1)


@app.get("/tasks")
async def index(
    request: Request, state: State | None = None, limit: Annotated[int, Meta(ge=1, le=100)] = 20
) -> list[Task]:
    """List the tasks, the oldest first."""
    found = [task for task in TASKS.values() if state in (None, task.state)]
    return found[:limit]


@app.post("/tasks", body_limit=10_000)
async def create(request: Request, new: NewTask) -> Response:
    """Put a task on the list."""
    task = Task(new.title, new.due, new.tags, id=next(ids))
    TASKS[task.id] = task
    return Response.json(task, 201, {"location": app.url_for("show", id=task.id)})


@app.get("/tasks/{id:int}")
async def show(request: Request, id: int) -> Task:
    """Show a task."""
    if id not in TASKS:
        raise HTTPError(404, f"There is no task {id}.")
    return TASKS[id]


@app.put("/tasks/{id:int}", body_limit=10_000)
async def update(request: Request, id: int, new: NewTask, *, state: State) -> Task:
    """Replace a task and set its state."""
    await show(request, id)
    TASKS[id] = Task(new.title, new.due, new.tags, id=id, state=state)
    return TASKS[id]


publish(app, title="Tasks", version="1.0", description="Things to do.")
