"""The tests of api.py, with pytest and pytest-asyncio: `python -m pytest test_api.py`, in this directory."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio
from api import Book, Shelf, app

from aiosock.testing import Client

pytestmark = pytest.mark.asyncio

EMMA = {"title": "Emma", "published": "1815-12-23", "tags": ["novel"]}


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    """A client of the API, whose shelf has room for five books and three on it."""
    shelf = Shelf(room=5)
    for id in (1, 2, 3):
        shelf.books[next(shelf.ids)] = Book(f"Book {id}", date(1900, 1, id), ["odd"] if id % 2 else [], id=id)
    client = Client(app, headers={"accept": "application/json"})
    client.override(Shelf, shelf)
    async with client:
        yield client


async def test_a_book_is_put_on_the_shelf(client: Client) -> None:
    created = await client.post("/books", json=EMMA)

    assert (created.status, created.json()) == (201, {**EMMA, "id": 4})
    assert (await client.get("/books/4")).json() == created.json()


async def test_pages_lead_to_each_other(client: Client) -> None:
    first = (await client.get("/books", params={"limit": 2})).json()
    second = (await client.get(first["next"])).json()

    assert [book["id"] for book in first["books"] + second["books"]] == [1, 2, 3]
    assert second["next"] is None


async def test_a_tag_selects_books_on_all_pages(client: Client) -> None:
    first = (await client.get("/books", params={"tag": "odd", "limit": 1})).json()
    second = (await client.get(first["next"])).json()

    assert [book["id"] for book in first["books"] + second["books"]] == [1, 3]


async def test_a_book_is_replaced_and_taken_off(client: Client) -> None:
    assert (await client.put("/books/1", json=EMMA)).json() == {**EMMA, "id": 1}
    assert (await client.delete("/books/1")).status == 204
    assert (await client.get("/books/1")).json()["detail"] == "There is no book 1."


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"title": ""}, "#/title"),
        ({"published": "soon"}, "#/published"),
        ({"tags": ["x" * 21]}, "#/tags/0"),
        ({"isbn": 1}, "#/isbn"),
    ],
)
async def test_an_error_names_the_field(client: Client, wrong: dict[str, object], pointer: str) -> None:
    answer = await client.post("/books", json={**EMMA, **wrong})

    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"after": "x"}, {"page": 2}])
async def test_a_query_that_is_not_valid_is_refused(client: Client, params: dict[str, object]) -> None:
    assert (await client.get("/books", params=params)).status == 422


async def test_a_full_shelf_takes_no_book(client: Client) -> None:
    assert [(await client.post("/books", json=EMMA)).status for _ in range(3)] == [201, 201, 507]


async def test_the_description_says_what_is_created(client: Client) -> None:
    created = (await client.get("/openapi.json")).json()["paths"]["/books"]["post"]["responses"]["201"]

    assert created["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Book"}
