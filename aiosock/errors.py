"""The tree of the exceptions that aiosock itself raises.

AiosockError
├── HTTPError            an error with a response (status, detail, headers); raise it in a handler
│   ├── ProtocolError    the bytes of the client are not valid HTTP; the server answers and closes the connection
│   └── ValidationError  the request does not fit a typed handler; `errors` names each field
├── Disconnected         the client has left; nothing can be sent to it (also a ConnectionError)
├── ResponseError        a response that must not be sent as it is (also a ValueError)
├── RouteError           a route that cannot work, found when it is registered (also a ValueError)
└── ConfigError          an invalid option; the message has its name and the reason (also a ValueError)

`web.response` has one more HTTPError: Redirect, an answer that leads to another URL.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus


class AiosockError(Exception):
    """The base class: `except AiosockError` catches every exception of aiosock and no others.

    ```python
    try:
        Config(port=70000)
    except AiosockError as error:
        print(error)  # port must be from 0 to 65535, not 70000
    ```
    """


class HTTPError(AiosockError):
    """An error with a response: `status`, `detail` and `headers`.

    ```python
    @app.get("/items/{id:int}")
    async def item(request: Request, id: int) -> dict[str, int]:
        if id > 99:
            raise HTTPError(404, f"There is no item {id}.")
        return {"id": id}
    ```

    `detail` is sent to the client: never put a secret into it. `headers` are added to the response.
    Raises ValueError unless `status` is an error status, 400 to 599.
    """

    def __init__(self, status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        if not 400 <= status <= 599:
            raise ValueError(f"an HTTPError needs a status from 400 to 599, not {status}")
        super().__init__(status, detail)
        self.status: int = status
        self.detail: str = detail or reason_phrase(status)
        self.headers: Mapping[str, str] = headers or {}

    def __str__(self) -> str:
        """Return status and detail, for a log line."""
        return f"{self.status} {self.detail}"


class ProtocolError(HTTPError):
    """The bytes of the client are not HTTP as we accept it. The framing is in doubt, so the connection must close.

    ```python
    @app.exception(ProtocolError)
    async def malformed(request: Request, error: ProtocolError) -> Response:
        return Response.text(f"{request.method}: {error.detail}", error.status)
    ```
    """


class ValidationError(HTTPError):
    """The request does not fit the types of the handler (RFC 9110 section 15.5.21).

    `errors` has an item for each problem. Its `detail` is sent to the client. The place of the problem is its
    `pointer` into the body, a JSON Pointer as a URI fragment (RFC 6901 section 6), or its `parameter`, a name in the
    query or in the place that `in` names: header, cookie or form.

    ```python
    @app.exception(ValidationError)
    async def not_valid(request: Request, error: ValidationError) -> Response:
        return Response.json({"wrong": [each["detail"] for each in error.errors]}, 422)
    ```
    """

    def __init__(self, errors: Sequence[Mapping[str, str]]) -> None:
        super().__init__(422, "The request is not valid; `errors` says where.")
        self.args: tuple[object, ...] = (errors,)  # unpickling passes them to `__init__`
        self.errors: Sequence[Mapping[str, str]] = errors


class Disconnected(AiosockError, ConnectionError):
    """The client has left; raised when a handler reads from it or writes to it.

    ```python
    @app.put("/report")
    async def report(request: Request) -> str:
        try:
            content = await request.read()
        except Disconnected:
            print("the report is not complete")
            raise
        return f"{len(content)} bytes"
    ```
    """


class ResponseError(AiosockError, ValueError):
    """The response cannot be sent as it is: for example, a field has a line break, or the body another Content-Length.

    ```python
    try:
        Response("Hello", status=99)
    except ResponseError as error:
        print(error)  # a response has a status from 200 to 599, not 99
    ```
    """


class RouteError(AiosockError, ValueError):
    """A route that cannot work: for example, its pattern and its handler do not fit. The message names them.

    ```python
    try:
        app.url_for("nowhere")
    except RouteError as error:
        print(error)  # no route is named 'nowhere'
    ```
    """


class ConfigError(AiosockError, ValueError):
    """An invalid option. The message has its name and the reason.

    ```python
    try:
        Limits(head_bytes=0)
    except ConfigError as error:
        print(error)  # limits.head_bytes must be positive, not 0
    ```
    """


def ungrouped(error: BaseException) -> BaseException:
    """Return the HTTPError or Disconnected that is alone in a group, as a `TaskGroup` raises it; else the error itself.

    The groups may be nested. A group with another exception in it stays a failure of the program.
    """
    alone = error
    while isinstance(alone, BaseExceptionGroup) and len(alone.exceptions) == 1:
        alone = alone.exceptions[0]
    return alone if isinstance(alone, HTTPError | Disconnected) else error


# RFC 9110 section 15.5 renamed these; Python has the old names before 3.13.
_RENAMED = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}


def reason_phrase(status: int) -> str:
    """Return the registered phrase, or "" for an unknown status: the phrase has no meaning (RFC 9112 section 4)."""
    try:
        return _RENAMED.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return ""


def not_installed(what: str, requirement: str, extra: str) -> str:
    """Return the message for a part whose library is not installed: it names the extra and the library itself.

    It tells nobody to install a package called `aiosock`: on PyPI, that is another project's.
    """
    return f"{what} needs {requirement}: install aiosock-server with its extra {extra!r}, or run: pip install '{requirement}'"
