"""A typed JSON API: a shelf of books, with pages, errors that name each field, and its description at /docs."""

from datetime import date
from itertools import count, islice
from typing import Annotated

from msgspec import Meta, Struct

from aiosock import App, HTTPError, Query, Request
from aiosock.cli import main
from aiosock.web.openapi import publish

app = App()


class NewBook(Struct, forbid_unknown_fields=True):
    """A book as a client sends it."""

    title: Annotated[str, Meta(min_length=1, max_length=200, examples=["Emma"])]
    published: date
    tags: Annotated[list[Annotated[str, Meta(max_length=20)]], Meta(max_length=10)] = []


class Book(NewBook, kw_only=True):
    """A book on the shelf."""

    id: int


class Page(Struct):
    """Some books, and the path of the next page."""

    books: list[Book]
    next: str | None


class Search(Struct, forbid_unknown_fields=True):
    """Which books, and how many at once."""

    tag: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    after: Annotated[int, Meta(ge=0)] = 0


class Shelf:
    """Stands for a database."""

    def __init__(self, room: int = 10_000) -> None:
        self.books: dict[int, Book] = {}
        self.ids = count(1)
        self.room = room

    def get(self, id: int) -> Book:
        if id not in self.books:
            raise HTTPError(404, f"There is no book {id}.")
        return self.books[id]

    def add(self, new: NewBook) -> Book:
        if len(self.books) >= self.room:
            raise HTTPError(507, "The shelf is full.")
        return self.put(new, next(self.ids))

    def put(self, new: NewBook, id: int) -> Book:
        self.books[id] = Book(new.title, new.published, new.tags, id=id)
        return self.books[id]


@app.provide(scope="app")
async def shelf(app: App) -> Shelf:
    return Shelf()


@app.get("/books")
async def index(request: Request, search: Annotated[Search, Query], shelf: Shelf) -> Page:
    """List books, the oldest first."""
    found = (book for book in shelf.books.values() if book.id > search.after and search.tag in (None, *book.tags))
    books = list(islice(found, search.limit))
    if len(books) < search.limit:
        return Page(books, None)
    tag = f"&tag={search.tag}" if search.tag else ""
    return Page(books, f"{request.url_for('index')}?limit={search.limit}&after={books[-1].id}{tag}")


@app.post("/books", status=201, body_limit=10_000, responses={507: "The shelf is full."})
async def create(request: Request, new: NewBook, shelf: Shelf) -> Book:
    """Put a book on the shelf."""
    return shelf.add(new)


@app.get("/books/{id}", responses={404: "There is no such book."})
async def show(request: Request, id: int, shelf: Shelf) -> Book:
    """Show a book."""
    return shelf.get(id)


@app.put("/books/{id}", body_limit=10_000, responses={404: "There is no such book."})
async def update(request: Request, id: int, new: NewBook, shelf: Shelf) -> Book:
    """Replace a book."""
    shelf.get(id)
    return shelf.put(new, id)


@app.delete("/books/{id}", responses={404: "There is no such book."})
async def delete(request: Request, id: int, shelf: Shelf) -> None:
    """Take a book off the shelf."""
    del shelf.books[shelf.get(id).id]


publish(app, title="Books", version="1.0", description="A shelf of books.")

if __name__ == "__main__":
    main(app)
