"""Middleware, one file each. Use: `app.middleware(basic_auth({"ada": "secret"}))`."""

from aiosock.web.middleware.basic_auth import basic_auth
from aiosock.web.middleware.bearer_auth import bearer_auth, insufficient_scope
from aiosock.web.middleware.buckets import RedisBuckets
from aiosock.web.middleware.compression import compression
from aiosock.web.middleware.cors import cors
from aiosock.web.middleware.csrf import csrf
from aiosock.web.middleware.decompression import decompression
from aiosock.web.middleware.etag import etag
from aiosock.web.middleware.hosts import hosts
from aiosock.web.middleware.proxy_headers import proxy_headers
from aiosock.web.middleware.rate_limit import rate_limit
from aiosock.web.middleware.request_id import request_id
from aiosock.web.middleware.security_headers import security_headers
from aiosock.web.middleware.sees_exceptions import sees_exceptions
from aiosock.web.middleware.sessions import sessions
from aiosock.web.middleware.timeout import timeout

__all__ = [
    "RedisBuckets",
    "basic_auth",
    "bearer_auth",
    "compression",
    "cors",
    "csrf",
    "decompression",
    "etag",
    "hosts",
    "insufficient_scope",
    "proxy_headers",
    "rate_limit",
    "request_id",
    "security_headers",
    "sees_exceptions",
    "sessions",
    "timeout",
]
