"""An independent reader of request streams: naive, line by line, written from RFC 9112 and docs/explanation/supported-http.md.

It shares no code with `aiosock.wire` and needs the whole stream at once. Where it and the server disagree, one of the
two has misread the RFC.
"""

import socket
from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote_to_bytes


class Ending(Enum):
    """The reason why a reader read no further request."""

    FINISHED = "nothing is left but empty lines"
    INCOMPLETE = "the rest has not arrived"
    REFUSED = "the rest is no request"
    CLOSED = "the last request was the last one of the connection"
    HANDED_OVER = "what follows belongs to another protocol"


class Message(NamedTuple):
    """One request with its body."""

    method: str
    target: str
    body: bytes


class Reading(NamedTuple):
    """The result of reading a stream. `heads` has the methods of all accepted heads; the last may lack its body."""

    messages: tuple[Message, ...]
    heads: tuple[str, ...]
    ending: Ending
    why: str = ""


class _RefusedError(Exception):
    pass


class _IncompleteError(Exception):
    pass


_ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TOKEN = frozenset((_ALPHANUMERIC + "!#$%&'*+-.^_`|~").encode())  # RFC 9110 section 5.6.2
_NAME = frozenset(_ALPHANUMERIC + "-._~" + "!$&'()*+,;=" + "%")  # RFC 3986 section 3.2.2
_DIGITS = frozenset("0123456789")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_NOT_IN_TRAILERS = frozenset(
    """
        authorization connection content-length cookie host proxy-authenticate proxy-authorization set-cookie
        transfer-encoding www-authenticate
    """.split()  # noqa: SIM905 - a list of 10 strings would fill the page
)
"""RFC 9110 section 6.5.1: fields for framing, routing and authentication."""


def read(data: bytes) -> Reading:
    """Read a stream as a server that reads every body. It has no limits, so streams must be short."""
    messages: list[Message] = []
    heads: list[str] = []
    try:
        while True:
            while data.startswith(b"\r\n"):  # RFC 9112 section 2.2
                data = data[2:]
            if data in (b"", b"\r"):
                return Reading(tuple(messages), tuple(heads), Ending.FINISHED)
            head, data = _until(b"\r\n\r\n", data)
            line, *lines = head.split(b"\r\n")
            method, target, is_1_1 = _request_line(line)
            fields = [_field(line) for line in lines]
            framing = _framing(fields, method, target, is_1_1)
            heads.append(method)
            if is_1_1 and _all("expect", fields) not in ([], ["100-continue"]):
                raise _RefusedError("expectation")
            body, data = _chunked(data) if framing is None else _counted(data, framing)
            messages.append(Message(method, target, body))
            if not _persists(fields, is_1_1):
                return Reading(tuple(messages), tuple(heads), Ending.CLOSED)
    except _IncompleteError:
        return Reading(tuple(messages), tuple(heads), Ending.INCOMPLETE)
    except _RefusedError as error:
        return Reading(tuple(messages), tuple(heads), Ending.REFUSED, str(error))


def _demand(condition: object, what: str) -> None:
    if not condition:
        raise _RefusedError(what)


def _until(mark: bytes, data: bytes) -> tuple[bytes, bytes]:
    before, found, behind = data.partition(mark)
    if not found:
        raise _IncompleteError
    return before, behind


def _request_line(line: bytes) -> tuple[str, str, bool]:
    parts = line.split(b" ")
    _demand(len(parts) == 3, "request line")
    method, target, version = parts
    _demand(method and _TOKEN.issuperset(method), "method")
    _demand(target and all(0x21 <= byte <= 0x7E for byte in target), "target")
    _demand(len(version) == 8 and version[:7] == b"HTTP/1." and version[7:].isdigit(), "version")
    return method.decode(), target.decode(), version != b"HTTP/1.0"


def _field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    _demand(name and colon and _TOKEN.issuperset(name), "field name")
    _demand(all(byte == 9 or 32 <= byte != 127 for byte in value), "field value")
    return name.decode().lower(), value.decode("latin-1").strip(" \t")


def _all(name: str, fields: list[tuple[str, str]]) -> list[str]:
    return [value.lower() for key, value in fields if key == name]


def _framing(fields: list[tuple[str, str]], method: str, target: str, is_1_1: bool) -> int | None:
    """Return the length of the body; None for a chunked body."""
    hosts = _all("host", fields)
    _demand(len(hosts) == 1 or (not hosts and not is_1_1), "hosts")
    for host in hosts:
        _demand(_is_authority(host), "host")
    _demand(_is_target(target, method), "target")
    lengths, codings = _all("content-length", fields), _all("transfer-encoding", fields)
    if codings:
        _demand(is_1_1 and codings == ["chunked"] and not lengths, "transfer-encoding")
        return None
    if not lengths:
        return 0
    _demand(len(lengths) == 1 and 1 <= len(lengths[0]) <= 19 and _DIGITS.issuperset(lengths[0]), "content-length")
    return int(lengths[0])


def _is_authority(text: str, *, needs_port: bool = False) -> bool:
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]")
        if not bracket or not _is_ipv6(address):
            return False
    else:
        name, colon, port = text.partition(":")
        port = colon + port
        if not name or not _NAME.issuperset(name) or not _encodes(name):
            return False
    if port in ("", ":"):
        return not needs_port
    return port[0] == ":" and 1 <= len(port[1:]) <= 5 and _DIGITS.issuperset(port[1:]) and int(port[1:]) <= 65535


def _encodes(text: str) -> bool:
    """Return whether each percent sign has two hexadecimal digits after it."""
    return all(_HEX.issuperset(code[:2].encode()) and len(code) >= 2 for code in text.split("%")[1:])


def _is_ipv6(address: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return False
    return True


def _is_target(target: str, method: str) -> bool:
    if method == "CONNECT":
        return _is_authority(target, needs_port=True)
    if target == "*":
        return method == "OPTIONS"
    if "#" in target:
        return False
    path = target
    if not target.startswith("/"):
        scheme, separator, rest = target.partition("://")
        end = min(rest.find(mark) % (len(rest) + 1) for mark in "/?")
        authority, path = rest[:end].lower(), rest[end:]
        if scheme.lower() not in ("http", "https") or not separator:
            return False
        if not _is_authority(authority):
            return False
    path = path.partition("?")[0]
    if not _encodes(path):
        return False
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return False
    return True


def _persists(fields: list[tuple[str, str]], is_1_1: bool) -> bool:
    options = [option.strip(" \t") for value in _all("connection", fields) for option in value.split(",")]
    return "close" not in options and (is_1_1 or "keep-alive" in options)


def _counted(data: bytes, length: int) -> tuple[bytes, bytes]:
    if len(data) < length:
        raise _IncompleteError
    return data[:length], data[length:]


def _chunked(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        line, data = _until(b"\r\n", data)
        digits, semicolon, extensions = line.partition(b";")
        _demand(1 <= len(digits) <= 16 and _HEX.issuperset(digits), "chunk size")
        _check_extensions(semicolon + extensions)
        size = int(digits, 16)
        if not size:
            return body, _behind_trailers(data)
        piece, data = _counted(data, size)
        body += piece
        if len(data) < 2 and b"\r\n".startswith(data):
            raise _IncompleteError
        _demand(data.startswith(b"\r\n"), "end of a chunk")
        data = data[2:]


def _behind_trailers(data: bytes) -> bytes:
    if data.startswith(b"\r\n"):
        return data[2:]
    block, data = _until(b"\r\n\r\n", data)
    for line in block.split(b"\r\n"):
        _demand(_field(line)[0] not in _NOT_IN_TRAILERS, "trailer")
    return data


def _check_extensions(text: bytes) -> None:
    """RFC 9112 section 7.1.1, without the bad whitespace (BWS)."""
    while text:
        _demand(text.startswith(b";"), "extension")
        name, text = _token(text[1:])
        _demand(name, "extension name")
        if text.startswith(b'="'):
            text = _behind_quotes(text[2:])
        elif text.startswith(b"="):
            value, text = _token(text[1:])
            _demand(value, "extension value")


def _token(text: bytes) -> tuple[bytes, bytes]:
    length = next((at for at, byte in enumerate(text) if byte not in _TOKEN), len(text))
    return text[:length], text[length:]


def _behind_quotes(text: bytes) -> bytes:
    at = 0
    while at < len(text):
        if text[at] == ord('"'):
            return text[at + 1 :]
        at += 1 if text[at] != ord("\\") else 2
        _demand(all(byte == 9 or 32 <= byte != 127 for byte in text[:at]), "quoted string")
    raise _RefusedError("quoted string")
