"""Tests of aiosock.wire.forms."""

import logging
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock import HTTPError, Limits
from aiosock.wire.forms import MultipartDecoder, PartHead, iterate_urlencoded, parse_form_type
from tests.calls import counted
from tests.growth import LINEAR, growth

FIELD = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
FILE = (
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\n'
    b"Content-Type: text/html; charset=latin-1\r\n\r\n%b\r\n"
)
END = b"--b--\r\n"

Taken = list[tuple[str, str | None, bytes]]


def pairs_of(body: bytes, limits: Limits, charset: str = "utf-8") -> list[tuple[str, str]]:
    """Return the pairs of an urlencoded form."""
    return list(iterate_urlencoded(body, limits, charset))


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
        ("application/x-www-form-urlencoded", ("application/x-www-form-urlencoded", "", "utf-8")),
        ("Application/X-WWW-Form-URLencoded ; charset=UTF-8", ("application/x-www-form-urlencoded", "", "utf-8")),
        ("application/x-www-form-urlencoded; charset=ISO-8859-1",
         ("application/x-www-form-urlencoded", "", "iso-8859-1")),
        ("multipart/form-data; boundary=abc", ("multipart/form-data", "abc", "utf-8")),
        ('multipart/form-data;charset=utf-8;; Boundary="a b:\\c"', ("multipart/form-data", "a b:c", "utf-8")),
        ("multipart/form-data; boundary=" + "x" * 70, ("multipart/form-data", "x" * 70, "utf-8")),
        ('multipart/form-data; boundary="a;b"', ("multipart/form-data", "a;b", "utf-8")),
    ],
)  # fmt: skip
def test_a_content_type_says_what_kind_of_form_it_is(value: str, found: tuple[str, str, str]) -> None:
    assert parse_form_type(value) == found


@pytest.mark.parametrize(
    "boundary",
    [
        "*****",
        "----=_Part_1_12.34",
        "===1656457491496===",
        "a/b",
        "{0}",
        "a:b",
        "a,b",
        "<a@b>",
        "[a]",
        "'(a)+_?",
        "%a\\",
    ],
)
def test_a_boundary_without_quotes_may_have_all_visible_characters(boundary: str) -> None:
    assert parse_form_type(f"multipart/form-data;boundary={boundary}").boundary == boundary
    assert parse_form_type(f"multipart/form-data; boundary={boundary} ; x=y").boundary == boundary


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
        ("multipart/form-data; boundary=a b", (400, "The content type of the form is malformed.")),
        ('multipart/form-data; boundary=a"b', (400, "The content type of the form is malformed.")),
        ("multipart/form-data; boundary=\xe9", (400, "The content type of the form is malformed.")),
        ("multipart/form-data; boundary=a, multipart/form-data; boundary=b",
         (400, "The content type of the form is malformed.")),
        ("multipart/form-data; boundary=a; boundary=b", (400, "The content type of the form is malformed.")),
        ('multipart/form-data; boundary="a', (400, "The content type of the form is malformed.")),
        ("multipart/form-data, boundary=a", (415, "The body must have the content type")),
    ],
)  # fmt: skip
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
        (b"a=%%41%%%&b=%4%&c=%41%", [("a", "%A%%%"), ("b", "%4%"), ("c", "A%")]),
        (b"a=%3d%3D%253D%25&b=_=%3d=%\n%\r\n", [("a", "==%3D%"), ("b", "_===%\n%\r\n")]),
    ],
)
def test_an_urlencoded_form_is_read(body: bytes, pairs: list[tuple[str, str]]) -> None:
    assert pairs_of(body, Limits()) == pairs


@settings(max_examples=500, derandomize=True, deadline=None)
@given(
    st.lists(st.sampled_from([b"%", b"=", b"3", b"D", b"d", b"4", b"+", b"\r", b"\n", b"%25", b"%3D", b"%41"])).map(
        b"".join
    )
)
def test_percent_encodings_are_decoded_as_by_the_standard_library(value: bytes) -> None:
    decoded = unquote_to_bytes(value.replace(b"+", b" ")).decode("latin-1")

    assert pairs_of(b"a=" + value, Limits(), "iso-8859-1") == [("a", decoded)]


def test_an_urlencoded_form_may_be_iso_8859_1() -> None:
    assert pairs_of(b"a=%E9\xe8", Limits(), "iso-8859-1") == [("a", "éè")]


@pytest.mark.parametrize("unit", [b"%41", b"%", b"%4", b"%zz", b"%%a", b"=", b"%=", b"+", b"%25", b"%3D", b"%\n"])
def test_a_hostile_urlencoded_form_is_decoded_in_linear_time(unit: bytes) -> None:
    limits = Limits(form_field_bytes=1 << 30)

    assert growth(lambda size: lambda: pairs_of(b"a=" + unit * size, limits), 20_000) < LINEAR


def test_percent_encodings_take_no_call_each() -> None:
    def calls(value: bytes) -> int:
        return counted(lambda: pairs_of(b"a=" + value, Limits()))[1]

    assert calls(b"%41" * 10_000) == calls(b"%41")


@pytest.mark.parametrize("body", [b"a=\xff", b"a=%FF", b"%C3=a", b"a=%ED%A0%80", b"a=%C0%AF"])
def test_an_urlencoded_form_is_utf_8(body: bytes) -> None:
    with pytest.raises(HTTPError, match="400 The form has text that is not UTF-8"):
        pairs_of(body, Limits())


@pytest.mark.parametrize(("pairs", "fits"), [(3, True), (4, False)])
def test_an_urlencoded_form_has_so_many_pairs_at_the_most(pairs: int, fits: bool) -> None:
    body = b"&".join([b"a"] * pairs)
    if fits:
        assert len(pairs_of(body, Limits(form_parts=3))) == pairs
        return
    with pytest.raises(HTTPError, match="413 The form has more than 3 parts"):
        pairs_of(body, Limits(form_parts=3))


def test_an_urlencoded_field_has_so_many_bytes_at_the_most() -> None:
    limits = Limits(form_field_bytes=5)

    assert pairs_of(b"a=345", limits) == [("a", "345")]
    with pytest.raises(HTTPError, match="413 A field of the form is larger than the limit of 5 bytes"):
        pairs_of(b"a=3456", limits)


# Multipart, whole and at every split.

FORMS: list[tuple[bytes, Taken]] = [
    (END, []),
    (b"--b--", []),
    (b"\r\n" + FIELD + END, [("a", None, b"value")]),
    # RFC 2046 section 5.1.1: a preamble is dropped.
    (b"\r\n\r\n" + FIELD + END, [("a", None, b"value")]),
    (b"A message of many parts.\r\n" + FIELD + END, [("a", None, b"value")]),
    (b"MIME-Version: 1.0\r\n\r\n--a\r\n-- b\n--b\r\r\n" + FIELD + END, [("a", None, b"value")]),
    (b"\n--b\r\n" + FIELD + END, [("a", None, b"value")]),
    (b"x" * 80 + b"\r\n" + END, []),
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
    (part(named(b"name=a; filename*=UTF-8''%e2%82%ac%20.txt")) + END, [("a", "€ .txt", b"x")]),
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
    (b"preamble" + FIELD[:-2], "The form does not begin with its boundary."),
    (b"\n--b\n\n--b--\n", "The form does not begin with its boundary."),
    (b"--c\r\n\r\n--c--\r\n", "The form does not begin with its boundary."),
    (b"preamble\r\n--bb\r\n" + END, "The form is malformed: Unexpected byte after first boundary."),
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
    form = part(named(b'name="a"'), b"Content-Type: text/plain; charset=windows-1252") + END

    assert verdict(form) == (415, "The text of a form must be UTF-8.")


@pytest.mark.parametrize("encoding", [b"base64", b"Quoted-Printable", b"gzip", b"", b"binary, base64"])
@pytest.mark.parametrize("name", [b'name="a"', b'name="a"; filename="f"'])
def test_a_part_in_a_transfer_encoding_is_refused(name: bytes, encoding: bytes) -> None:
    form = part(named(name), b"Content-Transfer-Encoding: " + encoding) + END

    assert verdict(form) == (415, "A part of the form has a transfer encoding. Send it as it is.")


@pytest.mark.parametrize("encoding", [b"binary", b"8bit", b"7Bit"])
def test_a_transfer_encoding_that_changes_nothing_is_none(encoding: bytes) -> None:
    form = part(named(b'name="a"'), b"Content-Transfer-Encoding: " + encoding) + END

    assert taken(form) == [("a", None, b"x")]


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


@pytest.mark.parametrize(
    ("label", "charset"),
    [(b"ISO-8859-1", "iso-8859-1"), (b"latin1", "iso-8859-1"), (b"US-ASCII", "utf-8"), (b'"UTF-8"', "utf-8")],
)
def test_a_field_says_its_charset(label: bytes, charset: str) -> None:
    form = part(named(b"name=a"), b"Content-Type: text/plain; charset=" + label)
    (head, *_) = MultipartDecoder("b", Limits(), 1000).feed(form)

    assert isinstance(head, PartHead)
    assert head.charset == charset


@pytest.mark.parametrize(
    ("parameters", "name", "filename"),
    [
        # RFC 8187: charset'language'value
        (b"name=a; filename*=utf-8'en'na%C3%AFve", "a", "naïve"),
        (b"name=a; filename*=ISO-8859-1''na%EFve", "a", "naïve"),
        (b"name=a; filename=\"naive\"; filename*=UTF-8''na%C3%AFve", "a", "naïve"),
        (b"name=a; filename*=UTF-8''na%C3%AFve; filename=naive", "a", "naïve"),
        (b"name=a; FileName*=UTF-8''x(1).txt", "a", "x(1).txt"),
        (b"name=a; filename*=\"UTF-8''x%20y\"", "a", "x y"),
        (b"name=a; filename*=UTF-8''x; filename*=UTF-8''y", "a", "x"),
        (b"name*=utf-8''%C3%A9; filename=x", "é", "x"),
        (b"name=e; name*=utf-8''%C3%A9", "é", None),
        # Malformed: filename counts; without it, this is a file that has none.
        (b"name=a; filename=x; filename*=UTF-8''%FF", "a", "x"),
        (b"name=a; filename=x; filename*=UTF-8''%F", "a", "x"),
        (b"name=a; filename=x; filename*=windows-1252''y", "a", "x"),
        (b"name=a; filename=x; filename*=y", "a", "x"),
        (b"name=a; filename=x; filename*=UTF-8''", "a", "x"),
        (b"name=a; filename*=y", "a", ""),
        # Not a parameter.
        (b"name=\"a; filename*=UTF-8''x\"", "a; filename*=UTF-8''x", None),
        (b'name="a*"', "a*", None),
    ],
)
def test_a_part_may_have_extended_parameters(parameters: bytes, name: str, filename: str | None) -> None:
    (head, *_) = MultipartDecoder("b", Limits(), 1000).feed(part(named(parameters)))

    assert isinstance(head, PartHead)
    assert (head.name, head.filename) == (name, filename)


# Limits.


@pytest.mark.parametrize(("length", "fits"), [(80, True), (81, False)])
def test_a_preamble_is_no_longer_than_the_head_of_a_part(length: int, fits: bool) -> None:
    limits = Limits(form_headers=2, form_header_bytes=41)  # with the line end
    form = b"x" * length + b"\r\n" + END

    for at in range(1, len(form)):
        assert (status(form[:at], form[at:], limits=limits) == 200) is fits


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
@pytest.mark.parametrize("size", [1, 4096])
def test_a_hostile_preamble_is_dropped_in_linear_time(unit: bytes, size: int) -> None:
    limits = Limits(form_header_bytes=1 << 20)

    def prepare(count: int) -> Callable[[], object]:
        data = unit * count + b"\r\n" + END
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        return lambda: verdict(*pieces, limits=limits)

    assert growth(prepare, 5_000) < LINEAR


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
