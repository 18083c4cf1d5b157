"""Cookies that a client keeps (RFC 6265 section 5): by domain, path and name, until they expire on its clock."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from ipaddress import ip_address
from urllib.parse import SplitResult

from aiosock.wire.conditional import parse_date


class Cookie:
    """A cookie. `host_only`: for the host `domain`, not for those below it. `expires`: in seconds since the epoch."""

    __slots__ = ("domain", "expires", "host_only", "name", "path", "secure", "value")

    def __init__(self, name: str, value: str, domain: str) -> None:
        self.name: str = name
        self.value: str = value
        self.domain: str = domain
        self.path: str = "/"
        self.host_only: bool = True
        self.secure: bool = False
        self.expires: float | None = None

    def is_for(self, url: SplitResult) -> bool:
        """Return whether the cookie is sent to a URL."""
        host = url.hostname or ""
        fits_host = host == self.domain or (not self.host_only and _is_below(host, self.domain))
        return fits_host and _covers(self.path, url.path or "/") and (not self.secure or url.scheme == "https")


class Cookies(MutableMapping[str, str]):
    """The cookies of a client, by name: `client.cookies["theme"] = "dark"`.

    Those that are set here are sent to the whole host of `base_url`. Those of responses are sent where their attributes
    say: a cookie with `Secure` is kept and sent over https only. If several cookies have one name, the newest counts.
    SameSite is not regarded: the requests of a test come from no other site.
    """

    def __init__(self, host: str, clock: Callable[[], float]) -> None:
        """Take the host of cookies that are set here, and a clock of seconds since the epoch."""
        self._host = host
        self._clock = clock
        self._cookies: dict[tuple[str, str, str], Cookie] = {}

    def __getitem__(self, name: str) -> str:
        for cookie in reversed(self._kept()):
            if cookie.name == name:
                return cookie.value
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        self._keep(Cookie(name, value, self._host))

    def __delitem__(self, name: str) -> None:
        keys = [key for key in self._cookies if key[2] == name]
        if not keys:
            raise KeyError(name)
        for key in keys:
            del self._cookies[key]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(cookie.name for cookie in self._kept()))

    def __len__(self) -> int:
        return len(set(self))

    def __repr__(self) -> str:
        """Show names and values."""
        return f"Cookies({dict(self)!r})"

    def field_for(self, url: SplitResult) -> str:
        """Return the value of the Cookie field of a request, "" for none: longer paths first (section 5.4)."""
        sent = sorted((each for each in self._kept() if each.is_for(url)), key=lambda each: -len(each.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in sent)

    def learn(self, fields: Iterable[str], url: SplitResult) -> None:
        """Take the values of the Set-Cookie fields in a response for a URL; what a browser refuses is left out."""
        for field in fields:
            cookie = _parsed(field, url, self._clock())
            if cookie is not None:
                self._keep(cookie)

    def _keep(self, cookie: Cookie) -> None:
        key = (cookie.domain, cookie.path, cookie.name)
        self._cookies.pop(key, None)  # it becomes the newest
        self._cookies[key] = cookie

    def _kept(self) -> list[Cookie]:
        """Return the cookies that have not expired, the newest last; forget the others."""
        now = self._clock()
        self._cookies = {
            key: cookie for key, cookie in self._cookies.items() if cookie.expires is None or cookie.expires > now
        }
        return list(self._cookies.values())


def _parsed(field: str, url: SplitResult, now: float) -> Cookie | None:
    """Return the cookie of a Set-Cookie field, None for one that is refused (sections 5.2 and 5.3)."""
    pair, _, rest = field.partition(";")
    name, equals, value = pair.partition("=")
    attributes: dict[str, str] = {}
    for attribute in rest.split(";"):
        key, _, content = attribute.partition("=")
        attributes[key.strip().lower()] = content.strip()  # the last one of a name counts
    host = url.hostname or ""
    cookie = Cookie(name.strip(), value.strip(), host)
    if domain := attributes.get("domain", "").removeprefix(".").lower():
        cookie.domain, cookie.host_only = domain, _is_address(domain)
    path = attributes.get("path", "")
    cookie.path = path if path.startswith("/") else url.path.rpartition("/")[0] or "/"
    cookie.secure = "secure" in attributes
    cookie.expires = _expiry(attributes, now)
    is_ours = cookie.domain == host or (not cookie.host_only and _is_below(host, cookie.domain))
    is_refused = not equals or not cookie.name or not is_ours or (cookie.secure and url.scheme != "https")
    return None if is_refused or not _keeps_prefix(cookie, has_domain=bool(domain)) else cookie


def _expiry(attributes: dict[str, str], now: float) -> float | None:
    age = attributes.get("max-age", "")
    if age.removeprefix("-").isdecimal():
        return now + float(age)  # an age of 0 or below has passed already; one of many digits never passes
    date = attributes.get("expires", "")
    expires = parse_date(date)
    return parse_date(date.replace("-", " ")) if expires is None else expires  # 01-Jan-1970: as Netscape wrote it


def _keeps_prefix(cookie: Cookie, *, has_domain: bool) -> bool:
    """Return whether a cookie keeps what its name promises (draft-ietf-httpbis-rfc6265bis section 4.1.3)."""
    name = cookie.name.lower()
    if name.startswith("__host-"):
        return cookie.secure and cookie.path == "/" and not has_domain
    return cookie.secure or not name.startswith("__secure-")


def _is_below(host: str, domain: str) -> bool:
    return host.endswith(f".{domain}") and not _is_address(host)


def _covers(path: str, requested: str) -> bool:
    """Return whether the path of a cookie is that of a request, or above it (section 5.1.4)."""
    return requested == path or requested.startswith(path if path.endswith("/") else f"{path}/")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
