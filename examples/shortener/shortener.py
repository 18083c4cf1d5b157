"""A link shortener: accounts, pages and SQLite. `python shortener.py --reload`, then http://127.0.0.1:8080/."""

import os
import sqlite3
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import scrypt
from hmac import compare_digest
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from threading import Lock
from typing import Annotated, Any, NewType

from msgspec import Meta

from aiosock import App, Form, HTTPError, Redirect, Request, Response, StaticFiles, ValidationError
from aiosock.cli import main
from aiosock.web.flash import flash
from aiosock.web.middleware import csrf, security_headers, sessions
from aiosock.web.templates import Templates

HERE = Path(__file__).parent

app = App()
app.middleware(security_headers(content_security_policy="default-src 'self'"))
app.middleware(csrf())
# Without SECRET each process makes its own secret, and logins end with the process.
app.middleware(sessions(os.environ.get("SECRET") or token_urlsafe()))
app.mount("/static", StaticFiles(HERE / "static"))
templates = Templates(HERE / "templates")


@app.get("/login")
async def login(request: Request) -> Response:
    return await templates.render(request, "login.html")


# The database.

TABLES = """
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, salt BLOB NOT NULL, digest BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS links (
    slug TEXT PRIMARY KEY, url TEXT NOT NULL, owner TEXT NOT NULL REFERENCES users, visits INTEGER NOT NULL DEFAULT 0
);
"""


def connect() -> sqlite3.Connection:
    connection = sqlite3.connect(os.environ.get("LINKS", "links.db"), check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


class Database:
    """A connection. Its work is done in threads: waiting for the disk would hold up all other requests."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.lock = Lock()  # a request that was cancelled does not wait for its thread

    async def run(self, sql: str, *values: object) -> list[Any]:
        """Run a statement, commit it or roll it back, and return its rows."""

        def work() -> list[Any]:
            with self.lock, self.connection:
                return self.connection.execute(sql, values).fetchall()

        return await to_thread(work)

    def close(self) -> None:
        with self.lock:
            self.connection.close()


@app.lifespan
async def tables(app: App) -> AsyncIterator[None]:
    with closing(connect()) as connection:
        connection.executescript(TABLES)
    yield


@app.provide
async def database(request: Request) -> AsyncIterator[Database]:
    database = Database(await to_thread(connect))
    try:
        yield database
    finally:
        await to_thread(database.close)


# Who asks.

User = NewType("User", str)


@dataclass
class Account:
    name: Annotated[str, Meta(min_length=1, max_length=40)]
    password: Annotated[str, Meta(min_length=8, max_length=200)]


def digest(password: str, salt: bytes) -> bytes:
    return scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


NOBODY = {"salt": token_bytes(16), "digest": bytes(64)}


@app.provide
async def user(request: Request) -> User:
    if "user" not in request.session:
        raise Redirect(request.url_for("login"))
    return User(request.session["user"])


def enter(request: Request, name: str) -> Redirect:
    request.session.renew()  # a session that an attacker may have planted before the login is now worthless
    request.session["user"] = name
    return Redirect(request.url_for("home"))


def refused(request: Request, why: str, page: str) -> Redirect:
    flash(request, why, "error")
    return Redirect(request.url_for(page))


@app.post("/login", body_limit=10_000)
async def log_in(request: Request, account: Annotated[Account, Form], database: Database) -> None:
    found = await database.run("SELECT salt, digest FROM users WHERE name = ?", account.name)
    # An unknown name takes as much time as a known one, so that the time does not show which names exist.
    salt, expected = found[0] if found else NOBODY.values()
    if not compare_digest(await to_thread(digest, account.password, salt), expected):
        raise refused(request, "That is not a name and its password.", "login")
    raise enter(request, account.name)


@app.post("/signup", body_limit=10_000)
async def sign_up(request: Request, account: Annotated[Account, Form], database: Database) -> None:
    salt = token_bytes(16)
    digested = await to_thread(digest, account.password, salt)
    try:
        await database.run("INSERT INTO users VALUES (?, ?, ?)", account.name, salt, digested)
    except sqlite3.IntegrityError:
        raise refused(request, "That name is taken.", "login") from None
    raise enter(request, account.name)


@app.post("/logout")
async def log_out(request: Request) -> None:
    request.session.clear()
    raise Redirect(request.url_for("login"))


# Links.


@dataclass
class NewLink:
    url: Annotated[str, Meta(max_length=2000)]
    slug: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{0,40}$")] = ""

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")


@app.get("/")
async def home(request: Request, user: User, database: Database) -> Response:
    links = await database.run("SELECT slug, url, visits FROM links WHERE owner = ? ORDER BY rowid DESC", user)
    return await templates.render(request, "home.html", {"user": user, "links": links})


@app.post("/links", body_limit=10_000)
async def shorten(request: Request, user: User, link: Annotated[NewLink, Form], database: Database) -> None:
    slug = link.slug or token_urlsafe(5)
    try:
        await database.run("INSERT INTO links (slug, url, owner) VALUES (?, ?, ?)", slug, link.url, user)
    except sqlite3.IntegrityError:
        raise refused(request, f"{slug} is taken.", "home") from None
    flash(request, f"{slug} is yours.")
    raise Redirect(request.url_for("home"))


@app.post("/links/{slug}/delete")
async def delete(request: Request, user: User, slug: str, database: Database) -> None:
    if not await database.run("DELETE FROM links WHERE slug = ? AND owner = ? RETURNING slug", slug, user):
        raise HTTPError(404, f"You have no link {slug}.")
    raise Redirect(request.url_for("home"))


@app.exception(ValidationError)
async def not_valid(request: Request, error: ValidationError) -> Response:
    """Show what is wrong with a form on the page that it came from."""
    for problem in error.errors:
        flash(request, f"{problem['parameter']}: {problem['detail']}", "error")
    return Response.redirect(request.url_for("home"))


# Visits.


@app.get("/to/{slug}")
async def follow(request: Request, slug: str, database: Database) -> None:
    found = await database.run("SELECT url FROM links WHERE slug = ?", slug)
    if not found:
        raise HTTPError(404, f"There is no link {slug}.")
    request.after(count, slug)
    raise Redirect(found[0]["url"])


def count(slug: str) -> None:
    """Count a visit, after the visitor has been answered, in a thread."""
    with closing(connect()) as connection, connection:
        connection.execute("UPDATE links SET visits = visits + 1 WHERE slug = ?", (slug,))


if __name__ == "__main__":
    main(app)
