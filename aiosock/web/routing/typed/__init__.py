"""Typed handlers: msgspec (the extra `typed`) validates the query and the body before a handler is called."""

from aiosock.errors import RouteError, not_installed


def require_msgspec(what: str) -> None:
    """Raise RouteError, with the command to install it, if msgspec is missing."""
    try:
        import msgspec  # noqa: F401
    except ImportError:
        raise RouteError(not_installed(what, "msgspec>=0.22", "typed")) from None
