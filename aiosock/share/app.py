"""The app of `aiosock serve`."""

import os
from collections.abc import Collection, Mapping

from aiosock.share.guessing import guarded_by_password
from aiosock.share.upload import UPLOAD_BYTES, Upload
from aiosock.web.app import App
from aiosock.web.handler import Middleware, Next
from aiosock.web.middleware import cors, csrf, hosts
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.static import StaticFiles
from aiosock.web.static.cache import FileCache
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

    Dotfiles are hidden. Symbolic links are followed if they stay below the directory. A directory with an index.html is
    not listed. Clients check with each request whether a file has changed, and nothing is kept in memory: whoever
    develops a site sees each change at once.

    With `upload`, the app accepts files of up to `upload_bytes`, but not from pages of other sites. `users` are
    passwords by name; if there are none, no password is needed. After ten wrong ones, those of one network are checked
    slowly. With `share`, scripts of other sites may read, but not upload. With `spa`, browsers get index.html for paths
    where nothing is. With `names`, requests for other hosts are refused.

    Raises NotADirectoryError if `directory` is not a directory, and ConfigError for uploads on a system without
    openat().
    """
    # Whoever may upload must not be able to choose what is shown under the name of a file that exists already. So a
    # path then leads to the file of exactly that name: not to about.html or about.gz.
    files = StaticFiles(
        directory,
        cache=FileCache(fresh_seconds=0.0),
        cache_control={"*": "no-cache"},
        clean_urls=not upload,
        listing=Listing(upload=upload),
        precompressed=not upload,
        spa="index.html" if spa else "",
        symlinks=True,
    )
    app = App()
    if names:
        app.middleware(_only_hosts(names))
    if share:  # before the password: a preflight request has none
        wanted = ["range", *(["authorization"] if users else [])]
        app.middleware(cors(headers=wanted, expose=["accept-ranges", "content-range", "etag"]))
    if upload:  # a form from another site is sent without a preflight request, unlike a PUT
        app.middleware(csrf())
    if users:
        app.middleware(guarded_by_password(users))
    app.mount("", Upload(files, upload_bytes) if upload else files)
    return app


def _only_hosts(names: Collection[str]) -> Middleware:
    """Refuse requests for other hosts, but not those of HTTP/1.0 without a Host field, such as the checks of HAProxy.

    The list is against DNS rebinding in browsers, and every browser sends the field.
    """
    listed = hosts(names)

    async def checked(request: Request, next: Next) -> Response:
        return await (listed(request, next) if request.host else next(request))

    return checked
