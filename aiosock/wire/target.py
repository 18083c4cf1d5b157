"""Parse request-targets and hosts (RFC 9112 section 3.2, RFC 3986): the four forms in, path and query out."""

from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import unquote

from aiosock.errors import HTTPError, ProtocolError
from aiosock.wire import grammar

DEFAULT_PORTS = {"http": "80", "https": "443"}
"""RFC 9110 sections 4.2.1 and 4.2.2."""

MAX_QUERY_FIELDS = 1000
"""Most pairs in one query. PHP: max_input_vars 1000."""


def parse_target(target: str, method: str) -> tuple[str, str, str, str | None]:
    """Parse a request-target into (raw path, decoded path, raw query, authority or None).

    `target` must be ASCII without spaces or controls. The path of the authority-form (CONNECT) is empty, that of the
    asterisk-form (OPTIONS) is `*`. Bytes of the decoded path that are not UTF-8 are lone surrogates (PEP 383): see
    `is_text`.

    Raises ProtocolError (400) for a target in none of the four forms, or in a form that the method does not allow, for
    a fragment, and for a percent sign that encodes nothing.
    """
    if method == "CONNECT":  # section 3.2.3
        return "", "", "", _checked_authority(target, needs_port=True)
    if target.startswith("/"):  # section 3.2.1
        return _split_path(target, None)
    if target == "*" and method == "OPTIONS":  # section 3.2.4
        return "*", "*", "", None
    absolute = grammar.ABSOLUTE_FORM.fullmatch(target.encode("ascii"))  # section 3.2.2
    if absolute is None:
        raise ProtocolError(400, "The request-target is neither a path nor a URL of http or https.")
    authority, rest = absolute[1].decode("ascii"), absolute[2].decode("ascii")
    return _split_path(rest if rest.startswith("/") else "/" + rest, _checked_authority(authority))


@lru_cache(maxsize=64)  # a server has few names, and the check is a sixth of the time to parse a browser's fields
def parse_host(value: str) -> str:
    """Return a Host field value in lower case, with its port unless that is empty. Percent-encodings are not decoded.

    Raises ProtocolError (400) unless it is a name, an IPv4 address or a bracketed IPv6 address, with or without a port.
    A name may have any character of a reg-name (RFC 3986 section 3.2.2), such as `'` and `;`: escape it in a page. It
    may also have empty labels, as `.` and `a..` do, although they are no names in the DNS (RFC 1034 section 3.1): a
    reg-name need not be one. An empty value is refused too: an http URL always has a host (RFC 9110 section 4.2.1).
    """
    return _checked_authority(value)


def without_port(host: str) -> str:
    """Return a host from `parse_host` without its port, and without a dot at the end of its name: that is the root of the DNS."""
    return _split_port(host)[0]


def with_port(host: str, scheme: str) -> str:
    """Return a host with its port, or the default port of `scheme`: `a`, `a.`, `a:` and `a:080` become `a:80` for http.

    Two authorities of one scheme are equal exactly if their texts are then equal (RFC 3986 section 6.2.3).
    """
    name, port = _split_port(host)
    return f"{name}:{port.lstrip('0') or '0' if port else DEFAULT_PORTS.get(scheme, '')}"


def _split_port(host: str) -> tuple[str, str]:
    name, colon, port = (host, "", "") if host.endswith("]") else host.rpartition(":")
    return (name if colon else host).removesuffix("."), port if colon else ""


def parse_query(query: str) -> list[tuple[str, str]]:
    """Return the pairs of a query string, decoded like a form: only `&` separates, `+` is a space, empty values stay.

    As in the URL standard, a stray percent sign stays, and bytes that are not UTF-8 become U+FFFD.

    Raises HTTPError (400) for more than 1000 pairs.
    """
    parts = query.split("&")
    if len(parts) > MAX_QUERY_FIELDS:
        raise HTTPError(400, f"The query has more than {MAX_QUERY_FIELDS} fields.")
    is_encoded = "%" in query or "+" in query
    pairs: list[tuple[str, str]] = []
    for part in parts:
        if part:
            name, _, value = part.partition("=")
            pairs.append((_unquote_plus(name), _unquote_plus(value)) if is_encoded else (name, value))
    return pairs


def _unquote_plus(text: str) -> str:
    return unquote(text.replace("+", " "))


def decode_segments(raw_path: str) -> list[str]:
    """Split a path from `parse_target` at its slashes and decode each segment: `%2F` does not separate segments.

    Bytes that are not UTF-8 are lone surrogates, as `os.fsdecode` has them.
    """
    segments = raw_path[1:].split("/")
    return segments if "%" not in raw_path else [_unquote(segment) for segment in segments]


def is_text(decoded: str) -> bool:
    """Return whether a decoded path or segment is text. A file may have a name that is not, but a handler expects text."""
    return decoded.isascii() or as_text(decoded) == decoded


def as_text(decoded: str) -> str:
    """Return a decoded path as text that can be shown: bytes that are not UTF-8 become U+FFFD."""
    return decoded.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _split_path(target: str, authority: str | None) -> tuple[str, str, str, str | None]:
    if "#" in target:
        raise ProtocolError(400, "The request-target has a fragment; a client must not send one.")
    raw_path, _, query = target.partition("?")
    return raw_path, raw_path if "%" not in raw_path else _decode(raw_path), query, authority


def _decode(raw_path: str) -> str:
    if grammar.BAD_PERCENT.search(raw_path):
        raise ProtocolError(400, "The path has a percent sign that is not followed by two hexadecimal digits.")
    return _unquote(raw_path)


def _unquote(text: str) -> str:
    return unquote(text, errors="surrogateescape")


def _checked_authority(value: str, *, needs_port: bool = False) -> str:
    match = grammar.HOST.fullmatch(value.encode("ascii", "replace"))
    if match is None or (match[1] is not None and not _is_ipv6(match[1].decode("ascii"))):
        raise ProtocolError(400, "The host is not a name or an address with an optional port.")
    if int(match[2] or 0) > 65535 or (needs_port and not match[2]):
        raise ProtocolError(400, "The host has no port, or a port above 65535.")
    return value.lower().removesuffix(":")  # RFC 3986 section 6.2.3: an empty port is no port


def _is_ipv6(address: str) -> bool:
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True
