"""Properties of any stream in any pieces: each is a function that raises an exception if it does not hold."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.wire.client_head import parse_response_head, response_framing
from aiosock.wire.conditional import allows_range, evaluate, matches_weakly, parse_date
from aiosock.wire.cookies import parse_cookies
from aiosock.wire.head import parse_head
from aiosock.wire.negotiation import parse_weights
from aiosock.wire.ranges import parse_range
from aiosock.wire.target import decode_segments, parse_query
from tests.fuzz import reference
from tests.fuzz.conversation import TIGHT
from tests.fuzz.differences import differences
from tests.fuzz.readers import DOCUMENTED, LIMITS, by_aiosock
from tests.fuzz.reference import Ending
from tests.fuzz.scanned import compare
from tests.fuzz.strategies import Pieces

Property = Callable[[Pieces], None]


def raises_only_what_is_documented(pieces: Pieces) -> None:
    """Parse every part of a stream with every parser of `wire` that could get it."""
    data = b"".join(pieces)
    for part in (data, *pieces, *_heads(data)):
        _expect(DOCUMENTED, partial(_look_at, part))
        _expect({502}, partial(_look_at_answer, part))
        for line in part.decode("latin-1").split("\r\n"):
            _expect({400}, partial(parse_query, line))
            for text in (line, line.partition(":")[2].strip()):
                parse_cookies(text)
                parse_date(text)
                matches_weakly(text, '"a"')


def reads_alike_in_whatever_pieces(pieces: Pieces) -> None:
    """The split points do not matter: the requests are the same, and so is the message of a refusal."""
    data = b"".join(pieces)
    for limits in (LIMITS, TIGHT):
        whole = by_aiosock([data], limits)
        assert by_aiosock(pieces, limits) == whole
        assert by_aiosock((data[at : at + 1] for at in range(len(data))), limits) == whole


def reads_as_an_independent_reader_does(pieces: Pieces) -> None:
    """The server and `reference` accept the same requests."""
    data = b"".join(pieces)
    mine, other = by_aiosock([data]), reference.read(data)
    assert (mine.messages, mine.heads) == (other.messages, other.heads), f"{mine} against {other}"
    if other.ending is Ending.INCOMPLETE:  # a request that cannot become valid is refused before all of it has arrived
        assert mine.ending in (Ending.INCOMPLETE, Ending.REFUSED), f"{mine} against {other}"
    else:
        assert mine.ending is other.ending, f"{mine} against {other}"


def differs_only_as_listed(pieces: Pieces) -> None:
    """h11 and httptools read the same requests, except for the listed differences."""
    for found in differences(b"".join(pieces)):
        assert found.listed is not None, f"{found.reader} differs, and that is not listed: {found.said}"


def is_scanned_in_c_as_in_python(pieces: Pieces) -> None:
    """Whatever is at the start of a buffer, the scan in C finds the head that Python finds there."""
    data = b"".join(pieces)
    for part in (data, *pieces, *_heads(data)):
        compare(part)
        compare(part, TIGHT)


WIRE: Final[dict[str, Property]] = {
    "raises only what is documented": raises_only_what_is_documented,
    "reads alike in whatever pieces": reads_alike_in_whatever_pieces,
    "reads as an independent reader does": reads_as_an_independent_reader_does,
    "differs only as listed": differs_only_as_listed,
    "is scanned in C as in Python": is_scanned_in_c_as_in_python,
}


def _heads(data: bytes) -> Iterable[bytes]:
    """Yield the parts of a stream that look like a head."""
    at = 0
    while (end := data.find(b"\r\n\r\n", at)) >= 0:
        yield data[at : end + 4]
        at = end + 4


def _look_at(data: bytes) -> None:
    head = parse_head(data, LIMITS)
    headers = Headers.from_block(head.block)
    for value in (headers.get(name, "") for name in headers):
        assert parse_cookies(value) is not None
    evaluate(headers, head.method, '"a"', 0)
    allows_range(headers, '"a"', 0, 1)
    parse_range(headers.get("range", ""), 1000)
    parse_weights(headers.get("accept-encoding", ""))
    decode_segments(head.raw_path)
    parse_query(head.query)


def _look_at_answer(data: bytes) -> None:
    response_framing(parse_response_head(data), "GET")


def _expect(statuses: Iterable[int], work: Callable[[], object]) -> None:
    try:
        work()
    except HTTPError as error:
        if error.status not in statuses:
            raise
