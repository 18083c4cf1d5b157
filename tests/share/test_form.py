"""Tests of aiosock.share.upload: files in a form, as from the page without scripts or `curl -F`, in memory."""

import os
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, Limits, StaticFiles
from aiosock.share.upload import Upload
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from tests.share.ask import contents, under_way, until, uploading
from tests.web.ask import BROWSER, ask

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")

MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
END = b"--b--\r\n"


def part(filename: str | None, content: bytes = b"new", name: str = "file") -> bytes:
    """Return a file of a form; if `filename` is None, a field."""
    disposition = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


async def post(root: Path, *parts: bytes, target: str = "/", **options: Any) -> ClientResponse:
    """Send a form; `headers` are added, and the other options are those of the app."""
    headers = MULTIPART | options.pop("headers", {})
    return await ask(uploading(root, **options), "POST", target, body=b"".join(parts) + END, headers=headers)


async def test_all_files_of_a_form_are_stored(root: Path) -> None:
    large = os.urandom(3_000_001)
    answer = await post(
        root, part("a.txt"), part(None, b"text", "title"), part("b", large), part("c", b""), target="/sub/"
    )

    assert answer.status == 201
    assert answer.json() == {
        "files": [{"name": "a.txt", "size": 3}, {"name": "b", "size": 3_000_001}, {"name": "c", "size": 0}]
    }
    assert contents(root) == {"file": b"old", "sub/a.txt": b"new", "sub/b": large, "sub/c": b""}


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/", "./"),
        ("/sub/", "./"),
        ("/?sort=size&order=desc", "./?sort=size&order=desc"),
        ("/?q=//x.example", "./?q=//x.example"),
    ],
)
async def test_a_browser_is_sent_back_to_where_it_was(root: Path, target: str, location: str) -> None:
    answer = await post(root, part("new"), target=target, headers=BROWSER)

    assert (answer.status, answer.headers["location"]) == (303, location)


async def test_what_was_sent_is_listed_at_once(root: Path) -> None:
    app = uploading(root)
    fields = {"accept": "application/json"}
    assert (await ask(app, "GET", "/new")).status == 404

    await ask(app, "POST", "/", body=part("new") + END, headers=MULTIPART)

    assert (await ask(app, "GET", "/new")).text == "new"
    assert "new" in [entry["name"] for entry in (await ask(app, "GET", "/", headers=fields)).json()["entries"]]


async def test_below_a_mount_it_is_the_same(root: Path) -> None:
    app = App()
    app.mount("/files", Upload(StaticFiles(root)))

    assert (await ask(app, "POST", "/files/sub/", body=part("new") + END, headers=MULTIPART)).status == 201
    assert contents(root)["sub/new"] == b"new"


# Names.


@pytest.mark.parametrize("fields", [{}, {"if-match": "*"}, {"if-none-match": '"other"'}])
async def test_a_form_replaces_nothing_and_the_others_are_stored(root: Path, fields: dict[str, str]) -> None:
    (root / "link").symlink_to("../outside")

    answer = await post(root, part("a"), part("file"), part("sub"), part("link"), part("b"), headers=fields)

    assert answer.text == "409 Conflict: Names that exist already: file, sub, link. Stored: a, b.\n"
    assert contents(root) == {"file": b"old", "a": b"new", "b": b"new"}


async def test_a_new_index_page_is_refused_and_the_others_are_stored(root: Path) -> None:
    answer = await post(root, part("a"), part("Index.html"), part("file"), part("b"))

    assert answer.text == (
        "409 Conflict: Names that exist already: file. Index.html is refused: it would be shown instead of the files of its "
        "directory. Stored: a, b.\n"
    )
    assert contents(root) == {"file": b"old", "a": b"new", "b": b"new"}


async def test_a_browser_gets_a_page_of_what_is_taken(root: Path) -> None:
    answer = await post(root, part("file"), headers=BROWSER)

    assert answer.status == 409
    assert "<p>Names that exist already: file.</p>" in answer.text


async def test_of_two_of_one_name_the_first_is_stored(root: Path) -> None:
    assert (await post(root, part("new", b"first"), part("new", b"second"))).status == 409
    assert contents(root)["new"] == b"first"


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("../../outside", "_.._.._outside"),
        ("/etc/passwd", "_etc_passwd"),
        (".env", "_.env"),
        ("..\\..\\x", "_.._.._x"),
        ("con", "_con"),
        ("a/b", "a_b"),
        ("é🦊.png", "é🦊.png"),
        ("%22%0D%0Ax", "___x"),
    ],
)
async def test_names_are_made_safe(root: Path, filename: str, name: str) -> None:
    answer = await post(root, part(filename))

    assert [file["name"] for file in answer.json()["files"]] == [name]
    assert contents(root) == {"file": b"old", name: b"new"}


@pytest.mark.parametrize("filename", ["", "...", "..", " "])
async def test_without_a_name_there_is_no_file(root: Path, filename: str) -> None:
    assert (await post(root, part(filename))).status == 400
    assert contents(root) == {"file": b"old"}


@pytest.mark.parametrize("target", ["/nowhere/", "/file/", "//", "/sub//", "/../", "/..%2F/", "/sub%2F/", "/.hidden/"])
async def test_a_directory_that_is_not_there_is_not_made(root: Path, target: str) -> None:
    (root / ".hidden").mkdir()

    assert (await post(root, part("new"), target=target)).status == 404
    assert contents(root) == {"file": b"old"}


# Refusals.


async def test_a_form_without_files_says_so(root: Path) -> None:
    answer = await post(root, part(None, b"text"))

    assert (answer.status, answer.text) == (400, "400 Bad Request: Choose a file.\n")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "text/plain"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"content-range": "bytes 0-1/2"}, 400),
    ],
)
async def test_what_is_no_whole_form_is_refused(root: Path, fields: dict[str, str], status: int) -> None:
    assert (await post(root, part("new"), headers=fields)).status == status
    assert contents(root) == {"file": b"old"}


async def test_a_form_that_ends_early_leaves_nothing_of_its_last_file(root: Path) -> None:
    body = part("whole") + part("half")[:-4]

    assert (await ask(uploading(root), "POST", "/", body=body, headers=MULTIPART)).status == 400
    assert set(contents(root)) == {"file", "whole"}


async def test_the_limit_is_for_each_file(root: Path) -> None:
    small = [part(str(number), bytes(1000)) for number in range(20)]

    async with Client(uploading(root, upload_bytes=1000), limits=Limits(form_bytes=1000)) as client:
        taken = await client.post("/", body=b"".join(small) + END, headers=MULTIPART)
        refused = await client.post("/", body=part("large", bytes(1001)) + END, headers=MULTIPART)

    assert (taken.status, refused.status) == (201, 413)
    assert len(contents(root)) == 21


async def test_a_full_disk_is_507(tiny: Path) -> None:
    assert (await post(tiny, part("small"), part("new", bytes(3_000_000)))).status == 507
    assert contents(tiny) == {"small": b"new"}


@pytest.mark.parametrize("leave", ["reset", "end"])
async def test_nothing_is_left_of_a_file_whose_client_leaves(root: Path, leave: str) -> None:
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 9999999\r\n\r\n" + part("new", bytes(2_000_000))[:-10]
        )
        await until(client, lambda: under_way(root))
        getattr(peer, leave)()
        await peer.done()

    assert contents(root) == {"file": b"old"}


# Pages of other sites.


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://testserver"}, 201),
        ({"origin": "http://testserver:81"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
async def test_a_page_of_another_site_stores_nothing(root: Path, fields: dict[str, str], status: int) -> None:
    assert (await post(root, part("new"), headers=fields)).status == status
    assert ("new" in contents(root)) is (status == 201)
