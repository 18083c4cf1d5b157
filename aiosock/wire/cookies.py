"""Cookies: parse, set and delete (RFC 6265, and draft-ietf-httpbis-rfc6265bis, "6265bis", which browsers follow)."""

import re
from datetime import UTC, datetime
from typing import Final, Literal, TypedDict, Unpack

from aiosock.errors import ResponseError
from aiosock.headers import TCHAR
from aiosock.wire.conditional import format_date

SameSite = Literal["strict", "lax", "none"]
"""With which requests from other sites a cookie is sent: "strict": none, "lax": links only, "none": all."""

COOKIE_BYTES: Final = 4096
"""Bytes of name and value together; browsers drop a longer cookie (6265bis section 5.6)."""

ATTRIBUTE_BYTES: Final = 1024
"""Bytes of an attribute's value; browsers ignore a longer attribute (6265bis section 5.6)."""

EXPIRES_YEAR: Final = 1601
"""The first year of a date that browsers understand (6265bis section 5.1.1)."""

_NAME = re.compile(rf"[{TCHAR}]++")
# RFC 6265 section 4.1.1, cookie-octet: no control, space, quote, comma, semicolon, backslash or non-ASCII.
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*+")
_PATH = re.compile(r"/[!-:<-~]*+")
_DOMAIN = re.compile(r"[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+")

_SAME_SITE = {"strict": "Strict", "lax": "Lax", "none": "None"}
_EPOCH = datetime.fromtimestamp(0, UTC)

# 6265bis section 4.1.3; by section 5.6 their case does not matter. Here in lower case.
_SECURE_PREFIXES = ("__secure-", "__host-", "__http-")
_HTTP_PREFIXES = ("__http-", "__host-http-")


class CookieScope(TypedDict, total=False):
    """Where a cookie is sent. To delete a cookie, repeat what it was set with."""

    path: str
    """The cookie is sent for this path and the paths below it. By default "/"."""

    domain: str | None
    """The cookie is sent to this host and the hosts below it. By default only to the host that set it."""

    secure: bool | None
    """Send the cookie over TLS only. By default True if something requires it: `same_site="none"`, `partitioned`, or a
    name that starts with `__Secure-`, `__Host-` or `__Http-`. Otherwise False, so that the cookie works on
    http://localhost. Set it to True on a site with TLS."""

    http_only: bool
    """Hide the cookie from scripts. By default True."""

    same_site: SameSite
    """With which requests from other sites the cookie is sent. By default "lax": a form on another site comes without it."""

    partitioned: bool
    """Keep a separate cookie in each site that embeds this one. By default False."""


class CookieAttributes(CookieScope, total=False):
    """How long a cookie lives, and where it is sent. By default it lives until the browser is closed."""

    max_age: int | None
    """Seconds from now. Counts more than `expires`."""

    expires: datetime | None
    """When the cookie ends, with a time zone."""


def parse_cookies(value: str) -> dict[str, str]:
    """Return the names and values of a Cookie field, as they arrived.

    `value` is ISO-8859-1, as in Headers. Names and values that are UTF-8 are decoded from that, because browsers send
    what a page sets with `document.cookie` as UTF-8 (the HTML standard). Others stay ISO-8859-1. If two cookies have
    one name, the first counts: clients send the more specific path first. A cookie without a name is dropped, so that
    it cannot pass for another one.
    """
    cookies: dict[str, str] = {}
    is_ascii = value.isascii()
    for pair in value.split(";"):
        name, equals, content = pair.strip(" \t").partition("=")
        if not is_ascii:
            name, content = _utf8(name), _utf8(content)
        if equals and name:
            cookies.setdefault(name.rstrip(" \t"), _unquoted(content.strip(" \t")))
    return cookies


def encode_cookie(
    name: str, value: str, *, max_age: int | None = None, expires: datetime | None = None, **scope: Unpack[CookieScope]
) -> str:
    """Return the value of a Set-Cookie field; the attributes are those of `CookieAttributes`.

    Raises ResponseError for a name that is not a token, a value with anything but visible ASCII or with one of `",;\\`,
    an attribute that browsers refuse or ignore, a prefix in the name that forbids an attribute, and more than 4096
    bytes of name and value. Raises TypeError for a value that is no str and an age that is no int.
    """
    _check_pair(name, value)
    parts = [f"{name}={value}"]
    if max_age is not None:
        parts.append(f"Max-Age={_checked_age(max_age):d}")
    if expires is not None:
        parts.append(f"Expires={_date(expires)}")
    return "; ".join([*parts, *_encoded_scope(name, **scope)])


def encode_deletion(name: str, **scope: Unpack[CookieScope]) -> str:
    """Return the value of a Set-Cookie field that deletes a cookie; raise what `encode_cookie` raises."""
    # RFC 6265 section 3.1: a date in the past. The grammar in section 4.1.1 does not allow a Max-Age of 0.
    return encode_cookie(name, "", expires=_EPOCH, **scope)


def _encoded_scope(
    name: str,
    *,
    path: str = "/",
    domain: str | None = None,
    secure: bool | None = None,
    http_only: bool = True,
    same_site: SameSite = "lax",
    partitioned: bool = False,
) -> list[str]:
    """Return the attributes that say where a cookie is sent; raise what `encode_cookie` raises."""
    reason = _reason_for_secure(name, same_site, partitioned=partitioned)
    if reason and secure is False:
        raise ResponseError(f"{reason} must be secure")
    _check_prefix(name, path, domain, http_only=http_only)
    parts = [] if domain is None else [f"Domain={_checked(_DOMAIN, domain, 'domain')}"]
    parts.append(f"Path={_checked(_PATH, path, 'path')}")
    if secure or reason:
        parts.append("Secure")
    if http_only:
        parts.append("HttpOnly")
    parts.append(f"SameSite={_same_site(same_site)}")
    return [*parts, "Partitioned"] if partitioned else parts


def _utf8(text: str) -> str:
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _unquoted(value: str) -> str:
    # RFC 6265 section 4.1.1: a value may be in quotes. They are not part of the value that the program set.
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value


def _check_pair(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise ResponseError(f"{name!r} is not a valid name for a cookie")
    if not isinstance(value, str):
        raise TypeError(f"the value of the cookie {name} is a str, not {value!r}")
    if not _VALUE.fullmatch(value):
        raise ResponseError(f"{value!r} is not a valid value for a cookie; urllib.parse.quote makes a text valid")
    if len(name) + len(value) > COOKIE_BYTES:
        raise ResponseError(
            f"the cookie {name} has {len(name) + len(value)} bytes; browsers keep at most {COOKIE_BYTES}"
        )


def _reason_for_secure(name: str, same_site: SameSite, *, partitioned: bool) -> str:
    """Return what requires the attribute Secure, in words, or ""."""
    if name.lower().startswith(_SECURE_PREFIXES):
        return f"a cookie with the name {name}"
    if same_site == "none":
        return "a cookie with SameSite=None"
    return "a partitioned cookie" if partitioned else ""


def _check_prefix(name: str, path: str, domain: str | None, *, http_only: bool) -> None:
    prefixed = name.lower()
    if prefixed.startswith("__host-") and (path != "/" or domain is not None):
        raise ResponseError(f"a cookie with the name {name} must have the path / and no domain")
    if prefixed.startswith(_HTTP_PREFIXES) and not http_only:
        raise ResponseError(f"a cookie with the name {name} must be http_only")


def _checked_age(seconds: int) -> int:
    if not isinstance(seconds, int):
        raise TypeError(f"max_age is a number of seconds, an int, not {seconds!r}")
    if seconds <= 0:
        raise ResponseError(f"a max_age of {seconds} seconds would delete the cookie; use delete_cookie for that")
    return seconds


def _date(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ResponseError("expires needs a time zone, such as datetime.UTC")
    if moment.year < EXPIRES_YEAR:
        raise ResponseError(
            f"browsers ignore an expires before the year {EXPIRES_YEAR}; use delete_cookie to delete a cookie"
        )
    return format_date(moment.timestamp())


def _checked(pattern: re.Pattern[str], value: str, what: str) -> str:
    if len(value) > ATTRIBUTE_BYTES or not pattern.fullmatch(value):
        raise ResponseError(f"{value!r} is not a valid {what} for a cookie")
    return value


def _same_site(value: SameSite) -> str:
    if value not in _SAME_SITE:
        raise ResponseError(f"same_site must be strict, lax or none, not {value!r}")
    return _SAME_SITE[value]
