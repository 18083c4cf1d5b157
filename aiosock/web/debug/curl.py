"""A request as a command of curl that sends the same one again."""

import shlex
from base64 import b64encode
from collections.abc import Iterable

from aiosock.web.debug.secrets import is_secret

_OF_CONNECTION = frozenset({"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"})
"""Fields that curl sends by itself."""


def curl(
    method: str,
    url: str,
    fields: Iterable[tuple[str, str]],
    body: bytes = b"",
    *,
    target: str = "",
    secrets: bool = False,
) -> str:
    """Return the command, quoted for a POSIX shell. `target` is that of the request where it is no path.

    A secret becomes a variable of the shell, such as $COOKIE, unless `secrets`.
    """
    words = ["curl", "-i"]
    if method == "HEAD":
        words = ["curl", "--head"]
    elif method != ("POST" if body else "GET"):
        words += ["-X", shlex.quote(method)]
    if "/." in url or "%2e" in url.lower():
        words.append("--path-as-is")
    if any(character in url for character in "[]{}"):
        words.append("--globoff")
    words.append(shlex.quote(url))
    if target:
        words += ["--request-target", shlex.quote(target)]
    given = [(name, _as_utf8(value)) for name, value in fields if name not in _OF_CONNECTION]
    names = {name for name, _ in given}
    # What curl would add, and the client did not send.
    absent = [name for name in ("accept", "user-agent", *(["content-type"] if body else [])) if name not in names]
    lines = [" ".join(words)]
    lines += [f"-H {_header(name, value, secrets=secrets)}" for name, value in given]
    lines += [f"-H {shlex.quote(name + ':')}" for name in absent]
    return _with_body(lines, body)


def _header(name: str, value: str, *, secrets: bool) -> str:
    if is_secret(name) and not secrets:
        return f'"{name}: ${name.upper().replace("-", "_")}"'
    return shlex.quote(f"{name}: {value}" if value else f"{name};")  # `name:` would leave it out


def _with_body(lines: list[str], body: bytes) -> str:
    if not body:
        return " \\\n  ".join(lines)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # no argument can have it
        lines[0] = f"echo {b64encode(body).decode()} | base64 -d | {lines[0]}"
        return " \\\n  ".join([*lines, "--data-binary @-"])
    return " \\\n  ".join([*lines, f"--data-raw {shlex.quote(text)}"])


def _as_utf8(value: str) -> str:
    """Return the value of a field as a terminal sends it: fields are decoded as ISO-8859-1, octet by octet."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
