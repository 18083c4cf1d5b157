"""`aiosock serve DIR`: a directory for others to look at and, if wanted, to send files to.

Not `aiosock.serve`: importing a package of that name would put it in the place of the function.
"""

from aiosock.share.app import directory_app

__all__ = ["directory_app"]
