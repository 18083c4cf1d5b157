"""Tests of aiosock.web.debug.requests: what is shown of a request, what is hidden, and the command that repeats it."""

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from aiosock import App, Request
from aiosock.web.debug.requests import MAX_BODY, RequestRecord, request_record
from aiosock.web.debug.secrets import HIDDEN
from aiosock.web.middleware import csrf, sees_exceptions
from tests.web.ask import ask
from tests.web.debug.asking import failing, page_of


async def recorded(
    method: str = "GET",
    target: str = "/",
    read: Callable[[Request], Any] | None = None,
    **request: Any,
) -> RequestRecord:
    """Return the record of a request, after the handler has read its body with `read`."""
    records = []
    app = App()
    app.middleware(csrf())

    @app.middleware
    @sees_exceptions
    async def own(request: Request, next: Any) -> Any:
        return await next(request)

    @app.route("/{rest:path}", methods="*")
    async def handler(request: Request, rest: str) -> None:
        if read is not None:
            await read(request)
        records.append(request_record(request, [app]))

    answer = await ask(app, method, target, **request)
    assert answer.status == 204
    return records[0]


async def test_a_request_is_shown_with_its_route() -> None:
    record = await recorded("GET", "/a%20b?x=1&x=2")

    assert record.line == "GET /a%20b?x=1&x=2 HTTP/1.1"
    assert record.route == "/{rest:path}"
    assert record.handler is not None
    assert record.handler.name.endswith("recorded.handler")
    assert record.handler.place is not None
    assert record.handler.place.file == __file__
    assert record.params == [("rest", "a b")]
    assert record.query == [("x", "1"), ("x", "2")]
    assert [each.name for each in record.middleware] == ["csrf", "recorded.own"]


SECRET_FIELDS = {
    "cookie": "id=hunter2; other=hunter2",
    "authorization": "Bearer hunter2",
    "proxy-authorization": "Basic hunter2",
    "x-api-key": "hunter2",
    "x-csrf-token": "hunter2",
    "referer": "http://a/?access_token=hunter2",
}


async def test_secrets_are_hidden_everywhere() -> None:
    record = await recorded(
        "POST",
        "/?token=hunter2&name=ada",
        Request.read,
        headers={**SECRET_FIELDS, "content-type": "application/x-www-form-urlencoded"},
        body="password=hunter2&name=ada",
    )

    assert "hunter2" not in str(record)
    assert ("name", "ada") in record.query
    assert record.body == f"password={HIDDEN}&name=ada"
    assert dict(record.fields)["cookie"] == HIDDEN
    assert record.cookies == [("id", HIDDEN), ("other", HIDDEN)]


# The body.


async def pieces(request: Request) -> None:
    async for _ in request.body:
        pass


@pytest.mark.parametrize(
    ("read", "body", "shown", "note"),
    [
        (Request.read, "", "", ""),
        (Request.read, "text", "text", ""),
        (Request.read, '{"name": "ä", "secret": "x"}', f'{{"name": "ä", "secret": {HIDDEN}}}', ""),
        (Request.read, "a" * 5000, "a" * MAX_BODY, "The first 2,000 of 5,000 bytes."),
        (Request.read, b"\0\1\2", "", "3 bytes that are not text."),
        (Request.read, b"\xff" * 100, "", "100 bytes that are not text."),
        (None, "text", "", "A body of 4 bytes, which was not read."),
        (pieces, "text", "", "A body of 4 bytes, read piece by piece, so nothing of it is kept."),
    ],
)
async def test_the_start_of_the_body_is_shown_if_the_handler_has_read_it(
    read: Callable[[Request], Any] | None, body: str | bytes, shown: str, note: str
) -> None:
    record = await recorded("POST", "/", read, body=body)

    assert (record.body, record.note) == (shown, note)


async def test_a_form_is_shown_by_its_fields() -> None:
    form = b'--b\r\ncontent-disposition: form-data; name="name"\r\n\r\nada\r\n'
    form += b'--b\r\ncontent-disposition: form-data; name="password"\r\n\r\nhunter2\r\n'
    form += b'--b\r\ncontent-disposition: form-data; name="photo"; filename="cat.png"\r\n\r\nmeow\r\n--b--\r\n'

    record = await recorded(
        "POST", "/", Request.form, body=form, headers={"content-type": "multipart/form-data; boundary=b"}
    )

    assert record.form == [
        ("name", "ada"),
        ("password", HIDDEN),
        ("photo", "<Upload 'cat.png', application/octet-stream, 4 bytes>"),
    ]
    assert record.note.endswith("read as a form.")


# The command.


@pytest.mark.parametrize(
    ("method", "target", "options", "words"),
    [
        ("GET", "/a?b=c&d", {}, ["http://testserver/a?b=c&d"]),
        ("HEAD", "/", {}, ["--head", "http://testserver/"]),
        ("PUT", "/", {}, ["-X", "PUT", "http://testserver/"]),
        ("POST", "/", {}, ["-X", "POST", "http://testserver/"]),
        ("POST", "/", {"body": "it's"}, ["http://testserver/", "--data-raw", "it's"]),
        ("PUT", "/", {"body": "@a\n b"}, ["-X", "PUT", "http://testserver/", "--data-raw", "@a\n b"]),
        ("GET", "/[a]", {}, ["--globoff", "http://testserver/[a]"]),
        ("GET", "/a/../b", {}, ["--path-as-is", "http://testserver/a/../b"]),
        ("GET", "/'$(x)`y`", {}, ["http://testserver/'$(x)`y`"]),
        ("GET", "/", {"headers": {"x": "'; rm -rf /; '"}}, ["http://testserver/", "-H", "x: '; rm -rf /; '"]),
    ],
)
async def test_a_command_sends_the_request_again(
    method: str, target: str, options: dict[str, Any], words: list[str]
) -> None:
    record = await recorded(method, target, Request.read, **options)

    sent = shlex.split(record.curl.replace("\\\n", ""))
    # The client of the tests sends none of the fields that curl would add, so `-H name:` takes them away.
    absent = [number for number, word in enumerate(sent) if word in ("accept:", "user-agent:", "content-type:")]
    told = [word for number, word in enumerate(sent) if number not in absent and number + 1 not in absent]
    assert [word for word in told if word != "-i"] == ["curl", *words]
    assert len(absent) == (3 if "body" in options else 2)


async def test_a_body_that_is_not_shown_whole_is_named_in_the_command() -> None:
    record = await recorded("POST", "/", Request.read, body="a" * 5000)

    assert record.curl.endswith("--data-binary @body")


async def test_a_request_of_great_size_is_shown_in_part() -> None:
    record = await recorded("GET", "/?" + "a" * 5000, headers={f"x-{n}": "b" * 500 for n in range(50)})

    assert len(str(record)) < 40_000
    assert ("…", "and more") in record.fields


async def test_a_secret_in_the_path_is_nowhere_on_the_page() -> None:
    page = await page_of(failing(ValueError(), "/reset/{token}/now"), "/reset/hunter2/now?a=1")

    assert "hunter2" not in page
    assert f"/reset/{HIDDEN}/now?a=1" in page
