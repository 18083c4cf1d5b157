"""A JSON API under a prefix: a router, converted parameters, errors, and a lifespan that sets up the data."""

from collections.abc import AsyncIterator
from itertools import count

from aiosock import App, HTTPError, Request, Response, Router, run

notes = Router("/notes")
app = App()


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    app.state.notes = {}
    app.state.ids = count(1)
    yield


@app.exception(KeyError)
async def no_such_note(request: Request, error: KeyError) -> Response:
    return Response.json({"error": f"there is no note {error}"}, 404)


@notes.get("")
async def index(request: Request) -> list[dict[str, object]]:
    return [{"id": id, "text": text} for id, text in app.state.notes.items()]


@notes.post("", body_limit=10_000)
async def create(request: Request) -> Response:
    note = await request.json()
    if not isinstance(note, dict) or not isinstance(note.get("text"), str):
        raise HTTPError(422, 'A note is {"text": "..."}.')
    id = next(app.state.ids)
    app.state.notes[id] = note["text"]
    return Response.json({"id": id, **note}, 201, {"location": app.url_for("show", id=id)})


@notes.get("/{id:int}")
async def show(request: Request, id: int) -> dict[str, object]:
    return {"id": id, "text": app.state.notes[id]}


@notes.delete("/{id:int}")
async def delete(request: Request, id: int) -> None:
    del app.state.notes[id]


app.include(notes)

if __name__ == "__main__":
    run(app, port=8080)
