"""An app whose handlers read every part of a request, for schemathesis."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from aiosock import App, Cookie, Form, Header, Query, Request, Upload
from aiosock.web.openapi import publish

app = App()


class Search(Struct):
    text: Annotated[str, Meta(max_length=20)]
    limit: Annotated[int, Meta(ge=1, le=10)] = 5
    exact: bool = False


class Photo(Struct, forbid_unknown_fields=True):
    title: str
    photo: Upload


class Profile(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1)]
    age: Annotated[int, Meta(ge=0)] | None = None


class Saved(Struct):
    name: str


class Store:
    def __init__(self) -> None:
        self.names: list[str] = []


@app.provide(scope="app")
async def store(app: App) -> AsyncIterator[Store]:
    yield Store()


@app.get("/search/{id}/{day}")
async def search(
    request: Request,
    id: Annotated[int, Meta(ge=1)],
    day: date,
    search: Annotated[Search, Query],
    theme: Annotated[Literal["dark", "light"], Cookie] = "light",
    level: Annotated[int, Meta(ge=0), Header("x-level")] = 0,
) -> Saved:
    return Saved(f"{search.text} {theme} {level} {day}")


@app.post("/profiles", status=201, tags=["profiles"])
async def create(request: Request, store: Store, profile: Annotated[Profile, Form]) -> Saved:
    store.names.append(profile.name)
    return Saved(profile.name)


@app.post("/photos", status=201)
async def add(request: Request, photo: Annotated[Photo, Form]) -> Saved:
    return Saved(f"{photo.title} {photo.photo.size}")


publish(app, title="All places", version="1.0")
