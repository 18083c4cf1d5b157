"""Forms: fields and uploads, kept until the request is over, or read part by part as they arrive."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from aiosock.config import Limits
from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.disk.names import safe_name
from aiosock.web.exchange import Exchange, Held, Incoming
from aiosock.web.multidict import MultiDict

if TYPE_CHECKING:  # at run time these are imported when the first form arrives: they take long to load
    from aiosock.web.disk.nascent import Target
    from aiosock.web.disk.spool import Spool
    from aiosock.wire.forms import MultipartDecoder, PartHead

BLOCK: Final = 256 * 1024
"""Bytes read from or written to the disk at once: large enough that handing them to a thread costs little."""

SMALL: Final = 4 * 1024
"""Pieces up to this are joined: each takes some 40 bytes more than its content, and a client may send byte by byte."""


class Upload:
    """A whole file of a form. Until the request is over, it is in memory or in the form's temporary file.

    ```python
    @app.post("/photo")
    async def photo(request: Request) -> str:
        upload = (await request.form()).get("photo")
        if not isinstance(upload, Upload):
            raise HTTPError(400, "Choose a photo.")
        path = await upload.save("photos")
        return f"{path.name}, {upload.size} bytes"
    ```

    `filename` is the client's, made safe: it has no separators and names no device. It is empty if the client sent
    none. `content_type` is what the client says, without a check. `headers` are the part's, `size` is in bytes.
    """

    __slots__ = ("_pieces", "_spool", "_start", "content_type", "filename", "headers", "size")

    def __init__(self, part: "Part", size: int, pieces: list[bytes], spool: "Spool", start: int | None) -> None:
        self.filename: str = part.filename or ""
        self.content_type: str = part.content_type
        self.headers: Headers = part.headers
        self.size: int = size
        # The content is in `pieces`, or, if `start` is not None, in the spool from there on.
        self._pieces = pieces
        self._spool = spool
        self._start = start

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the content piece by piece; raises RuntimeError once the request is over."""
        if self._start is None:
            for piece in self._pieces:
                yield piece
            return
        end = self._start + self.size
        for start in range(self._start, end, BLOCK):
            yield await self._spool.read(start, min(BLOCK, end - start))

    async def read(self) -> bytes:
        """Return the whole content, in memory; raises RuntimeError once the request is over."""
        if self._start is None:
            return b"".join(self._pieces)
        return await self._spool.read(self._start, self.size)

    async def save(self, target: "Target") -> Path:
        """Write the content to a file and return its path: `target`, or `filename` in it if it is a directory.

        A file at `target` is replaced. A file in a directory is not, because the client has chosen its name. Raises
        FileExistsError and other OSErrors, and HTTPError: 400 for a directory and no file name, 507 if the disk is
        full.
        """
        from aiosock.web.disk.saving import save_at_once

        if self._start is None:
            return await save_at_once(self._pieces, target, self.filename)
        async with self._spool.blocks(self._start, self.size) as blocks:
            return await save_at_once(blocks, target, self.filename)

    def __repr__(self) -> str:
        """Show name, type and size."""
        return f"<Upload {self.filename!r}, {self.content_type}, {self.size} bytes>"


class Form(MultiDict[str | Upload]):
    """The fields of a form, as str, and its files, in order. A name may come more than once.

    ```python
    @app.post("/order")
    async def order(request: Request) -> str:
        form = await request.form()
        return f"{form['name']} orders {', '.join(map(str, form.get_all('item')))}."
    ```

    A form without a `name` is answered 400 here. In an annotation, `Annotated[Order, Form]`, it is a mark: that
    parameter is read from the form.
    """

    __slots__ = ()


class Part:
    """One part of a form as it arrives: an async iterable of bytes. Read it once, and before the next part.

    `filename` is None for a plain field, else like that of an Upload.
    """

    __slots__ = ("_charset", "_parts", "content_type", "filename", "headers", "name")

    def __init__(self, head: "PartHead", parts: "Parts") -> None:
        self.name: str = head.name
        self.filename: str | None = None if head.filename is None else _safe(head.filename)
        self.content_type: str = head.content_type
        self.headers: Headers = head.headers
        self._charset = head.charset
        self._parts = parts

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the pieces as they arrive, none of them empty."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece.

        Raises HTTPError if the form is malformed or exceeds a limit, what `Incoming.receive` raises, and RuntimeError
        if the part has been read already, or the next part has been asked for.
        """
        if self._parts.part is not self:
            raise RuntimeError("a part of a form can be read only once, and before the next part")
        data = await self._parts.content()
        if not data:
            raise StopAsyncIteration
        return data

    async def read(self, limit: int | None = None) -> bytes:
        """Return the whole content, in memory; raises HTTPError (413) for more than `limit` bytes.

        The default is `limits.form_field_bytes`, for a field and for a file.
        """
        if limit is None:
            limit = self._parts.limits.form_field_bytes
        pieces: list[bytes] = []
        left = limit
        async for piece in self:
            left -= len(piece)
            if self._parts.held is not None:
                self._parts.held.add(len(piece))
            if left < 0:
                raise HTTPError(413, f"This part of the form is larger than the limit of {limit} bytes.")
            _add(pieces, piece)
        return b"".join(pieces)

    async def text(self) -> str:
        """Return the content as text; raises what `read` raises, and HTTPError (400) if it is not UTF-8.

        A field that its client labels as ISO-8859-1 is decoded from that.
        """
        from aiosock.wire.forms import decode_text

        return decode_text(await self.read(), self._charset)

    async def save(self, target: "Target") -> Path:
        """Write the content to a file as it arrives, and return its path; see `Upload.save`."""
        from aiosock.web.disk.saving import save

        return await save(self, target, self.filename or "")

    def __repr__(self) -> str:
        """Show the names."""
        return f"<Part {self.name!r}>" if self.filename is None else f"<Part {self.name!r}, {self.filename!r}>"


class Parts:
    """The parts of a form as they arrive, an async iterable. If a part is not read to its end, the rest is dropped."""

    __slots__ = ("_decoder", "_events", "_receive", "held", "limits", "part")

    def __init__(self, decoder: "MultipartDecoder", receive: Callable[[], Awaitable[bytes]], limits: Limits) -> None:
        self._decoder = decoder
        self._receive = receive
        self._events: Iterator[PartHead | bytes | None] = iter(())
        self.limits: Limits = limits
        self.part: Part | None = None
        self.held: Held | None = None

    def __aiter__(self) -> AsyncIterator[Part]:
        """Yield the parts in order."""
        return self

    async def __anext__(self) -> Part:
        """Return the next part; raises what `Part.__anext__` raises."""
        while self.part is not None:
            await self.content()
        self.part = Part(cast("PartHead", await self._event()), self)
        return self.part

    async def content(self) -> bytes:
        """Return the next piece of the current part, b"" at its end."""
        piece = cast("bytes | None", await self._event())
        if piece is None:
            self.part = None
        return piece or b""

    async def _event(self) -> "PartHead | bytes | None":
        """Return the decoder's next event; raise StopAsyncIteration at the end of the form."""
        while True:
            for event in self._events:
                return event
            data = await self._receive()
            if not data:
                self._decoder.finish()
                raise StopAsyncIteration
            self._events = self._decoder.feed(data)


def open_form(content_type: str, incoming: Incoming, limit: int, limits: Limits) -> Parts | None:
    """Start to read a multipart form of up to `limit` bytes; return None for a form of another type.

    Raises HTTPError: 415 for a body that is no form or in another charset, 400 for a malformed content type, 413 where
    the client announces more bytes.
    """
    from aiosock.wire.forms import MULTIPART, MultipartDecoder, parse_form_type, too_long_form

    form_type = parse_form_type(content_type)
    if form_type.media_type != MULTIPART:
        return None
    if (incoming.length or 0) > limit:
        raise too_long_form(limit)
    return Parts(MultipartDecoder(form_type.boundary, limits, limit), incoming.receive, limits)


async def urlencoded(content_type: str, content: bytes, limits: Limits) -> Form:
    """Return an urlencoded form; raises what `iterate_urlencoded` raises. Other requests get a turn during a long one."""
    from aiosock.wire.forms import iterate_urlencoded, parse_form_type

    pairs: list[tuple[str, str]] = []
    in_a_row = 0
    for name, value in iterate_urlencoded(content, limits, parse_form_type(content_type).charset):
        pairs.append((name, value))
        in_a_row += len(name) + len(value)
        if in_a_row > BLOCK:
            in_a_row = 0
            await asyncio.sleep(0)
    return Form(pairs)


async def collect(parts: Parts, exchange: Exchange) -> Form:
    """Keep all parts: fields as text, files in memory while the form may hold more, then in one file.

    Raises what `Part.__anext__` raises, and HTTPError: 413 if the fields have more bytes than `limits.body_bytes`, 400
    for text that is not UTF-8, 503 beyond `limits.bodies_bytes`, 507 if the disk is full.
    """
    from aiosock.web.disk.spool import Spool

    spool = Spool(parts.limits.form_memory_bytes)
    exchange.when_over(spool.close)
    parts.held = held = Held(exchange)
    pairs: list[tuple[str, str | Upload]] = []
    left = parts.limits.body_bytes
    async for part in parts:
        if part.filename is None:
            text = await part.text()
            size = len(text.encode())
            held.add(max(sys.getsizeof(text) - size, 0))  # one emoji makes all characters of a str four bytes wide
            left -= size
            if left < 0:
                limit = parts.limits.body_bytes
                raise HTTPError(413, f"The fields of the form are larger than the limit of {limit} bytes.")
            pairs.append((part.name, text))
        else:
            pairs.append((part.name, await _read_upload(part, parts, spool, held)))
    return Form(pairs)


async def _read_upload(part: Part, parts: Parts, spool: "Spool", held_bytes: Held) -> Upload:
    pieces: list[bytes] = []
    held = size = 0
    start: int | None = None
    while piece := await parts.content():
        _add(pieces, piece)
        held_bytes.add(len(piece))
        held += len(piece)
        size += len(piece)
        if held > (spool.memory if start is None else BLOCK):
            if start is None:
                start = spool.size
            await spool.append(b"".join(pieces))
            held_bytes.drop(held)
            pieces, held = [], 0
    if start is None:
        spool.memory -= size
    elif pieces:
        await spool.append(b"".join(pieces))
        held_bytes.drop(held)
    return Upload(part, size, [] if start is not None else pieces, spool, start)


def _add(pieces: list[bytes], piece: bytes) -> None:
    if pieces and len(pieces[-1]) + len(piece) <= SMALL:
        pieces[-1] += piece
    else:
        pieces.append(piece)


def _safe(name: str) -> str:
    try:
        return safe_name(name)
    except HTTPError:
        return ""  # as if the user of a browser had chosen no file
