"""Middleware to choose from, one file each: `app.middleware(basic_auth({"ada": "secret"}))`."""

from aiosock.web.middleware.basic_auth import basic_auth
from aiosock.web.middleware.cors import cors

__all__ = ["basic_auth", "cors"]
