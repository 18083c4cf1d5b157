"""Quoted strings (RFC 9110 section 5.6.4) for what an app says of itself: realms, scopes, names of policies."""


def quotable(text: str, what: str) -> str:
    """Give a text that can stand between quotes as it is; raise ValueError, naming `what` it was to be, for another."""
    if not text.isascii() or not text.isprintable() or '"' in text or "\\" in text:
        raise ValueError(f"not {what}: {text!r}")
    return text
