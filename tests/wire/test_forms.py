"""Tests of aiosock.wire.forms."""

import logging
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock import HTTPError, Limits
from aiosock.wire.forms import MultipartDecoder, PartHead, parse_form_type, parse_urlencoded
from tests.growth import LINEAR, growth

FIELD = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
FILE = (
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\n'
    b"Content-Type: text/html; charset=latin-1\r\n\r\n%b\r\n"
)
END = b"--b--\r\n"

Taken = list[tuple[str, str | None, bytes]]


def part(*lines: bytes, content: bytes = b"x") -> bytes:
    return b"--b\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + content + b"\r\n"


def named(name: bytes) -> bytes:
    return b"Content-Disposition: form-data; " + name


def taken(*pieces: bytes, limits: Limits | None = None, limit: int = 1 << 20) -> Taken:
    """Return name, file name and content of every part of a form that comes in these pieces."""
    decoder = MultipartDecoder("b", limits or Limits(), limit)
    found: Taken = []
    for piece in pieces:
        for event in decoder.feed(piece):
            if isinstance(event, PartHead):
                head, content = event, b""
            elif event is None:
                found.append((head.name, head.filename, content))
            else:
                assert event
                content += event
    decoder.finish()
    return found


def verdict(*pieces: bytes, limits: Limits | None = None, limit: int = 1 << 20) -> Taken | tuple[int, str]:
    try:
        return taken(*pieces, limits=limits, limit=limit)
    except HTTPError as error:
        return error.status, error.detail


def status(*pieces: bytes, limits: Limits | None = None, limit: int = 1 << 20) -> int:
    found = verdict(*pieces, limits=limits, limit=limit)
    return found[0] if isinstance(found, tuple) else 200


# The kind of form.


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("application/x-www-form-urlencoded", ("application/x-www-form-urlencoded", "")),
        ("Application/X-WWW-Form-URLencoded ; charset=UTF-8", ("application/x-www-form-urlencoded", "")),
        ("multipart/form-data; boundary=abc", ("multipart/form-data", "abc")),
        ('multipart/form-data;charset=utf-8;; Boundary="a b:\\c"', ("multipart/form-data", "a b:c")),
        ("multipart/form-data; boundary=" + "x" * 70, ("multipart/form-data", "x" * 70)),
    ],
)
def test_a_content_type_says_what_kind_of_form_it_is(value: str, found: tuple[str, str]) -> None:
    assert parse_form_type(value) == found


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("", (415, "The body must have the content type")),
        ("text/plain", (415, "The body must have the content type")),
        ("multipart/mixed; boundary=b", (415, "The body must have the content type")),
        ("text/plain; multipart/form-data; boundary=b", (415, "The body must have the content type")),
        ("multipart/form-data; boundary=b; charset=latin-1", (415, "The text of a form must be UTF-8.")),
        ("application/x-www-form-urlencoded; charset=utf-16", (415, "The text of a form must be UTF-8.")),
        ("multipart/form-data", (400, "The content type of the form has no valid boundary.")),
        ("multipart/form-data; boundary=", (400, "The content type of the form is malformed.")),
        ('multipart/form-data; boundary=""', (400, "The content type of the form has no valid boundary.")),
        ('multipart/form-data; boundary="a "', (400, "The content type of the form has no valid boundary.")),
        ("multipart/form-data; boundary=" + "x" * 71, (400, "The content type of the form has no valid boundary.")),
        ('multipart/form-data; boundary="a\xe9"', (400, "The content type of the form has no valid boundary.")),
        ("multipart/form-data; boundary=a; boundary=b", (400, "The content type of the form is malformed.")),
        ('multipart/form-data; boundary="a', (400, "The content type of the form is malformed.")),
        ("multipart/form-data, boundary=a", (415, "The body must have the content type")),
    ],
)
def test_another_content_type_is_refused_with_a_line(value: str, refused: tuple[int, str]) -> None:
    with pytest.raises(HTTPError) as caught:
        parse_form_type(value)

    assert (caught.value.status, caught.value.detail[: len(refused[1])]) == refused


@pytest.mark.parametrize(
    "unit", [";a", '; "', ";\t ", ';a="\\"', "\\\\"], ids=["names", "quotes", "blanks", "escapes", "backslashes"]
)
def test_a_hostile_content_type_is_read_in_linear_time(unit: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        value = 'multipart/form-data; x="' + unit * size

        def read() -> None:
            with pytest.raises(HTTPError):
                parse_form_type(value)

        return read

    assert growth(prepare, 2000) < LINEAR


# Urlencoded.


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (b"", []),
        (b"&&", []),
        (b"a", [("a", "")]),
        (b"a=1&a=2&=3", [("a", "1"), ("a", "2"), ("", "3")]),
        (b"a=b=c", [("a", "b=c")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a+b=%2B+%26", [("a b", "+ &")]),
        (b"%C3%A9=%F0%9F%90%88", [("é", "🐈")]),
        ("é=🐈".encode(), [("é", "🐈")]),
        (b"a=%&b=%zz", [("a", "%"), ("b", "%zz")]),
        (b"a=\r\n\0", [("a", "\r\n\0")]),
    ],
)
def test_an_urlencoded_form_is_read(body: bytes, pairs: list[tuple[str, str]]) -> None:
    assert parse_urlencoded(body, Limits()) == pairs


@pytest.mark.parametrize("body", [b"a=\xff", b"a=%FF", b"%C3=a", b"a=%ED%A0%80", b"a=%C0%AF"])
def test_an_urlencoded_form_is_utf_8(body: bytes) -> None:
    with pytest.raises(HTTPError, match="400 The form has text that is not UTF-8"):
        parse_urlencoded(body, Limits())


@pytest.mark.parametrize(("pairs", "fits"), [(3, True), (4, False)])
def test_an_urlencoded_form_has_so_many_pairs_at_the_most(pairs: int, fits: bool) -> None:
    body = b"&".join([b"a"] * pairs)
    if fits:
        assert len(parse_urlencoded(body, Limits(form_parts=3))) == pairs
        return
    with pytest.raises(HTTPError, match="413 The form has more than 3 parts"):
        parse_urlencoded(body, Limits(form_parts=3))


def test_an_urlencoded_field_has_so_many_bytes_at_the_most() -> None:
    limits = Limits(form_field_bytes=5)

    assert parse_urlencoded(b"a=345", limits) == [("a", "345")]
    with pytest.raises(HTTPError, match="413 A field of the form is larger than the limit of 5 bytes"):
        parse_urlencoded(b"a=3456", limits)


# Multipart, whole and at every split.

FORMS: list[tuple[bytes, Taken]] = [
    (END, []),
    (b"--b--", []),
    (b"\r\n" + FIELD + END, [("a", None, b"value")]),
    (FIELD + FIELD + END, [("a", None, b"value")] * 2),
    (FILE % b"" + FIELD + END, [("f", "n.txt", b""), ("a", None, b"value")]),
    (FILE % b"\r\n\r\n--c\r\n-- b\r\n" + END, [("f", "n.txt", b"\r\n\r\n--c\r\n-- b\r\n")]),
    (FILE % b"\xff\0\n\r\r\r\n" + END, [("f", "n.txt", b"\xff\0\n\r\r\r\n")]),
    (FILE % (b"plain text " * 20) + END, [("f", "n.txt", b"plain text " * 20)]),
    (FILE % (b"plain text " * 20) + FILE % (b"more " * 30) + FIELD + END,
     [("f", "n.txt", b"plain text " * 20), ("f", "n.txt", b"more " * 30), ("a", None, b"value")]),
    (FIELD + END + b"\r\nwhatever follows\r\n--b\r\n", [("a", None, b"value")]),
    (part(named('name="é🐈"; filename="ü\\"x"'.encode())) + END, [("é🐈", 'ü"x', b"x")]),
    (part(named(b'name="a%22b%0D%0A"; filename=""')) + END, [('a"b\r\n', "", b"x")]),
    (part(named(b'filename="C:\\d\\x.txt"; name=a')) + END, [("a", "x.txt", b"x")]),
    (part(named(b'name="a"; filename="f"'), b"Content-Length: 3", content=b"abc") + END, [("a", "f", b"abc")]),
    (part(named(b'name="a"'), b"Content-Type: text/plain; charset=UTF-8") + END, [("a", None, b"x")]),
    (part(b'Content-Disposition: form-data;\r\n name="a";\r\n\tfilename="f"') + END, [("a", "f", b"x")]),
]  # fmt: skip


@pytest.mark.parametrize(("form", "parts"), FORMS)
def test_a_form_is_taken_apart_the_same_at_every_split(form: bytes, parts: Taken) -> None:
    assert taken(form) == parts
    assert taken(*[form[at : at + 1] for at in range(len(form))]) == parts
    for at in range(1, len(form)):
        assert taken(form[:at], form[at:]) == parts


MALFORMED: list[tuple[bytes, str]] = [
    (b"", "The form ends before its last boundary."),
    (b"-", "The form ends before its last boundary."),
    (FIELD, "The form ends before its last boundary."),
    (FIELD + b"--b", "The form ends before its last boundary."),
    (b"preamble\r\n" + FIELD + END, "The form does not begin with its boundary."),
    (b"\r\n\r\n" + FIELD + END, "The form does not begin with its boundary."),
    (b"\n" + FIELD + END, "The form does not begin with its boundary."),
    (b"--c\r\n" + END, "The form does not begin with its boundary."),
    (b"--b" + b"b" * 50, "The form is malformed: Unexpected byte after first boundary."),
    (b"--b\n\n" + END, "The form is malformed: Invalid line break after first boundary."),
    (part(b"Content-Type: a/b") + END, "The form is malformed: Missing Content-Disposition segment header."),
    (part(b"no colon") + END, "The form is malformed: Malformed segment header."),
    (part(b"Bad name: x") + END, "The form is malformed: Invalid segment header name."),
    (part(named(b'name="\xff"')) + END, "The form is malformed: Segment header failed to decode."),
    (part(named(b'filename="x"')) + END, "A part of the form has no name."),
    (part(named(b'name=""')) + END, "A part of the form has no name."),
    (part(named(b'name="a\0"')) + END, "A part of the form has a header field with a control character."),
    (part(named(b'name="a"; filename="a\0.txt"')) + END,
     "A part of the form has a header field with a control character."),
    (FIELD[:-2] + b"\r\n--bx\r\n" + END, "The form is malformed: Unexpected bytes after boundary."),
    (part(named(b'name="a"; filename="f"'), b"Content-Length: 4", content=b"abc") + END,
     "The form is malformed: Segment size does not match Content-Length header."),
]  # fmt: skip


@pytest.mark.parametrize(("form", "detail"), MALFORMED)
def test_a_malformed_form_is_refused_the_same_at_every_split(form: bytes, detail: str) -> None:
    assert verdict(form) == (400, detail)
    assert verdict(*[form[at : at + 1] for at in range(len(form))]) == (400, detail)
    for at in range(1, len(form)):
        assert verdict(form[:at], form[at:]) == (400, detail)


def test_a_field_in_another_charset_is_refused() -> None:
    form = part(named(b'name="a"'), b"Content-Type: text/plain; charset=latin-1") + END

    assert verdict(form) == (415, "The text of a form must be UTF-8.")


@pytest.mark.parametrize(
    ("lines", "content_type"),
    [
        ([named(b'name="a"')], "text/plain"),
        ([named(b'name="a"; filename="f"')], "application/octet-stream"),
        ([named(b'name="a"; filename="f"'), b"content-type: Image/PNG; x=y"], "image/png"),
    ],
)
def test_a_part_has_a_content_type(lines: list[bytes], content_type: str) -> None:
    (head, *_) = MultipartDecoder("b", Limits(), 1000).feed(part(*lines))

    assert isinstance(head, PartHead)
    assert head.content_type == content_type


def test_the_fields_of_a_part_are_kept_as_they_came() -> None:
    (head, *_) = MultipartDecoder("b", Limits(), 1000).feed(part(named('name="é"'.encode()), b"X-A:  1 ", b"x-a: 2"))

    assert isinstance(head, PartHead)
    assert head.headers.get_all("x-a") == ["1", "2"]
    assert head.headers["content-disposition"].encode("latin-1").decode() == 'form-data; name="é"'


# Limits.


@pytest.mark.parametrize(
    ("limits", "fits", "too_much", "detail"),
    [
        (Limits(form_parts=2), FIELD * 2, FIELD * 3, "The form has more than 2 parts."),
        (
            Limits(form_field_bytes=5),
            FIELD,
            FIELD.replace(b"value", b"values"),
            "A field of the form is larger than the limit of 5 bytes.",
        ),
        (
            Limits(form_headers=2),
            part(named(b"name=a"), b"X: 1"),
            part(named(b"name=a"), b"X: 1", b"Y: 2"),
            "A part of the form has more than 2 header fields, or one longer than 4096 bytes.",
        ),
        (
            Limits(form_header_bytes=40),
            part(named(b"name=abc"), b"X-Field: " + b"x" * 31),
            part(named(b"name=abc"), b"X-Field: " + b"x" * 42),
            "A part of the form has more than 8 header fields, or one longer than 40 bytes.",
        ),
    ],
)
def test_a_form_beyond_a_limit_is_too_large(limits: Limits, fits: bytes, too_much: bytes, detail: str) -> None:
    assert isinstance(verdict(fits + END, limits=limits), list)
    assert verdict(too_much + END, limits=limits) == (413, detail)
    for at in range(1, len(too_much)):
        assert verdict(too_much[:at], too_much[at:] + END, limits=limits) == (413, detail)


def test_a_file_may_be_longer_than_a_field() -> None:
    form = FILE % (b"x" * 1000) + END

    assert taken(form, limits=Limits(form_field_bytes=5)) == [("f", "n.txt", b"x" * 1000)]


@pytest.mark.parametrize("rest", [b"", b"x" * 50])
def test_all_bytes_of_a_form_count(rest: bytes) -> None:
    form = FIELD + END + rest

    assert status(form, limit=len(form)) == 200
    assert verdict(form, limit=len(form) - 1) == (413, f"The form is larger than the limit of {len(form) - 1} bytes.")
    assert status(form[:-1], form[-1:], limit=len(form) - 1) == 413


@pytest.mark.parametrize(
    "endless",
    [
        b"--b" + b"b" * 100_000,
        b"--b\r\n" + b"x" * 100_000,
        b"junk" * 30_000,
        b"--b\r\n" + b"\r\n" * 50_000,
        part(named(b"name=a"))[:-3] + b"\r" * 2_000_000,
    ],
    ids=["boundary", "header", "junk", "empty lines", "field"],
)
def test_what_never_ends_is_refused_early_and_without_a_log_line(
    endless: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert status(endless[:6000], endless[6000:], limit=1 << 30) in (400, 413)

    assert not caplog.records


def test_a_malformed_form_is_refused_without_assertions_too() -> None:
    code = (
        "from tests.wire.test_forms import MALFORMED, verdict\n"
        "print(sum(verdict(form) == (400, detail) for form, detail in MALFORMED))\n"
    )
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == f"{len(MALFORMED)}\n"


@pytest.mark.parametrize(
    "unit", [b"\r", b"\n", b"\r\n", b"\r\n--", b"\r\n-", b"x"], ids=["CR", "LF", "CRLF", "dashes", "near", "x"]
)
def test_a_hostile_file_is_taken_in_linear_time(unit: bytes) -> None:
    def prepare(size: int) -> Callable[[], object]:
        data = FILE % (b"\r\n" + unit * size) + END
        pieces = [data[at : at + 4096] for at in range(0, len(data), 4096)]
        return lambda: verdict(*pieces, limit=1 << 30)

    assert growth(prepare, 20_000) < LINEAR


# Random input.

SETTINGS = settings(max_examples=100, derandomize=True, deadline=None)

PIECES = st.sampled_from(
    [b"--b", b"\r\n", b"\r", b"\n", b"--", b"b", b": ", b";", b'"', b"x", b"\0", b"\xff", FIELD, FILE % b"text", END,
     named(b"name=a"), b"Content-Length: 3", b"Content-Disposition: ", b'name="', b"filename=", b"%22"]
)  # fmt: skip


@SETTINGS
@given(st.lists(PIECES, max_size=20))
def test_whatever_comes_is_a_form_or_refused_and_the_same_in_pieces(pieces: list[bytes]) -> None:
    whole = b"--b\r\n" + b"".join(pieces)

    found, in_pieces = verdict(whole), verdict(*[whole[at : at + 1] for at in range(len(whole))])

    # A bare LF in a head is found even before the CR LF behind it has come; the status is the same.
    assert found[:1] == in_pieces[:1] if isinstance(found, tuple) else found == in_pieces


@SETTINGS
@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=5), st.integers(1, 100))
def test_what_is_sent_arrives(contents: list[tuple[bool, bytes]], size: int) -> None:
    contents = [(is_file, content) for is_file, content in contents if b"\r\n--b" not in b"\r\n" + content]
    form = b"".join(
        part(named(b"name=a; filename=f" if is_file else b"name=a"), content=content) for is_file, content in contents
    )
    form += END
    pieces = [form[at : at + size] for at in range(0, len(form), size)]

    assert taken(*pieces) == [("a", "f" if is_file else None, content) for is_file, content in contents]
