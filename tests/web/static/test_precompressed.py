"""Tests of aiosock.web.static.representation: which form of a file is sent (RFC 9110 section 12.5.3)."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from aiosock.config import Limits
from aiosock.testing import Client
from aiosock.web.static.representation import READS, Representation, find
from aiosock.web.static.tree import Tree
from aiosock.wire.conditional import parse_date
from tests.web.static.serving import MOMENT, SECRET, UNCACHED, fetch, open_descriptors, serving, write

FORMS = {"app.js": "p" * 40, "app.js.gz": "g" * 30, "app.js.br": "b" * 20, "app.js.zst": "z" * 25}
CODINGS = {"p": None, "g": "gzip", "b": "br", "z": "zstd"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write(tmp_path / "site", {**FORMS, "lone.js": "lone", "sub/index.html": "i" * 40, "sub/index.html.gz": "gi"})


@pytest.mark.parametrize(
    ("accepted", "form"),
    [
        (None, "p"),
        ("", "p"),
        ("gzip", "g"),
        ("GZIP", "g"),
        ("x-gzip", "g"),
        ("br", "b"),
        ("zstd", "z"),
        ("deflate", "p"),
        ("compress, deflate, nonsense", "p"),
        # The preferred form; of equal ones, the smallest.
        ("gzip, deflate, br, zstd", "b"),
        ("gzip, zstd", "z"),
        ("gzip;q=1, br;q=0.5", "g"),
        ("gzip;q=0.5, br;q=0.4, zstd;q=0.6", "z"),
        ("br;q=0.001", "b"),
        ("*", "b"),
        ("*;q=0.1", "b"),
        ("gzip, *;q=0.1", "g"),
        ("identity, gzip;q=0.5", "p"),
        ("identity;q=0.5, gzip", "g"),
        ("identity, *", "b"),
        # Refused forms.
        ("br;q=0", "p"),
        ("br;q=0, gzip", "g"),
        ("br;q=0, *", "z"),
        ("br;q=0.000, zstd;q=0, *", "g"),
        ("br;q=0, zstd;q=0, gzip;q=0, *", "p"),
        ("identity;q=0", None),
        ("identity;q=0, gzip", "g"),
        ("identity;q=0, *", "b"),
        ("*;q=0", None),
        ("*;q=0, br", "b"),
        ("*;q=0, identity", "p"),
        ("*;q=0, identity;q=0.1, gzip;q=0", "p"),
        ("deflate, identity;q=0", None),
        # A malformed weight refuses the form.
        ("br;q=high", "p"),
        ("br;q=2, gzip", "g"),
        ("br;q=-1, gzip;q=1.5, zstd", "z"),
        # A list longer than the server reads.
        (",".join(["deflate"] * 300), "p"),
        (", ,gzip,,", "g"),
    ],
)
async def test_the_form_that_the_client_likes_best_is_sent(
    site: Path, limits: Limits, accepted: str | None, form: str | None
) -> None:
    fields = {} if accepted is None else {"accept-encoding": accepted}
    answer = await fetch(site, "/app.js", fields, limits=limits)

    assert "accept-encoding" in answer.headers["vary"].lower()
    if form is None:
        assert answer.status == 406
        return
    assert (answer.status, answer.text[0], answer.headers.get("content-encoding")) == (200, form, CODINGS[form])
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-length"] == str(len(answer.body))


async def test_each_form_has_a_tag_of_its_own(site: Path, limits: Limits) -> None:
    tags = [
        (await fetch(site, "/app.js", {"accept-encoding": coding}, limits=limits)).headers["etag"]
        for coding in ("identity", "gzip", "br", "zstd")
    ]

    assert len(set(tags)) == 4
    assert not [tag for tag in tags if tag.startswith("W/")]


async def test_the_tag_of_one_form_says_nothing_about_another(site: Path, limits: Limits) -> None:
    plain = await fetch(site, "/app.js", limits=limits)
    fields = {"accept-encoding": "gzip", "if-none-match": plain.headers["etag"]}

    assert (await fetch(site, "/app.js", fields, limits=limits)).status == 200
    fields = {"accept-encoding": "gzip", "if-match": plain.headers["etag"]}
    assert (await fetch(site, "/app.js", fields, limits=limits)).status == 412


@pytest.mark.parametrize("accepted", ["identity", "gzip", "br", "zstd"])
async def test_an_answer_of_304_says_what_a_cache_must_know_and_nothing_of_the_content(
    site: Path, limits: Limits, accepted: str
) -> None:
    fields = {"accept-encoding": accepted}
    policy = {"*.js": "max-age=60"}
    whole = await fetch(site, "/app.js", fields, limits=limits, cache_control=policy)
    fields["if-none-match"] = whole.headers["etag"]
    answer = await fetch(site, "/app.js", fields, limits=limits, cache_control=policy)

    assert (answer.status, answer.body) == (304, b"")
    assert {name: answer.headers[name] for name in ("vary", "cache-control", "etag")} == {
        "vary": "Accept-Encoding",
        "cache-control": "max-age=60",
        "etag": whole.headers["etag"],
    }
    assert not [name for name, _ in answer.headers.items() if name.startswith("content-")]


@pytest.mark.parametrize("fields", [{}, {"accept-encoding": "gzip"}, {"accept-encoding": "identity"}])
async def test_an_answer_varies_exactly_where_there_are_several_forms(
    site: Path, limits: Limits, fields: Mapping[str, str]
) -> None:
    assert (await fetch(site, "/app.js", fields, limits=limits)).headers["vary"] == "Accept-Encoding"
    assert (await fetch(site, "/sub/", fields, limits=limits)).headers["vary"] == "Accept-Encoding"
    assert "vary" not in (await fetch(site, "/lone.js", fields, limits=limits)).headers
    assert "vary" not in (await fetch(site, "/app.js", fields, limits=limits, precompressed=False)).headers
    assert "vary" not in (await fetch(site, "/app.js.gz", fields, limits=limits)).headers


@pytest.mark.parametrize("accepted", ["*;q=0", "identity;q=0", "gzip, identity;q=0", "identity;q=0.000"])
async def test_a_file_of_one_form_can_be_refused_too(site: Path, limits: Limits, accepted: str) -> None:
    answer = await fetch(site, "/lone.js", {"accept-encoding": accepted}, limits=limits)

    assert (answer.status, "accept-encoding" in answer.headers["vary"].lower()) == (406, True)


@pytest.mark.parametrize("accepted", ["*", "gzip;q=0", "identity;q=0.1, *;q=0", "gzip;q=0.5, br;q=0"])
async def test_a_file_of_one_form_is_sent_to_whom_takes_it(site: Path, accepted: str) -> None:
    assert (await fetch(site, "/lone.js", {"accept-encoding": accepted})).text == "lone"


async def test_the_index_of_a_directory_has_forms_too(site: Path, limits: Limits) -> None:
    answer = await fetch(site, "/sub/", {"accept-encoding": "gzip"}, limits=limits)

    assert (answer.text, answer.headers["content-type"]) == ("gi", "text/html; charset=utf-8")


async def test_head_is_about_the_same_form_as_get(site: Path, limits: Limits) -> None:
    fields = {"accept-encoding": "gzip"}
    answers = [await fetch(site, "/app.js", fields, method=method, limits=limits) for method in ("GET", "HEAD")]
    for answer in answers:
        del answer.headers["date"]

    assert answers[0].headers == answers[1].headers


async def test_a_compressed_file_that_is_asked_for_by_name_is_just_a_file(site: Path, limits: Limits) -> None:
    answer = await fetch(site, "/app.js.gz", {"accept-encoding": "gzip"}, limits=limits)

    assert (answer.text[0], answer.headers["content-type"]) == ("g", "application/gzip")
    assert "content-encoding" not in answer.headers


# Files that look like siblings and are not.


async def test_a_sibling_without_its_original_is_not_served_for_it(site: Path) -> None:
    (site / "app.js").unlink()

    assert (await fetch(site, "/app.js", {"accept-encoding": "gzip"})).status == 404


async def test_a_sibling_that_is_older_than_its_original_is_not_used(site: Path, limits: Limits) -> None:
    os.utime(site / "app.js", ns=(0, (MOMENT + 1) * 10**9))
    answer = await fetch(site, "/app.js", {"accept-encoding": "gzip, br, zstd"}, limits=limits)

    assert (answer.text[0], "vary" in answer.headers) == ("p", False)


async def test_a_sibling_that_is_older_by_less_than_a_second_is_used(site: Path, limits: Limits) -> None:
    os.utime(site / "app.js", ns=(0, MOMENT * 10**9 + 999_999_999))
    answer = await fetch(site, "/app.js", {"accept-encoding": "gzip"}, limits=limits)

    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("symlinks", [False, True])
@pytest.mark.parametrize("leads_to", ["../secret.gz", "../../etc/passwd", ".hidden.gz", "missing", "lone.js.gz"])
async def test_a_sibling_that_is_a_link_out_of_the_root_is_not_used(
    site: Path, limits: Limits, symlinks: bool, leads_to: str
) -> None:
    write(site.parent, {"secret.gz": SECRET, "site/.hidden.gz": SECRET})
    (site / "lone.js.gz").symlink_to(leads_to)
    before = open_descriptors()
    answer = await fetch(site, "/lone.js", {"accept-encoding": "gzip"}, limits=limits, symlinks=symlinks)

    assert (answer.status, answer.text, "vary" in answer.headers) == (200, "lone", False)
    assert open_descriptors() == before


async def test_a_sibling_that_is_a_link_within_the_root_is_used_only_where_links_are(site: Path) -> None:
    (site / "lone.js.gz").symlink_to("app.js.gz")

    assert (await fetch(site, "/lone.js", {"accept-encoding": "gzip"})).text == "lone"
    assert (await fetch(site, "/lone.js", {"accept-encoding": "gzip"}, symlinks=True)).text[0] == "g"


async def test_a_sibling_that_is_no_file_is_not_used(site: Path) -> None:
    (site / "lone.js.gz").mkdir()
    os.mkfifo(site / "lone.js.br")

    assert (await fetch(site, "/lone.js", {"accept-encoding": "gzip, br"})).text == "lone"


async def test_a_sibling_whose_name_would_be_too_long_is_not_there(site: Path) -> None:
    name = "x" * 252 + ".js"
    write(site, {name: "long"})

    assert (await fetch(site, f"/{name}", {"accept-encoding": "gzip"})).text == "long"


async def test_a_dotfile_that_is_served_has_no_hidden_sibling(site: Path) -> None:
    write(site, {".conf": "conf", ".conf.gz": SECRET})

    assert (await fetch(site, "/.conf", {"accept-encoding": "gzip"}, dotfiles={".conf"})).text == "conf"


async def test_an_empty_sibling_is_a_form(site: Path, limits: Limits) -> None:
    write(site, {"app.js.gz": ""})
    answer = await fetch(site, "/app.js", {"accept-encoding": "gzip"}, limits=limits)

    assert (answer.body, answer.headers["content-encoding"], answer.headers["content-length"]) == (b"", "gzip", "0")


# Siblings that disappear.


@pytest.mark.parametrize("replaced_by", ["nothing", "directory", "link"])
async def test_a_sibling_that_goes_after_it_was_found_leaves_the_original(site: Path, replaced_by: str) -> None:
    async with Client(serving(site), limits=UNCACHED) as client:
        fields = {"accept-encoding": "gzip"}
        assert (await client.get("/app.js", headers=fields)).text[0] == "g"
        (site / "app.js.gz").unlink()
        if replaced_by == "directory":
            (site / "app.js.gz").mkdir()
        if replaced_by == "link":
            (site / "app.js.gz").symlink_to("lone.js")
        before = open_descriptors()
        for _ in range(2):
            answer = await client.get("/app.js", headers=fields)

            assert (answer.status, answer.text[0], answer.headers.get("content-encoding")) == (200, "p", None)
            assert answer.headers["vary"] == "Accept-Encoding"
        assert open_descriptors() == before


async def test_an_original_that_goes_after_it_was_found_is_not_there(site: Path) -> None:
    async with Client(serving(site), limits=UNCACHED) as client:
        await client.get("/app.js")
        (site / "app.js").unlink()

        assert (await client.get("/app.js")).status == 404


async def test_a_file_that_becomes_a_directory_after_it_was_found_is_a_redirect(site: Path) -> None:
    async with Client(serving(site), limits=UNCACHED) as client:
        await client.get("/lone.js")
        (site / "lone.js").unlink()
        (site / "lone.js").mkdir()

        assert (await client.get("/lone.js")).headers["location"] == "/lone.js/"


# Reading.


def test_a_file_that_changes_whenever_it_is_read_is_sent_like_a_large_one(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        reads.append(length)
        with (site / "lone.js").open("ab") as file:
            file.write(b"x")
        return (site / "lone.js").read_bytes()[offset : offset + length]

    monkeypatch.setattr(os, "pread", pread)
    found = find(Tree(site), ["lone.js"], (), 1000).representations[0]

    assert (found.content, len(reads)) == (None, READS)


def test_a_file_that_grows_beyond_the_limit_is_not_read_to_its_end(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        reads.append(length)
        os.truncate(site / "lone.js", 10**9)
        return b"?" * 4

    monkeypatch.setattr(os, "pread", pread)
    found = find(Tree(site), ["lone.js"], (), 1000).representations[0]

    assert (found.content, reads) == (None, [5])


async def test_a_file_from_the_future_was_modified_now(site: Path) -> None:
    os.utime(site / "lone.js", (2**33, 2**33))
    answer = await fetch(site, "/lone.js")

    assert answer.headers["last-modified"] <= answer.headers["date"] or (
        answer.headers["last-modified"][:16] != answer.headers["date"][:16]  # a day began in between
    )


@pytest.mark.parametrize("moment", [-1, -(10**9), -(10**11), -(10**12), 10**12])
def test_a_file_of_a_year_that_no_date_has_is_described(moment: int) -> None:
    status = os.stat_result([0] * 10, {"st_mtime": float(moment), "st_mtime_ns": moment * 10**9})
    found = Representation(["a.txt"], "text/plain", "identity", status)
    found.describe(varies=False, cache_control="")

    assert parse_date(dict(found.fields)["last-modified"]) == int(found.modified)
