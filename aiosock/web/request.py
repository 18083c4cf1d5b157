"""Request: a head and a body, decoded when a handler asks for them."""

import asyncio
from collections.abc import Callable
from json import JSONDecodeError
from types import SimpleNamespace
from typing import Any, NamedTuple, ParamSpec

from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.web.after import After
from aiosock.web.application import Application
from aiosock.web.body import Body, body_too_large, decoded, not_utf8
from aiosock.web.exchange import UNCOUNTED_BYTES, Address, Exchange, Held, Incoming, Received
from aiosock.web.forms import Form, Parts, collect, open_form, urlencoded
from aiosock.web.json import decode
from aiosock.web.lazy import lazy
from aiosock.web.multidict import Query
from aiosock.web.response import Response
from aiosock.web.sessions.session import Session
from aiosock.web.urls import Place, url_for
from aiosock.wire.cookies import parse_cookies
from aiosock.wire.message import RequestHead
from aiosock.wire.negotiation import choose_media_type
from aiosock.wire.target import as_text, parse_query

_P = ParamSpec("_P")


class Forwarded(NamedTuple):
    """The client, scheme and host of a request, as trusted proxies report them."""

    client: Address | None
    scheme: str
    host: str


class Request:
    """One request. Headers, query, cookies and body are decoded when they are first read.

    ```python
    @app.put("/notes/{name}")
    async def note(request: Request, name: str) -> str:
        lines = (await request.text()).splitlines()
        language = request.headers.get("content-language", "unknown")
        return f"{name}: {len(lines)} lines, {language}, tagged {request.query.get_all('tag')}"
    ```

    `method` and `target` (the request-target, RFC 9112 section 3.2) are as the client sent them. `path` is
    percent-decoded (`%2F` included), `raw_path` is as sent, `subpath` is the part of it below the mounts. `params`
    holds the path parameters, converted. `head` is shared with equal requests of the connection: never change it.
    """

    body_limit: int | None = None
    """The limit in bytes for `read` and `json`, set by the route; None: `limits.body_bytes` and `limits.json_bytes`."""

    route: str = ""
    """The pattern of the route that answers, with the prefixes of the mounts before it, such as `/users/{id:int}`."""

    mount: str = ""
    """The prefixes of the mounts that the request has passed."""

    above: tuple[Any, ...] = ()
    """The apps whose mounts or hosts the request has passed, the outermost first."""

    id: str = "-"
    """Set by the middleware `request_id`: letters, digits, dots, dashes and underscores."""

    forwarded: Forwarded | None = None
    """Set by the middleware `proxy_headers`. `client`, `scheme` and `host` are then taken from it."""

    is_health: "Callable[[Request], bool] | None" = None
    """Set by an App, for middleware: whether this request is for a route with `health=True`, also in a mounted app."""

    is_csrf_protected: bool = False
    """Set by the middleware `csrf`, for templates: whether a form of this page is protected."""

    answer: Response | None = None
    """The response that middleware has been given so far: this request's own, so it may be changed."""

    error: Exception | None = None
    """Set by an App, for middleware: the exception of which the response was made that `next` has returned, or None."""

    resources: object = None
    """What providers have made for this request; None while they have made nothing."""

    _after: After | None = None
    _app: Application | None = None  # that it has reached last
    _around: tuple[Place, ...] = ()  # the apps in which that one is mounted, the nearest first
    _content: bytes | None = None
    _form: Form | None = None
    _has_headers: bool = False
    _incoming: Incoming | None = None
    _is_being_read: bool = False
    _session: Session | None = None

    def __init__(self, head: RequestHead, exchange: Exchange) -> None:
        self.head: RequestHead = head
        self.exchange: Exchange = exchange
        self.method: str = head.method
        self.subpath: str = head.raw_path
        self.params: dict[str, Any] = {}

    @property
    def target(self) -> str:
        """The request-target as sent (RFC 9112 section 3.2)."""
        return self.head.target

    @property
    def path(self) -> str:
        """The path, percent-decoded. Bytes that are not UTF-8 are U+FFFD: only `StaticFiles` gets such paths, and those around it."""
        path = self.head.path
        return path if path.isascii() else as_text(path)

    @property
    def raw_path(self) -> str:
        """The path as sent."""
        return self.head.raw_path

    @property
    def version(self) -> str:
        """The protocol, such as HTTP/1.1."""
        return self.head.version

    @property
    def host(self) -> str:
        """Host and port the client asked for, in lower case; empty where an HTTP/1.0 client did not say."""
        return self.head.host or "" if self.forwarded is None else self.forwarded.host

    @property
    def scheme(self) -> str:
        """The scheme: http or https."""
        return self.exchange.connection.scheme if self.forwarded is None else self.forwarded.scheme

    @property
    def url(self) -> str:
        """The whole URL. The client chooses its host: build no link for others from it without an allow-list."""
        path = self.head.raw_path.removeprefix("*")  # RFC 9112 section 3.3: the asterisk-form has no path
        return f"{self.scheme}://{self.host}{self.with_query(path)}"

    def with_query(self, path: str) -> str:
        """Return `path` with the query of this request, if it has one: for redirects that keep it."""
        return f"{path}?{self.head.query}" if self.head.query else path

    def url_for(self, name: str, /, **params: object) -> str:
        """Return the path of the route with that name, with the prefixes of the mounts before it.

        The name is looked up in the app that answers, then in those in which it is mounted. `admin:users` is the route
        `users` of the app mounted under the name `admin`, and `:users` that of the outermost app. For a mounted
        StaticFiles: `url_for("static", path="site.css")`. Ask before the first piece of a streamed body: then the
        mounts have been left. Raises RouteError if there is no such name, if several routes have it, for wrong
        parameters, and for values that the route does not take.
        """
        return url_for(self.places, name, params)

    @property
    def places(self) -> tuple[Place, ...]:
        """The apps that the request is in, the innermost first, each with the `mount` that leads to it."""
        return () if self._app is None else ((self._app, self.mount), *self._around)

    @property
    def client(self) -> Address | None:
        """Host and port of the client: the peer, or the client of a trusted proxy; None for a UNIX socket."""
        return self.exchange.connection.client if self.forwarded is None else self.forwarded.client

    @property
    def shutdown(self) -> asyncio.Event:
        """Set when the server is told to stop: a response without end checks it or waits for it."""
        return self.exchange.connection.shutdown

    @lazy
    def headers(self) -> Headers:
        """The header fields, in wire order."""
        self._has_headers = True
        return self.head.headers()

    def _field(self, name: str) -> str:
        """Return a field, "" where it is absent, without decoding the others if nobody has asked for them yet."""
        return self.headers.get(name, "") if self._has_headers else self.head.field(name)

    def accepts(self, *media_types: str) -> str:
        """Return the one of `media_types` that the client's Accept field prefers; the last one if it names none of them.

        The response depends on that field, so it needs `Vary: Accept`.
        """
        return choose_media_type(self._field("accept"), media_types)

    @lazy
    def query(self) -> Query:
        """The pairs of the query; raises HTTPError (400) for more than a thousand."""
        return Query(parse_query(self.head.query))

    @lazy
    def cookies(self) -> dict[str, str]:
        """The cookies, by name, as UTF-8 where they are UTF-8; of two with the same name, the first."""
        return parse_cookies("; ".join(self.headers.get_all("cookie")))

    @lazy
    def state(self) -> SimpleNamespace:
        """A namespace in which middleware leaves values for handlers."""
        return SimpleNamespace()

    @property
    def app(self) -> Application:
        """The app that answers, of mounted ones the innermost; raises RuntimeError where a bare handler answers."""
        if self._app is None:
            raise RuntimeError("no App answers this request")
        return self._app

    @app.setter
    def app(self, app: Application) -> None:
        self._app = app

    @property
    def session(self) -> Session:
        """The session of this visitor; raises RuntimeError without the middleware `sessions`."""
        if self._session is None:
            raise RuntimeError("there are no sessions here: app.middleware(sessions(secret)) is missing")
        self._session.is_used = True
        return self._session

    @session.setter
    def session(self, session: Session) -> None:
        self._session = session

    @lazy
    def body(self) -> Body:
        """The body as it arrives, an async iterable of bytes that can be read once."""
        return Body(self, self.incoming)

    @property
    def incoming(self) -> Incoming:
        """The source of the body. Middleware that decodes bodies replaces it, before anything is read."""
        return self._incoming or self.exchange.incoming

    @incoming.setter
    def incoming(self, incoming: Incoming) -> None:
        self._incoming = incoming

    async def read(self, limit: int | None = None) -> bytes:
        """Return the whole body; called again, the same bytes.

        `limit` in bytes overrides the route's. Raises HTTPError (413) for a longer body, before it is read where its
        length is announced, and 503 beyond `limits.bodies_bytes`. Raises what `Incoming.receive` raises, and
        RuntimeError after `body` has been iterated.
        """
        if self._content is not None:
            return self._content
        if self._is_being_read:
            raise RuntimeError("the body has already been iterated; read() comes too late")
        if limit is None:
            limit = self._limit(None, self.exchange.connection.limits.body_bytes)
        incoming = self.incoming
        if (incoming.length or 0) > limit:
            raise body_too_large(limit)
        self._is_being_read = True
        pieces: list[bytes] = []
        size = 0
        held: Held | None = None
        while piece := await incoming.receive():
            size += len(piece)
            if size > limit:
                raise body_too_large(limit)
            pieces.append(piece)
            if held is not None:
                held.add(len(piece))
            elif size > UNCOUNTED_BYTES:
                held = Held(self.exchange)
                held.add(size)
            if size == incoming.length:  # nothing can follow
                break
        self._content = b"".join(pieces)
        return self._content

    async def text(self) -> str:
        """Return the body as UTF-8 text; raises what `read` raises, and HTTPError (400) for other bytes."""
        return decoded(await self.read())

    async def json(self, decode: Callable[[bytes], Any] = decode) -> Any:
        """Return the body decoded from JSON (RFC 8259), or by another `decode`, which raises ValueError for malformed input.

        The limit is that of the route, or else `limits.json_bytes`; a body that `read` has returned already may have
        any length. Raises what `read` raises, and HTTPError: 415 unless the content type is JSON, 400 with the position
        for malformed JSON.
        """
        media_type = self._field("content-type").partition(";")[0].strip().lower()
        # A page of another origin can post a form or text/plain without a preflight, but not JSON. So JSON must be
        # labelled.
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise HTTPError(415, "The body must have the content type application/json.")
        try:
            return decode(await self.read(json_limit(self)))
        except UnicodeDecodeError as error:
            raise not_utf8(error) from None
        except JSONDecodeError as error:
            detail = f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
            raise HTTPError(400, detail) from None
        except (RecursionError, ValueError):  # nesting, a number of more digits than int() takes, NaN
            raise HTTPError(400, "The body is not JSON of sane depth and numbers.") from None

    async def form(self, limit: int | None = None) -> Form:
        """Return the fields and files of a form, urlencoded or multipart/form-data; called again, the same.

        Files are kept until the request is over, beyond `limits.form_memory_bytes` on disk. `limit` in bytes overrides
        the route's. Raises HTTPError: 415 for another content type or charset, 413 beyond a limit, 400 for a malformed
        form. Raises what `Incoming.receive` raises, and RuntimeError after `body` has been iterated.
        """
        if self._form is None:
            parts = self._open_form(limit)
            if parts is None:
                content_type = self.headers.get("content-type", "")
                self._form = await urlencoded(content_type, await self.read(limit), self.exchange.connection.limits)
            else:
                self._form = await collect(parts, self.exchange)
        return self._form

    def parts(self, limit: int | None = None) -> Parts:
        """Return the parts of a multipart/form-data form as they arrive: an async iterable that can be read once.

        Nothing is kept of them. This and the iteration raise what `form` raises.
        """
        parts = self._open_form(limit)
        if parts is None:
            raise HTTPError(415, "The body must have the content type multipart/form-data.")
        return parts

    def _open_form(self, limit: int | None) -> Parts | None:
        """Start to read a multipart form; return None for an urlencoded one."""
        limits = self.exchange.connection.limits
        incoming = self.incoming if self._content is None else Received(self._content)
        parts = open_form(self.headers.get("content-type", ""), incoming, self._limit(limit, limits.form_bytes), limits)
        if parts is None:
            return None
        if self._is_being_read and self._content is None:
            raise RuntimeError("the body has already been iterated; the form comes too late")
        self._is_being_read = True
        return parts

    def _limit(self, limit: int | None, default: int) -> int:
        """Return the limit of a body in bytes: that of this call, else that of the route, else the default."""
        if limit is not None:
            return limit
        return default if self.body_limit is None else self.body_limit

    @property
    def trailers(self) -> Headers:
        """The fields after the body (RFC 9110 section 6.5), never such as authenticate or frame the message.

        Raises RuntimeError until the body has been read to its end.
        """
        trailers = self.incoming.trailers
        if trailers is None:
            raise RuntimeError("the trailers follow the body, which has not been read to its end")
        return trailers

    @property
    def last_event_id(self) -> str:
        """The id of the last event that the client of an EventStream received before it lost the connection, or ""."""
        return self.headers.get("last-event-id", "").encode("latin-1").decode(errors="replace")

    def after(self, function: Callable[_P, object], /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        """Call a function with these arguments when the request is over: answered, failed, or left by its client.

        It is awaited if it is async, otherwise it runs in a thread. All that one request leaves is done in order, in a
        task beside its connection, and sees the context variables of the request; its body and uploads are gone by
        then. The time for all of it is `timeouts.after_seconds`, and the drain waits for it. An exception is logged.

        Raises HTTPError (503) if `limits.after_tasks` requests have work left, TypeError for what is no function, and
        RuntimeError for more than a thousand functions.
        """
        if self._after is None:
            self._after = self.exchange.connection.after.begin(f"{self.method} {self.target}")
            self.exchange.when_over(self._after.start)
        self._after.add(function, args, kwargs)

    async def early_hints(self, *links: str) -> None:
        """Send a 103 (RFC 8297) with Link fields, so that the client loads what it will need while the response is made.

        A link is such as `</site.css>; rel=preload; as=style`. HTTP/1.0 clients are sent nothing.
        """
        await self.exchange.informational(103, Headers([("link", link) for link in links]))

    async def disconnected(self) -> None:
        """Wait until the client has gone."""
        await self.exchange.disconnected()

    def __repr__(self) -> str:
        """Show method and target."""
        return f"<Request {self.method} {self.target}>"


def json_limit(request: Request) -> int:
    """Return the limit of a JSON body in bytes: that of the route, or else the default."""
    if request.body_limit is not None:
        return request.body_limit
    limits = request.exchange.connection.limits
    return limits.json_bytes if limits.json_bytes < limits.body_bytes else limits.body_bytes  # noqa: FURB136 -- faster
