"""Login and logout with a session: user ada, password lovelace. Another site can neither read nor send the two forms.

A browser does not send the cookie with a form of another site (SameSite=Lax), and only POST changes anything. The login
form needs no cookie; `csrf` refuses it from another site.
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
# Without SECRET each process makes its own secret, and its sessions end with the process.
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
    # An unknown name takes as much time as a known one, so that the time does not show which names exist.
    salt, expected = ACCOUNTS.get(name, NOBODY)
    if not compare_digest(await to_thread(digest, password, salt), expected):
        return page(f"<p>That is not a name and its password.</p>{LOGIN}", 403)
    request.session.renew()  # a session that an attacker may have planted before the login is now worthless
    request.session["user"] = name
    return Response.redirect("/")


@app.post("/logout")
async def logout(request: Request) -> Response:
    request.session.clear()
    return Response.redirect("/")


if __name__ == "__main__":
    run(app, port=8080)
