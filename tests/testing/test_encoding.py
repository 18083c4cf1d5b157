"""Tests of aiosock.testing.encoding: requests with queries, forms, files, JSON and passwords, and their redirects."""

from collections.abc import Mapping
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Unpack

import pytest

from aiosock.errors import AiosockError
from aiosock.testing import Client, ClientResponse, RequestParts
from aiosock.testing.encoding import Values, encoded_form
from aiosock.web.app import App
from aiosock.web.forms import Upload
from aiosock.web.middleware import basic_auth
from aiosock.web.request import Request
from aiosock.web.response import Response


def app() -> App:
    """Return an app that tells what it has got."""
    app = App()

    @app.route("/told/{rest:path}", "*")
    async def told(request: Request, rest: str) -> dict[str, Any]:
        return {
            "method": request.method,
            "target": request.target,
            "host": request.host,
            "query": request.query.items(),
            "type": request.headers.get("content-type", ""),
            "authorization": request.headers.get("authorization", ""),
            "cookie": request.headers.get("cookie", ""),
            "x": request.headers.get_all("x"),
            "body": await request.text(),
        }

    @app.post("/form")
    async def form(request: Request) -> dict[str, Any]:
        pairs = (await request.form()).items()
        files = [(name, each) for name, each in pairs if isinstance(each, Upload)]
        return {
            "fields": [[name, each] for name, each in pairs if isinstance(each, str)],
            "files": [[name, each.filename, each.content_type, (await each.read()).decode()] for name, each in files],
        }

    @app.route("/to/{status:int}", "*")
    async def to(request: Request, status: int) -> Response:
        location = request.query.get("location", "/told/x")
        return Response.redirect(location, status)

    @app.get("/loop/{number:int}")
    async def loop(request: Request, number: int) -> Response:
        return Response.redirect(f"/loop/{number + 1}")

    return app


async def told(method: str, target: str, **parts: Unpack[RequestParts]) -> dict[str, Any]:
    async with Client(app()) as client:
        response = await client.request(method, target, **parts)
        return dict(response.raise_for_status().json())


# Targets.


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ({}, ""),
        ({"a": "1", "b": 2, "c": 0.5}, "a=1&b=2&c=0.5"),
        ({"a": ["1", "2"], "b": (), "c": True}, "a=1&a=2&c=true"),
        ([("a", "1"), ("b", "&="), ("a", "é ")], "a=1&b=%26%3D&a=%C3%A9+"),
    ],
)
def test_names_and_values_are_urlencoded(values: Values, form: str) -> None:
    assert encoded_form(values) == form


@pytest.mark.parametrize("value", [None, b"bytes", {"a": 1}, [None], [[1]]])
def test_a_value_without_a_text_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="'a' takes text or a number, not "):
        encoded_form({"a": value})


async def test_params_are_added_to_the_query() -> None:
    assert (await told("GET", "/told/", params={"a": "ä b"}))["query"] == [["a", "ä b"]]
    assert (await told("GET", "/told/?a=1", params={"b": [2, 3]}))["target"] == "/told/?a=1&b=2&b=3"


async def test_a_target_may_have_any_letters() -> None:
    assert (await told("GET", "/told/naïve?q=✓"))["target"] == "/told/na%C3%AFve?q=%E2%9C%93"


async def test_the_base_has_a_host_and_a_path() -> None:
    async with Client(app(), base_url="http://api.example.org:81/told/") as client:
        answer = (await client.get("/a")).json()
        assert (answer["target"], answer["host"]) == ("/told/a", "api.example.org:81")


async def test_a_url_is_sent_to_its_host() -> None:
    async with Client(app(), headers={"x": "1"}) as client:
        response = await client.get("http://other.example/told/a")
        assert (response.json()["host"], response.url) == ("other.example", "http://other.example/told/a")


@pytest.mark.parametrize("url", ["testserver", "ftp://testserver", "http://", "http://a?b", "http://a#b", "//a"])
async def test_a_base_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a base_url is http://HOST or https://HOST"):
        Client(app(), base_url=url)


# Fields.


async def test_fields_of_the_client_go_with_every_request_unless_the_request_has_its_own() -> None:
    async with Client(app(), headers=[("X", "1"), ("X", "2")]) as client:
        assert (await client.get("/told/")).json()["x"] == ["1", "2"]
        assert (await client.get("/told/", headers={"x": "3"})).json()["x"] == ["3"]
        client.headers["x"] = "4"
        assert (await client.get("/told/")).json()["x"] == ["4"]


async def test_a_password_is_sent() -> None:
    protected = app()
    protected.middleware(basic_auth({"ädä": "s:ecret"}))
    async with Client(protected) as client:
        assert (await client.get("/told/")).status == 401
        assert (await client.get("/told/", auth=("ädä", "s:ecret"))).status == 200
        assert (await client.get("/told/", auth=("ädä", "wrong"))).status == 401


# Bodies.


@pytest.mark.parametrize(
    ("parts", "content_type", "body"),
    [
        ({"data": {"a": "1", "b": "ä"}}, "application/x-www-form-urlencoded", "a=1&b=%C3%A4"),
        ({"json": {"a": 1}}, "application/json", '{"a": 1}'),
        ({"json": []}, "application/json", "[]"),
        ({"json": ""}, "application/json", '""'),
        ({"json": False}, "application/json", "false"),
        ({"json": {"a": 1}, "body": b""}, "application/json", '{"a": 1}'),
        ({"json": None}, "", ""),
        ({"body": "ä"}, "", "ä"),
        ({"body": b"{}", "headers": {"content-type": "x/y"}}, "x/y", "{}"),
        ({"data": {"a": "1"}, "headers": {"content-type": "x/y"}}, "x/y", "a=1"),
    ],
)
async def test_a_body_has_its_type(parts: RequestParts, content_type: str, body: str) -> None:
    answer = await told("POST", "/told/", **parts)
    assert (answer["type"], answer["body"]) == (content_type, body)


@pytest.mark.parametrize(
    "parts",
    [{"json": 1, "data": {"a": "1"}}, {"body": "x", "json": 1}, {"body": "x", "files": {"a": b""}}],
)
async def test_a_request_has_one_body(parts: RequestParts) -> None:
    with pytest.raises(TypeError, match="a request has one body, not"):
        await told("POST", "/told/", **parts)


async def test_a_part_that_does_not_exist_is_a_type_error() -> None:
    parts: Any = {"jsn": 1}
    with pytest.raises(TypeError, match="jsn"):
        await told("POST", "/told/", **parts)


async def form(**parts: Unpack[RequestParts]) -> dict[str, Any]:
    async with Client(app()) as client:
        return dict((await client.post("/form", **parts)).raise_for_status().json())


async def test_a_form_is_sent_as_one() -> None:
    assert await form(data=[("a", "1"), ("a", "ä&")]) == {"fields": [["a", "1"], ["a", "ä&"]], "files": []}


async def test_files_are_sent_in_a_multipart_form(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# notes")
    with (tmp_path / "notes.md").open("rb") as notes:
        answer = await form(
            data={"title": "ä", "tags": ["x", "y"]},
            files=[
                ("one", ("name.txt", b"one", "text/x-own")),
                ("one", ("page.html", "zwei")),
                ("two", notes),
                ("three", b"three"),
                ("four", ("four.bin", BytesIO(b"four"))),
            ],
        )
    assert answer["fields"] == [["title", "ä"], ["tags", "x"], ["tags", "y"]]
    assert answer["files"] == [
        ["one", "name.txt", "text/x-own", "one"],
        ["one", "page.html", "text/html", "zwei"],
        ["two", "notes.md", "text/markdown", "# notes"],
        ["three", "three", "application/octet-stream", "three"],
        ["four", "four.bin", "application/octet-stream", "four"],
    ]


async def test_a_mapping_of_files_is_taken_too() -> None:
    assert (await form(files={"f": ("a.txt", "x")}))["files"] == [["f", "a.txt", "text/plain", "x"]]


async def test_a_text_file_is_read_as_well() -> None:
    files: Any = {"f": StringIO("text")}
    assert (await form(files=files))["files"] == [["f", "f", "application/octet-stream", "text"]]


@pytest.mark.parametrize("file", [("a",), (), (b"a", "b"), ("a", "b", b"c"), ("a", "b", "c", "d")])
async def test_a_file_has_a_name_and_a_content(file: tuple[bytes | str, ...]) -> None:
    with pytest.raises(TypeError, match="the file 'f' is \\(filename, content\\) or"):
        await form(files={"f": file})


async def test_a_name_cannot_add_a_line() -> None:
    answer = await form(files={'n"\r\nX: 1': ('f"\r\nX: 1', b"")}, data={"a\r\n": "1"})
    assert len(answer["files"]) == len(answer["fields"]) == 1


# Redirects.


async def redirected(method: str, target: str, client: Client, **parts: Unpack[RequestParts]) -> ClientResponse:
    parts["follow_redirects"] = True
    return await client.request(method, target, **parts)


@pytest.mark.parametrize(
    ("status", "method", "followed"),
    [
        (301, "GET", "GET"),
        (301, "POST", "GET"),
        (301, "PUT", "PUT"),
        (302, "POST", "GET"),
        (302, "DELETE", "DELETE"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (308, "PUT", "PUT"),
    ],
)
async def test_the_status_says_how_a_redirect_is_followed(status: int, method: str, followed: str) -> None:
    async with Client(app()) as client:
        body: RequestParts = {} if method == "GET" else {"json": {"a": 1}}
        answer = (await redirected(method, f"/to/{status}", client, **body)).json()
    assert answer["method"] == followed
    has_body = followed == method != "GET"
    assert (answer["body"], answer["type"]) == (('{"a": 1}', "application/json") if has_body else ("", ""))


async def test_head_stays_head() -> None:
    async with Client(app()) as client:
        response = await redirected("HEAD", "/to/303", client)
        assert (response.status, response.method, response.body) == (200, "HEAD", b"")


async def test_redirects_are_followed_on_demand_only() -> None:
    async with Client(app()) as client:
        assert (await client.get("/to/307")).status == 307
    async with Client(app(), follow_redirects=True) as client:
        response = await client.get("/to/307")
        assert (response.status, response.url) == (200, "http://testserver/told/x")
        assert [each.status for each in response.history] == [307]
        assert (await client.get("/to/307", follow_redirects=False)).status == 307


@pytest.mark.parametrize(
    ("location", "target", "host"),
    [
        ("/told/a?b=1#c", "/told/a?b=1", "testserver"),
        ("../told/a", "/told/a", "testserver"),
        ("http://other.example:81/told/a", "/told/a", "other.example:81"),
        ("//other.example/told/a", "/told/a", "other.example"),
    ],
)
async def test_a_location_may_be_relative_or_elsewhere(location: str, target: str, host: str) -> None:
    async with Client(app()) as client:
        answer = (await redirected("GET", "/to/302", client, params={"location": location})).json()
    assert (answer["target"], answer["host"]) == (target, host)


@pytest.mark.parametrize(
    ("location", "is_kept"),
    [
        ("/told/a", True),
        ("http://testserver:80/told/a", True),
        ("http://other.example/told/a", False),
        ("http://testserver:81/told/a", False),
        ("https://testserver/told/a", False),
    ],
)
async def test_a_password_is_told_to_no_other_host(location: str, is_kept: bool) -> None:
    headers: Mapping[str, str] = {"cookie": "a=1"}
    async with Client(app(), headers={"x": "1"}) as client:
        answer = (
            await redirected(
                "GET", "/to/302", client, params={"location": location}, auth=("ada", "secret"), headers=headers
            )
        ).json()
    assert (bool(answer["authorization"]), bool(answer["cookie"])) == (is_kept, is_kept)
    assert answer["x"] == ["1"]


async def test_a_loop_ends() -> None:
    async with Client(app()) as client:
        with pytest.raises(AiosockError, match="GET /loop/1 is redirected more than 20 times"):
            await redirected("GET", "/loop/1", client)


async def test_a_place_that_is_not_on_the_web_is_not_gone_to() -> None:
    async with Client(app()) as client:
        response = await redirected("GET", "/to/302", client, params={"location": "mailto:ada@example.org"})
        assert response.status == 302


async def test_cookies_are_kept_on_the_way() -> None:
    made = app()

    @made.post("/login")
    async def login(request: Request) -> Response:
        response = Response.redirect("/told/home", 303)
        response.set_cookie("session", "s")
        return response

    async with Client(made) as client:
        answer = await redirected("POST", "/login", client, data={"name": "Ada"})
        assert answer.json()["cookie"] == "session=s"
        assert answer.history[0].cookies == {"session": "s"}
