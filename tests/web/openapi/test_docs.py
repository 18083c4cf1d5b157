"""Tests of aiosock.web.openapi.docs: the page needs no other file, whatever the description contains."""

import json
import re
import shlex
from html import unescape
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct

from aiosock import App, Cookie, Form, Header, Request, Upload
from aiosock.web.openapi import openapi, publish
from aiosock.web.openapi.sample import curl, sample
from tests.web.ask import ask
from tests.web.openapi import tasks

EVIL = "\"'></code><script>alert(1)</script>&"


async def page_of(app: App, title: str = "Shop", description: str = "") -> str:
    publish(app, title=title, version=title, description=description)
    return (await ask(app, "GET", "/docs")).text


async def test_every_operation_is_on_the_page_with_its_curl_line() -> None:
    page = (await ask(tasks.app, "GET", "/docs")).text

    assert re.findall(r'<article id="operation-(\w+)">', page) == ["index", "create", "show", "update"]
    for line in (
        "curl http://testserver/tasks",
        "curl http://testserver/tasks/1",
        "curl -X PUT -H &#x27;Content-Type: application/json&#x27;",
        "http://testserver/tasks/1?state=done",
    ):
        assert line in page
    assert '<a href="#schema-NewTask">NewTask</a>' in page
    assert '<article id="schema-NewTask">' in page


async def test_the_form_has_a_field_of_its_kind_for_each_parameter() -> None:
    async def handler(
        request: Request,
        id: int,
        *,
        size: Literal[1, 2],
        sure: bool = False,
        tag: list[str] = [],  # noqa: B006
    ) -> None: ...

    app = App()
    app.get("/{id:int}")(handler)
    page = await page_of(app)

    assert '<input name="id" data-in="path" autocomplete="off" required>' in page
    assert '<select name="size" data-in="query" required><option>1</option><option>2</option></select>' in page
    assert '<select name="sure" data-in="query"><option></option><option>true</option>' in page
    assert '<textarea name="tag" data-in="query" rows="2"></textarea>' in page


async def test_a_form_has_its_fields_and_files_and_the_kind_that_the_script_sends() -> None:
    async def plain(
        request: Request,
        name: Annotated[str, Form],
        agent: Annotated[str, Header("x-agent")],
        theme: Annotated[str, Cookie],
    ) -> None: ...
    async def files(request: Request, photo: Upload, more: list[Upload] = []) -> None: ...  # noqa: B006
    async def whole(request: Request, form: Form) -> None: ...

    app = App()
    app.post("/plain")(plain)
    app.post("/files")(files)
    app.post("/whole")(whole)
    page = await page_of(app)

    assert 'data-path="/plain" data-form="application/x-www-form-urlencoded"' in page
    assert '<input name="name" data-in="form" autocomplete="off" required>' in page
    assert '<input name="x-agent" data-in="header" autocomplete="off" required>' in page
    assert 'data-in="cookie"' not in page
    assert 'data-form="multipart/form-data"' in page
    assert '<input type="file" name="photo" data-in="form" required>' in page
    assert '<input type="file" name="more" data-in="form" multiple>' in page
    commands = [unescape(command) for command in re.findall(r"curl [^<]*", page)]
    assert commands == [
        "curl -X POST -H 'x-agent: text' -b theme=text --data-urlencode name=text http://testserver/plain",
        "curl -X POST -F photo=@file http://testserver/files",
        "curl -X POST --data-urlencode = http://testserver/whole",
    ]


async def test_the_page_needs_nothing_else_and_may_have_nothing_else() -> None:
    answer = await ask(tasks.app, "GET", "/docs")

    assert re.findall(r"(?:src|href)=\"(?!#|data:|/openapi\.json)[^\"]*", answer.text) == []
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


async def test_whatever_the_description_says_is_text() -> None:
    class Item(Struct):
        evil: Annotated[str, Meta(description=EVIL, pattern=EVIL, examples=[EVIL])] = EVIL

    Item.__doc__ = EVIL

    async def handler(request: Request, id: str, item: Item, it: Annotated[str, Meta(description=EVIL)] = EVIL) -> Item:
        return item

    handler.__doc__ = f"{EVIL}\n\n{EVIL}"
    app = App()
    app.post("/a'<script>/{id}", name=EVIL)(handler)

    page = await page_of(app, EVIL, EVIL)
    assert page.count("<script>") == page.count("</script>") == 1
    assert page.count("alert(1)") >= 9
    assert "</code><script" not in page


async def test_a_host_that_is_none_is_text() -> None:
    page = (await ask(tasks.app, "GET", "/docs", headers={"host": "a'b"})).text

    assert "http://a'b" not in page


async def test_a_host_with_marks_of_the_shell_stays_one_word_of_the_command() -> None:
    page = (await ask(tasks.app, "GET", "/docs", headers={"host": "a$(id);'b"})).text

    commands = [unescape(command) for command in re.findall(r"curl [^<]*", page)]
    assert commands
    assert all("http://a$(id);'b/tasks" in " ".join(shlex.split(command)) for command in commands)


class Tree(Struct):
    kids: list["Tree"]
    name: Annotated[str, Meta(min_length=6)]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, 0.5),
        ({"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-000000000000"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": 3}, 3),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "string", "examples": ["e"]}, "e"),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "null"}, None),
        ({}, None),
    ],
)
def test_a_sample_fits_its_schema(schema: dict[str, Any], value: Any) -> None:
    assert sample(schema, {}) == value


def test_a_sample_of_a_tree_ends() -> None:
    async def handler(request: Request, tree: Tree, *, q: list[str]) -> None: ...

    app = App()
    app.post("/")(handler)
    document = openapi(app, title="", version="")

    words = shlex.split(curl("POST", "http://a/", document["paths"]["/"]["post"], document["components"]["schemas"]))
    assert words[-1] == "http://a/?q=text"
    assert json.loads(words[-2])["name"] == "textttt"[:6]
    assert len(words[-2]) < 1000
