"""Templates: pages made with Jinja, escaped, with URLs by name and messages that are shown once."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiosock.errors import ConfigError, not_installed
from aiosock.web.flash import Flash, has_flashes, take_flashes
from aiosock.web.request import Request
from aiosock.web.response import Fields, Response
from aiosock.web.urls import url_for

if TYPE_CHECKING:
    import jinja2

TURN_SECONDS: Final = 0.005
"""A page that takes longer lets other requests have a turn each time: they would wait for all of it otherwise."""

PIECE_CHARACTERS: Final = 16 * 1024
"""What a stream collects before it is sent: each piece takes a write of its own."""

_rendered: ContextVar["_Rendering"] = ContextVar("_rendered")


class Templates:
    """The templates in a directory.

    ```python
    from aiosock.web.templates import Templates

    templates = Templates("templates")


    @app.get("/hello/{name}")
    async def page(request: Request, name: str) -> Response:
        return await templates.render(request, "hello.html", {"name": name})
    ```

    All that a template shows is escaped for HTML, whatever the name of its file is. It knows `request`, and the
    functions `url_for`, `flashed` and `csrf_field`; macros that are imported know these functions too. With `debug`, a
    changed template is read again, and a name that nobody has set is an error. `environment` is Jinja's own: add
    filters and globals there, before the first page.

    Raises NotADirectoryError if `directory` is none, so that a wrong path is noticed at start, and ConfigError if
    Jinja is not installed.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        try:
            import jinja2
        except ImportError:
            raise ConfigError(not_installed("a template", "jinja2>=3.1.6", "templates")) from None
        if not Path(directory).is_dir():
            raise NotADirectoryError(f"{os.fspath(directory)!r} is not a directory")
        # Unlimited, since only files of the directory get into it: rendering must not read and compile on the loop.
        self.environment: jinja2.Environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(directory),
            autoescape=True,
            auto_reload=False,
            cache_size=-1,
            enable_async=True,
        )
        self.environment.globals |= {
            "csrf_field": _csrf_field,
            "csrf_token": _csrf_field,
            "flashed": _flashed,
            "url_for": _url_for,
        }
        self._loaded: set[str] = set()
        self._is_debug = False

    async def render(
        self,
        request: Request,
        name: str,
        context: Mapping[str, object] | None = None,
        *,
        status: int = 200,
        headers: Fields = (),
    ) -> Response:
        """Return the page that a template makes of these names and values, as HTML.

        A page that takes long lets other requests have a turn between its parts. Raises jinja2.TemplateNotFound,
        jinja2.TemplateSyntaxError, and what the template raises.
        """
        pieces = self._pieces(request, await self._template(request, name), context)
        return Response.html("".join([piece async for piece in pieces]), status, headers)

    async def stream(
        self,
        request: Request,
        name: str,
        context: Mapping[str, object] | None = None,
        *,
        status: int = 200,
        headers: Fields = (),
    ) -> Response:
        """Return a page that is sent while it is made: an async iterable in a `for` of the template is waited for.

        An error before the first 16 KiB is answered as in `render`; after that the response is broken off. Messages
        for `flashed` are taken now, whether the template shows them or not, because the session is saved before the
        page is made. Raises what `render` raises.
        """
        template = await self._template(request, name)
        flashes = take_flashes(request) if has_flashes(request) else []
        pieces = _collected(self._pieces(request, template, context, flashes))
        first = await anext(pieces, "")
        fields = {"content-type": "text/html; charset=utf-8"}
        response = Response(_Begun(first, pieces), status, fields)
        for field, value in Response(b"", headers=headers).headers.items():
            response.headers[field] = value
        return response

    async def _template(self, request: Request, name: str) -> "jinja2.Template":
        """Return a template; read and compile it in a thread, with those that it names, unless that is done already."""
        if request.exchange.connection.debug and not self._is_debug:
            import jinja2

            self._is_debug = self.environment.auto_reload = True
            self.environment.undefined = jinja2.StrictUndefined
        if name not in self._loaded or self._is_debug:
            await asyncio.to_thread(self._load, name, set())
            self._loaded.add(name)
        return self.environment.get_template(name)

    def _load(self, name: str, known: set[str]) -> None:
        """Read and compile a template and those that it extends, includes or imports by a fixed name; blocks."""
        from jinja2 import TemplateNotFound, meta

        known.add(name)
        self.environment.get_template(name)
        assert self.environment.loader is not None
        source, path, _ = self.environment.loader.get_source(self.environment, name)
        for other in meta.find_referenced_templates(self.environment.parse(source, name, path)):
            if other is not None and other not in known:
                try:
                    self._load(other, known)
                except TemplateNotFound:  # it may be one of several, or be ignored: the page knows
                    known.add(other)

    async def _pieces(
        self,
        request: Request,
        template: "jinja2.Template",
        context: Mapping[str, object] | None,
        flashes: list[Flash] | None = None,
    ) -> AsyncGenerator[str, None]:
        """Yield the parts of a page; let others have a turn now and then."""
        rendering = _Rendering(request, flashes)
        turn = time.monotonic() + TURN_SECONDS
        _rendered.set(rendering)
        async with aclosing(template.generate_async({"request": request, **(context or {})})) as pieces:
            async for piece in pieces:
                yield piece
                if time.monotonic() >= turn:
                    await asyncio.sleep(0)
                    turn = time.monotonic() + TURN_SECONDS
                _rendered.set(rendering)  # another page may have been made between two parts of a stream


class _Rendering:
    """A page that is being made: its request, and the messages that were taken for it before, if they were.

    `places` are those of the request when the page was begun: a stream goes on when it has left its mounts.
    """

    def __init__(self, request: Request, flashes: list[Flash] | None) -> None:
        self.request = request
        self.places = request.places
        self.flashes = flashes


def _url_for(name: str, /, **params: object) -> str:
    return url_for(_rendered.get().places, name, params)


def _flashed() -> list[Flash]:
    rendering = _rendered.get()
    if rendering.flashes is None:
        rendering.flashes = take_flashes(rendering.request)
    return rendering.flashes


def _csrf_field() -> str:
    """Return nothing: the middleware needs no token in a form. Raise RuntimeError if it is missing."""
    if not _rendered.get().request.is_csrf_protected:
        raise RuntimeError("this form is not protected: app.middleware(csrf()) is missing")
    return ""


async def _collected(pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """Yield pieces of at least PIECE_CHARACTERS, but for the last one."""
    collected: list[str] = []
    size = 0
    async with aclosing(pieces):
        async for piece in pieces:
            collected.append(piece)
            size += len(piece)
            if size >= PIECE_CHARACTERS:
                yield "".join(collected)
                collected, size = [], 0
    if collected:
        yield "".join(collected)


class _Begun:
    """A stream whose first piece was taken already."""

    def __init__(self, first: str, rest: AsyncGenerator[str, None]) -> None:
        self._first = first
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[str]:
        yield self._first
        async for piece in self._rest:
            yield piece

    async def aclose(self) -> None:
        """Close the stream; called whether or not it was read."""
        await self._rest.aclose()
