"""Read the responses of a server out of the bytes of a connection (RFC 9112 sections 4 to 7). No I/O."""

from collections.abc import Sequence

from aiosock.config import Limits
from aiosock.errors import ProtocolError
from aiosock.wire.chunked import BodyDecoder, ChunkedDecoder, LengthDecoder
from aiosock.wire.client_head import UNTIL_CLOSE, ResponseHead, parse_response_head, response_framing
from aiosock.wire.head import CHUNKED


class Outcome:
    """The responses that a server sent: the final ones in `answers`, the informational ones in `interim`, in order.

    `ended` is whether the server has ended the connection. `fault` says what is wrong if the bytes are not responses.
    `prompted` is whether the server sent something before the client sent the part that it held back (`Case.then`).
    """

    __slots__ = ("answers", "ended", "fault", "interim", "prompted")

    def __init__(self) -> None:
        self.answers: list[ResponseHead] = []
        self.interim: list[ResponseHead] = []
        self.ended: bool = False
        self.fault: str = ""
        self.prompted: bool = False


def read_answers(data: bytes, methods: Sequence[str], *, ended: bool) -> Outcome:
    """Parse the bytes that a server sent in response to requests with these methods.

    A response beyond the last of them is read as one to GET. A response whose end has not arrived is left out; it is a
    fault if the connection has ended.
    """
    outcome = Outcome()
    outcome.ended = ended
    try:
        while data:
            method = methods[len(outcome.answers)] if len(outcome.answers) < len(methods) else "GET"
            rest = _read_answer(data, method, outcome)
            if rest is None:
                outcome.fault = "a response that is cut short" if ended else ""
                break
            data = rest
    except ProtocolError as error:
        outcome.fault = f"bytes that are not a response: {error.detail}"
    return outcome


def _read_answer(data: bytes, method: str, outcome: Outcome) -> bytes | None:
    """Add one response to the outcome and return the bytes after it; None if its end has not arrived."""
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        if b"HTTP/"[: len(data)] != data[:5]:
            raise ProtocolError(502, "they do not start with HTTP/.")
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
