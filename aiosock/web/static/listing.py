"""Listing: the entries of a directory as a page, as JSON or as lines of text, as the client prefers."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from aiosock.errors import HTTPError
from aiosock.log import CONTROL_ESCAPES
from aiosock.web.disk.names import UNDECODABLE
from aiosock.web.few_threads import in_few_threads
from aiosock.web.json import encode
from aiosock.web.request import Request
from aiosock.web.response import Response
from aiosock.web.static.archive import FORMATS, Archive
from aiosock.web.static.describing import MISLEADING, modified_at
from aiosock.web.static.disposition import content_disposition
from aiosock.web.static.listing_page import page_response
from aiosock.web.static.selection import Selection, packed, unpacked
from aiosock.web.static.tree import Entry, Tree

# For text: characters that could add a line or control a terminal (CWE-150), and the backslash that the escapes begin
# with.
_ESCAPES = (
    CONTROL_ESCAPES
    | {code: f"\\u{code:04x}" for code in MISLEADING}
    | {code: f"\\u{code:04x}" for code in UNDECODABLE}
    | {ord("\\"): "\\\\"}
)
_REPLACEMENTS = dict.fromkeys(UNDECODABLE, "\ufffd")


class Listing:
    """Shows directories, and sends them as archives.

    With `upload`, the page can send files to its directory: by PUT, or without scripts by POST as a form.
    """

    def __init__(self, *, upload: bool = False) -> None:
        self.upload = upload

    async def show(self, request: Request, tree: Tree, names: Sequence[str]) -> Response:
        """Answer with a directory. The query may ask for an archive, for an order, or for names that contain a text.

        A page shows a thousand entries. Other forms have all of them, and are streamed if they are more.

        Raises HTTPError (400) for an unknown archive format, and what `Tree.scan` raises.
        """
        kind = request.query.get("archive")
        if kind is not None:
            return _archive_response(tree, names, kind)
        return await in_few_threads(self._listing_response, request, tree, names)

    def _listing_response(self, request: Request, tree: Tree, names: Sequence[str]) -> Response:
        """Make the response; blocks: many thousand entries take long to find, sort and write."""
        selection = Selection(request, tree.scan(names))
        wanted = request.accepts("text/html", "application/json", "text/plain")
        if wanted == "text/html":
            response = page_response(request, selection, upload=self.upload)
        else:
            response = _written(request, selection, wanted)
        for name, value in (("cache-control", "no-cache"), ("vary", "Accept"), ("x-content-type-options", "nosniff")):
            response.headers[name] = value
        return response


def _written(request: Request, selection: Selection, kind: str) -> Response:
    """Return all entries as JSON or as text; many of them are written piece by piece while the client reads."""
    batches = iter([selection.entries]) if selection.is_small else unpacked(packed(selection.entries))
    if kind == "application/json":
        pieces = _as_json(request.path, batches)
    else:
        kind = "text/plain; charset=utf-8"
        width = max((len(str(entry.size)) for entry in selection.entries), default=1)
        pieces = (_as_text(batch, width) for batch in batches)
    body = b"".join(pieces) if selection.is_small else _streamed(pieces)
    return Response(body, headers={"content-type": kind})


async def _streamed(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield pieces, each made in one of few threads once the one before has been taken."""
    while piece := await in_few_threads(lambda: next(pieces, b"")):
        yield piece


def _as_json(path: str, batches: Iterable[Sequence[Entry]]) -> Iterator[bytes]:
    """Yield the path and the entries as one JSON object, in pieces."""
    yield encode({"path": path, "entries": []}).removesuffix(b"]}")
    separator = b""
    for batch in batches:
        yield separator + encode([_described(entry) for entry in batch])[1:-1]
        separator = b","
    yield b"]}"


def _described(entry: Entry) -> dict[str, str | int | None]:
    kind, size = ("directory", None) if entry.is_directory else ("file", entry.size)
    return {
        "name": entry.name.translate(_REPLACEMENTS),
        "type": kind,
        "size": size,
        "modified": modified_at(entry).isoformat(),
    }


def _as_text(entries: Sequence[Entry], width: int) -> bytes:
    """Return one line for each entry: modification time, size in bytes, name; a directory's name ends with a slash."""
    return "".join(
        f"{modified_at(entry):%Y-%m-%d %H:%M}  {'-' if entry.is_directory else entry.size:>{width}}  "
        f"{entry.name.translate(_ESCAPES)}{'/' if entry.is_directory else ''}\n"
        for entry in entries
    ).encode()


def _archive_response(tree: Tree, names: Sequence[str], kind: str) -> Response:
    if kind not in FORMATS:
        raise HTTPError(400, f"Archives are available in the formats {' and '.join(FORMATS)}.")
    name = f"{names[-1] if names else tree.root.name or 'files'}.{kind}"
    fields = {
        "content-type": FORMATS[kind],
        "content-disposition": content_disposition(name),
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
    }
    return Response(Archive(tree, names, kind), headers=fields)
