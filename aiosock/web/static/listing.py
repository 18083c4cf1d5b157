"""Listing: the entries of a directory as a page, as JSON or as lines of text, as the client prefers."""

import asyncio
import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from unicodedata import normalize
from urllib.parse import quote, unquote, urlencode

from aiosock.errors import HTTPError
from aiosock.log import CONTROL_ESCAPES
from aiosock.web.disk.names import UNDECODABLE
from aiosock.web.page import Page
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.static.archive import FORMATS, Archive
from aiosock.web.static.tree import Entry, Tree

_NUMBER = re.compile(r"[0-9]+")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_COLUMNS = {"name": "Name", "size": "Size", "modified": "Modified <small>UTC</small>"}

_CONTROLS = tuple(CONTROL_ESCAPES)
# Line and paragraph separators, and characters that reverse the direction of text: they can make `gpj.exe` look like
# `exe.jpg`.
_MISLEADING = (0x2028, 0x2029, 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))

# For text: characters that could add a line or control a terminal (CWE-150), and the backslash that the escapes begin with.
_ESCAPES = (
    CONTROL_ESCAPES
    | {code: f"\\u{code:04x}" for code in _MISLEADING}
    | {code: f"\\u{code:04x}" for code in UNDECODABLE}
    | {ord("\\"): "\\\\"}
)
_REPLACEMENTS = dict.fromkeys(UNDECODABLE, "\ufffd")
_VISIBLE_FORMS = dict.fromkeys((*_CONTROLS, *_MISLEADING, *UNDECODABLE), "\ufffd") | {
    code: chr(0x2400 + code) for code in range(0x20)
}
_UNQUOTABLE = dict.fromkeys((*map(ord, '"\\?%'), *_CONTROLS), "_")


_PAGE = Page("aiosock.web.static", "listing")


class Listing:
    """Shows directories, and sends them as archives.

    With `upload`, the page can send files to its directory: by PUT, or without scripts by POST as a form.
    """

    def __init__(self, *, upload: bool = False) -> None:
        self.upload = upload

    async def show(self, request: Request, tree: Tree, names: Sequence[str], entries: Iterable[Entry]) -> Response:
        """Answer with a directory. The query may ask for an archive, for an order, or for names that contain a text.

        Raises HTTPError (400) for an unknown archive format.
        """
        kind = request.query.get("archive")
        if kind is not None:
            return _archive_response(tree, names, kind)
        return await asyncio.to_thread(self._listing_response, request, entries)

    def _listing_response(self, request: Request, entries: Iterable[Entry]) -> Response:
        """Make the response; blocks: many thousand entries take long to sort and write."""
        selection = _Selection(request, entries)
        wanted = request.accepts("text/html", "application/json", "text/plain")
        if wanted == "text/html":
            page = _page(request, selection, upload=self.upload)
            response = Response.html(
                page, headers={"content-security-policy": _PAGE.security_policy(form_action="'self'")}
            )
        elif wanted == "application/json":
            response = Response.json(
                {"path": request.path, "entries": [_as_json(entry) for entry in selection.entries]}
            )
        else:
            response = Response.text(_as_text(selection.entries))
        for name, value in (("cache-control", "no-cache"), ("vary", "Accept"), ("x-content-type-options", "nosniff")):
            response.headers[name] = value
        return response


class _Selection:
    """The entries whose names contain `q` of the query, sorted by its `sort` and `order`; directories first."""

    def __init__(self, request: Request, entries: Iterable[Entry]) -> None:
        self.text = request.query.get("q", "")
        sort = request.query.get("sort", "name")
        self.sort = sort if sort in _COLUMNS else "name"
        self.is_descending = request.query.get("order") == "desc"
        wanted = _fold_case(self.text)
        self.entries = [entry for entry in entries if wanted in _fold_case(entry.name)]
        self.entries.sort(key=lambda entry: _natural_key(entry.name))
        self.ranks = {entry.name: rank for rank, entry in enumerate(self.entries)}
        # Sorting is stable: entries of equal size stay in the order of names, also when sizes are descending.
        self.entries.sort(key=self._value, reverse=self.is_descending)
        self.entries.sort(key=lambda entry: not entry.is_directory)

    def _value(self, entry: Entry) -> float:
        """Return the sort key of an entry."""
        match self.sort:
            case "size":
                return entry.size
            case "modified":
                return entry.modified
            case _:
                return self.ranks[entry.name]


def _fold_case(name: str) -> str:
    """Return a name for comparison: without case, and with accents composed; macOS decomposes them."""
    return normalize("NFC", name).casefold()


def _natural_key(name: str) -> tuple[str, str]:
    """Return a sort key that puts `file 9` before `file 10`: each number is preceded by its number of digits.

    The key is made of strings, because Python compares them much faster than lists of numbers and strings, and no other
    thread runs during a comparison.
    """
    return _NUMBER.sub(_with_digit_count, _fold_case(name)), name


def _with_digit_count(number: re.Match[str]) -> str:
    digits = number[0].lstrip("0")
    return f"0{chr(len(digits))}{digits}"


def _archive_response(tree: Tree, names: Sequence[str], kind: str) -> Response:
    if kind not in FORMATS:
        raise HTTPError(400, f"Archives are available in the formats {' and '.join(FORMATS)}.")
    name = f"{names[-1] if names else tree.root.name or 'files'}.{kind}"
    plain = name.encode("ascii", "replace").decode("ascii").translate(_UNQUOTABLE)
    # RFC 6266 section 4.3: the name in UTF-8, and one in ASCII for clients that do not understand the first.
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
    fields = {
        "content-type": FORMATS[kind],
        "content-disposition": disposition,
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
    }
    return Response(Archive(tree, names, kind), headers=fields)


def _as_json(entry: Entry) -> dict[str, str | int | None]:
    kind, size = ("directory", None) if entry.is_directory else ("file", entry.size)
    return {
        "name": entry.name.translate(_REPLACEMENTS),
        "type": kind,
        "size": size,
        "modified": _modified_at(entry).isoformat(),
    }


def _as_text(entries: Sequence[Entry]) -> str:
    """Return one line for each entry: modification time, size in bytes, name; a directory's name ends with a slash."""
    width = max((len(str(entry.size)) for entry in entries), default=1)
    return "".join(
        f"{_modified_at(entry):%Y-%m-%d %H:%M}  {'-' if entry.is_directory else entry.size:>{width}}  "
        f"{entry.name.translate(_ESCAPES)}{'/' if entry.is_directory else ''}\n"
        for entry in entries
    )


def _modified_at(entry: Entry) -> datetime:
    return datetime.fromtimestamp(int(max(0.0, min(entry.modified, 253402300799.0))), UTC)


# The page.


def _page(request: Request, selection: _Selection, *, upload: bool) -> str:
    return _PAGE.filled(
        title=_visible(request.path),
        crumbs=_breadcrumbs(request.subpath),
        count=_count(selection.entries),
        text=escape(selection.text),
        sort=selection.sort,
        order="desc" if selection.is_descending else "asc",
        head="".join(_heading(selection, column) for column in _COLUMNS),
        rows="".join(_row(entry, selection.ranks[entry.name]) for entry in selection.entries),
        empty=_hidden_unless(not selection.entries and not selection.text),
        nothing=_hidden_unless(not selection.entries and selection.text),
        searched=_hidden_unless(selection.text),
        upload=_hidden_unless(upload),
    )


def _hidden_unless(condition: object) -> str:
    return "" if condition else "hidden"


def _visible(name: str) -> str:
    """Return a name as HTML; characters that are invisible or misleading become visible."""
    return escape(name.translate(_VISIBLE_FORMS))


def _breadcrumbs(subpath: str) -> str:
    """Return links to the directories above. They are relative, so that they work under every mount and behind a proxy.

    The path is split as it was sent: a segment `a%2Fb` is two directories, but one step for `../`.
    """
    segments = ["Home", *(unquote(segment) for segment in subpath.strip("/").split("/") if segment)]
    *above, here = (
        f'<span class="home">{name}</span>' if depth == 0 else f"<bdi>{_visible(name)}</bdi>"
        for depth, name in enumerate(segments)
    )
    links = (f'<li><a href="{"../" * (len(above) - depth)}">{name}</a></li>' for depth, name in enumerate(above))
    return f'{"".join(links)}<li><h1 aria-current="page">{here}</h1></li>'


def _heading(selection: _Selection, column: str) -> str:
    is_sorted = selection.sort == column
    order = "desc" if is_sorted and not selection.is_descending else "asc"
    query = {"q": selection.text} if selection.text else {}
    link = escape(urlencode({**query, "sort": column, "order": order}))
    state = f' aria-sort="{"descending" if selection.is_descending else "ascending"}"' if is_sorted else ""
    return f'<th scope="col" class="{column}"{state}><a href="?{link}">{_COLUMNS[column]}</a></th>'


def _row(entry: Entry, rank: int) -> str:
    """Return a row of the table; it has the `rank` of its name, so that the script need not compare names as we do."""
    kind, slash, size = ("directory", "/", -1) if entry.is_directory else ("file", "", entry.size)
    moment = _modified_at(entry)
    shown = "" if entry.is_directory else f'<td class="size" title="{size:,} bytes">{_readable_size(size)}</td>'
    # `./`: without it, a name with a colon would be a URL with a scheme (RFC 3986 section 4.2).
    return (
        f'<tr data-name="{rank}" data-size="{size}" data-modified="{entry.modified}"><th scope="row" class="name {kind}">'
        f'<a href="./{quote(os.fsencode(entry.name), safe="")}{slash}">{_visible(entry.name)}{slash}</a></th>'
        f'{shown or "<td></td>"}<td class="modified">'
        f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M}</time></td></tr>\n'
    )


def _count(entries: Sequence[Entry]) -> str:
    directories = sum(entry.is_directory for entry in entries)
    counted = [(directories, "directory", "directories"), (len(entries) - directories, "file", "files")]
    size = sum(entry.size for entry in entries)
    return ", ".join(
        [*(f"{count:,} {one if count == 1 else more}" for count, one, more in counted), _readable_size(size)]
    )


def _readable_size(size: float) -> str:
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 9.95 else f"{size:.1f} {_UNITS[unit]}"
