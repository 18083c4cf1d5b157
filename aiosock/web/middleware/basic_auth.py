"""Basic authentication (RFC 7617): a name and a password with every request. Without TLS, the network can read them."""

from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest

from aiosock.errors import HTTPError
from aiosock.web.handler import Middleware, Next, secured
from aiosock.web.middleware.quoting import quotable
from aiosock.web.request import Request
from aiosock.web.response import Response


def basic_auth(users: Mapping[str, str], realm: str = "aiosock") -> Middleware:
    """Let a request through if it has the name and password of one of `users`; answer others with 401.

    ```python
    app.middleware(basic_auth({"ada": "secret"}))
    ```

    `users` maps names to passwords. The name is then in `request.state.user`. The time that a comparison takes does not
    depend on how much of the name and password is right, nor on their lengths.

    Raises ValueError for a name with a colon, which no client can send, and for a realm that cannot be quoted.
    """
    if any(":" in name for name in users):
        raise ValueError("a name for Basic authentication cannot have a colon")
    known = {_digest(f"{name}:{password}".encode()): name for name, password in users.items()}
    challenge = {"www-authenticate": f'Basic realm="{quotable(realm, "a realm")}", charset="UTF-8"'}

    async def authenticated(request: Request, next: Next) -> Response:
        given = _digest(_credentials(request.headers.get("authorization", "")))
        # Compare with all users: if it stopped at a match, the time would tell which names exist.
        names = [name for digest, name in known.items() if compare_digest(digest, given)]
        if not names:
            raise HTTPError(401, "A name and a password are required.", challenge)
        request.state.user = names[0]
        return await next(request)

    return secured(authenticated, {"basic": {"type": "http", "scheme": "basic"}})


def _digest(credentials: bytes) -> bytes:
    return sha256(credentials).digest()  # compare_digest returns at once if the lengths differ


def _credentials(field: str) -> bytes:
    scheme, _, value = field.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return b64decode(value.strip(" "), validate=True)
    except ValueError:
        return b""
