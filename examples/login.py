"""Login and logout with a session, and two forms that another site can neither read nor send: user ada, password lovelace.

The cookie comes with no form of another site (SameSite=Lax), whatever changes something takes POST, and `csrf` refuses
the login form of another site, which needs no cookie.
"""

import os
from asyncio import to_thread
from hashlib import scrypt
from hmac import compare_digest
from html import escape
from secrets import token_bytes, token_urlsafe

from aiosock import App, Request, Response, run
from aiosock.web.middleware import csrf, sessions

app = App()
app.middleware(csrf())
# With a secret of its own the sessions of each process end with it.
app.middleware(sessions(os.environ.get("SECRET") or token_urlsafe()))


def digest(password: str, salt: bytes) -> bytes:
    return scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def account(password: str) -> tuple[bytes, bytes]:
    salt = token_bytes(16)
    return salt, digest(password, salt)


ACCOUNTS = {"ada": account("lovelace")}
NOBODY = account(token_urlsafe())

LOGIN = """<form method="post" action="/login">
<label>Name <input name="name" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button>
</form>"""
LOGOUT = '<form method="post" action="/logout"><button>Log out</button></form>'


def page(body: str, status: int = 200) -> Response:
    return Response.html(f'<!doctype html><html lang="en"><title>Login</title><body>{body}</body></html>\n', status)


@app.get("/")
async def home(request: Request) -> Response:
    user = request.session.get("user")
    return page(f"<p>Hello, {escape(user)}!</p>{LOGOUT}" if user else LOGIN)


@app.post("/login", body_limit=10_000)
async def login(request: Request) -> Response:
    form = await request.form()
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    # Who is nobody costs as much time as somebody: names cannot be found out by it.
    salt, expected = ACCOUNTS.get(name, NOBODY)
    if not compare_digest(await to_thread(digest, password, salt), expected):
        return page(f"<p>That is not a name and its password.</p>{LOGIN}", 403)
    request.session.renew()  # what somebody may have planted before is worth nothing from here
    request.session["user"] = name
    return Response.redirect("/")


@app.post("/logout")
async def logout(request: Request) -> Response:
    request.session.clear()
    return Response.redirect("/")


if __name__ == "__main__":
    run(app, port=8080)
