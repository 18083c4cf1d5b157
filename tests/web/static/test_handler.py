"""Tests of aiosock.web.static.handler: which files are served, which are not, and changes while one is sent."""

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from aiosock import App, Disconnected, Limits, Request, Response, StaticFiles
from aiosock.errors import HTTPError
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.disk.file_body import BLOCK
from aiosock.web.handler import Next
from aiosock.web.static import handler
from aiosock.web.static.cache import FRESH_SECONDS, FileCache
from aiosock.web.static.media import media_type
from aiosock.web.static.representation import open_file
from aiosock.web.static.tree import Tree
from tests.web.ask import GET, ask, ask_raw
from tests.web.static.serving import (
    MODIFIED,
    NEW,
    OLD,
    ORDINARY_NAMES,
    SECRET,
    UNCACHED,
    Clock,
    descriptors_fall_to,
    leave_amid_answer,
    open_descriptors,
    serving,
)

LONG = "x" * 300

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a directory with a few files, and with secrets around it and hidden in it."""
    root = tmp_path / "site"
    for path, text in {
        "site/index.html": "<h1>home</h1>",
        "site/a b.txt": "spaced",
        "site/é.txt": "accented",
        "site/100%.txt": "per cent",
        "site/empty.txt": "",
        "site/data": "\0\1",
        "site/sub/index.html": "<h1>sub</h1>",
        "site/sub/page.html": "<p>page</p>",
        "site/bare/file.txt": "bare",
        "site/odd/index.html/file.txt": "odd",
        "secret.txt": SECRET,
        "site-private/secret.txt": SECRET,
        "outside/index.html": SECRET,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return root


async def get(root: Path, target: str, headers: Mapping[str, str] | None = None, **options: Any) -> ClientResponse:
    return await ask(serving(root, **options), "GET", target, headers=headers or {})


# Files that are served.


@pytest.mark.parametrize(
    ("target", "text", "kind"),
    [
        ("/", "<h1>home</h1>", "text/html; charset=utf-8"),
        ("/index.html", "<h1>home</h1>", "text/html; charset=utf-8"),
        ("/sub/", "<h1>sub</h1>", "text/html; charset=utf-8"),
        ("/sub/page.html", "<p>page</p>", "text/html; charset=utf-8"),
        ("/sub%2Fpage.html", "<p>page</p>", "text/html; charset=utf-8"),
        ("/%69ndex.html", "<h1>home</h1>", "text/html; charset=utf-8"),
        ("/a%20b.txt", "spaced", "text/plain; charset=utf-8"),
        ("/%C3%A9.txt", "accented", "text/plain; charset=utf-8"),
        ("/100%25.txt", "per cent", "text/plain; charset=utf-8"),
        ("/empty.txt", "", "text/plain; charset=utf-8"),
        ("/data", "\0\1", "application/octet-stream"),
        ("/index.html?v=../../secret.txt", "<h1>home</h1>", "text/html; charset=utf-8"),
    ],
)
async def test_a_file_is_served(site: Path, target: str, text: str, kind: str) -> None:
    answer = await get(site, target)

    assert (answer.status, answer.text, answer.headers["content-type"]) == (200, text, kind)
    assert answer.headers["content-length"] == str(len(text))
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.HTML", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.png", "image/png"),
        ("a.webp", "image/webp"),
        ("a.wasm", "application/wasm"),
        ("a.tar.gz", "application/gzip"),
        ("a.tgz", "application/gzip"),
        ("a.css.gz", "application/gzip"),
        ("a.txt.bz2", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_a_type_is_told_by_the_name(name: str, kind: str) -> None:
    assert media_type(name) == kind


async def test_a_file_of_several_blocks_is_served_whole(site: Path) -> None:
    content = os.urandom(2 * BLOCK + 1)
    (site / "large.bin").write_bytes(content)

    assert (await get(site, "/large.bin")).body == content


LINKS = {
    "link.txt": "index.html",
    "absolute.txt": "{site}/index.html",
    "round.txt": "sub/../index.html",
    "twice.txt": "link.txt",
    "sub/up.txt": "../index.html",
    "there": "sub",
    "home": ".",
    "sub/above": "..",
}


@pytest.mark.parametrize(
    "target",
    [
        *("/link.txt", "/absolute.txt", "/round.txt", "/twice.txt", "/sub/up.txt", "/there/up.txt"),
        *("/home/index.html", "/home/", "/sub/above/index.html", "/sub/above/", "/home/home/sub/above/home/link.txt"),
    ],
)
async def test_a_link_within_the_directory_is_followed_only_where_links_are(site: Path, target: str) -> None:
    for name, leads_to in LINKS.items():
        (site / name).symlink_to(leads_to.format(site=site))

    assert (await get(site, target)).status == 404
    assert (await get(site, target, symlinks=True)).text == "<h1>home</h1>"


async def test_a_root_that_is_a_link_is_followed(site: Path) -> None:
    (site.parent / "current").symlink_to(site)

    assert (await get(site.parent / "current", "/index.html")).text == "<h1>home</h1>"


@pytest.mark.parametrize("large", [False, True])
async def test_a_root_that_is_a_link_may_be_switched_while_it_is_served(site: Path, large: bool) -> None:
    current, other = site.parent / "current", site.parent / "release-2"
    current.symlink_to(site)
    other.mkdir()
    (other / "index.html").write_text("<h1>new</h1>")
    clock = Clock(step=FRESH_SECONDS)
    async with Client(serving(current, cache=FileCache(clock)), limits=UNCACHED if large else Limits()) as client:
        assert (await client.get("/")).text == "<h1>home</h1>"
        (site.parent / "next").symlink_to(other)
        (site.parent / "next").rename(current)

        assert (await client.get("/")).text == "<h1>new</h1>"


async def test_a_root_below_a_dotted_directory_is_served(tmp_path: Path) -> None:
    root = tmp_path / ".cache" / "site"
    root.mkdir(parents=True)
    (root / "a.txt").write_text("a")

    assert (await get(root, "/a.txt")).text == "a"


async def test_a_handler_may_serve_a_file_under_another_path(site: Path) -> None:
    app, files = App(), StaticFiles(str(site))

    @app.get("/home")
    async def home(request: Request) -> Response:
        return await files.serve(request, "/index.html")

    assert (await ask(app, "GET", "/home")).text == "<h1>home</h1>"


@pytest.mark.parametrize("name", ["missing", "site/index.html"])
def test_a_root_that_is_no_directory_is_refused(site: Path, name: str) -> None:
    with pytest.raises(NotADirectoryError, match=f"{name}' is not a directory"):
        StaticFiles(site.parent / name)


# Files that are not.


@pytest.mark.parametrize(
    "target",
    [
        "/missing",
        "/missing/",
        "/bare/",
        "/odd/",
        "/index.html/",
        "/index.html/x",
        # Out of the directory.
        "/..",
        "/../",
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%2fsecret.txt",
        "/..%2f..%2fsite%2findex.html",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/%252e%252e%252fsecret.txt",
        "/../site-private/secret.txt",
        "/..%2fsite-private/secret.txt",
        "/..-private/secret.txt",
        "/%00",
        "/index.html%00",
        "/..%2fsecret.txt%00.html",
        "//",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "//server/share",
        "/%5c%5cserver%5cshare",
        "/C:/secret.txt",
        # Other names of served files.
        "/.",
        "/./",
        "/./index.html",
        "/sub/../index.html",
        "/sub//page.html",
        "//index.html",
        "/sub%2F/page.html",
        "/sub%2F%2F",
        f"/{LONG}",
        f"/{LONG}/{LONG}",
        "/" + "a/" * 3000,
    ],
)
async def test_nothing_else_is_found(site: Path, target: str) -> None:
    answer = await get(site, target)

    assert (answer.status, SECRET in answer.text) == (404, False)


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".git/config",
        "sub/.hidden",
        "...",
        "..\\secret.txt",
    ],
)
async def test_a_file_with_a_dangerous_name_is_hidden(site: Path, name: str) -> None:
    (site / name).parent.mkdir(exist_ok=True)
    (site / name).write_text(SECRET)

    answer = await get(site, "/" + name.replace(" ", "%20"))

    assert (answer.status, SECRET in answer.text) == (404, False)


@pytest.mark.parametrize("name", ["contact.txt", "nulls", *ORDINARY_NAMES])
async def test_a_name_that_is_odd_on_other_systems_only_is_served(site: Path, name: str) -> None:
    (site / name).write_text("text")

    assert (await get(site, f"/{quote(name, safe='')}")).text == "text"


async def test_a_name_that_is_not_utf_8_is_served(site: Path) -> None:
    try:
        (site / os.fsdecode(b"caf\xe9.txt")).write_text("text")
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    app, files = App(), StaticFiles(site)
    app.mount("/files", files)

    @app.get("/menu")
    async def menu(request: Request) -> Response:
        return await files.serve(request, "/caf%E9.txt")

    for target in ("/menu", "/files/caf%E9.txt", "/files/caf%e9.txt"):
        assert (await ask(app, "GET", target)).text == "text"
    assert (await ask(files, "GET", "/caf%E9.txt")).text == "text"


@pytest.mark.parametrize("target", ["/%ff", "/%ff/", "/sub/%ff", "/%c0%af", "/%c0%ae%c0%ae/secret.txt"])
async def test_a_name_that_is_not_utf_8_and_not_there_is_missing(site: Path, target: str) -> None:
    assert (await get(site, target)).status == 404


async def test_without_an_app_an_https_url_needs_tls_too(site: Path) -> None:
    assert b" 421 " in await ask_raw(StaticFiles(site), b"GET https://a/index.html HTTP/1.1\r\nHost: a\r\n\r\n")


@pytest.mark.parametrize("name", ["\\evil.example", "sub\\..\\evil.example", "C:"])
async def test_a_directory_of_an_odd_name_is_a_redirect_to_itself(site: Path, name: str) -> None:
    (site / name).mkdir()

    answer = await get(site, f"/{name}")

    assert (answer.status, answer.headers["location"]) == (308, f"/{quote(name, safe=':.')}/")


@pytest.mark.parametrize(
    ("link", "leads_to", "target"),
    [
        ("link.txt", "../secret.txt", "/link.txt"),
        ("link", "../outside", "/link/index.html"),
        ("link", "../outside", "/link/"),
        ("link", "../outside", "/link"),
        ("link", "..", "/link/secret.txt"),
        ("link", "../site-private", "/link/secret.txt"),
        ("sub/link.txt", "../../secret.txt", "/sub/link.txt"),
        ("link.txt", ".env", "/link.txt"),
        ("link.txt", "link.txt", "/link.txt"),
        ("link.txt", "missing", "/link.txt"),
        ("link.txt", "/dev/zero", "/link.txt"),
    ],
)
async def test_a_link_out_of_the_directory_is_hidden(site: Path, link: str, leads_to: str, target: str) -> None:
    (site / ".env").write_text(SECRET)
    (site / link).symlink_to(leads_to)

    for symlinks in (False, True):
        answer = await get(site, target, symlinks=symlinks)

        assert (answer.status, SECRET in answer.text) == (404, False)


async def test_a_pipe_is_hidden_and_does_not_hold_the_server(site: Path) -> None:
    os.mkfifo(site / "pipe.txt")

    assert (await get(site, "/pipe.txt")).status == 404


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_may_not_be_read_is_hidden(site: Path) -> None:
    (site / "index.html").chmod(0)

    assert (await get(site, "/index.html")).status == 404


@pytest.mark.parametrize("target", ["/%", "/%zz"])
async def test_a_malformed_path_is_refused(site: Path, target: str) -> None:
    assert (await get(site, target)).status == 400


# Methods.


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("target", ["/index.html", "/missing"])
async def test_files_are_only_read(site: Path, method: str, target: str) -> None:
    answer = await ask(serving(site), method, target)

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("target", ["/index.html", "/sub/", "/sub", "/missing", "/../secret.txt"])
async def test_options_names_the_methods_and_not_which_files_there_are(site: Path, target: str) -> None:
    answer = await ask(serving(site), "OPTIONS", target)

    assert (answer.status, answer.headers["allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")


@pytest.mark.parametrize("method", ["BREW", "get", "TRACE"])
async def test_an_unknown_method_is_not_implemented_for_files_either(site: Path, method: str) -> None:
    assert (await ask(serving(site), method, "/index.html")).status == 501


@pytest.mark.parametrize("target", ["/", "/index.html", "/empty.txt", "/missing", "/sub"])
async def test_head_has_the_fields_of_get(site: Path, target: str) -> None:
    answers = [await ask(serving(site), method, target) for method in ("GET", "HEAD")]
    for answer in answers:
        del answer.headers["date"]

    assert answers[0].headers == answers[1].headers
    assert (answers[0].status, answers[1].body) == (answers[1].status, b"")


# Directories.


@pytest.mark.parametrize(
    ("prefix", "target", "location"),
    [
        ("", "/sub", "/sub/"),
        ("", "/sub?a=b", "/sub/?a=b"),
        ("", "/%73ub", "/%73ub/"),
        ("/static", "/static", "/static/"),
        ("/static", "/static/sub", "/static/sub/"),
        ("/static", "//static/sub", None),
    ],
)
async def test_a_directory_is_a_redirect_to_its_own_url(
    site: Path, prefix: str, target: str, location: str | None
) -> None:
    answer = await ask(serving(site, prefix), "GET", target)

    assert (answer.status, answer.headers.get("location")) == (308 if location else 404, location)


@pytest.mark.parametrize("target", ["/a%0D%0Ax-added", "/a%0d%0ax-added"])
async def test_a_redirect_adds_no_line_to_the_head(site: Path, target: str) -> None:
    (site / "a\r\nx-added").mkdir()
    answer = await get(site, target)

    assert (answer.status, answer.headers["location"], "x-added" in answer.headers) == (308, f"{target}/", False)


@pytest.mark.parametrize("target", ["/\\evil.example", "//evil.example", "///evil.example", "//sub"])
async def test_a_redirect_never_leaves_the_host(site: Path, target: str) -> None:
    (site / "evil.example").mkdir()

    assert (await get(site, target)).status == 404


# Conditional requests.


async def test_validators_change_with_the_file(site: Path) -> None:
    first = await get(site, "/index.html")
    os.utime(site / "index.html", (1_000_000_000, 1_000_000_000))
    second = await get(site, "/index.html")

    assert second.headers["last-modified"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert first.headers["etag"] != second.headers["etag"]
    assert second.headers["etag"].startswith('"')


async def test_a_replaced_file_of_equal_size_and_time_has_another_tag(site: Path) -> None:
    first = await get(site, "/index.html")
    status = (site / "index.html").stat()
    (site / "new.html").write_text("<h2>home</h2>"[: status.st_size])
    os.utime(site / "new.html", ns=(status.st_atime_ns, status.st_mtime_ns))
    (site / "new.html").replace(site / "index.html")
    second = await get(site, "/index.html")

    assert first.headers["last-modified"] == second.headers["last-modified"]
    assert first.headers["etag"] != second.headers["etag"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"if_none_match": "ETAG"}, 304),
        ({"if_none_match": "W/ETAG"}, 304),
        ({"if_none_match": '"other", ETAG'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"other"'}, 200),
        ({"if_none_match": "garbage"}, 200),
        ({"if_modified_since": MODIFIED}, 304),
        ({"if_modified_since": NEW}, 304),
        ({"if_modified_since": OLD}, 200),
        ({"if_modified_since": "yesterday"}, 200),
        ({"if_none_match": '"other"', "if_modified_since": NEW}, 200),
        ({"if_none_match": "ETAG", "if_modified_since": OLD}, 304),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_the_client_has_is_not_sent_again(
    site: Path, method: str, fields: dict[str, str], status: int
) -> None:
    os.utime(site / "index.html", (1_000_000_000, 1_000_000_000))
    etag = (await get(site, "/index.html")).headers["etag"]
    headers = {name.replace("_", "-"): value.replace("ETAG", etag) for name, value in fields.items()}

    answer = await ask(serving(site), method, "/index.html", headers=headers)

    assert (answer.status, answer.headers["etag"], answer.headers["last-modified"]) == (status, etag, MODIFIED)
    assert bool(answer.body) is (status == 200 and method == "GET")
    assert ("content-length" in answer.headers) is (status == 200)


# Changes while a file is sent.


def serving_after(root: Path, change: Callable[[], object]) -> App:
    """Return an app in which a file changes after its head was made and before its body is sent."""
    app = serving(root)

    @app.middleware
    async def meddle(request: Request, next: Next) -> Response:
        response = await next(request)
        change()
        return response

    return app


async def test_a_file_that_shrinks_while_it_is_sent_breaks_the_connection(site: Path) -> None:
    path = site / "large.bin"
    path.write_bytes(b"x" * 3 * BLOCK)
    app = serving_after(site, lambda: os.truncate(path, BLOCK + 1))

    with pytest.raises(Disconnected, match="within the body"):
        await ask(app, "GET", "/large.bin")


async def test_a_file_that_grows_while_it_is_sent_is_sent_as_announced(site: Path) -> None:
    path = site / "large.bin"
    path.write_bytes(b"x" * 3 * BLOCK)

    def append() -> None:
        with path.open("ab") as file:
            file.write(b"yyy")

    assert (await ask(serving_after(site, append), "GET", "/large.bin")).body == b"x" * 3 * BLOCK


async def test_a_file_that_is_written_over_while_it_is_sent_breaks_the_connection(site: Path) -> None:
    path = site / "large.bin"
    path.write_bytes(b"x" * 3 * BLOCK)

    def write_over() -> None:
        path.write_bytes(b"y" * 3 * BLOCK)
        os.utime(path, (1_000_000_000, 1_000_000_000))

    with pytest.raises(Disconnected, match="within the body"):
        await ask(serving_after(site, write_over), "GET", "/large.bin")


async def test_a_file_that_is_replaced_while_it_is_sent_is_sent_as_it_was(site: Path) -> None:
    app = serving_after(site, lambda: (site / "a b.txt").replace(site / "index.html"))

    assert (await ask(app, "GET", "/index.html")).text == "<h1>home</h1>"


async def test_a_file_that_is_deleted_while_it_is_sent_is_sent_as_it_was(site: Path) -> None:
    app = serving_after(site, (site / "index.html").unlink)

    assert (await ask(app, "GET", "/index.html")).text == "<h1>home</h1>"


# Descriptors.


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "target",
    ["/index.html", "/empty.txt", "/missing", "/sub", "/sub/", "/odd/", "/bare/", "/pipe", "/link", "/..", "/old"],
)
async def test_an_answer_leaves_no_descriptor_open(site: Path, method: str, target: str) -> None:
    os.mkfifo(site / "pipe")
    (site / "link").symlink_to("../secret.txt")
    async with Client(serving(site)) as client:
        await client.get("/index.html")
        before = open_descriptors()
        await client.request(method, target, headers={"if-modified-since": OLD})
        assert open_descriptors() == before


async def test_an_answer_of_304_leaves_no_descriptor_open(site: Path) -> None:
    async with Client(serving(site)) as client:
        await client.get("/index.html")
        before = open_descriptors()
        assert (await client.get("/index.html", headers={"if-none-match": "*"})).status == 304
        assert open_descriptors() == before


async def test_a_file_that_shrinks_leaves_no_descriptor_open(site: Path) -> None:
    path = site / "data"
    path.write_bytes(b"x" * 3 * BLOCK)
    async with Client(serving_after(site, lambda: os.truncate(path, path.stat().st_size - BLOCK))) as client:
        before = open_descriptors()
        peer = await client.connect()
        peer.send(GET.replace(b"/ ", b"/data "))
        await peer.done()
        assert not peer.received.endswith(b"x" * 3 * BLOCK)
        assert open_descriptors() == before


async def test_a_client_that_leaves_leaves_no_descriptor_open(site: Path) -> None:
    (site / "large.bin").write_bytes(b"x" * 4 * BLOCK)
    async with Client(serving(site)) as client:
        await client.get("/index.html")
        before = open_descriptors()
        await leave_amid_answer(client, GET.replace(b"/ ", b"/large.bin "))
        await descriptors_fall_to(client, before)


async def test_a_request_that_is_cancelled_while_its_file_is_opened_leaves_no_descriptor_open(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, may_open = threading.Event(), threading.Event()

    def open_slowly(tree: Tree, names: Sequence[str]) -> tuple[int, os.stat_result]:
        opened = open_file(tree, names)
        opening.set()
        may_open.wait()
        return opened

    async with Client(serving(site), limits=UNCACHED) as client:
        await client.get("/index.html")
        before = open_descriptors()
        monkeypatch.setattr(handler, "open_file", open_slowly)
        peer = await client.connect()
        try:
            peer.send(GET.replace(b"/ ", b"/index.html "))
            assert await asyncio.to_thread(opening.wait, client.patience)
            peer.reset()
            await client.advance(1)
            await peer.done()
            assert open_descriptors() > before
        finally:
            may_open.set()
        async with asyncio.timeout(client.patience):
            while open_descriptors() > before:
                await client.settle()


@pytest.mark.parametrize("fails", [False, True])
async def test_an_answer_that_a_middleware_drops_leaves_no_descriptor_open(site: Path, fails: bool) -> None:
    app = serving(site)

    @app.middleware
    async def drop(request: Request, next: Next) -> Response:
        await next(request)
        if fails:
            raise HTTPError(403)
        return Response.text("something else")

    async with Client(app, limits=UNCACHED) as client:
        await client.get("/missing")
        before = open_descriptors()
        assert (await client.get("/index.html")).status == (403 if fails else 200)
        gc.collect()
        assert open_descriptors() == before


async def test_a_field_that_cannot_be_sent_leaves_no_descriptor_open(site: Path) -> None:
    app = serving(site, cache_control={"*": "no\ncache"})
    async with Client(app, limits=UNCACHED, raise_exceptions=False) as client:
        await client.get("/missing")
        before = open_descriptors()
        assert (await client.get("/data")).status == 500
        gc.collect()
        assert open_descriptors() == before
