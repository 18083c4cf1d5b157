"""The page of a listing: the entries of a directory as HTML, a thousand at a time."""

import os
from collections.abc import Sequence
from html import escape
from urllib.parse import quote, unquote, urlencode

from aiosock.web.disk.names import UNDECODABLE
from aiosock.web.page import Page
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.static.describing import CONTROLS, MISLEADING, modified_at
from aiosock.web.static.selection import BATCH, Selection, natural_key
from aiosock.web.static.tree import Entry

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_HEADINGS = {"name": "Name", "size": "Size", "modified": "Modified <small>UTC</small>"}
_VISIBLE_FORMS = dict.fromkeys((*CONTROLS, *MISLEADING, *UNDECODABLE), "\ufffd") | {
    code: chr(0x2400 + code) for code in range(0x20)
}

_PAGE = Page("aiosock.web.static", "listing")


def page_response(request: Request, selection: Selection, *, upload: bool) -> Response:
    """Return the page with the number `page` of the query, or the nearest one that exists."""
    pages = max(1, -(-len(selection.entries) // BATCH))
    number = min(_asked_page(request), pages)
    shown = selection.entries[(number - 1) * BATCH : number * BATCH]
    # The script sorts rows by the rank of their names, so that it need not compare names as we do.
    ranks = {entry.name: rank for rank, entry in enumerate(sorted(shown, key=natural_key))}
    html = _PAGE.filled(
        title=_visible(request.path),
        crumbs=_breadcrumbs(request.subpath),
        count=_count(selection.entries),
        text=escape(selection.text),
        sort=selection.sort,
        order="desc" if selection.is_descending else "asc",
        head="".join(_heading(selection, column) for column in _HEADINGS),
        rows="".join(_row(entry, ranks[entry.name]) for entry in shown),
        pages_above=_pager(selection, number, pages, "Pages"),
        pages_below=_pager(selection, number, pages, "Pages, after the table"),
        empty=_hidden_unless(not selection.entries and not selection.text),
        nothing=_hidden_unless(not selection.entries and selection.text),
        searched=_hidden_unless(selection.text),
        upload=_hidden_unless(upload),
    )
    return Response.html(html, headers={"content-security-policy": _PAGE.security_policy(form_action="'self'")})


def _asked_page(request: Request) -> int:
    asked = request.query.get("page", "")
    return max(1, int(asked)) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else 1


def _pager(selection: Selection, number: int, pages: int, label: str) -> str:
    """Return links to the page before and the page after, "" if there is only one page."""
    if pages == 1:
        return ""
    first, last, count = (number - 1) * BATCH + 1, min(number * BATCH, len(selection.entries)), len(selection.entries)
    before, after = (
        f'<a rel="{relation}" href="{_query(selection, page=other)}">{text}</a>'
        if 1 <= other <= pages
        else "<span></span>"
        for other, relation, text in ((number - 1, "prev", "Previous"), (number + 1, "next", "Next"))
    )
    return (
        f'<nav class="pages" aria-label="{label}">{before}<span>{first:,} to {last:,} of {count:,}</span>{after}</nav>'
    )


def _query(selection: Selection, **fields: object) -> str:
    """Return a link to the same selection, except for some fields of the query, as HTML."""
    order = "desc" if selection.is_descending else "asc"
    kept = {"q": selection.text, "sort": selection.sort, "order": order} | fields
    return "?" + escape(urlencode({name: value for name, value in kept.items() if value}))


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


def _heading(selection: Selection, column: str) -> str:
    is_sorted = selection.sort == column
    order = "desc" if is_sorted and not selection.is_descending else "asc"
    link = _query(selection, sort=column, order=order)
    state = f' aria-sort="{"descending" if selection.is_descending else "ascending"}"' if is_sorted else ""
    return f'<th scope="col" class="{column}"{state}><a href="{link}">{_HEADINGS[column]}</a></th>'


def _row(entry: Entry, rank: int) -> str:
    """Return a row of the table, with the `rank` of its name for the script."""
    kind, slash, size = ("directory", "/", -1) if entry.is_directory else ("file", "", entry.size)
    moment = modified_at(entry)
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
