"""Tests of aiosock.web.static.media."""

import mimetypes
from pathlib import Path

import pytest

from aiosock.web.static.media import media_type
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
        ("a.svgz", "application/gzip"),
        ("a.js.br", "application/octet-stream"),
        ("a.js.zst", "application/zstd"),
        ("a.tar.xz", "application/octet-stream"),
        ("a.tar.bz2", "application/octet-stream"),
        ("a.tar", "application/x-tar"),
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


def test_the_web_s_types_are_not_the_machine_s_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mimetypes, "guess_type", lambda _: ("text/odd", None))

    assert media_type("a.js") == "text/javascript" + UTF_8
    assert media_type("a.unheard-of") == "text/odd" + UTF_8


@pytest.mark.parametrize("content", [b"<script>alert(1)</script>", b"\xff\xfe<\0h\0", b"%PDF-1.7", b""])
async def test_no_content_changes_what_the_name_says(tmp_path: Path, content: bytes) -> None:
    answer = await fetch(write(tmp_path, {"a.txt": content}), "/a.txt")

    assert answer.headers["content-type"] == "text/plain" + UTF_8
    assert answer.headers["x-content-type-options"] == "nosniff"
