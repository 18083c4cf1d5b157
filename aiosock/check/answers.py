"""Answers as they come out of a connection (RFC 9112 sections 4 to 7): bytes in, an outcome out. No I/O."""

from collections.abc import Sequence

from aiosock.config import Limits
from aiosock.errors import ProtocolError
from aiosock.wire.chunked import BodyDecoder, ChunkedDecoder, LengthDecoder
from aiosock.wire.client_head import UNTIL_CLOSE, ResponseHead, parse_response_head, response_framing
from aiosock.wire.head import CHUNKED


class Outcome:
    """What a server sent: final answers in order, informational ones, and how it ended.

    `ended` says that the server has ended the connection; `fault` is set where the bytes are no answers.
    `prompted` says that something came before the client sent what it had held back.
    """

    __slots__ = ("answers", "ended", "fault", "interim", "prompted")

    def __init__(self) -> None:
        self.answers: list[ResponseHead] = []
        self.interim: list[ResponseHead] = []
        self.ended: bool = False
        self.fault: str = ""
        self.prompted: bool = False


def read_answers(data: bytes, methods: Sequence[str], *, ended: bool) -> Outcome:
    """Take apart what a server sent to requests with these methods; further answers count as answers to GET.

    An answer whose end has not arrived is left out, and is a fault once the connection has ended.
    """
    outcome = Outcome()
    outcome.ended = ended
    try:
        while data:
            method = methods[len(outcome.answers)] if len(outcome.answers) < len(methods) else "GET"
            rest = _read_answer(data, method, outcome)
            if rest is None:
                outcome.fault = "an answer that is cut short" if ended else ""
                break
            data = rest
    except ProtocolError as error:
        outcome.fault = f"bytes that are no answer: {error.detail}"
    return outcome


def _read_answer(data: bytes, method: str, outcome: Outcome) -> bytes | None:
    """Add one answer and give what comes behind it; None while it has not arrived."""
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        if b"HTTP/"[: len(data)] != data[:5]:
            raise ProtocolError(502, "it does not start with HTTP/.")
        return None
    head = parse_response_head(data[:end])
    if head.status < 200 and head.status != 101:
        outcome.interim.append(head)
        return data[end:]
    framing = response_framing(head, method)
    if framing == UNTIL_CLOSE:
        if not outcome.ended:
            return None
        outcome.answers.append(head)
        return b""
    decoder: BodyDecoder = ChunkedDecoder(Limits()) if framing == CHUNKED else LengthDecoder(framing)
    decoder.feed(data[end:])
    if not decoder.complete:
        return None
    outcome.answers.append(head)
    return decoder.rest if framing else data[end:]
