"""Tests of aiosock.wire.scan: with the scan in C, every head is what it is without it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from aiosock.check import CASES
from aiosock.config import Limits
from aiosock.errors import ProtocolError
from aiosock.wire import scan as scan_module
from aiosock.wire.compiled import built, chosen
from aiosock.wire.head import CHUNKED, Http1Head, parse_head
from aiosock.wire.scan import Plain, decline, scan_of, take_head
from tests.check.special import SPECIAL
from tests.fuzz.scanned import IN_C, PLAIN, compare, run, said_of
from tests.growth import LINEAR, growth
from tests.wire.test_head import BAD_HEADS, GOOD_HEADS, LIMITS, LONG_HEADS, head_of

needs_c = pytest.mark.skipif(built() is None, reason="the scan in C is not built")

EVERY_BYTE = [bytes([code]) for code in range(256)]


@pytest.fixture
def in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scan in C, whatever the environment says."""
    monkeypatch.setattr(scan_module, "scan", IN_C)


def takes(*parts: str) -> Callable[[bytes], Plain]:
    """Return a stand-in for the scan in C, which finds a head of 20 bytes with a block at 10 and one line."""
    method, target, path, query = parts
    return lambda buffer: (20, 10, 1, method, target, path, query, 1, "a", None, None, None)


# What is scanned in C


@needs_c
@pytest.mark.parametrize("data", PLAIN)
def test_a_plain_head_is_scanned(data: bytes) -> None:
    assert IN_C(data) is not None


@needs_c
def test_the_scan_says_what_the_head_says() -> None:
    head = head_of(b"Connection: CLOSE", b"Content-Length:\t07", line=b"PUT /a?b?c HTTP/1.1", host=b"hosT:  a.b:80")
    end, start = len(head), len(b"PUT /a?b?c HTTP/1.1\r\n")

    assert IN_C(head) == (end, start, 3, "PUT", "/a?b?c", "/a", "b?c", 1, "a.b:80", "close", None, "07")
    assert IN_C(b"GET // HTTP/1.0\r\n\r\nmore") == (19, 17, 0, "GET", "//", "//", "", 0, None, None, None, None)


@needs_c
@pytest.mark.parametrize(
    "data",
    [
        b"\r\n" + head_of(),
        head_of(line=b"GET / HTTP/1.2"),
        head_of(line=b"GET /%41 HTTP/1.1"),
        head_of(line=b"GET http://a/ HTTP/1.1"),
        head_of(line=b"OPTIONS * HTTP/1.1"),
        head_of(line=b"CONNECT a:80 HTTP/1.1"),
        head_of(host=b"Host: A"),
        head_of(host=b"Host: a:"),
        head_of(host=b"Host: a "),
        head_of(host=b"Host: a_b"),
        head_of(host=b"Host: [::1]"),
        head_of(b"Connection: a"),
        head_of(b"Connection: close, x"),
        head_of(b"Connection: close", b"Connection: keep-alive"),
        head_of(b"Upgrade: websocket"),
        head_of(b"Expect: 100-continue"),
        head_of(b"Content-Length: 5 "),
        head_of(b"Transfer-Encoding: chunked\t"),
    ],
)
def test_an_unusual_head_is_left_to_python(data: bytes) -> None:
    assert IN_C(data) is None
    assert take_head(data, 0, LIMITS) is not None


@needs_c
def test_only_bytes_are_scanned() -> None:
    with pytest.raises(TypeError, match="expected bytes"):
        IN_C("GET / HTTP/1.0\r\n\r\n")  # type: ignore[arg-type]


def accepted(head: Callable[[bytes], bytes]) -> list[int]:
    """Return the bytes with which a head is plain; compare it with every byte."""
    heads = [head(byte) for byte in EVERY_BYTE]
    for each in heads:
        compare(each)
    return [code for code, each in enumerate(heads) if IN_C(each) is not None]


TCHARS = sorted(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
VISIBLE = set(range(0x21, 0x7F))


@needs_c
def test_the_scan_has_the_characters_of_the_grammar() -> None:
    assert accepted(lambda byte: head_of(line=b"G%b / HTTP/1.1" % byte)) == TCHARS
    assert accepted(lambda byte: head_of(b"X%bY: 1" % byte)) == sorted({*TCHARS, ord(":")})  # which ends the name
    assert accepted(lambda byte: head_of(b"X: a%b" % byte)) == [0x09, *range(0x20, 0x7F), *range(0x80, 0x100)]
    assert accepted(lambda byte: head_of(line=b"GET /%b HTTP/1.1" % byte)) == sorted(VISIBLE - set(b"#%"))
    assert accepted(lambda byte: head_of(line=b"GET /?%b HTTP/1.1" % byte)) == sorted(VISIBLE - set(b"#"))
    assert accepted(lambda byte: head_of(host=b"Host: a%b" % byte)) == sorted(b"-.0123456789abcdefghijklmnopqrstuvwxyz")
    assert accepted(lambda byte: head_of(host=b"Host: a:1%b" % byte)) == sorted(b"0123456789")
    assert accepted(lambda byte: head_of(b"Content-Length: 1%b" % byte)) == sorted(b"0123456789")
    assert accepted(lambda byte: head_of(b"X:%b1" % byte)) == [0x09, *range(0x20, 0x7F), *range(0x80, 0x100)]


# In C as in Python


def cuts(data: bytes) -> Iterator[bytes]:
    """Yield the beginnings of a buffer: all of a short one, some of a long one."""
    size = len(data)
    yield from (data[:at] for at in range(size + 1) if size <= 400 or at <= 64 or at > size - 64 or at % 997 == 0)


@pytest.mark.parametrize("data", [*GOOD_HEADS.values(), *PLAIN])
def test_a_valid_head_is_the_same_at_every_split_and_with_a_request_behind_it(data: bytes) -> None:
    for beginning in cuts(data):
        compare(beginning)
    compare(data + head_of())


@pytest.mark.parametrize("data", [data for data, _ in (BAD_HEADS | LONG_HEADS).values()])
def test_a_bad_head_is_refused_alike_at_every_split(data: bytes) -> None:
    for beginning in cuts(data):
        compare(beginning)


def starts(data: bytes) -> Iterator[bytes]:
    """Yield a stream from its start and from behind some blank lines: all that a server could take for a head."""
    parts = data.split(b"\r\n\r\n", 4)
    return (b"\r\n\r\n".join(parts[number:]) for number in range(len(parts)))


@pytest.mark.parametrize("category", dict.fromkeys(case.category for case in (*CASES, *SPECIAL)))
def test_each_case_of_the_check_is_the_same_at_every_split(category: str) -> None:
    for case in (*CASES, *SPECIAL):
        if case.category == category:
            for stream in starts(case.data + case.then):
                for beginning in cuts(stream):
                    compare(beginning)


@needs_c
def test_damaged_heads_are_the_same() -> None:
    plain = run(20_000, seed=1)

    assert 5_000 < plain < 15_000  # so both of what is plain and what is not there is enough


@pytest.mark.parametrize("data", PLAIN)
@pytest.mark.parametrize("limit", ["head_bytes", "request_line_bytes", "fields"])
def test_a_plain_head_has_the_limits_of_every_head(data: bytes, limit: str) -> None:
    used = {
        "head_bytes": len(data),
        "request_line_bytes": data.index(b"\n") + 1,
        "fields": data.count(b"\n") - 2,
    }[limit]

    for allowed in (used - 1, used, 2**100):
        if allowed > 0:
            compare(data, replace(LIMITS, **{limit: allowed}))


# The record of what was scanned, with a stand-in for the scan: so this is tested where it is not built, too.


def test_a_head_that_was_scanned_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "scan", takes("PUT", "/a?b", "/a", "b"))
    head = take_head(b"0123456789X: 1\r\n\r\n..more", 0, LIMITS)

    assert head is not None
    assert (head.octets, head.block, head.method) == (b"0123456789X: 1\r\n\r\n..", b"X: 1\r\n\r\n", "PUT")
    assert (head.target, head.raw_path, head.path, head.query, head.host) == ("/a?b", "/a", "/a", "b", "a")


@pytest.mark.parametrize("limits", [Limits(head_bytes=19), Limits(request_line_bytes=9)])
def test_a_head_beyond_the_limits_is_parsed(monkeypatch: pytest.MonkeyPatch, limits: Limits) -> None:
    monkeypatch.setattr(scan_module, "scan", takes("PUT", "/a", "/a", ""))

    with pytest.raises(ProtocolError, match=r"has more than 19 bytes|is too long"):
        take_head(b"GET / HTTP/1.0\r\nX: 1\r\n\r\n", 0, limits)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ((None, None, None, None), (None, frozenset(), False, None, None, 0)),
        (("a", "close", None, None), ("a", {"close"}, True, None, None, 0)),
        (("a:1", "keep-alive", None, "0005"), ("a:1", {"keep-alive"}, False, None, 5, 5)),
        (("a", None, None, "0"), ("a", frozenset(), False, None, 0, 0)),
        (("a", None, "chunked", None), ("a", frozenset(), False, "chunked", None, CHUNKED)),
    ],
)
def test_the_fields_say_what_was_scanned(
    fields: tuple[str | None, str | None, str | None, str | None], said: tuple[object, ...]
) -> None:
    read = scan_module._fields(*fields)

    assert (
        read.host, read.connection, read.closes, read.transfer_encoding, read.content_length, read.framing,
    ) == said  # fmt: skip
    assert (read.upgrade, read.expect) == (frozenset(), None)


@pytest.mark.usefixtures("in_c")
def test_heads_are_themselves_whatever_heads_came_before_them() -> None:
    heads = [head_of(b"X: 1"), head_of(b"X: 1", line=b"GET /%41 HTTP/1.1"), head_of(b"X: 1", b"Expect: x"), *PLAIN]
    for before in heads:
        previous = take_head(before, 0, LIMITS)
        for data in heads:
            after = take_head(data, 0, LIMITS, previous)
            assert after is not None
            assert said_of(after) == said_of(parse_head(data, LIMITS))


# A head in pieces


def test_a_head_in_pieces_is_scanned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned: list[bytes] = []
    monkeypatch.setattr(scan_module, "scan", scanned.append)
    head = head_of()

    assert [take_head(head[:at], at - 1, LIMITS) for at in range(1, len(head))] == [None] * (len(head) - 1)
    assert isinstance(take_head(head, len(head) - 1, LIMITS), Http1Head)
    assert scanned == [head[:1]]


@needs_c
@pytest.mark.parametrize("shape", [b"GET /%b HTTP/1.1", b"GET / HTTP/1.1\r\nX:%b\r\n\r\n", b"GET / HTTP/1.1\r\n%b: 1"])
def test_a_head_is_scanned_in_linear_time(shape: bytes) -> None:
    assert growth(lambda size: partial(IN_C, shape % (b"a" * size)), 100_000) < LINEAR


# Fields


@needs_c
@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ((b"X: a",), "a"),
        ((b"x:a", b"Y: b"), "a"),
        ((b"X: \t a b\t ",), "a b"),
        ((b"X:",), ""),
        ((b"X:  ",), ""),
        ((b"X: \xe9\xff",), "\xe9\xff"),
        ((b"X-Y: a", b"Y: X: a"), "default"),
        ((b"X: a", b"x: a"), None),
    ],
)
def test_a_field_is_found_that_is_there_once(lines: tuple[bytes, ...], value: str | None) -> None:
    module = built()
    assert module is not None
    assert module.only_value(head_of(*lines), "x", "default") == value


@needs_c
def test_a_field_is_looked_for_in_bytes_by_a_name_of_text() -> None:
    module = built()
    assert module is not None
    assert module.only_value(b"", "x", "default") == "default"
    assert module.only_value(b"no lines", "x", "default") == "default"
    assert module.only_value(b"\nx", "x", "default") == "default"
    assert module.only_value(b"\nx:", "x", "default") == ""
    assert module.only_value(b"\nx: a\0b", "x", "default") == "a"  # which no head has
    for wrong in (("", "x", ""), (b"", b"x", ""), (b"", "x"), (b"", "\ud800", "")):
        with pytest.raises((TypeError, UnicodeEncodeError)):
            module.only_value(*wrong)


@needs_c
@pytest.mark.parametrize("shape", [b"\nx: %b\r\n", b"\n%b: a\r\n", b"\nx:%b \r\n"])
@pytest.mark.parametrize("filling", [b"a", b" ", b"\n", b"\nx:"])
def test_a_field_is_found_in_linear_time(shape: bytes, filling: bytes) -> None:
    module = built()
    assert module is not None
    assert growth(lambda size: partial(module.only_value, shape % (filling * size), "x", ""), 100_000) < LINEAR


# Which scan


@pytest.mark.parametrize(("value", "is_pure"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_environment_may_ask_for_python(monkeypatch: pytest.MonkeyPatch, value: str, is_pure: bool) -> None:
    monkeypatch.setenv("AIOSOCK_PURE", value)

    assert chosen() is (None if is_pure else built())


def test_where_it_is_not_built_python_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIOSOCK_PURE", raising=False)
    monkeypatch.delattr("aiosock.wire._scan", raising=False)
    monkeypatch.setitem(sys.modules, "aiosock.wire._scan", None)

    assert chosen() is None
    assert scan_of(chosen()) is decline


@pytest.mark.parametrize("is_new", [True, False])
def test_it_is_used_where_it_was_built_of_this_source(monkeypatch: pytest.MonkeyPatch, is_new: bool) -> None:
    monkeypatch.delenv("AIOSOCK_PURE", raising=False)
    stand_in = type(sys)("aiosock.wire._scan")
    for name in ("scan", "only_value") if is_new else ("scan",):
        monkeypatch.setattr(stand_in, name, decline, raising=False)
    monkeypatch.setattr("aiosock.wire._scan", stand_in, raising=False)

    assert chosen() is (stand_in if is_new else None)


# Memory


@needs_c
def test_no_object_is_left_behind() -> None:
    unusual, module = head_of(b"Expect: x"), built()
    assert module is not None
    only_value = module.only_value

    def scan_all() -> None:
        for data in (*PLAIN, unusual, b"GET /"):
            IN_C(data)
            only_value(data, "host", "")

    scan_all()
    before, nones = sys.getallocatedblocks(), sys.getrefcount(None)
    for _ in range(1000):
        scan_all()
    assert sys.getallocatedblocks() - before < 500
    assert abs(sys.getrefcount(None) - nones) < 500  # before 3.12, None is freed if a reference too many is given back


@needs_c
def test_an_interpreter_with_a_lock_of_its_own_has_it(tmp_path: Path) -> None:
    interpreters = pytest.importorskip("_interpreters")  # 3.13
    spec = find_spec("aiosock.wire._scan")
    assert spec is not None
    assert spec.origin is not None
    shutil.copy(spec.origin, tmp_path)  # alone: not every module that aiosock imports can be imported there
    interpreter = interpreters.create()
    try:
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import _scan; _scan.scan({PLAIN[0]!r})[3].lower()"
        assert interpreters.exec(interpreter, code) is None
    finally:
        interpreters.destroy(interpreter)
