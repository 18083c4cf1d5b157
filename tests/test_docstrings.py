"""An editor shows, for every public name, a description and an example that works."""

import ast
import asyncio
import hmac
import inspect
import os
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import pytest

import aiosock
from aiosock import App, Config, Handler, Request, Response
from aiosock.testing import Client
from aiosock.web import middleware
from aiosock.web.flash import flash
from aiosock.web.middleware import bearer_auth

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"^ *print\(.*\)  # (.*)$", re.MULTILINE)
_PORT = re.compile(r"(?<=127\.0\.0\.1:)[0-9]+")

AUTHORIZATION = f"Basic {b64encode(b'ada:secret').decode()}"
PHOTO = b'--b\r\ncontent-disposition: form-data; name="photo"; filename="cat.png"\r\n\r\nmeow\r\n--b--\r\n'
MALFORMED = b"PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nmalformed\r\n"


def docstring(module: str, name: str) -> str:
    """Return the docstring of a name where it is defined, as an editor finds it; of an alias, the string behind it."""
    body = ast.parse(inspect.getsource(import_module(module))).body
    for statement, behind in zip(body, [*body[1:], ast.Pass()], strict=True):
        match statement, behind:
            case (ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef(), _) if statement.name == name:
                return ast.get_docstring(statement) or ""
            case ast.Assign(targets=[ast.Name(id=target)]), ast.Expr(ast.Constant(str(text))) if target == name:
                return inspect.cleandoc(text)
            case ast.ImportFrom(module=str(source), names=names), _ if name in [alias.name for alias in names]:
                return docstring(source, name)
    raise AssertionError(f"{module} does not have {name}")


DOCSTRINGS = {
    **{name: docstring("aiosock", name) for name in aiosock.__all__},
    **{name: docstring("aiosock.web.middleware", name) for name in middleware.__all__},
    "Client": docstring("aiosock.testing", "Client"),
    "Templates": docstring("aiosock.web.templates", "Templates"),
    "flash": docstring("aiosock.web.flash", "flash"),
}

ASKED: dict[str, tuple[str, dict[str, Any], str]] = {
    "App": ("GET /users/7", {}, '200 {"id":7}'),
    "Convertor": ("GET /half/8", {}, "200 4"),
    "Cookie": ("GET /", {"headers": {"cookie": "theme=dark"}}, "200 dark"),
    "Disconnected": ("PUT /report", {"body": "all of it"}, "200 9 bytes"),
    "EventStream": ("GET /ticks", {}, "id: 2\ndata: tick 2\n\n"),
    "FileResponse": ("GET /photos/none.png", {}, "404 Not Found"),
    "Form": ("POST /order", {"body": "name=Ada&item=tea&item=cake"}, "200 Ada orders tea, cake."),
    "HTTPError": ("GET /items/100", {}, "404 Not Found: There is no item 100."),
    "Header": ("GET /greeting", {"headers": {"accept-language": "de", "x-visits": "3"}}, "200 de, 3"),
    "Handler": ("GET /there", {}, "200 Hello from /there!"),
    "Middleware": ("GET /", {}, "server: aiosock"),
    "Query": ("GET /search?text=a&tag=b&tag=c", {}, "200 a ['b', 'c'], page 1"),
    "Redirect": ("GET /account", {}, "location: /login"),
    "Request": ("PUT /notes/plan?tag=a&tag=b", {"body": "1\n2"}, "200 plan: 2 lines, unknown, tagged ['a', 'b']"),
    "Response": ("GET /", {}, "set-cookie: theme=dark; Max-Age=3600"),
    "Router": ("GET /users/7", {}, '200 {"id":7}'),
    "StaticFiles": ("GET /static/site.css", {}, "cache-control: max-age=3600"),
    "Upload": (
        "POST /photo",
        {"body": PHOTO, "headers": {"content-type": "multipart/form-data; boundary=b"}},
        "200 cat.png, 4 bytes",
    ),
    "basic_auth": ("GET /", {"headers": {"authorization": AUTHORIZATION}}, "200 Hello"),
    "bearer_auth": ("GET /", {"headers": {"authorization": "Bearer secret"}}, "200 Hello"),
    "compression": ("HEAD /", {"headers": {"accept-encoding": "gzip"}}, "content-encoding: gzip"),
    "cors": ("GET /", {"headers": {"origin": "https://example.org"}}, "origin: https://example.org"),
    "csrf": ("POST /", {"headers": {"sec-fetch-site": "cross-site"}}, "403 Forbidden"),
    "decompression": ("POST /", {"headers": {"content-encoding": "lzma"}}, "415 Unsupported"),
    "etag": ("GET /", {}, 'etag: "'),
    "hosts": ("GET /", {"headers": {"host": "example.com"}}, "421 Misdirected"),
    "insufficient_scope": ("DELETE /notes", {"headers": {"authorization": "Bearer eve"}}, "403 Forbidden"),
    "proxy_headers": ("GET /", {"headers": {"x-forwarded-for": "192.0.2.1"}}, "200 Hello"),
    "rate_limit": ("GET /", {}, 'ratelimit: "default";r=99;t='),
    "request_id": ("GET /", {}, "200 This is request "),
    "security_headers": ("GET /", {}, "content-security-policy: default-src 'self'"),
    "sees_exceptions": ("GET /", {}, "200 Hello"),
    "sessions": ("GET /visits", {}, "200 1"),
    "flash": ("POST /notes", {}, "location: /notes"),
    "timeout": ("GET /", {}, "200 Hello"),
    "Templates": ("GET /hello/Ada", {}, "200 Hello, Ada!"),
}
"""The request for the app, or handler, of an example, and a part of the response: status and text, or a field."""


def test_every_public_name_has_one_example() -> None:
    assert {name for name, text in DOCSTRINGS.items() if len(_BLOCK.findall(text)) != 1} == set()


def test_no_constructor_hides_the_docstring_of_its_class() -> None:
    # Pyright and Pylance show the constructor's docstring, if it has one, where a class is called.
    classes = [value for value in (*vars(aiosock).values(), Client) if isinstance(value, type)]
    constructors = [vars(cls).get("__init__") for cls in classes]

    assert [init for init in constructors if init is not None and init.__doc__] == []


@pytest.mark.parametrize("name", DOCSTRINGS)
async def test_the_example_of_a_name_works(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET", "s" * 32)
    (tmp_path / "photos").mkdir()
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "site.css").write_text("p { color: teal }")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "hello.html").write_text("Hello, {{ name }}!")

    names = await run_example(name)

    shown = "".join(f"{line}\n" for line in _SHOWN.findall(DOCSTRINGS[name]))
    assert _PORT.sub("PORT", capsys.readouterr().out) == _PORT.sub("PORT", shown)
    if name in ASKED:
        request, options, answer = ASKED[name]
        assert answer in await ask(names.get("hello", names["app"]), request, options)


async def test_the_example_of_upgrade_shouts() -> None:
    async with Client((await run_example("Upgrade"))["app"]) as client:
        peer = await client.connect()
        peer.send(b"GET /shout HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: shout\r\n\r\n")
        assert (await peer.receive()).startswith(b"HTTP/1.1 101 ")
        peer.send(b"hello")
        assert await peer.receive() == b"HELLO"


async def test_the_example_of_a_protocol_error_answers_one() -> None:
    app = (await run_example("ProtocolError"))["app"]
    app.put("/")(greet_reader)

    async with Client(app) as client:
        peer = await client.connect()
        peer.send(MALFORMED)
        assert (await peer.response()).text.startswith("PUT: ")


async def run_example(name: str) -> dict[str, Any]:
    """Run an example with the names that it may use, and then the functions that it defines; return all names."""
    names = sample()
    exec(compile(_BLOCK.findall(DOCSTRINGS[name])[0], name, "exec"), names)
    for defined in list(names):
        if defined == "main" or defined.startswith("test_"):
            await names[defined]()
    return names


def sample() -> dict[str, Any]:
    """Return the names that examples may use: ours, the standard library's, and an app."""
    app = App()
    app.mount("/", greet)
    given = {"AsyncIterator": AsyncIterator, "Client": Client, "app": app, "asyncio": asyncio, "hmac": hmac, "os": os}
    given |= {"Annotated": Annotated, "dataclass": dataclass}
    given |= {"flash": flash}
    return {"__name__": "__main__", **vars(aiosock), **vars(middleware), **given, "run": check_run}


async def greet(request: Request) -> Response:
    return Response.text("Hello " * 200)


async def greet_reader(request: Request) -> str:
    return await request.text()


def check_run(app: Handler, config: Config | None = None, **options: Any) -> None:
    """Accept the arguments of `run` without running anything; tests/test_runner.py tests `run`."""
    inspect.signature(aiosock.run).bind(app, config)
    assert isinstance(config or Config(**options), Config)


async def ask(app: Handler, request: str, options: dict[str, Any]) -> str:
    method, _, target = request.partition(" ")
    if method == "DELETE":  # 403, for a user without permission, comes only after authentication
        app.middleware(bearer_auth(echo_token))  # type: ignore[attr-defined]
    if target == "/notes" and method == "POST":  # a message is kept in the session
        app.middleware(middleware.sessions("s" * 32))  # type: ignore[attr-defined]
    headers = {"content-type": "application/x-www-form-urlencoded", **options.get("headers", {})}
    async with Client(app) as client:
        answer = await client.request(method, target, body=options.get("body", ""), headers=headers)
    fields = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    return f"{fields}{answer.status} {answer.text}" if method != "HEAD" else fields


async def echo_token(token: str) -> str:
    return token
