"""Tests of aiosock.web.middleware.etag."""

from collections.abc import AsyncIterator

import pytest

from aiosock import App, Request, Response
from aiosock.testing.client import ClientResponse
from aiosock.web.middleware import etag
from aiosock.web.middleware.etag import THREAD_BYTES
from tests.web.ask import app_of, ask


async def answer(response: Response, method: str = "GET", **fields: str) -> ClientResponse:
    async def handler(request: Request) -> Response:
        return response

    app = App()
    app.middleware(etag())
    app.mount("", app_of(handler))
    return await ask(app, method, "/", headers={name.replace("_", "-"): value for name, value in fields.items()})


def page(text: str = "page", **fields: str) -> Response:
    return Response.text(text, headers={name.replace("_", "-"): value for name, value in fields.items()})


async def tag_of(text: str = "page") -> str:
    return (await answer(page(text))).headers["etag"]


async def test_equal_bodies_have_equal_strong_tags() -> None:
    tag = await tag_of()

    assert len(tag) == 34
    assert tag.strip('"').isalnum()
    assert tag == await tag_of()
    assert tag != await tag_of("pagE")
    assert (await answer(page(), "HEAD")).headers["etag"] == tag


@pytest.mark.parametrize("form", ["{}", "W/{}", '"a", {}', '{}, "b"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_has_it_is_told_so(form: str, method: str) -> None:
    tag = await tag_of()

    told = await answer(
        page(cache_control="max-age=1", vary="Accept", set_cookie="a=b"), method, if_none_match=form.format(tag)
    )

    assert (told.status, told.body, told.headers["etag"]) == (304, b"", tag)
    assert [told.headers[name] for name in ("cache-control", "vary", "set-cookie")] == ["max-age=1", "Accept", "a=b"]
    assert "content-type" not in told.headers
    assert "content-length" not in told.headers


@pytest.mark.parametrize("tags", ["", '"other"', "page", '"' * 5000, 'W/"', "w/" + '"a"'])
async def test_who_has_another_gets_it(tags: str) -> None:
    sent = await answer(page(), if_none_match=tags)

    assert (sent.status, sent.text) == (200, "page")


async def test_dates_say_nothing() -> None:
    date = "Thu, 01 Jan 2099 00:00:00 GMT"

    assert (await answer(page(), if_modified_since=date)).status == 200
    assert (await answer(page(), if_unmodified_since="Thu, 01 Jan 1970 00:00:00 GMT")).status == 200
    assert (await answer(page(), if_none_match='"other"', if_modified_since=date)).status == 200


async def test_if_match_names_the_only_answer_that_will_do() -> None:
    assert (await answer(page(), if_match=await tag_of())).status == 200
    assert (await answer(page(), if_match='"other"')).status == 412


async def streamed() -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece"

    return Response(pieces())


@pytest.mark.parametrize("control", ["no-store", "private, No-Store"])
async def test_what_is_not_to_be_stored_has_none(control: str) -> None:
    assert "etag" not in (await answer(page(cache_control=control), if_none_match="*")).headers


async def test_one_that_is_set_stays() -> None:
    sent = await answer(page(etag='W/"own"'), if_none_match='"other"')

    assert (sent.status, sent.headers["etag"]) == (200, 'W/"own"')


async def test_others_have_none() -> None:
    assert "etag" not in (await answer(await streamed())).headers
    assert "etag" not in (await answer(Response(b"", headers={"content-length": "0"}))).headers
    assert "etag" not in (await answer(Response.text("made", 201))).headers
    assert "etag" not in (await answer(Response.text("gone", 410))).headers
    assert "etag" not in (await answer(page(), "POST", content_length="0")).headers
    assert (await answer(page(), "POST", content_length="0", if_none_match="*")).status == 200


async def test_a_long_body_has_a_tag_too() -> None:
    text = "a" * THREAD_BYTES
    tag = await tag_of(text)

    assert tag != await tag_of(text + "a")
    assert (await answer(page(text), if_none_match=tag)).status == 304


async def test_one_answer_for_all_is_confirmed_to_each() -> None:
    shared = page()
    tag = (await answer(shared)).headers["etag"]

    for _ in range(2):
        assert (await answer(shared, if_none_match=tag)).status == 304
