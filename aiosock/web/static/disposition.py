"""Content-Disposition: the name under which a client keeps what it gets (RFC 6266)."""

from urllib.parse import quote

from aiosock.web.static.describing import CONTROLS

# A quoted-string could escape the first two, but clients disagree on it; % would be decoded by some (RFC 6266, appendix
# D).
_UNQUOTABLE = dict.fromkeys((*map(ord, '"\\?%'), *CONTROLS), "_")


def content_disposition(name: str, *, inline: bool = False) -> str:
    """Return the value of the field for a file of this name, which may have any characters.

    It has the name in UTF-8 (RFC 8187), and one in ASCII for clients that do not understand the first (RFC 6266 section
    4.3).
    """
    plain = name.encode("ascii", "replace").decode("ascii").translate(_UNQUOTABLE)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
