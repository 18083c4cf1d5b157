"""Typed handlers: msgspec (the extra `typed`) validates the query and the body before a handler is called."""

from aiosock.errors import RouteError


def require_msgspec(what: str) -> None:
    """Raise RouteError, with the command to install it, if msgspec is missing."""
    try:
        import msgspec  # noqa: F401
    except ImportError:
        raise RouteError(f"{what} needs msgspec: pip install 'aiosock[typed]'") from None
