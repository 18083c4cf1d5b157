"""FileResponse: one file that a handler has chosen, with what StaticFiles knows of ranges and preconditions."""

import asyncio
import os
from pathlib import Path
from typing import Final, Never

from aiosock.errors import HTTPError, ResponseError
from aiosock.web.disk.file_body import FileBody
from aiosock.web.disk.names import without_unsafe
from aiosock.web.disk.shortage import shortages_answered
from aiosock.web.handler import Pending
from aiosock.web.request import Request
from aiosock.web.response import Fields, Response
from aiosock.web.spelling import unknown_option
from aiosock.web.static.answer import answer
from aiosock.web.static.disposition import content_disposition
from aiosock.web.static.media import is_known, media_type, own_coding
from aiosock.web.static.representation import Representation, open_file, open_path, read_small
from aiosock.web.static.tree import MISSING_ERRORS, Tree

_OF_THE_FILE: Final = frozenset({"accept-ranges", "content-length", "content-range", "last-modified"})
"""Fields that say what the file is, or which part of it is sent. Nobody else can know."""

FilePath = str | os.PathLike[str]


class FileResponse(Pending):
    """A file, sent with its type, validators and ranges; 404 if there is none.

    ```python
    @app.get("/report")
    async def report(request: Request) -> Response:
        return FileResponse("reports/2026.pdf", filename="Annual report.pdf")


    @app.get("/photos/{name}")
    async def photo(request: Request, name: str) -> Response:
        return FileResponse(name, directory="photos")
    ```

    With `filename`, clients keep the file under that name; with `inline` too, a browser shows it first. A path that
    comes from a client needs a `directory`: nothing outside is sent, no dotfile, and no link is followed. Without
    one, `path` is any path that the process may read, and only your own code should choose it.

    Fields in `headers` count more than those of the file; an ETag there takes part in the preconditions. The type is
    that of the suffix of `filename` or `path`. The file is opened in a thread when the handler has returned: small ones
    are read there, up to `limits.cached_file_bytes`, and the kernel copies larger ones. To other methods than GET and
    HEAD, and with another `status` than 200, the file is sent whole and without validators.

    HTTPError answers what cannot be sent: 404 for no file, a directory or a device, 412 and 416 as by StaticFiles, 503
    without descriptors. Raises ResponseError for a field that cannot be sent, TypeError for an option that there is
    not.
    """

    __slots__ = ("_directory", "_filename", "_inline", "path")

    def __init__(
        self,
        path: FilePath,
        filename: str = "",
        *,
        inline: bool = False,
        directory: FilePath | None = None,
        status: int = 200,
        headers: Fields = (),
        **wrong: Never,
    ) -> None:
        if wrong:
            raise unknown_option("FileResponse", wrong)
        super().__init__(status, headers)
        self.path: str = os.fspath(path)
        self._filename = without_unsafe(filename)
        self._inline = inline
        self._directory = directory

    async def made(self, request: Request) -> Response:
        """Open the file and return the response for this request; raise HTTPError as the class says."""
        limit = 0 if request.method == "HEAD" else request.exchange.connection.limits.cached_file_bytes
        try:
            with shortages_answered():
                representation, file = await asyncio.to_thread(self._open, limit)
        except (OSError, ValueError) as error:  # ValueError: a path with a NUL, or half of a surrogate pair
            if isinstance(error, OSError) and error.errno not in MISSING_ERRORS:
                raise
            reason = f" {self.path!r}: {error}" if request.exchange.connection.debug else ""
            raise HTTPError(404, f"Nothing is at {request.path}.{reason}") from error
        response = None
        try:
            self._describe(representation)
            response = answer(request, representation, None if request.method == "HEAD" else file, self.status)
        finally:
            if file is not None and (response is None or response.body is not file):
                await file.aclose()
        return response

    def _open(self, limit: int) -> tuple[Representation, FileBody | None]:
        """Open the file, and read it if it has at most `limit` bytes; blocks. Raises OSError and ValueError."""
        if self._directory is None:
            descriptor, status = open_path(self.path)
        else:
            descriptor, status = open_file(Tree(Path(self._directory)), self.path.split("/"))
        file = FileBody(descriptor, os.path.basename(self.path), status)  # closes it, even if nobody waits any more
        content, status = read_small(descriptor, status, limit)
        name = self._filename if is_known(self._filename) else file.name
        representation = Representation([file.name], media_type(name), own_coding(name), status)
        representation.content = content
        return representation, file

    def _describe(self, representation: Representation) -> None:
        """Make the fields: those of the file, and over them those of the program."""
        representation.describe(varies=False, cache_control="")
        fields = [*representation.fields]
        if self._filename or self._inline:
            name = self._filename or os.path.basename(self.path)
            fields.append(("content-disposition", content_disposition(name, inline=self._inline)))
        given = self.headers.items()
        names = {name for name, _ in given}
        if wrong := names & _OF_THE_FILE:
            raise ResponseError(f"a FileResponse sets {min(wrong)} itself")
        if "etag" in names:
            representation.etag = self.headers["etag"]
        representation.fields = (*(field for field in fields if field[0] not in names), *given)

    def __repr__(self) -> str:
        """Show the status and the path."""
        return f"<FileResponse {self.status}, {self.path!r}>"
