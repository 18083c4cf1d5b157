"""Tests of aiosock.share.app: the app that serves a directory."""

import os
from base64 import b64encode
from pathlib import Path

import pytest

from aiosock import Config
from aiosock.share import directory_app
from aiosock.share.addresses import local_names
from aiosock.testing import Client
from tests.web.ask import BROWSER, ask

SITE = "https://site.example"
ADA = {"authorization": "Basic " + b64encode(b"ada:secret").decode()}
USERS = {"ada": "secret"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for path, text in {
        "root/file.txt": "text",
        "root/about.html": "about",
        "root/.secret": "hidden",
        "root/site/index.html": "home",
        "secret": "outside",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (root / "inside").symlink_to("file.txt")
    (root / "outside").symlink_to("../secret")
    return root


async def test_a_directory_is_listed_without_what_is_hidden(root: Path) -> None:
    answer = await ask(directory_app(root), "GET", "/", headers={"accept": "application/json"})

    assert [entry["name"] for entry in answer.json()["entries"]] == ["site", "about.html", "file.txt", "inside"]


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("/file.txt", 200, "text"),
        ("/about", 200, "about"),
        ("/site/", 200, "home"),
        ("/inside", 200, "text"),
        ("/outside", 404, None),
        ("/.secret", 404, None),
        ("/nothing", 404, None),
    ],
)
async def test_files_are_served(root: Path, target: str, status: int, text: str | None) -> None:
    answer = await ask(directory_app(root), "GET", target)

    assert answer.status == status
    assert text is None or answer.text == text


async def test_an_application_of_one_page_answers_browsers(root: Path) -> None:
    app = directory_app(root / "site", spa=True)

    assert (await ask(app, "GET", "/some/route", headers=BROWSER)).text == "home"
    assert (await ask(app, "GET", "/some/route")).status == 404


async def test_uploads_must_be_asked_for(root: Path) -> None:
    answer = await ask(directory_app(root), "PUT", "/new", body=b"x")

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert not (root / "new").exists()


# The password.


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/file.txt"),
        ("HEAD", "/file.txt"),
        ("GET", "/site"),
        ("GET", "/?archive=zip"),
        ("GET", "/nothing"),
        ("PUT", "/new"),
        ("PUT", "/file.txt"),
        ("POST", "/"),
        ("DELETE", "/file.txt"),
        ("OPTIONS", "/"),
        ("OPTIONS", "*"),
    ],
)
async def test_a_password_guards_all_of_it(root: Path, method: str, target: str) -> None:
    app = directory_app(root, users=USERS, upload=True)

    stranger = await ask(app, method, target)
    known = await ask(app, method, target, headers=ADA)

    assert stranger.status == 401
    assert stranger.headers["www-authenticate"].startswith("Basic realm=")
    assert known.status != 401


async def test_a_stranger_stores_nothing(root: Path) -> None:
    await ask(directory_app(root, users=USERS, upload=True), "PUT", "/new", body=b"x")

    assert not (root / "new").exists()


# Scripts of other sites.


@pytest.mark.parametrize("target", ["/", "/file.txt", "/nothing", "/?archive=nonsense"])
async def test_scripts_may_read_what_is_shared(root: Path, target: str) -> None:
    plain = await ask(directory_app(root), "GET", target, headers={"origin": SITE})
    shared = await ask(directory_app(root, share=True), "GET", target, headers={"origin": SITE})

    assert "access-control-allow-origin" not in plain.headers
    assert shared.headers["access-control-allow-origin"] == "*"
    assert "etag" in shared.headers["access-control-expose-headers"]


async def test_scripts_may_read_that_a_password_is_wanted(root: Path) -> None:
    answer = await ask(directory_app(root, share=True, users=USERS), "GET", "/", headers={"origin": SITE})

    assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, "*")


@pytest.mark.parametrize(("users", "wanted"), [({}, "range"), (USERS, "range, authorization")])
async def test_a_preflight_needs_no_password_and_grants_no_upload(
    root: Path, users: dict[str, str], wanted: str
) -> None:
    fields = {"origin": SITE, "access-control-request-method": "PUT"}

    answer = await ask(directory_app(root, share=True, upload=True, users=users), "OPTIONS", "/new", headers=fields)

    assert answer.status == 204
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD"
    assert answer.headers["access-control-allow-headers"] == wanted
    assert "access-control-allow-credentials" not in answer.headers


async def test_without_sharing_a_preflight_is_granted_nothing(root: Path) -> None:
    fields = {"origin": SITE, "access-control-request-method": "PUT"}

    answer = await ask(directory_app(root, upload=True), "OPTIONS", "/new", headers=fields)

    assert answer.status == 204
    assert [name for name in answer.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("rebound.example:8080", 421),
        ("localhost.rebound.example", 421),
        ("", 200),
    ],
)
async def test_a_page_that_rebinds_its_name_reads_nothing(root: Path, host: str, status: int) -> None:
    names = local_names(Config()) if host else []

    answer = await ask(directory_app(root, names=names), "GET", "/file.txt", headers={"host": host or "any.example"})

    assert answer.status == status


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
async def test_a_check_by_http_1_0_without_a_host_finds_the_server_up(root: Path, method: str) -> None:
    async with Client(directory_app(root, names=local_names(Config()))) as client:
        peer = await client.connect()
        peer.send(f"{method} / HTTP/1.0\r\n\r\n".encode())

        assert (await peer.response(method)).status in (200, 204)


# While developing.


async def test_each_change_is_seen_at_once_and_nothing_is_kept_without_a_check(root: Path) -> None:
    async with Client(directory_app(root)) as client:
        for text in ("one", "two"):
            (root / "file.txt").write_text(text)
            answer = await client.get("/file.txt")

            assert (answer.text, answer.headers["cache-control"]) == (text, "no-cache")
            known = {"if-none-match": answer.headers["etag"]}
            assert (await client.get("/file.txt", headers=known)).status == 304


@pytest.mark.parametrize("path", ["nowhere", "file.txt"])
def test_what_is_no_directory_is_named(root: Path, path: str) -> None:
    with pytest.raises(NotADirectoryError, match="is not a directory"):
        directory_app(root / path)


@pytest.fixture
def latin(root: Path) -> Path:
    """A directory in which a directory and a file have names that are not UTF-8."""
    try:
        (root / os.fsdecode(b"\xfe")).mkdir()
        (root / os.fsdecode(b"\xfe/\xff.txt")).write_text("text")
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    return root


@pytest.mark.parametrize("upload", [False, True])
async def test_names_that_are_not_utf_8_are_listed_and_served(latin: Path, upload: bool) -> None:
    app = directory_app(latin, upload=upload)
    assert 'href="./%FE/"' in (await ask(app, "GET", "/", headers=BROWSER)).text
    page = (await ask(app, "GET", "/%FE/", headers=BROWSER)).text
    assert 'href="./%FF.txt"' in page
    assert "\ufffd.txt" in page
    listed = (await ask(app, "GET", "/%FE/", headers={"accept": "application/json"})).json()
    assert (listed["path"], listed["entries"][0]["name"]) == ("/\ufffd/", "\ufffd.txt")
    assert (await ask(app, "GET", "/%FE/%FF.txt")).text == "text"
    assert (await ask(app, "GET", "/%FE")).headers["location"] == "/%FE/"


async def test_an_upload_gets_a_name_that_is_utf_8_also_in_a_directory_that_has_none(latin: Path) -> None:
    app = directory_app(latin, upload=True)
    assert (await ask(app, "PUT", "/%FE/%FF.new", body=b"new")).status == 400
    stored = await ask(app, "PUT", "/%FE/new", body=b"new")
    assert (stored.status, stored.headers["location"]) == (201, "/%FE/new")
    assert (latin / os.fsdecode(b"\xfe/new")).read_bytes() == b"new"
    assert sorted(os.listdir(os.fsencode(latin / os.fsdecode(b"\xfe")))) == [b"new", b"\xff.txt"]
