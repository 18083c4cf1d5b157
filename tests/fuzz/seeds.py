"""The request streams that fuzzing starts from; they all come from `seeds`."""

_HOST = b"Host: example.org\r\n"
_NEXT = b"GET /next HTTP/1.1\r\n" + _HOST + b"\r\n"


def _request(line: bytes, *fields: bytes, body: bytes = b"", host: bytes = _HOST) -> bytes:
    return line + b"\r\n" + host + b"".join(b"%b\r\n" % field for field in fields) + b"\r\n" + body


def _get(*fields: bytes) -> bytes:
    return _request(b"GET / HTTP/1.1", *fields)


def _post(*fields: bytes, body: bytes = b"") -> bytes:
    return _request(b"POST / HTTP/1.1", *fields, body=body)


def _chunked(body: bytes, *fields: bytes) -> bytes:
    return _post(b"Transfer-Encoding: chunked", *fields, body=body)


_VALID = [
    _get(),
    _get() + _NEXT,
    b"\r\n" + _get(),
    _request(b"HEAD /a HTTP/1.1") + _NEXT,
    _request(b"DELETE /a/b/ HTTP/1.1"),
    _request(b"OPTIONS * HTTP/1.1"),
    _request(b"QUERY /?a=1&b=%20&c HTTP/1.1", b"Cookie: a=b; c=d", b"Accept: text/html"),
    _request(b"GET /caf%C3%A9/%2F?q=%ff HTTP/1.1", b"Accept: application/json"),
    _request(b"GET http://example.org/a?b HTTP/1.1"),
    _request(b"CONNECT example.org:443 HTTP/1.1"),
    _request(b"GET / HTTP/1.0", host=b""),
    _request(b"GET / HTTP/1.0", b"Connection: keep-alive") + _NEXT,
    _request(b"GET / HTTP/1.2") + _NEXT,
    _request(b"GET / HTTP/1.1", host=b"Host: [::1]:8080\r\n"),
    _get(b"Connection: close") + _NEXT,
    _get(b"Connection: Upgrade", b"Upgrade: websocket") + _NEXT,
    _get(b"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", b'If-None-Match: W/"a", "b"'),
    _get(b"X-Latin: caf\xe9", b"X-Empty:", b"X-Tab:\tvalue\t"),
    _post(b"Content-Length: 5", body=b"hello") + _NEXT,
    _post(b"Content-Length: 0") + _NEXT,
    _post(b"Content-Length: 5", b"Expect: 100-continue", body=b"hello") + _NEXT,
    _post(b"Content-Length: 36", body=b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n") + _NEXT,
    _chunked(b"5\r\nhello\r\n0\r\n\r\n") + _NEXT,
    _chunked(b"0\r\n\r\n") + _NEXT,
    _chunked(b'5;name=value;q="a;b"\r\nhello\r\nA\r\n0123456789\r\n0;last\r\nX-Sum: 1\r\n\r\n') + _NEXT,
    _chunked(b"000005\r\nhello\r\n00\r\n\r\n", b"Expect: 100-continue") + _NEXT,
]

# Refused, or refused by some: see docs/explanation/supported-http.md. No bytes after them may be taken for a request.
_DOUBTFUL = [
    _chunked(b"0\r\n\r\n", b"Content-Length: 5") + _NEXT,
    _post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello") + _NEXT,
    _post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!") + _NEXT,
    _post(b"Content-Length: 5, 5", body=b"hello") + _NEXT,
    _post(b"Content-Length: +5", body=b"hello") + _NEXT,
    _post(b"Content-Length: 5 5", body=b"hello") + _NEXT,
    _post(b"Content-Length: 00000000000000000005", body=b"hello") + _NEXT,
    _post(b"Content-Length : 5", body=b"hello") + _NEXT,
    _post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n") + _NEXT,
    _post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n") + _NEXT,
    _post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n") + _NEXT,
    _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n") + _NEXT,
    _post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n") + _NEXT,
    _request(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n") + _NEXT,
    _chunked(b"5 \r\nhello\r\n0\r\n\r\n") + _NEXT,
    _chunked(b"5\nhello\r\n0\r\n\r\n") + _NEXT,
    _chunked(b"0x5\r\nhello\r\n0\r\n\r\n") + _NEXT,
    _chunked(b"5; a\r\nhello\r\n0\r\n\r\n") + _NEXT,
    _chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n") + _NEXT,
    _chunked(b"5\r\nhelloXX0\r\n\r\n") + _NEXT,
    _chunked(b"5\r\nhello\rX0\r\n\r\n") + _NEXT,
    _chunked(b"5\r\nhello\n0\r\n\r\n") + _NEXT,
    _chunked(b"00000000000000005\r\nhello\r\n0\r\n\r\n") + _NEXT,
    _chunked(b"5\r\nhello\r\n0\r\nHost: evil\r\n\r\n") + _NEXT,
    _chunked(b"0\r\nX: 1\r\n folded\r\n\r\n") + _NEXT,
    _get(b"X: 1", b" folded") + _NEXT,
    _get(b"X: a\rb") + _NEXT,
    _get(b"X: a\x00b") + _NEXT,
    _get(b": no name") + _NEXT,
    _get(b"Host: other") + _NEXT,
    _get(b"Expect: 200-ok") + _NEXT,
    _request(b"GET / HTTP/1.1", host=b"") + _NEXT,
    _request(b"GET / HTTP/1.1", host=b"Host: a/b?c#@d\r\n") + _NEXT,
    _request(b"GET http://other/ HTTP/1.1") + _NEXT,
    _request(b"GET /#top HTTP/1.1") + _NEXT,
    _request(b"GET /a b HTTP/1.1") + _NEXT,
    _request(b"GET index.html HTTP/1.1") + _NEXT,
    _request(b"GET /%zz HTTP/1.1") + _NEXT,
    _request(b"GET / HTTP/2.0") + _NEXT,
    _request(b"GET / http/1.1") + _NEXT,
    _get().replace(b"\r\n", b"\n") + _NEXT,
    b"GET /\r\n" + _NEXT,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
]


def seeds() -> list[bytes]:
    """Return the streams that mutation starts from, valid ones first."""
    return _VALID + _DOUBTFUL
