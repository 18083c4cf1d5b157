"""Secrets: which names hide their values, and how these are hidden in text that others have written.

Names are all there is to go by, so this hides too much rather than too little. It is no protection against who may read
the page: it is for screens that others see, and for pages that are pasted into a report.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

HIDDEN: Final = "••••••"
"""In place of a value."""

LONG: Final = 16
"""Characters from which on the value of a plain `key` is taken for a secret: a shorter one is usually a name."""

_PARTS = re.compile(
    r"password|passwd|passphrase|secret|token(?!i[sz])|credential|authoriz|cookie|api_?key|private_?key|access_?key"
    r"|session_?id|connection_?string"
)
_WORDS = frozenset(
    {"auth", "bearer", "csrf", "cvv", "dsn", "jwt", "key", "keys", "otp", "pass", "pin", "pw", "pwd", "salt"}
    | {"session", "sessions", "sid", "signature", "xsrf"}
)
_HARMLESS = frozenset({"cache", "dict", "foreign", "partition", "primary", "public", "sort"})
"""With one of these words, a key is none that opens something."""

_SPLIT = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_MAX_NAME = 200

# A name with its sign: `name=`, `"name": `, `'name', ` before a quoted value, `user[name]=`, `it["name"] = `. Possessive,
# so the time is linear.
_NAMED = re.compile(
    r"(?<![\w.-])([\w.-]++)(?:[\"']?+(?:\]|%5[dD]){1,3}+)?+(?:[\"']?+\s*+[:=]\s*+|[\"']\s*+,\s*+(?=b?[\"']))"
)
_STRING = r"\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?"
_QUOTED = rf"[A-Za-z]{{0,2}}(?:{_STRING})"
# Brackets, closed or cut off, and those within them. None of it can fail, so nothing is tried twice.
_FLAT = rf"[\[({{](?:{_STRING}|[^\[\](){{}}\"']++)*+[\])}}]?"
_DEEP = rf"[\[({{](?:{_STRING}|[^\[\](){{}}\"']++|{_FLAT})*+[\])}}]?"
_NESTED = rf"[\[({{](?:{_STRING}|[^\[\](){{}}\"']++|{_DEEP})*+[\])}}]?"
_VALUE = re.compile(
    rf"{_QUOTED}|(?:bearer|basic|digest|negotiate|token)\s++[^\s\"']++|{_NESTED}|[^\s,;&)}}\]\"']++",
    re.IGNORECASE | re.DOTALL,
)
_LINE = re.compile(r"[^\r\n]++")
_LITERAL = re.compile(_QUOTED)
# Up to the last @: a password may have one, although it should be percent-encoded.
_USER = re.compile(r"(?<=://)([^/\s:@'\"]*+):[^/\s'\"]+@")
# What is a secret whatever its name is: a JSON Web Token (RFC 7519), and what follows Bearer and has a digit.
_TOKEN = re.compile(
    r"(?<![\w.-])eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)*+|(?<=\bbearer )(?=[a-z_.~+/-]*+[0-9=])[\w.~+/=-]{12,}+",
    re.IGNORECASE,
)
_ELEMENT = re.compile(r"<([\w.:-]++)>([^<]++)(?=</)")
_EOL = r"(?:\r?\n|\\r\\n)"  # also as `repr` writes bytes
_PART = re.compile(rf'(\bname="([^"\r\n]*+)"[^\r\n\\]*+(?:{_EOL}[^\r\n\\]{{1,200}}){{0,4}}+{_EOL}{_EOL})([^\r\n\\]++)')
"""A field of a multipart form (RFC 7578), up to the first line of its value."""


def is_secret(name: str, value: object = "") -> bool:
    """Return whether a value of this name is hidden."""
    if len(name) > _MAX_NAME or name.endswith(("Error", "Exception", "Warning")):  # KeyError: 'name'
        return False
    words = {word.lower() for word in _SPLIT.findall(name)}
    if _PARTS.search(name.lower().replace("-", "_")):
        return True
    found = words & _WORDS
    if not found & {"key", "keys"} or len(found) > 1:
        return bool(found)
    if words <= {"key", "keys"}:  # alone, as in `for key in names`
        return isinstance(value, (str, bytes)) and len(value) >= LONG
    return not words & _HARMLESS


def masked(text: str) -> str:
    """Return a text without the values that follow the name of a secret, passwords in URLs, and tokens known by their form."""
    pieces: list[str] = []
    end = 0
    for named in _NAMED.finditer(text):
        # Values are looked for only after such names: looking after every name would take the square of the length.
        if named.start() < end or not is_secret(named[1], "long" * LONG):
            continue
        value = _value_after(text, named)
        if value is not None and is_secret(named[1], value[0]):
            pieces += text[end : named.end()], HIDDEN
            end = value.end()
    text = _USER.sub(rf"\1:{HIDDEN}@", "".join([*pieces, text[end:]]))
    text = _TOKEN.sub(HIDDEN, text)
    text = _ELEMENT.sub(lambda each: f"<{each[1]}>{HIDDEN}" if is_secret(each[1], each[2]) else each[0], text)
    return _PART.sub(lambda each: f"{each[1]}{HIDDEN}" if is_secret(each[2], each[3]) else each[0], text)


def masked_target(target: str, params: Mapping[str, object]) -> str:
    """Return a target without the parameters of its path that have the name of a secret, and without those of its query."""
    path, mark, query = target.partition("?")
    secrets = [part for name, value in params.items() if is_secret(name, str(value)) for part in str(value).split("/")]
    hidden = [part for part in secrets if part]
    parts = [HIDDEN if any(each in unquote(part) for each in hidden) else part for part in path.split("/")]
    return masked("/".join(parts) + mark + query)


def _value_after(text: str, named: re.Match[str]) -> re.Match[str] | None:
    # A field line, whose value may have spaces: `cookie: a=1; b=2`.
    is_line = named[1].lower() in ("cookie", "set-cookie") and not _LITERAL.match(text, named.end())
    return (_LINE if is_line else _VALUE).match(text, named.end())


def masked_source(line: str) -> str:
    """Return a line of source in which a quoted value that follows the name of a secret has dots in its place.

    The line keeps its length: columns are counted in it.
    """
    for named in _NAMED.finditer(line):
        value = _LITERAL.match(line, named.end()) if is_secret(named[1], "long" * LONG) else None
        if value is not None and len(value[0]) > 2 and is_secret(named[1], value[0]):
            line = line[: value.start()] + "•" * len(value[0]) + line[value.end() :]
    return line
