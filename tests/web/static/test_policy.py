"""Tests of aiosock.web.static.policy: the options of StaticFiles."""

import errno
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aiosock.config import Limits
from aiosock.testing import Client
from aiosock.web.static import handler
from aiosock.web.static.fingerprint import has_fingerprint
from aiosock.web.static.policy import IMMUTABLE
from tests.growth import LINEAR, growth
from tests.web.ask import BROWSER
from tests.web.static.serving import NEW, OLD, SECRET, UNCACHED, fetch, open_descriptors, serving, write


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write(
        tmp_path / "site",
        {
            "index.html": "home",
            "about.html": "about",
            "app.3f2a9c1b.js": "hashed",
            "app.js": "plain",
            "404.html": "not here",
            "404.html.gz": "zipped",
            "sub/index.htm": "sub",
            "sub/page.html": "page",
            "assets/deep/a.css": "css",
            "both.html": "file",
            "both/index.html": "directory",
            "bare/x.txt": "x",
            ".well-known/acme": "token",
            ".env": SECRET,
            ".git/config": SECRET,
        },
    )


# Options.


def test_an_unknown_option_is_refused_by_name(site: Path) -> None:
    with pytest.raises(TypeError, match=r"^StaticFiles\(\) got an unexpected keyword argument 'lisitng'$"):
        serving(site, lisitng=True)


@pytest.mark.parametrize("option", ["spa", "not_found"])
def test_a_page_that_is_named_like_a_directory_is_refused(site: Path, option: str) -> None:
    with pytest.raises(ValueError, match="'sub/' is a directory, not a page"):
        serving(site, **{option: "sub/"})


# Cache-Control.


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/", "no-cache"),
        ("/index.html", "no-cache"),
        ("/sub/page.html", "no-cache"),
        ("/assets/deep/a.css", "max-age=9"),
        ("/app.js", "max-age=5"),
        ("/app.3f2a9c1b.js", "max-age=5"),
        ("/bare/x.txt", None),
    ],
)
async def test_the_first_pattern_that_fits_says_how_long_to_keep(
    site: Path, limits: Limits, target: str, expected: str | None
) -> None:
    policy = {"*.html": "no-cache", "assets/*": "max-age=9", "app*": "max-age=5", "*.js": "max-age=1"}
    for method in ("GET", "HEAD"):
        for fields, status in (({}, 200), ({"if-none-match": "*"}, 304), ({"range": "bytes=0-0"}, 206)):
            answer = await fetch(
                site, target, fields, method=method, limits=limits, cache_control=policy, immutable=True
            )
            assert answer.status == (200 if method == "HEAD" and status == 206 else status)
            assert answer.headers.get("cache-control") == expected


@pytest.mark.parametrize("name", ["*.html", "404.html"])
async def test_errors_are_not_kept_as_long_as_files(site: Path, name: str) -> None:
    answer = await fetch(site, "/app.js", {"if-match": '"other"'}, cache_control={"*": "max-age=60"})
    assert (answer.status, "cache-control" in answer.headers) == (412, False)
    answer = await fetch(site, "/missing", cache_control={"*": "max-age=60"})
    assert (answer.status, "cache-control" in answer.headers) == (404, False)


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [
        ("app.3f2a9c1b.js", True),
        ("app-3f2a9c1b.js", True),
        ("app.3f2a9c1b.js.map", True),
        ("main.chunk.0123456789abcdef0123456789abcdef.css", True),
        ("a.1234567f.js", True),
        ("a.f1234567.js", True),
        ("app.js", False),
        ("app.20240131.js", False),
        ("app.deadbeef.js", False),
        ("app.3f2a9c1.js", False),
        ("app.3F2A9C1B.js", False),
        ("app.3f2a9c1g.js", False),
        ("3f2a9c1b.js", False),
        ("app3f2a9c1b.js", False),
        ("app.3f2a9c1b", False),
        ("jquery-1.12.4.min.js", False),
        ("a." + "1f" * 33 + ".js", False),
    ],
)
async def test_a_name_with_a_hash_in_it_is_kept_for_ever(site: Path, name: str, is_kept: bool) -> None:
    write(site, {name: "text", f"{name}.gz": "gz"})

    for accepted in ("identity", "gzip"):
        answer = await fetch(site, f"/{name}", {"accept-encoding": accepted}, immutable=True)
        assert answer.headers.get("cache-control") == (IMMUTABLE if is_kept else None)
    assert "cache-control" not in (await fetch(site, f"/{name}")).headers


BUILT = [
    *(
        "index-BpVSPpQO.js",
        "index-DiwrgTda.css",
        "index-C6yBXHrS.js",
        "react-CHdo91hT.svg",
        "index-n_ryQ3BS.css",
    ),  # Vite
    *("index.B_TqY17P.css", "start.DlAUqK2U.js", "codicon-DCmgc-ay.ttf", "index--QdMvsKi.css", "index-BpVSPpQO.js.map"),
    *("polyfills-FFHMD2TL.js", "chunk-MDSE3WEL.js", "chunk-7W3XQ5ZB.js.map"),  # esbuild, Angular
    *("main.8dbf9b3a.chunk.css", "787.6f1b2c3d.chunk.js", "page-0123456789abcdef.js", "app-3f2a9c1b6d7e8f90_bg.wasm"),
    *("site.min.%s.css" % ("1f" * 32), "base.55e7cbb9ba48.css", "logo.a1b2c3d4.svg"),
]

ORDINARY = [
    *("index-HomePage.js", "user-settings.js", "page-Overview.html", "icon-DarkMode.svg", "photo-iPhone15.jpg"),
    *(
        "data-Q3Report.csv",
        "draft-v2Final1.pdf",
        "logo-ORIGINAL.png",
        "x-DOCUMENT.txt",
        "api-JsonType.js",
        "scan-IMG12345.jpg",
    ),
    *("clip-DSC01234.mov", "about-us-Page2.html", "report-20260131.pdf", "report-20260131b.pdf", "photo-cafe2024.jpg"),
    *(
        "app-win32x64.zip",
        "x-CPPFLAGS.txt",
        "NotoSans-SemiBold.woff2",
        "jquery.validate.min.js",
        "react.production.min.js",
    ),
    *("550e8400-e29b-41d4-a716-44665544000a.jpg", "avatar-550e8400-e29b-41d4-a716-44665544000a.png"),
    *(
        "index.html",
        "BpVSPpQO.js",
        "my-file",
        "archive-1.2.3.tar.gz",
        "a-release2.js",
        "x-Homepage.js",
        "x-Original.js",
    ),
]


@pytest.mark.parametrize(("names", "is_hash"), [(BUILT, True), (ORDINARY, False)])
def test_hashes_of_build_tools_are_told_from_ordinary_names(names: list[str], is_hash: bool) -> None:
    assert [name for name in names if has_fingerprint(name) is not is_hash] == []


@pytest.mark.parametrize("part", ["a", "A", "0", "-", ".", "-a", ".a", "-AbCdEfG1", ".js", "1f"])
def test_a_long_name_is_read_in_linear_time(part: str) -> None:
    assert growth(lambda size: partial(has_fingerprint, part * size), 500) < LINEAR


# Applications of one page, and a page for missing files.


@pytest.mark.parametrize(
    "target", ["/users/7", "/users/", "/a/b/c", "/%00", "/bare/", "/x%20y", "/missing.d/", "/users/jane.doe", "/v1.2"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_application_answers_browsers_for_its_routes(
    site: Path, limits: Limits, target: str, method: str
) -> None:
    answer = await fetch(site, target, BROWSER, method=method, limits=limits, spa="index.html", not_found="404.html")

    assert (answer.status, answer.text, answer.headers["vary"]) == (200, "home" if method == "GET" else "", "Accept")


@pytest.mark.parametrize(
    "target", ["/missing.js", "/assets/x-1.PNG", "/users/7.json", "/.env", "/..", "/../x.txt", "/.git/config.x"]
)
async def test_an_application_does_not_stand_for_files(site: Path, limits: Limits, target: str) -> None:
    answer = await fetch(site, target, BROWSER, limits=limits, spa="index.html")
    assert (answer.status, "home" in answer.text) == (404, False)
    answer = await fetch(site, target, BROWSER, limits=limits, spa="index.html", not_found="404.html")
    assert (answer.status, answer.text) == (404, "not here")


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json", "text/html;q=0, */*", "application/json, text/html;q=0.9", "text/html-x"]
)
async def test_a_program_is_told_that_nothing_is_there(site: Path, accept: str) -> None:
    fields = {"accept": accept} if accept else {}
    answer = await fetch(site, "/users/7", fields, spa="index.html", not_found="404.html")

    assert (answer.status, answer.headers["vary"]) == (404, "Accept")


async def test_the_page_of_an_application_is_revalidated_like_a_file(site: Path, limits: Limits) -> None:
    etag = (await fetch(site, "/users/7", BROWSER, limits=limits, spa="index.html")).headers["etag"]
    fields = {**BROWSER, "if-none-match": etag}
    answer = await fetch(site, "/users/7", fields, limits=limits, spa="index.html")

    assert (answer.status, answer.headers["vary"]) == (304, "Accept")


async def test_what_stands_for_another_page_does_not_change_that_page_s_own_answer(site: Path, limits: Limits) -> None:
    async with Client(serving(site, spa="index.html", not_found="404.html"), limits=limits) as client:
        for _ in range(2):
            assert (await client.get("/users/7", headers=BROWSER)).headers["vary"] == "Accept"
            assert "vary" not in (await client.get("/index.html", headers=BROWSER)).headers
            assert (await client.get("/x.js", headers=BROWSER)).headers["vary"] == "Accept, Accept-Encoding"
            own = await client.get("/404.html", headers=BROWSER)
            assert (own.status, own.headers["vary"], "etag" in own.headers) == (200, "Accept-Encoding", True)


@pytest.mark.parametrize(
    "fields",
    [{}, {"if-none-match": "*"}, {"if-match": '"other"'}, {"if-modified-since": NEW}, {"if-unmodified-since": OLD}],
)
async def test_a_page_for_what_is_not_there_is_about_nothing(
    site: Path, limits: Limits, fields: dict[str, str]
) -> None:
    # RFC 9110 section 13.2.1: preconditions apply only if the answer would be 2xx without them.
    before = open_descriptors()
    answer = await fetch(site, "/missing", {**BROWSER, **fields}, limits=limits, not_found="404.html")

    assert (answer.status, answer.text) == (404, "not here")
    assert not [name for name in ("etag", "last-modified", "accept-ranges") if name in answer.headers]
    assert open_descriptors() == before


async def test_a_page_for_what_is_not_there_has_forms_too(site: Path, limits: Limits) -> None:
    fields = {**BROWSER, "accept-encoding": "gzip"}
    answer = await fetch(site, "/missing", fields, limits=limits, not_found="404.html")

    assert (answer.status, answer.text, answer.headers["content-encoding"]) == (404, "zipped", "gzip")


async def test_what_is_not_there_is_not_there_in_any_coding(site: Path, limits: Limits) -> None:
    fields = {**BROWSER, "accept-encoding": "identity;q=0, br"}

    assert (await fetch(site, "/missing", fields, limits=limits, not_found="404.html")).status == 404


@pytest.mark.parametrize("options", [{"spa": "gone.html"}, {"not_found": "gone.html"}, {"spa": ".env"}, {"spa": "sub"}])
async def test_a_page_that_is_not_there_itself_is_an_answer_of_404(site: Path, options: dict[str, Any]) -> None:
    answer = await fetch(site, "/missing", BROWSER, **options)

    assert (answer.status, SECRET in answer.text) == (404, False)


@pytest.mark.parametrize("options", [{"spa": "index.html"}, {"not_found": "index.html"}])
async def test_a_page_that_goes_after_it_was_found_is_an_answer_of_404(site: Path, options: dict[str, Any]) -> None:
    async with Client(serving(site, **options), limits=UNCACHED) as client:
        assert (await client.get("/missing", headers=BROWSER)).text == "home"
        (site / "index.html").unlink()

        assert (await client.get("/missing", headers=BROWSER)).status == 404


async def test_only_reading_is_answered_by_an_application(site: Path) -> None:
    assert (await fetch(site, "/users/7", BROWSER, method="POST", spa="index.html")).status == 405


# Clean URLs.


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("/about", 200, "about"),
        ("/about.html", 200, "about"),
        ("/%61bout", 200, "about"),
        ("/sub/page", 200, "page"),
        ("/app", 404, None),
        ("/about/", 404, None),
        ("/about.html/", 404, None),
        ("/.env", 404, None),
        ("/.git/config", 404, None),
        ("/con", 404, None),
        ("/..", 404, None),
        ("/../site/about", 404, None),
        ("/about%00", 404, None),
        ("/about%2f", 404, None),
        ("/" + "x" * 252, 404, None),
        # A directory with the same name comes first, under its own URL.
        ("/both", 308, None),
        ("/both/", 200, "directory"),
        ("/both.html", 200, "file"),
    ],
)
async def test_pages_are_served_without_their_suffix(
    site: Path, limits: Limits, target: str, status: int, text: str | None
) -> None:
    answer = await fetch(site, target, limits=limits, clean_urls=True)

    assert (answer.status, SECRET in answer.text) == (status, False)
    if text:
        assert (answer.text, answer.headers["content-type"]) == (text, "text/html; charset=utf-8")


@pytest.mark.parametrize("listing", [False, True])
async def test_a_page_beside_the_directory_of_the_pages_below_it_is_served(site: Path, listing: bool) -> None:
    write(site, {"about/team.html": "team"})

    assert (await fetch(site, "/about", clean_urls=True, listing=listing)).text == "about"
    assert (await fetch(site, "/about/team", clean_urls=True, listing=listing)).text == "team"
    assert (await fetch(site, "/about/", clean_urls=True, listing=listing)).status == (200 if listing else 404)
    assert (await fetch(site, "/bare", clean_urls=True, listing=listing)).headers["location"] == "/bare/"


async def test_pages_are_not_served_without_their_suffix_unless_somebody_says_so(site: Path) -> None:
    assert (await fetch(site, "/about")).status == 404


async def test_a_policy_is_for_the_file_and_not_for_the_url(site: Path) -> None:
    answer = await fetch(site, "/about", clean_urls=True, cache_control={"*.html": "no-cache"})

    assert answer.headers["cache-control"] == "no-cache"


# Indexes.


@pytest.mark.parametrize(
    ("index", "target", "text"),
    [
        (("index.html",), "/", "home"),
        ("index.html", "/", "home"),
        (("index.html",), "/sub/", None),
        (("index.html", "index.htm"), "/sub/", "sub"),
        (("index.htm", "page.html"), "/sub/", "sub"),
        (("missing.html", "page.html"), "/sub/", "page"),
        (("sub", "index.html"), "/", "home"),
        ((), "/", None),
        ((".env",), "/", None),
        (("../site/index.html",), "/", None),
    ],
)
async def test_the_first_index_that_is_there_is_served(
    site: Path, limits: Limits, index: Any, target: str, text: str | None
) -> None:
    answer = await fetch(site, target, limits=limits, index=index)

    assert (answer.status, answer.text if text else None) == (200 if text else 404, text)


# Dotfiles and links.


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/.well-known/acme", 200),
        ("/%2ewell-known/acme", 200),
        ("/.well-known", 308),
        ("/.well-known/", 404),
        ("/.env", 404),
        ("/.well-known/../.env", 404),
        ("/.well-known%2f..%2f.env", 404),
        ("/.git/config", 404),
        ("/.WELL-KNOWN/acme", 404),
    ],
)
async def test_only_the_dotfiles_that_are_named_are_served(site: Path, target: str, status: int) -> None:
    answer = await fetch(site, target, dotfiles={".well-known"})

    assert (answer.status, SECRET in answer.text) == (status, False)
    assert (await fetch(site, target)).status == 404


# Errors.


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE])
@pytest.mark.parametrize("target", ["/index.html", "/missing"])
async def test_a_server_without_descriptors_says_so(
    site: Path, monkeypatch: pytest.MonkeyPatch, code: int, target: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    async with Client(serving(site, spa="index.html")) as client:
        monkeypatch.setattr(handler, "find", fail)
        answer = await client.get(target, headers=BROWSER)

        assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_a_page_that_cannot_be_opened_for_want_of_descriptors_is_not_missing(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async with Client(serving(site, spa="index.html"), limits=UNCACHED) as client:
        assert (await client.get("/users/7", headers=BROWSER)).text == "home"
        monkeypatch.setattr(handler, "open_file", fail)

        assert (await client.get("/users/7", headers=BROWSER)).status == 503


async def test_a_disk_that_fails_is_no_missing_file(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async with Client(serving(site), raise_exceptions=False) as client:
        monkeypatch.setattr(handler, "find", fail)

        assert (await client.get("/index.html")).status == 500


@pytest.mark.parametrize("kind", ["dangling", "outside", "hidden", "loop", "pipe", "directory"])
async def test_a_directory_whose_index_cannot_be_served_is_listed(site: Path, kind: str) -> None:
    index = site / "bare" / "index.html"
    write(site.parent, {"secret.txt": SECRET})
    links = {"dangling": "missing", "outside": "../../secret.txt", "hidden": "../.env", "loop": "index.html"}
    if kind in links:
        index.symlink_to(links[kind])
    elif kind == "pipe":
        os.mkfifo(index)
    else:
        index.mkdir()

    for options in ({"symlinks": True}, {"index": ["index.html", "x.txt"]}, {}):
        answer = await fetch(site, "/bare/", {"accept": "text/plain"}, listing=True, **options)

        assert (answer.status, SECRET in answer.text, "x" in answer.text) == (200, False, True)
