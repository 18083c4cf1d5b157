"""A client that is a plain socket: it sends exactly these bytes, and returns exactly the bytes that came back."""

import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from tests.patience import PATIENCE


class Answer(NamedTuple):
    """An answer as it came: `fields` with names in lower case."""

    version: str
    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.fields.get("connection", "").lower() == "close"


class Incomplete(Exception):
    """The connection ended before the answer did; the argument has the bytes that had arrived."""


class Raw:
    """One connection. A context manager that closes it."""

    def __init__(self, address: tuple[str, int] | str) -> None:
        """Connect to HOST and PORT, or to the path of a UNIX socket."""
        self.sock = socket.socket(_family(address), socket.SOCK_STREAM)
        self._buffer = b""
        try:
            self.sock.settimeout(PATIENCE)
            self.sock.connect(address)
        except BaseException:
            self.sock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def get(self, target: str = "/", *fields: str) -> Answer:
        """Send a GET and read its answer."""
        lines = [f"GET {target} HTTP/1.1", "Host: a", *fields]
        self.send("\r\n".join([*lines, "", ""]).encode())
        return self.answer()

    def answer(self, *, bodiless: bool = False) -> Answer:
        """Read one answer; `bodiless` for an answer to HEAD. Raises Incomplete if the connection ends too early."""
        head = self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        version, status, *_ = first.split(" ", 2)
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Answer(version, int(status), fields, b"" if bodiless else self._body(int(status), fields))

    def rest(self) -> bytes:
        """Read until the peer ends the connection, by an orderly end or by a reset."""
        with suppress(ConnectionError):
            while self._more():
                pass
        rest, self._buffer = self._buffer, b""
        return rest

    def close(self) -> None:
        """Close the connection in order."""
        self.sock.close()

    def end_input(self) -> None:
        """Close the sending side."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Reset the connection."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _body(self, status: int, fields: dict[str, str]) -> bytes:
        if status < 200 or status in (204, 304):
            return b""
        if "content-length" in fields:
            return self._exactly(int(fields["content-length"]))
        if fields.get("transfer-encoding") != "chunked":
            return self.rest()
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self._exactly(size + 2)[:-2]
        self._until(b"\r\n")
        return body

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._demand()
        found, _, self._buffer = self._buffer.partition(mark)
        return found + mark

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._demand()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _demand(self) -> None:
        try:
            if self._more():
                return
        except ConnectionError as error:
            raise Incomplete(self._buffer) from error
        raise Incomplete(self._buffer)

    def _more(self) -> bytes:
        data = self.sock.recv(65536)
        self._buffer += data
        return data


def _family(address: tuple[str, int] | str) -> socket.AddressFamily:
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET
