"""The inspector: what a running server does at this moment, and what it has done, as a page at /_aiosock/."""

from aiosock.inspector.inspector import Inspector

__all__ = ["Inspector"]
