"""Fuzz tests of aiosock.wire: near-valid streams through every parser."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock.errors import HTTPError
from aiosock.wire.conditional import matches_weakly, parse_date
from aiosock.wire.cookies import parse_cookies
from aiosock.wire.target import parse_query
from tests.fuzz.properties import WIRE, Property
from tests.fuzz.reference import Ending, Message, read
from tests.fuzz.scanned import compare
from tests.fuzz.seeds import seeds
from tests.fuzz.strategies import Pieces, Rolled, damaged, pieces

SETTINGS = settings(max_examples=400, derandomize=True, deadline=None, database=None)

every_property = pytest.mark.parametrize("holds", WIRE.values(), ids=WIRE.keys())

TEXTS: list[tuple[Callable[[str], object], bytes]] = [
    (parse_query, b"a=1&b=%20+c&&=d&%zz"),
    (parse_cookies, b'a=b; c="d"; =e; f'),
    (parse_date, b"Sun, 06 Nov 1994 08:49:37 GMT"),
    (parse_date, b"Sunday, 06-Nov-94 08:49:37 GMT"),
    (parse_date, b"Sun Nov  6 08:49:37 1994"),
    (lambda tags: matches_weakly(tags, '"a"'), b'W/"a", "b\xff",*'),
]


@every_property
def test_it_holds_for_every_seed(holds: Property) -> None:
    for seed in seeds():
        middle = len(seed) // 2
        holds((seed[:middle], seed[middle:]))


@every_property
@SETTINGS
@given(stream=pieces())
def test_it_holds_for_near_valid_streams(holds: Property, stream: Pieces) -> None:
    holds(stream)


def test_what_the_fuzzer_has_found_is_scanned_in_c_as_in_python() -> None:
    corpus = list((Path(__file__).parent / "corpus").iterdir())
    for path in corpus:
        compare(path.read_bytes())
    assert len(corpus) > 100


@pytest.mark.parametrize(("parse", "text"), TEXTS)
@SETTINGS
@given(seed=st.integers(0, 2**32))
def test_a_damaged_text_is_parsed_or_refused_with_400(parse: Callable[[str], object], text: bytes, seed: int) -> None:
    status = 400
    try:
        parse(damaged(Rolled(Random(seed)), text, most=5).decode("latin-1"))
    except HTTPError as error:
        status = error.status
    assert status == 400


# The independent reader must be right too.


def test_the_independent_reader_reads_what_is_valid() -> None:
    first = b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a="\\""\r\nx\r\n0\r\nX: 1\r\n\r\n'
    second = b"PUT http://a:80/b HTTP/1.0\r\nContent-Length: 2\r\n\r\nxyGET"

    reading = read(first + b"\r\n" + second)

    assert reading.messages == (Message("POST", "/", b"x"), Message("PUT", "http://a:80/b", b"xy"))
    assert reading.ending is Ending.CLOSED


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        (b"", Ending.FINISHED),
        (b"\r\n\r", Ending.FINISHED),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", Ending.INCOMPLETE),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", Ending.INCOMPLETE),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", Ending.REFUSED),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\n", Ending.REFUSED),
        (b"GET / HTTP/1.1\r\n\r\n", Ending.REFUSED),
    ],
)
def test_the_independent_reader_reads_nothing_else(data: bytes, ending: Ending) -> None:
    assert read(data).messages == ()
    assert read(data).ending is ending
