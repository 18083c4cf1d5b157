"""The Content-Security-Policy (CSP Level 3) of a page into which our script goes: changed as little as possible."""

import re
import secrets
from typing import Final

from aiosock.headers import Headers

FIELDS: Final = ("content-security-policy", "content-security-policy-report-only")

_SCRIPTS: Final = ("script-src-elem", "script-src", "default-src")
_CONNECTIONS: Final = ("connect-src", "default-src")
"""Directives, each standing in where those before it are missing (sections 6.1 and 6.8.3)."""

_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_=-]+)'")


def admit_script(headers: Headers) -> str:
    """Let every policy of a response admit a script and requests to the same origin; return the nonce that the script needs.

    'self' is enough, except under 'strict-dynamic', which goes by nonces and hashes only.
    """
    policies = [each for name in FIELDS for line in headers.get_all(name) for each in line.split(",")]
    strict = [policy for policy in policies if "'strict-dynamic'" in policy.lower()]
    given = [match[1] for policy in strict if (match := _NONCE.search(policy))]
    nonce = (given[0] if given else secrets.token_urlsafe(16)) if strict else ""
    for name in FIELDS:
        lines = headers.get_all(name)
        del headers[name]
        for line in lines:
            headers.append(name, ", ".join(_admitting(policy, nonce) for policy in line.split(",")))
    return nonce


def _admitting(policy: str, nonce: str) -> str:
    """Return one policy, with what our script needs."""
    directives: dict[str, list[str]] = {}
    for directive in policy.split(";"):
        name, *sources = directive.split() or [""]
        if name:
            directives.setdefault(name.lower(), sources)  # of two, the first counts (section 2.2.1)
    _admit(directives, _SCRIPTS, nonce)
    _admit(directives, _CONNECTIONS, "")
    return "; ".join(" ".join([name, *sources]) for name, sources in directives.items())


def _admit(directives: dict[str, list[str]], names: tuple[str, ...], nonce: str) -> None:
    name = next((name for name in names if name in directives), None)
    if name is None:
        return
    sources = directives[name]
    lower = [source.lower() for source in sources]
    wanted = f"'nonce-{nonce}'" if "'strict-dynamic'" in lower and nonce else "'self'"
    if wanted in sources or (wanted == "'self'" and ("*" in lower or wanted in lower)):
        return
    # 'none' counts only where it is alone. default-src itself must not admit more.
    directives[names[-2] if name == names[-1] else name] = [
        *(source for source in sources if source.lower() != "'none'"),
        wanted,
    ]
