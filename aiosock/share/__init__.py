"""`aiosock serve DIR`: share a directory; others can download its files and, if allowed, upload files.

The package is not named `aiosock.serve`: importing it would replace the function `aiosock.serve`.
"""

from aiosock.share.app import directory_app

__all__ = ["directory_app"]
