"""Typed handlers: the query and the body, validated by msgspec (the extra `typed`) before a handler is called."""

from aiosock.errors import RouteError


def require_msgspec(what: str) -> None:
    """Raise RouteError, with the remedy, where msgspec is not installed."""
    try:
        import msgspec  # noqa: F401
    except ImportError:
        raise RouteError(f"{what} needs msgspec: pip install 'aiosock[typed]'") from None
