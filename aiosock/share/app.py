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
    """Give an app that lists a directory and serves what is in it.

    Dotfiles are hidden, links are followed to what is below the directory, and one with an index.html is not listed.

    With `upload` it takes files of up to `upload_bytes`, but not from pages of other sites. `users` are passwords by
    name; without any, everybody is let in. With `share`, scripts of other sites may read, and may not upload. With `spa`,
    index.html answers for what is not there. With `names`, requests for other hosts are refused.

    Raises NotADirectoryError unless `directory` is one, ConfigError for uploads on a system that cannot make them safe.
    """
    files = StaticFiles(
        directory, listing=Listing(upload=upload), symlinks=True, clean_urls=True, spa="index.html" if spa else ""
    )
    app = App()
    if names:
        app.middleware(hosts(names))
    if share:  # outermost: a preflight comes without a password
        wanted = ["range", *(["authorization"] if users else [])]
        app.middleware(cors(headers=wanted, expose=["accept-ranges", "content-range", "etag"]))
    if upload:  # unlike a PUT, a form needs no preflight
        app.middleware(csrf())
    if users:
        app.middleware(basic_auth(users))
    app.mount("", Upload(files, upload_bytes) if upload else files)
    return app
