"""Tests of aiosock.web.templates and aiosock.web.flash."""

import asyncio
import builtins
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from threading import get_ident
from typing import Any

import pytest

from aiosock import App, ConfigError, Request, Response
from aiosock.testing import Client
from aiosock.testing.client import ClientResponse
from aiosock.web.flash import FLASHES, flash
from aiosock.web.middleware import compression, csrf, sessions
from aiosock.web.templates import PIECE_CHARACTERS, Templates
from tests.web.ask import GET, app_of, ask

SECRET = "s" * 32


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path


def showing(
    site: Path, template: str, context: Mapping[str, object] | None = None, *, stream: bool = False, **options: Any
) -> App:
    """Return an app that answers with a template of this text."""
    (site / "page.html").write_text(template)
    templates = Templates(site)
    show = templates.stream if stream else templates.render

    async def handler(request: Request) -> Response:
        return await show(request, "page.html", context, **options)

    return app_of(handler)


async def shown(site: Path, template: str, context: Mapping[str, object] | None = None, **options: Any) -> str:
    answer = await ask(showing(site, template, context, **options), "GET", "/")
    assert answer.status == 200
    return answer.text


both = pytest.mark.parametrize("stream", [False, True], ids=["render", "stream"])


@both
async def test_a_page_has_the_values_of_its_names(site: Path, stream: bool) -> None:
    app = showing(site, "<p>{{ name }}</p>", {"name": "Ada"}, stream=stream, status=201, headers={"x-a": "b"})

    answer = await ask(app, "GET", "/")

    assert (answer.status, answer.text, answer.headers["x-a"]) == (201, "<p>Ada</p>", "b")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@both
async def test_the_program_may_set_the_type(site: Path, stream: bool) -> None:
    app = showing(site, "<svg/>", stream=stream, headers={"Content-Type": "image/svg+xml"})

    assert (await ask(app, "GET", "/")).headers.get_all("content-type") == ["image/svg+xml"]


@both
@pytest.mark.parametrize("template", ["{{ x }}", "{{ x|upper|lower }}", '{{ "" ~ x }}', '{{ "%s"|format(x) }}'])
async def test_what_is_shown_is_escaped(site: Path, stream: bool, template: str) -> None:
    text = await shown(site, template, {"x": "<script>'\"&"}, stream=stream)

    assert text == "&lt;script&gt;&#39;&#34;&amp;"


@pytest.mark.parametrize("name", ["mail.txt", "a.jinja", "data.xml", "none"])
async def test_a_file_of_any_name_is_escaped(site: Path, name: str) -> None:
    (site / name).write_text("{{ x }}")
    app = App()
    app.get("/")(handler_of(Templates(site), name))

    assert (await ask(app, "GET", "/")).text == "&lt;"


def handler_of(templates: Templates, name: str, context: Mapping[str, object] | None = None) -> Any:
    async def handler(request: Request) -> Response:
        return await templates.render(request, name, context or {"x": "<"})

    return handler


async def test_the_request_is_there(site: Path) -> None:
    assert await shown(site, "{{ request.method }} {{ request.query.get('a', 'none') }}") == "GET none"


async def test_a_macro_that_is_imported_knows_the_functions(site: Path) -> None:
    (site / "macros.html").write_text("{% macro link(name) %}<a href='{{ url_for(name) }}'></a>{% endmacro %}")

    text = await shown(site, "{% from 'macros.html' import link %}{{ link('handler') }}")

    assert text == "<a href='/'></a>"


async def test_a_page_may_extend_and_include_others(site: Path) -> None:
    (site / "base.html").write_text("<main>{% block main %}{% endblock %}</main>{% include 'foot.html' %}")
    (site / "foot.html").write_text("{% include ['none.html', 'made.html'] ignore missing %}foot")

    assert await shown(site, "{% extends 'base.html' %}{% block main %}page{% endblock %}") == "<main>page</main>foot"


async def test_templates_are_read_in_a_thread_and_once(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "base.html").write_text("base {% block main %}{% endblock %}")
    app = showing(site, "{% extends 'base.html' %}{% block main %}{{ x }}{% endblock %}", {"x": 1})
    loop_thread = get_ident()
    read: list[tuple[str, bool]] = []
    opened = builtins.open

    def noted(file: Any, *args: Any, **kwargs: Any) -> Any:
        if str(file).startswith(str(site)):
            read.append((Path(file).name, get_ident() == loop_thread))
        return opened(file, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", noted)
    async with Client(app) as client:
        await client.get("/")
        before = list(read)
        await client.get("/")

    assert read == before
    assert {name for name, _ in read} == {"page.html", "base.html"}
    assert not any(on_loop for _, on_loop in read)


# URLs, forms, messages.


async def test_a_template_knows_urls_by_name_across_mounts(site: Path) -> None:
    inner = showing(site, "{{ url_for('handler') }} {{ url_for('login') }} {{ url_for('blog:handler') }}")
    outer = App()
    outer.get("/log in", name="login")(handler_of(Templates(site), "page.html"))
    outer.mount("/blog", inner)

    assert (await ask(outer, "GET", "/blog/")).text == "/blog/ /log%20in /blog/"


@pytest.mark.parametrize("function", ["csrf_field", "csrf_token"])
async def test_a_form_is_shown_only_where_it_is_protected(
    site: Path, function: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = showing(site, f"<form>{{{{ {function}() }}}}</form>")
    assert (await ask(app, "GET", "/")).status == 500
    assert "this form is not protected: app.middleware(csrf()) is missing" in caplog.text

    app = showing(site, f"<form>{{{{ {function}() }}}}</form>")
    app.middleware(csrf())
    assert (await ask(app, "GET", "/")).text == "<form></form>"


FLASHED = "{% for flash in flashed() %}[{{ flash.category }}:{{ flash.message }}]{% endfor %}"


def flashing(site: Path, *, stream: bool = False, template: str = FLASHED) -> App:
    app = showing(site, template, stream=stream)
    app.middleware(sessions(SECRET))

    @app.get("/leave/{count:int}")
    async def leave(request: Request, count: int) -> Response:
        for number in range(count):
            flash(request, f"<{number}>", "kind")
        return Response.redirect("/")

    return app


def cookie_of(answer: ClientResponse) -> dict[str, str]:
    return {"cookie": answer.headers.get("set-cookie", "").partition(";")[0]}


@both
async def test_a_message_is_shown_once_on_the_next_page(site: Path, stream: bool) -> None:
    async with Client(flashing(site, stream=stream)) as client:
        left = cookie_of(await client.get("/leave/2"))
        page = await client.get("/", headers=left)
        again = await client.get("/", headers=cookie_of(page))

    assert page.text == "[kind:&lt;0&gt;][kind:&lt;1&gt;]"
    assert page.headers["cache-control"] == "no-store"
    assert again.text == ""


async def test_a_page_that_could_show_messages_is_not_kept_by_caches(site: Path) -> None:
    assert (await ask(flashing(site), "GET", "/")).headers["cache-control"] == "no-store"


async def test_messages_wait_until_a_page_shows_them(site: Path) -> None:
    async with Client(flashing(site, template="no messages")) as client:
        left = cookie_of(await client.get("/leave/1"))
        assert "set-cookie" not in (await client.get("/", headers=left)).headers


async def test_the_last_messages_stay(site: Path) -> None:
    async with Client(flashing(site)) as client:
        left = cookie_of(await client.get("/leave/40"))
        page = (await client.get("/", headers=left)).text

    assert page.count("[") == FLASHES
    assert page.endswith("[kind:&lt;39&gt;]")


async def test_a_message_may_be_shown_by_the_page_of_the_same_request(site: Path) -> None:
    (site / "page.html").write_text(FLASHED + FLASHED)
    templates = Templates(site)

    async def handler(request: Request) -> Response:
        flash(request, "now")
        return await templates.render(request, "page.html")

    app = app_of(handler)
    app.middleware(sessions(SECRET))

    assert (await ask(app, "GET", "/")).text == "[:now][:now]"


async def test_without_sessions_a_message_says_what_is_missing(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert (await ask(showing(site, FLASHED), "GET", "/")).status == 500
    assert "app.middleware(sessions(secret)) is missing" in caplog.text


# Streams.


async def test_a_page_is_sent_while_it_is_made(site: Path) -> None:
    asked, opened = asyncio.Event(), asyncio.Event()

    async def rows() -> AsyncIterator[str]:
        yield "x" * PIECE_CHARACTERS
        asked.set()
        await opened.wait()
        yield "last"

    app = showing(site, "{% for row in rows %}{{ row }}{% endfor %}", {"rows": rows()}, stream=True)
    async with Client(app) as client, client.stream("GET", "/") as (response, pieces):
        assert response.status == 200
        assert await anext(pieces) == b"x" * PIECE_CHARACTERS
        await asked.wait()
        opened.set()
        assert b"".join([piece async for piece in pieces]) == b"last"


async def test_a_stream_is_closed_when_its_client_leaves(site: Path) -> None:
    closed = asyncio.Event()

    async def rows() -> AsyncIterator[str]:
        try:
            while True:
                yield "x" * PIECE_CHARACTERS
                await asyncio.sleep(0)
        finally:
            closed.set()

    app = showing(site, "{% for row in rows() %}{{ row }}{% endfor %}", {"rows": rows}, stream=True)
    async with Client(app) as client:
        peer = await client.connect()
        peer.send(GET)
        await peer.receive()
        peer.reset()
        await client.advance(1)
        await peer.done()
        await asyncio.wait_for(closed.wait(), 10)


async def test_an_error_at_the_start_of_a_stream_is_an_answer(site: Path) -> None:
    app = showing(site, "{{ 'x' * 100 }}{{ 1 // 0 }}", stream=True)

    assert (await ask(app, "GET", "/")).status == 500


async def test_an_empty_stream_is_an_empty_page(site: Path) -> None:
    assert await shown(site, "", stream=True) == ""


async def test_a_stream_may_be_compressed(site: Path) -> None:
    app = showing(site, "{% for n in range(9999) %}{{ n }}{% endfor %}", stream=True)
    app.middleware(compression())

    answer = await ask(app, "GET", "/", headers={"accept-encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"


@both
async def test_a_page_that_takes_long_gives_others_a_turn(
    site: Path, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiosock.web.templates.TURN_SECONDS", 0)
    turns: list[int] = []
    rows = 10 if not stream else PIECE_CHARACTERS

    async def handler(request: Request) -> Response:
        async def count() -> None:
            while True:
                turns.append(1)
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        response = await (templates.stream if stream else templates.render)(request, "page.html", {"n": rows})
        counting.cancel()
        return response

    (site / "page.html").write_text("{% for row in range(n) %}{{ row }}{% endfor %}")
    templates = Templates(site)
    await ask(app_of(handler), "GET", "/")
    turns.clear()
    await ask(app_of(handler), "GET", "/")

    assert len(turns) >= 10


async def test_two_streams_of_two_requests_know_their_own(site: Path) -> None:
    (site / "page.html").write_text(
        "{{ url_for('handler') }}{% for x in wait() %}{{ x }}{% endfor %}{{ url_for('handler') }}"
    )
    templates = Templates(site)
    meeting = asyncio.Barrier(2)

    async def wait() -> AsyncIterator[str]:
        yield " " * PIECE_CHARACTERS
        await meeting.wait()
        yield " "

    async def handler(request: Request) -> Response:
        return await templates.stream(request, "page.html", {"wait": wait})

    app = App()
    for prefix in ("/a", "/b"):
        inner = App()
        inner.get("/")(handler)
        app.mount(prefix, inner)

    async with Client(app) as client:
        pages = await asyncio.gather(client.get("/a/"), client.get("/b/"))

    assert [page.text.split() for page in pages] == [["/a/", "/a/"], ["/b/", "/b/"]]


# Debug mode.


async def test_an_undefined_name_is_an_error_in_debug_mode_only(site: Path) -> None:
    app = showing(site, "a{{ nobody }}b")
    assert (await ask(app, "GET", "/")).text == "ab"

    async with Client(showing(site, "a{{ nobody }}b"), debug=True) as client:
        with pytest.raises(Exception, match="'nobody' is undefined"):
            await client.get("/")


async def test_a_changed_template_is_read_again_in_debug_mode_only(site: Path) -> None:
    for debug, text in ((False, "old"), (True, "new")):
        app = showing(site, "old")
        async with Client(app, debug=debug) as client:
            await client.get("/")
            (site / "page.html").write_text("new")
            os.utime(site / "page.html", (1e9, 1e9))
            assert (await client.get("/")).text == text


# What fails.


@pytest.mark.parametrize("template", ["one\n{{ 1 // 0 }}", "one\n{% for %}", "one\n{% include 'none.html' %}"])
async def test_an_error_names_the_file_and_the_line(
    site: Path, template: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await ask(showing(site, template), "GET", "/")).status == 500
    assert f'File "{site}/page.html", line 2' in caplog.text


@pytest.mark.parametrize("name", ["none.html", "../secret.html", "/etc/passwd", ""])
async def test_a_template_that_is_not_there_is_an_error(
    site: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (site.parent / "secret.html").write_text("secret")
    app = App()
    app.get("/")(handler_of(Templates(site), name))

    assert (await ask(app, "GET", "/")).status == 500
    assert "TemplateNotFound" in caplog.text


def test_a_directory_that_is_not_there_is_an_error_at_start(site: Path) -> None:
    with pytest.raises(NotADirectoryError, match="is not a directory"):
        Templates(site / "none")


def test_without_jinja_it_says_what_to_install(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(ConfigError, match=r"a template needs jinja2>=3\.1\.6: .* extra 'templates'"):
        Templates(site)


async def test_filters_and_globals_are_added_to_the_environment(site: Path) -> None:
    (site / "page.html").write_text("{{ x|shout }} {{ site }}")
    templates = Templates(site)
    templates.environment.filters["shout"] = str.upper
    templates.environment.globals["site"] = "<b>"
    app = App()
    app.get("/")(handler_of(templates, "page.html", {"x": "a"}))

    assert (await ask(app, "GET", "/")).text == "A &lt;b&gt;"
