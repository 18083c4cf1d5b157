"""The app of `aiosock serve`."""

import os
from collections.abc import Collection, Mapping

from aiosock.share.upload import UPLOAD_BYTES, Upload
from aiosock.web.app import App
from aiosock.web.middleware import basic_auth, cors, csrf, hosts
from aiosock.web.static import StaticFiles
from aiosock.web.static.listing import Listing


def directory_app(
    directory: str | os.PathLike[str],
    *,
    upload: bool = False,
    upload_bytes: int = UPLOAD_BYTES,
    users: Mapping[str, str] | None = None,
    share: bool = False,
    spa: bool = False,
    names: Collection[str] = (),
) -> App:
    """Return an app that serves the files below a directory and lists its directories.

    Dotfiles are hidden. Symbolic links are followed if they stay below the directory. A directory with an index.html is not
    listed.

    With `upload`, the app accepts files of up to `upload_bytes`, but not from pages of other sites. `users` are passwords by
    name; if there are none, no password is needed. With `share`, scripts of other sites may read, but not upload. With `spa`,
    browsers get index.html for paths where nothing is. With `names`, requests for other hosts are refused.

    Raises NotADirectoryError if `directory` is not a directory, and ConfigError for uploads on a system without openat().
    """
    files = StaticFiles(
        directory, listing=Listing(upload=upload), symlinks=True, clean_urls=True, spa="index.html" if spa else ""
    )
    app = App()
    if names:
        app.middleware(hosts(names))
    if share:  # before the password: a preflight request has none
        wanted = ["range", *(["authorization"] if users else [])]
        app.middleware(cors(headers=wanted, expose=["accept-ranges", "content-range", "etag"]))
    if upload:  # a form from another site is sent without a preflight request, unlike a PUT
        app.middleware(csrf())
    if users:
        app.middleware(basic_auth(users))
    app.mount("", Upload(files, upload_bytes) if upload else files)
    return app
