"""Bookmarks: a page with a form, and JSON for programs, kept in SQLite."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from html import escape
from typing import TypeVar
from urllib.parse import urlsplit

from aiosock import App, HTTPError, Request, Response
from aiosock.cli import main
from aiosock.web.middleware import csrf, security_headers

app = App()
app.middleware(security_headers())
app.middleware(csrf())

T = TypeVar("T")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Bookmarks</title>
<h1>Bookmarks</h1>
<form method="post" action="/">
<input name="url" type="url" placeholder="https://" aria-label="URL" required>
<input name="title" placeholder="Title" aria-label="Title" required maxlength="100">
<button>Keep</button>
</form>
<ul>
{items}</ul>
"""


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    """Make the table before the first request."""
    app.state.path = os.environ.get("BOOKMARKS", "bookmarks.db")

    def create(database: sqlite3.Connection) -> None:
        database.execute(
            "CREATE TABLE IF NOT EXISTS bookmarks (id INTEGER PRIMARY KEY, url TEXT UNIQUE NOT NULL, title TEXT NOT NULL)"
        )

    await ask(create)
    yield


async def ask(work: Callable[[sqlite3.Connection], T]) -> T:
    """Do some work on the database in a thread, because waiting for the disk would block all other requests."""

    def in_thread() -> T:
        with closing(sqlite3.connect(app.state.path)) as database, database:
            return work(database)

    return await asyncio.to_thread(in_thread)


async def all_bookmarks() -> list[dict[str, object]]:
    found = await ask(lambda database: database.execute("SELECT id, url, title FROM bookmarks ORDER BY id").fetchall())
    return [{"id": id, "url": url, "title": title} for id, url, title in found]


async def keep(url: object, title: object) -> int:
    """Store a bookmark and return its number."""
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
        raise HTTPError(422, "A bookmark needs a URL of http or https.")
    if not isinstance(title, str) or not 1 <= len(title.strip()) <= 100:
        raise HTTPError(422, "A bookmark needs a title of 1 to 100 characters.")
    values = (url, title.strip())
    try:
        row = await ask(
            lambda database: database.execute(
                "INSERT INTO bookmarks (url, title) VALUES (?, ?) RETURNING id", values
            ).fetchone()
        )
    except sqlite3.IntegrityError:
        raise HTTPError(409, "That URL is here already.") from None
    return int(row[0])


@app.get("/")
async def page(request: Request) -> Response:
    items = [
        f'<li><a href="{escape(str(b["url"]))}">{escape(str(b["title"]))}</a></li>\n' for b in await all_bookmarks()
    ]
    return Response.html(PAGE.format(items="".join(items)))


@app.post("/")
async def submit(request: Request) -> Response:
    form = await request.form()
    await keep(form.get("url"), form.get("title"))
    return Response.redirect("/", 303)  # so that reloading the page does not send the form again


@app.get("/bookmarks")
async def listed(request: Request) -> list[dict[str, object]]:
    return await all_bookmarks()


@app.post("/bookmarks")
async def created(request: Request) -> Response:
    given = await request.json()
    if not isinstance(given, dict):
        raise HTTPError(422, "Send an object with url and title.")
    id = await keep(given.get("url"), given.get("title"))
    return Response.json({"id": id}, 201, {"location": f"/bookmarks/{id}"})


@app.delete("/bookmarks/{id:int}")
async def deleted(request: Request, id: int) -> None:
    gone = await ask(lambda database: database.execute("DELETE FROM bookmarks WHERE id = ?", (id,)).rowcount)
    if not gone:
        raise HTTPError(404, f"There is no bookmark {id}.")


if __name__ == "__main__":
    main(app)
