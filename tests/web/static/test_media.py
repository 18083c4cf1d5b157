"""Tests of aiosock.web.static.media."""

import mimetypes
import re
from pathlib import Path

import pytest

from aiosock.web.static.media import _SUFFIXES, media_type
from tests.web.static.serving import fetch, write

UTF_8 = "; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.htm", "text/html" + UTF_8),
        ("a.Html", "text/html" + UTF_8),
        ("a.b.c.JS", "text/javascript" + UTF_8),
        ("a.mjs", "text/javascript" + UTF_8),
        ("a.cjs", "text/javascript" + UTF_8),
        ("a.js.map", "application/json" + UTF_8),
        ("a.xml", "application/xml" + UTF_8),
        ("a.svg", "image/svg+xml" + UTF_8),
        ("a.md", "text/markdown" + UTF_8),
        ("a.txt", "text/plain" + UTF_8),
        ("a.csv", "text/csv" + UTF_8),
        ("a.webmanifest", "application/manifest+json"),
        ("a.xhtml", "application/xhtml+xml"),
        ("a.avif", "image/avif"),
        ("a.ico", "image/x-icon"),
        ("a.jpg", "image/jpeg"),
        ("a.gif", "image/gif"),
        ("a.mp3", "audio/mpeg"),
        ("a.mp4", "video/mp4"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        ("a.pdf", "application/pdf"),
        ("a.zip", "application/zip"),
        # A compressed file has the type of its compression.
        ("a.gz", "application/gzip"),
        ("a.html.gz", "application/gzip"),
        ("a.svgz", "image/svg+xml" + UTF_8),
        ("a.js.br", "application/octet-stream"),
        ("a.js.zst", "application/zstd"),
        ("a.tar.xz", "application/octet-stream"),
        ("a.tar.bz2", "application/octet-stream"),
        ("a.tar", "application/x-tar"),
        # HLS and DASH, feeds, and others that the table of a system may lack.
        ("a.m3u8", "application/vnd.apple.mpegurl"),
        ("a.ts", "video/mp2t"),
        ("a.m4s", "video/iso.segment"),
        ("a.mpd", "application/dash+xml"),
        ("a.vtt", "text/vtt" + UTF_8),
        ("a.rss", "application/rss+xml"),
        ("a.atom", "application/atom+xml"),
        ("a.epub", "application/epub+zip"),
        ("a.apk", "application/vnd.android.package-archive"),
        ("a.eot", "application/vnd.ms-fontobject"),
        ("a.mid", "audio/midi"),
        ("a.rs", "text/plain" + UTF_8),
        (
            "a.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        # Files without a type.
        ("README", "application/octet-stream"),
        ("a.", "application/octet-stream"),
        ("html", "application/octet-stream"),
        (".html", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("a.html ", "application/octet-stream"),
        ("a.html\n", "application/octet-stream"),
        ("a.js?x.unheard-of", "application/octet-stream"),
        ("é.html", "text/html" + UTF_8),
        ("[::1.html", "text/html" + UTF_8),
        ("[::1.png", "image/png"),
        ("data,a.png", "image/png"),
        ("a;b,c.png", "image/png"),
        ("a%2epng", "application/octet-stream"),
    ],
)
def test_a_type_is_told_by_the_last_suffix(name: str, kind: str) -> None:
    assert media_type(name) == kind


def test_no_type_depends_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("guess_type", "init"):
        monkeypatch.setattr(mimetypes, name, lambda *_: pytest.fail("this table differs between machines"))

    assert media_type("a.ts") == "video/mp2t"
    assert media_type("a.unheard-of") == "application/octet-stream"


def test_every_type_is_well_formed_and_every_suffix_has_one_type() -> None:
    suffixes = [suffix for names in _SUFFIXES.values() for suffix in names.split()]

    assert len(suffixes) == len(set(suffixes))
    assert all(re.fullmatch(r"[a-z0-9]+", suffix) for suffix in suffixes)
    assert all(re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", kind) for kind in _SUFFIXES)


async def test_an_svg_that_is_compressed_by_itself_says_so(tmp_path: Path) -> None:
    write(tmp_path, {"a.svgz": b"packed", "a.svgz.br": b"packed twice"})
    for accepted in ("gzip, br", "identity", "br"):
        answer = await fetch(tmp_path, "/a.svgz", {"accept-encoding": accepted})

        assert (answer.body, answer.headers["content-encoding"]) == (b"packed", "gzip")
        assert answer.headers["content-type"] == "image/svg+xml" + UTF_8


@pytest.mark.parametrize("content", [b"<script>alert(1)</script>", b"\xff\xfe<\0h\0", b"%PDF-1.7", b""])
async def test_no_content_changes_what_the_name_says(tmp_path: Path, content: bytes) -> None:
    answer = await fetch(write(tmp_path, {"a.txt": content}), "/a.txt")

    assert answer.headers["content-type"] == "text/plain" + UTF_8
    assert answer.headers["x-content-type-options"] == "nosniff"
