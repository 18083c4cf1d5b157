"""Quoted strings (RFC 9110 section 5.6.4) for texts of the app: realms, scopes, names of policies."""


def quotable(text: str, what: str) -> str:
    """Return a text that can be quoted without escapes; raise ValueError, with `what` it is, for any other text."""
    if not text.isascii() or not text.isprintable() or '"' in text or "\\" in text:
        raise ValueError(f"{what} must be printable ASCII without quotes and backslashes, not {text!r}")
    return text
