"""Requests as a client writes them: targets with queries, JSON, forms, and what a redirect makes of a request."""

import json
import os
import re
import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import IO, Any, TypedDict
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

from aiosock.headers import Headers
from aiosock.testing.response import ClientResponse
from aiosock.web.static.media import media_type

Fields = Mapping[str, str] | Iterable[tuple[str, str]]
Values = Mapping[str, object] | Iterable[tuple[str, object]]
"""Names and values: text, numbers, and what `str` makes a text of. In a mapping, a list is several values of a name."""

Content = bytes | str | IO[bytes]
File = Content | tuple[Content, ...]
"""A file: its content, `(filename, content)` or `(filename, content, content type)`.

The type is no narrower, because mypy takes tuples of two lengths in one dict for a tuple of any length.
"""

Files = Mapping[str, File] | Iterable[tuple[str, File]]

_PORTS = {"http": 80, "https": 443}


class RequestParts(TypedDict, total=False):
    """What a request may have besides its method and its target."""

    params: Values
    """Names and values, added to the query."""

    headers: Fields
    """Fields, in place of those of the client with the same names."""

    body: bytes | str
    """The body, as it is; a str as UTF-8."""

    json: Any
    """A value, sent as JSON. None: no body."""

    data: Values
    """The fields of a form, urlencoded; with `files`, multipart."""

    files: Files
    """The files of a multipart form, by the name of their field."""

    auth: tuple[str, str]
    """A name and a password, for Basic authentication (RFC 7617)."""

    follow_redirects: bool
    """Follow redirects, or do not; by default as the client does."""


class Outgoing:
    """A request as it is sent. `url` is absolute; `fields` are without Host, Cookie and Content-Length."""

    def __init__(self, method: str, target: str, base: SplitResult, fields: Headers, data: bytes) -> None:
        self.method: str = method
        self.target: str = target
        self.fields: Headers = fields
        self.data: bytes = data
        self.url: SplitResult = base
        if re.match(r"https?://", target, re.IGNORECASE):
            self.url = urlsplit(target)
        elif target.startswith("/"):  # not `*`, nor the authority of a CONNECT
            path, _, query = target.partition("?")
            self.url = base._replace(path=path, query=query)

    def redirected(self, response: ClientResponse) -> "Outgoing | None":
        """Return the request that a redirect asks for (RFC 9110 section 15.4), None if it leads away from HTTP."""
        url = urlsplit(urljoin(self.url.geturl(), ascii_of(response.headers["location"])))
        if url.scheme not in _PORTS or not url.hostname:
            return None
        method, data, fields = self.method, self.data, Headers(self.fields.items())
        if (response.status == 303 and method != "HEAD") or (response.status in (301, 302) and method == "POST"):
            method, data = "GET", b""
            _drop(fields, "content-type", "content-length", "content-encoding", "transfer-encoding")
        _drop(fields, "host")
        if _origin(url) != _origin(self.url):
            _drop(fields, "authorization", "cookie")
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        return Outgoing(method, target, url, fields, data)


def outgoing(method: str, target: str, base: SplitResult, defaults: Headers, parts: RequestParts) -> Outgoing:
    """Return a request. A target that begins with a slash is below the path of `base`.

    Raises TypeError for more than one kind of body, for a part that does not exist, and for a value that has no text.
    """
    if unknown := parts.keys() - RequestParts.__annotations__.keys():
        raise TypeError(f"a request has no {' and no '.join(sorted(unknown))}")
    fields = Headers(defaults.items())
    own = Headers(parts.get("headers", ()))
    _drop(fields, *own)
    for name, value in own.items():
        fields.append(name, value)
    if "auth" in parts:
        fields.setdefault("authorization", f"Basic {b64encode(':'.join(parts['auth']).encode()).decode()}")
    data, content_type = encoded_body(parts)
    if content_type:
        fields.setdefault("content-type", content_type)
    target = f"{base.path.rstrip('/')}{target}" if target.startswith("/") else target
    if query := encoded_form(parts.get("params", ())):
        target += f"{'&' if '?' in target else '?'}{query}"
    return Outgoing(method, ascii_of(target), base, fields, data)


def ascii_of(target: str) -> str:
    """Return a target with what is not ASCII encoded, as browsers do. The rest stays, also if it is not valid."""
    return re.sub(r"[^\x00-\x7f]+", lambda match: quote(match[0]), target)


def encoded_body(parts: RequestParts) -> tuple[bytes, str]:
    """Return the body of a request and its content type, "" for none; raise TypeError for more than one kind."""
    kinds = [name for name in ("json", "data", "files") if parts.get(name) is not None]
    kinds += ["body"] if parts.get("body") else []
    if len(kinds) > 1 and kinds != ["data", "files"]:
        raise TypeError(f"a request has one body, not {' and '.join(kinds)}")
    if "files" in kinds:
        return encoded_multipart(parts.get("data", ()), parts["files"])
    if "data" in kinds:
        return encoded_form(parts["data"]).encode("ascii"), "application/x-www-form-urlencoded"
    if "json" in kinds:
        return json.dumps(parts["json"]).encode(), "application/json"
    body = parts.get("body", b"")
    return body.encode() if isinstance(body, str) else body, ""


def encoded_form(values: Values) -> str:
    """Return names and values urlencoded."""
    return urlencode(list(_pairs(values)))


def encoded_multipart(values: Values, files: Files) -> tuple[bytes, str]:
    """Return a form with files, and its content type with the boundary (RFC 7578)."""
    boundary = f"aiosock-{secrets.token_hex(16)}"
    pieces = [_part(boundary, f'name="{_escaped(name)}"', "", value.encode()) for name, value in _pairs(values)]
    for name, file in files.items() if isinstance(files, Mapping) else files:
        filename, content, content_type = _described(name, file)
        disposition = f'name="{_escaped(name)}"; filename="{_escaped(filename)}"'
        pieces.append(_part(boundary, disposition, f"Content-Type: {content_type}\r\n", content))
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _pairs(values: Values) -> Iterable[tuple[str, str]]:
    """Yield names and values as text; raise TypeError for a value that has no text of its own."""
    for name, value in values.items() if isinstance(values, Mapping) else values:
        for each in value if isinstance(value, list | tuple) else (value,):
            if each is None or isinstance(each, bytes | list | tuple | dict):
                raise TypeError(f"{name!r} takes text or a number, not {each!r}")
            yield name, str(each).lower() if isinstance(each, bool) else str(each)


def _part(boundary: str, disposition: str, fields: str, content: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{fields}\r\n"
    return head.encode() + content + b"\r\n"


def _described(name: str, file: File) -> tuple[str, bytes, str]:
    """Return the name, the content and the content type of a file."""
    filename, content, content_type = _parts_of(name, file)
    data = content if isinstance(content, bytes | str) else content.read()
    content_type = content_type or media_type(filename).partition(";")[0]  # browsers send no charset
    return filename, data.encode() if isinstance(data, str) else data, content_type


def _parts_of(name: str, file: File) -> tuple[str, Content, str]:
    match file:
        case (str(filename), content):
            return filename, content, ""
        case (str(filename), content, str(content_type)):
            return filename, content, content_type
        case tuple():
            raise TypeError(f"the file {name!r} is (filename, content) or (filename, content, type), not {file!r}")
        case bytes() | str():
            return name, file, ""
    return os.path.basename(str(getattr(file, "name", name))), file, ""


def _escaped(name: str) -> str:
    """Return a name as browsers write it between quotes (the HTML standard, multipart/form-data encoding algorithm)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _drop(fields: Headers, *names: str) -> None:
    for name in names:
        if name in fields:
            del fields[name]


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)
