"""Tests of aiosock.web.static.file_response."""

import os
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, FileResponse, HTTPError, Limits, Request, Response, ResponseError, StaticFiles
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.handler import Next
from aiosock.web.middleware import compression, etag
from aiosock.web.static.disposition import content_disposition
from tests.web.ask import app_of
from tests.web.static.serving import MODIFIED, MOMENT, NEW, OLD, UNCACHED, open_descriptors

SMALL, LARGE = b"0123456789" * 10, os.urandom(300_000)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, content in {"small.txt": SMALL, "large.bin": LARGE, "empty.css": b"", ".secret": b"the secret"}.items():
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, (MOMENT, MOMENT))
    (tmp_path / "directory").mkdir()
    return tmp_path


def sending(*args: Any, **options: Any) -> App:
    """Return an app that answers everything with a FileResponse."""

    async def handler(request: Request) -> Response:
        return FileResponse(*args, **options)

    return app_of(handler)


async def fetch(app: Any, method: str = "GET", limits: Limits | None = None, **headers: str) -> ClientResponse:
    """Return the response to a request with these fields, and check that no descriptor is left open."""
    before = open_descriptors()
    async with Client(app, limits=limits or Limits()) as client:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await client.request(method, "/", headers=fields)
    assert open_descriptors() == before
    return answer


# The same room as StaticFiles.

REQUESTS: list[tuple[str, dict[str, str], int]] = [
    ("GET", {}, 200),
    ("HEAD", {}, 200),
    ("GET", {"range": "bytes=5-9"}, 206),
    ("GET", {"range": "bytes=-5"}, 206),
    ("GET", {"range": "bytes=0-0,5-6"}, 206),
    ("GET", {"range": "bytes=999999-"}, 416),
    ("GET", {"range": "lines=1-2"}, 200),
    ("HEAD", {"range": "bytes=5-9"}, 200),
    ("GET", {"if-modified-since": MODIFIED}, 304),
    ("GET", {"if-modified-since": OLD}, 200),
    ("GET", {"if-unmodified-since": OLD}, 412),
    ("GET", {"if-none-match": "*"}, 304),
    ("GET", {"if-match": '"another"'}, 412),
    ("GET", {"range": "bytes=5-9", "if-range": MODIFIED}, 206),
    ("GET", {"range": "bytes=5-9", "if-range": NEW}, 200),
    ("GET", {"range": "bytes=5-9", "if-range": '"another"'}, 200),
]


@pytest.mark.parametrize("name", ["small.txt", "large.bin"])
@pytest.mark.parametrize("limits", [Limits(), UNCACHED], ids=["in memory", "from disk"])
@pytest.mark.parametrize(("method", "headers", "status"), REQUESTS)
async def test_a_file_is_sent_as_static_files_sends_it(
    site: Path, name: str, limits: Limits, method: str, headers: dict[str, str], status: int
) -> None:
    answer = await fetch(sending(site / name), method, limits, **headers)
    async with Client(StaticFiles(site), limits=limits) as client:
        served = await client.request(method, f"/{name}", headers=headers)

    assert answer.status == served.status == status
    if "multipart" not in answer.headers.get("content-type", ""):  # its boundary is random
        ignored = ("date",) if status != 416 else ("date", "content-length")
        fields = [[pair for pair in each.headers.items() if pair[0] not in ignored] for each in (answer, served)]
        assert sorted(fields[0]) == sorted(fields[1])
        assert answer.body == served.body or status >= 400


async def test_the_type_is_that_of_the_name(site: Path) -> None:
    assert (await fetch(sending(site / "empty.css"))).headers["content-type"] == "text/css; charset=utf-8"
    assert (await fetch(sending(site / "small.txt", "a.csv"))).headers["content-type"] == "text/csv; charset=utf-8"
    assert (await fetch(sending(site / "small.txt", "a"))).headers["content-type"] == "text/plain; charset=utf-8"


async def test_fields_of_the_program_count_more(site: Path) -> None:
    fields = {"content-type": "text/x-mine", "cache-control": "no-store", "etag": '"v1"'}
    app = sending(site / "small.txt", headers=fields)

    answer = await fetch(app)
    assert {name: answer.headers.get_all(name) for name in fields} == {name: [value] for name, value in fields.items()}
    assert (await fetch(app, if_none_match='"v1"')).status == 304
    assert (await fetch(app, if_none_match='"v1"')).headers["cache-control"] == "no-store"


async def test_cookies_are_sent_with_it(site: Path) -> None:
    async def handler(request: Request) -> Response:
        response = FileResponse(site / "large.bin")
        response.set_cookie("a", "b")
        response.set_cookie("c", "d")
        return response

    assert len((await fetch(app_of(handler))).headers.get_all("set-cookie")) == 2


@pytest.mark.parametrize("field", ["accept-ranges", "content-length", "content-range", "last-modified"])
async def test_a_field_that_only_the_file_knows_is_refused(site: Path, field: str) -> None:
    with pytest.raises(ResponseError, match=f"a FileResponse sets {field} itself"):
        await fetch(sending(site / "large.bin", headers={field: "1"}))


async def test_another_status_sends_the_file_whole_and_without_validators(site: Path) -> None:
    answer = await fetch(sending(site / "small.txt", status=404), range="bytes=0-4", if_none_match="*")

    assert (answer.status, answer.body) == (404, SMALL)
    assert {"etag", "last-modified", "accept-ranges"}.isdisjoint(answer.headers)


async def test_to_a_post_the_file_is_sent_whole(site: Path) -> None:
    answer = await fetch(sending(site / "large.bin"), "POST", range="bytes=0-4", if_none_match="*")

    assert (answer.status, answer.body) == (200, LARGE)
    assert "etag" not in answer.headers


# What is no file.


@pytest.mark.parametrize("path", ["missing", "directory", "small.txt/more", "", "a\0b", "\ud800", "x" * 300])
async def test_what_is_no_file_is_not_found(site: Path, path: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = await fetch(sending(f"{site}/{path}"))

    assert (answer.status, answer.text) == (404, "404 Not Found: Nothing is at /.\n")
    assert caplog.text == ""


async def test_in_debug_mode_it_says_why(site: Path) -> None:
    async with Client(sending(site / "missing"), debug=True) as client:
        assert f"Nothing is at /. '{site}/missing': [Errno 2]" in (await client.get("/")).text


async def test_a_device_or_a_fifo_is_not_found(site: Path) -> None:
    os.mkfifo(site / "fifo")

    for path in ("/dev/zero", site / "fifo"):
        assert (await fetch(sending(path))).status == 404


async def test_a_file_that_may_not_be_read_is_not_found(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("aiosock.web.static.file_response.open_path", denied)
    assert (await fetch(sending(site / "small.txt"))).status == 404


async def test_without_a_descriptor_the_answer_is_503(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("aiosock.web.static.file_response.open_path", full)
    assert (await fetch(sending(site / "small.txt"))).status == 503


async def test_a_link_is_followed_if_the_program_has_chosen_it(site: Path) -> None:
    (site / "link").symlink_to("small.txt")

    assert (await fetch(sending(site / "link"))).body == SMALL


# Below a directory.


async def test_a_file_below_a_directory_is_sent(site: Path) -> None:
    (site / "directory" / "in.txt").write_bytes(b"in")

    assert (await fetch(sending("directory/in.txt", directory=site))).body == b"in"


@pytest.mark.parametrize(
    "path",
    ["../small.txt", "/etc/passwd", "", ".", "a/../../small.txt", "link", "..", "\0", ".hidden", "a//b", "\ud800"],
)
async def test_nothing_outside_a_directory_is_sent(site: Path, path: str) -> None:
    directory = site / "directory"
    (directory / "link").symlink_to(site / "small.txt")
    (directory / ".hidden").write_bytes(b"hidden")
    (directory / "a").mkdir()

    assert (await fetch(sending(path, directory=directory))).status == 404


# The name under which it is kept.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("r.pdf", "attachment; filename=\"r.pdf\"; filename*=UTF-8''r.pdf"),
        ("Büro 1.pdf", "attachment; filename=\"B?ro 1.pdf\"; filename*=UTF-8''B%C3%BCro%201.pdf"),
        ('a";b.pdf', "attachment; filename=\"a_;b.pdf\"; filename*=UTF-8''a_%3Bb.pdf"),
        (
            "a\r\nset-cookie: x=y",
            "attachment; filename=\"a__set-cookie_ x=y\"; filename*=UTF-8''a__set-cookie_%20x%3Dy",
        ),
        ("../../etc/passwd", "attachment; filename=\".._.._etc_passwd\"; filename*=UTF-8''.._.._etc_passwd"),
        ("a\\b%41.txt", "attachment; filename=\"a_b_41.txt\"; filename*=UTF-8''a_b%2541.txt"),
        ("\u202egpj.exe", "attachment; filename=\"_gpj.exe\"; filename*=UTF-8''_gpj.exe"),
    ],
)
async def test_the_name_is_quoted_and_made_safe(site: Path, name: str, value: str) -> None:
    answer = await fetch(sending(site / "small.txt", filename=name))

    assert answer.headers.get_all("content-disposition") == [value.replace("B?ro", "B_ro")]
    assert "set-cookie" not in answer.headers


async def test_a_name_may_be_for_a_file_that_is_shown(site: Path) -> None:
    shown = (await fetch(sending(site / "small.txt", inline=True))).headers["content-disposition"]

    assert shown == "inline; filename=\"small.txt\"; filename*=UTF-8''small.txt"
    assert "content-disposition" not in (await fetch(sending(site / "small.txt"))).headers


def test_a_disposition_is_ascii_whatever_the_name_is() -> None:
    for code in [*range(0x300), 0x202E, 0xD800, 0x1F600]:
        value = content_disposition(f"a{chr(code)}b")
        assert value.isascii()
        assert value.isprintable()


# Where it comes from.


async def test_a_bare_handler_may_return_one(site: Path) -> None:
    async def handler(request: Request) -> Response:
        return FileResponse(site / "small.txt")

    assert (await fetch(handler, range="bytes=0-4")).body == b"01234"


async def test_a_missing_file_of_a_bare_handler_is_not_found(site: Path) -> None:
    async def handler(request: Request) -> Response:
        return FileResponse(site / "missing")

    assert (await fetch(handler)).status == 404


@pytest.mark.parametrize("has_middleware", [False, True])
async def test_an_exception_handler_may_return_one(site: Path, has_middleware: bool) -> None:
    app = App()
    if has_middleware:
        app.middleware(etag())

    @app.exception(HTTPError)
    async def page(request: Request, error: HTTPError) -> Response:
        return FileResponse(site / "small.txt", status=error.status)

    answer = await fetch(app)
    assert (answer.status, answer.body) == (404, SMALL)


async def test_middleware_may_return_one(site: Path) -> None:
    app = sending(site / "large.bin")

    @app.middleware
    async def maintenance(request: Request, next: Next) -> Response:
        return FileResponse(site / "small.txt", status=503)

    assert (await fetch(app)).body == SMALL


async def test_middleware_sees_what_is_sent(site: Path) -> None:
    app = sending(site / "small.txt")

    @app.middleware
    async def look(request: Request, next: Next) -> Response:
        response = await next(request)
        response.headers["x-seen"] = f"{response.status} {response.headers['content-range']}"
        return response

    assert (await fetch(app, range="bytes=0-4")).headers["x-seen"] == "206 bytes 0-4/100"


@pytest.mark.parametrize("middleware", [etag(), compression(minimum_bytes=1)])
async def test_tags_and_codings_leave_it_alone(site: Path, middleware: Any) -> None:
    app = sending(site / "small.txt")
    plain = await fetch(app)
    composed = sending(site / "small.txt")
    composed.middleware(middleware)

    answer = await fetch(composed, accept_encoding="gzip")

    assert (answer.body, answer.headers["etag"]) == (SMALL, plain.headers["etag"])
    assert (await fetch(composed, accept_encoding="gzip", range="bytes=0-4")).body == b"01234"
    assert (await fetch(composed, if_none_match=plain.headers["etag"])).status == 304


async def test_one_object_may_answer_many_requests(site: Path) -> None:
    constant = FileResponse(site / "large.bin", "a.bin")

    async def handler(request: Request) -> Response:
        return constant

    app = app_of(handler)
    assert [(await fetch(app)).body for _ in range(2)] == [LARGE, LARGE]
    assert repr(constant) == f"<FileResponse 200, '{site}/large.bin'>"


async def test_iterating_one_that_is_not_made_says_so(site: Path) -> None:
    response = FileResponse(site / "small.txt")
    assert not isinstance(response.body, bytes)

    with pytest.raises(RuntimeError, match="must be made first"):
        await anext(aiter(response.body))
