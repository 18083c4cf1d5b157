"""Policy: the options of a StaticFiles, and what they mean for a path or a file."""

import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING, Final, TypedDict

from aiosock.web.static.fingerprint import has_fingerprint
from aiosock.web.static.media import is_known
from aiosock.web.static.representation import SUFFIXES

if TYPE_CHECKING:
    from aiosock.web.static.listing import Listing

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""Cache-Control for files that never change under their name (RFC 8246)."""


class StaticOptions(TypedDict, total=False):
    """The options of a StaticFiles; each has a default."""

    index: Sequence[str]
    """Names of files that are served for their directory: the first that exists. By default `("index.html",)`."""

    listing: "bool | Listing"
    """Show a directory that has no index: as a page, or as JSON or text if the client prefers that. Its files can be
    downloaded as one archive."""

    symlinks: bool
    """Follow symbolic links that lead to something below the directory. By default they are hidden."""

    dotfiles: Collection[str]
    """Names that are served although they start with a dot, such as `.well-known`. By default none."""

    precompressed: bool
    """Send `name.zst`, `name.br` or `name.gz` instead of `name` to clients that accept it, unless it is older than
    `name`. By default True."""

    clean_urls: bool
    """Serve `about.html` for `/about`."""

    spa: str
    """A page that browsers get, with 200, for paths where nothing is: for single-page applications."""

    not_found: str
    """A page that browsers get, with 404, for paths where nothing is."""

    cache_control: Mapping[str, str] | None
    """Cache-Control by a pattern of the file's name or path, such as `{"*.html": "no-cache"}`. The first pattern that
    matches counts."""

    immutable: bool
    """Tell clients to keep files for a year whose names contain a hash, such as `app.3f2a9c1b.js` and
    `index-BpVSPpQO.js`. If it is not clear that it is a hash, the file is not kept."""


class Policy:
    """The options of a StaticFiles, checked and with their defaults."""

    def __init__(self, options: StaticOptions) -> None:
        """Raise TypeError for an unknown option, and ValueError for a page whose path ends with a slash."""
        unknown = sorted(options.keys() - StaticOptions.__optional_keys__)
        if unknown:
            raise TypeError(f"StaticFiles() got an unexpected keyword argument {unknown[0]!r}")
        index = options.get("index", ("index.html",))
        self.index: tuple[str, ...] = (index,) if isinstance(index, str) else tuple(index)
        self.listing: Listing | None = _as_listing(options.get("listing", False))
        self.symlinks: bool = options.get("symlinks", False)
        self.dotfiles: Collection[str] = options.get("dotfiles", ())
        self.codings: tuple[str, ...] = tuple(SUFFIXES) if options.get("precompressed", True) else ()
        self.clean_urls: bool = options.get("clean_urls", False)
        self._spa = _page_path(options.get("spa", ""))
        self._not_found = _page_path(options.get("not_found", ""))
        patterns = options.get("cache_control") or {}
        self._cache_control = [(re.compile(translate(pattern)), value) for pattern, value in patterns.items()]
        self._immutable = options.get("immutable", False)

    def cache_control(self, names: Sequence[str]) -> str:
        """Return the Cache-Control of the file that these names lead to, "" for none."""
        name, path = names[-1], "/".join(names)
        for pattern, value in self._cache_control:
            if pattern.match(name) or pattern.match(path):
                return value
        return IMMUTABLE if self._immutable and has_fingerprint(name) else ""

    def page_for_missing(self, path: str) -> tuple[str, int]:
        """Return which page browsers get for a path where nothing is, "" for none, and with which status."""
        # A last name with the suffix of a file is meant for one: a missing script must not be answered with a page and
        # 200. Other names with a dot may be routes, such as /users/jane.doe, but not dotfiles.
        is_route = not (path.startswith(".") or "/." in path or is_known(path.rpartition("/")[2]))
        return (self._spa, 200) if self._spa and is_route else (self._not_found, 404)


def _as_listing(listing: "bool | Listing") -> "Listing | None":
    if not isinstance(listing, bool):
        return listing
    if not listing:
        return None
    from aiosock.web.static.listing import Listing  # here: importing the archive formats is slow

    return Listing()


def _page_path(path: str) -> str:
    """Return the path of a page without its first slash."""
    if path.endswith("/"):
        raise ValueError(f"{path!r} is a directory, not a page")
    return path.lstrip("/")
