"""Bearer tokens (RFC 6750): anybody who has the token is let in, so never use them without TLS on a network."""

import re
from collections.abc import Awaitable, Callable

from aiosock.errors import HTTPError
from aiosock.web.handler import Middleware, Next, secured
from aiosock.web.middleware.quoting import quotable
from aiosock.web.request import Request
from aiosock.web.response import Response

Verify = Callable[[str], Awaitable[object | None]]
"""Returns the user of a token; None, or False, if the token is unknown, expired or revoked."""

_CREDENTIALS = re.compile(r"(?i:bearer) ++([A-Za-z0-9\-._~+/]++=*+)")
"""RFC 6750 section 2.1: b64token."""

_NAMES = "a realm or a scope"


def bearer_auth(verify: Verify, realm: str = "aiosock", scope: str = "") -> Middleware:
    """Let a request through if `verify` knows its token; answer others with 401.

    ```python
    async def verify(token: str) -> str | None:
        return "ada" if hmac.compare_digest(token, "secret") else None


    app.middleware(bearer_auth(verify))
    ```

    The result of `verify` is then in `request.state.user`. Tokens are read from the Authorization field only: in a body
    or a URL they would end up in logs (RFC 6750 section 2.3). If `verify` compares tokens itself, it should use
    `hmac.compare_digest`. `scope` tells clients which scopes a token must have: names, separated by spaces. It is not
    checked here: `verify` can check it, or a handler that raises `insufficient_scope`.

    Raises ValueError for a realm or a scope that cannot be quoted.
    """
    challenge = f'Bearer realm="{quotable(realm, _NAMES)}"' + (f', scope="{quotable(scope, _NAMES)}"' if scope else "")

    async def authenticated(request: Request, next: Next) -> Response:
        field = request.headers.get("authorization", "")
        if field.partition(" ")[0].lower() != "bearer":
            # RFC 6750 section 3.1: if the request has no token, the challenge has no error code.
            raise HTTPError(401, "A token is required.", {"www-authenticate": challenge})
        credentials = _CREDENTIALS.fullmatch(field)
        if credentials is None:
            raise _refusal(400, "The token is malformed.", challenge, "invalid_request")
        user = await verify(credentials[1])
        if user is None or user is False:  # False: `return compare_digest(token, known)`
            raise _refusal(401, "The token is unknown, expired or revoked.", challenge, "invalid_token")
        request.state.user = user
        return await next(request)

    return secured(authenticated, {"bearer": {"type": "http", "scheme": "bearer"}})


def insufficient_scope(scope: str, realm: str = "aiosock") -> HTTPError:
    """Return an HTTPError (403) for a token that does not have the required `scope`.

    ```python
    @app.delete("/notes")
    async def delete_notes(request: Request) -> None:
        if request.state.user != "ada":
            raise insufficient_scope("delete")
    ```

    Raises ValueError for a realm or a scope that cannot be quoted.
    """
    challenge = f'Bearer realm="{quotable(realm, _NAMES)}", scope="{quotable(scope, _NAMES)}"'
    return _refusal(403, "The token does not have the required scope.", challenge, "insufficient_scope")


def _refusal(status: int, detail: str, challenge: str, error: str) -> HTTPError:
    return HTTPError(status, detail, {"www-authenticate": f'{challenge}, error="{error}"'})
