"""A response as a client in memory receives it."""

import json
from typing import Any, Final, Self

from aiosock.errors import HTTPError
from aiosock.headers import Headers
from aiosock.wire.client_head import ResponseHead
from aiosock.wire.cookies import parse_cookies

REDIRECTS: Final = (301, 302, 303, 307, 308)
"""The statuses whose Location a client follows (RFC 9110 section 15.4)."""

_QUOTED = 200  # bytes of a body in a message

_AS_JSON: Final = 'Errors are JSON for a client that accepts it: Client(app, headers={"accept": "application/json"})'


class ClientResponse:
    """A response as a client receives it.

    `interim` has the informational responses before it, in order; `history` the redirects that led to it. `url` is that
    of its request, which had the method `method`.
    """

    def __init__(self, head: ResponseHead, interim: list[ResponseHead], method: str = "GET", url: str = "") -> None:
        self.status: int = head.status
        self.reason: str = head.reason
        self.version: tuple[int, int] = head.version
        self.headers: Headers = head.headers
        self.interim: list[ResponseHead] = interim
        self.trailers: Headers = Headers()
        self.body: bytes = b""
        self.method: str = method
        self.url: str = url
        self.history: list[ClientResponse] = []

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """Return the body decoded from JSON; raise ValueError, with a note that shows the body, where it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            content_type = self.headers.get("content-type", "without a type")
            error.add_note(f"{self.method} {self.url} was answered {self.status}, {content_type}: {self._beginning}")
            if self.status >= 400 and content_type.startswith("text/"):
                error.add_note(_AS_JSON)
            raise

    @property
    def _beginning(self) -> str:
        return self.body[:_QUOTED].decode(errors="replace").rstrip()

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that this response sets, by name. `Client.cookies` has those that are kept."""
        pairs = [field.partition(";")[0] for field in self.headers.get_all("set-cookie")]
        return parse_cookies("; ".join(reversed(pairs)))  # the last one of a name counts

    @property
    def is_redirect(self) -> bool:
        """Whether the response sends the client to another URL."""
        return self.status in REDIRECTS and "location" in self.headers

    def raise_for_status(self) -> Self:
        """Return the response itself; raise HTTPError, with the beginning of the body, for a status from 400 on."""
        if self.status < 400:
            return self
        raise HTTPError(self.status, f"{self.method} {self.url}: {self._beginning}")

    def __repr__(self) -> str:
        """Show the status and the length of the body."""
        return f"<ClientResponse {self.status}, {len(self.body)} bytes>"
