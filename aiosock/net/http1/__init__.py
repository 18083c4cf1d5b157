"""HTTP/1.1 and HTTP/1.0 (RFC 9112)."""

from aiosock.net.http1.connection import Http1Connection

__all__ = ["Http1Connection"]
