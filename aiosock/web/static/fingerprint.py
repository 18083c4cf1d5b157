"""Fingerprints: hashes of the content that build tools write into names of files, such as index-BpVSPpQO.js.

Such a file never changes under its name. A name is only a guess: where a hash is not recognised, clients ask again
whether the file has changed. Where an ordinary name is taken for a hash, they keep an old file for a year. So in doubt
it is none.
"""

import re
from typing import Final

# The last part of a name, before suffixes such as .js, .chunk.css or .js.map; Trunk adds _bg to it for wasm.
_LAST_PART = re.compile(r".*[.-]([0-9a-f]{8,64}|[A-Za-z0-9_-]{8})(?:_bg)?(?:\.[a-z][a-z0-9]{0,11}){1,3}")

_HEX = re.compile(r"(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,64}")
"""Hexadecimal, as webpack, Parcel, Rails, Django and Hugo write it. Digits alone may be a date."""

_WORD_OR_DATE = re.compile(r"[a-f]{2,}[0-9]+|(?:19|20)[0-9]{6}[a-f]")
"""Names that people write in such characters: cafe2024, 20260131b."""

_UUID = re.compile(r".*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\..*")

_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
"""A run of characters of one kind; a word may begin with a capital."""

_NUMBERED = re.compile(r"[A-Z]+[0-9]+|v[0-9].*")
"""Names with a number, as of cameras, and versions: IMG12345, v2Final1."""

_CONSONANT: Final = "[b-df-hj-np-tv-xz]"
_ONSET: Final = (
    "(?:bl|br|ch|chr|cl|cr|dr|dw|fl|fr|gh|gl|gn|gr|kn|ph|pl|pr|ps|qu|rh|sc|sch|scr|sh|shr|sk|sl|sm|sn|sp|spl|spr|sq|st|str|sw|th"
    f"|thr|tr|tw|wh|wr|{_CONSONANT})?"
)
_WORD = re.compile(f"(?i:{_ONSET}[aeiouy]+(?:{_CONSONANT}{{1,4}}[aeiouy]+)*{_CONSONANT}{{0,4}})")
"""What can be pronounced in English, roughly."""

_ABBREVIATIONS: Final = frozenset(
    [
        "cfg",
        "cmd",
        "css",
        "csv",
        "db",
        "dns",
        "ftp",
        "gif",
        "gps",
        "gzip",
        "html",
        "http",
        "https",
        "img",
        "ip",
        "jpg",
        "json",
        "jwt",
        "md",
        "mp",
        "msg",
        "pdf",
        "php",
        "png",
        "rgb",
        "rss",
        "sdk",
        "sql",
        "src",
        "std",
        "str",
        "svg",
        "tcp",
        "tls",
        "tmp",
        "ts",
        "txt",
        "usb",
        "vpn",
        "xhtml",
        "xml",
        "xsl",
    ]
)
"""Parts of names that cannot be pronounced, but are no hash: JsonType, XmlFiles."""

_BASE32 = re.compile(r"(?=[A-Z]*[2-7])[A-Z2-7]{8}")


def has_fingerprint(name: str) -> bool:
    """Return whether the name of a file contains a hash of its content."""
    found = _LAST_PART.fullmatch(name)
    if found is None or _UUID.fullmatch(name):
        return False
    part = found[1]
    if _HEX.fullmatch(part):
        return not _WORD_OR_DATE.fullmatch(part)
    return len(part) == 8 and _is_random(part)


def _is_random(part: str) -> bool:
    """Return whether eight characters look like a hash in base64url (Vite, Rollup) or base32 (esbuild, Angular).

    Words change between capitals, small letters and digits two or three times, and can be pronounced. Nine of ten
    hashes in base64url do not.
    """
    runs = _RUN.findall(part)
    if _NUMBERED.fullmatch(part):
        return False
    if part == part.upper():
        return bool(_BASE32.fullmatch(part)) and (len(runs) >= 5 or any(map(_is_no_word, runs)))
    return part != part.lower() and (len(runs) >= 4 or any(_is_no_word(run) and run[1:].islower() for run in runs))


def _is_no_word(run: str) -> bool:
    return len(run) >= 3 and not (run.isdigit() or _WORD.fullmatch(run) or run.lower() in _ABBREVIATIONS)
