"""The tests of shortener.py, with pytest and pytest-asyncio: `python -m pytest`, in this directory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from shortener import app

from aiosock.testing import Client

pytestmark = pytest.mark.asyncio

ADA = {"name": "ada", "password": "correct horse"}
LINK = {"url": "https://example.org/a/long/way?to=go", "slug": "way"}


@pytest_asyncio.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """A visitor of the site, which has a database of its own."""
    monkeypatch.setenv("LINKS", str(tmp_path / "links.db"))
    async with Client(app, follow_redirects=True) as client:
        yield client


async def test_a_stranger_is_led_to_the_login(client: Client) -> None:
    page = await client.get("/")

    assert page.url.endswith("/login")
    assert "Sign up" in page.text


async def test_who_has_signed_up_can_log_out_and_in(client: Client) -> None:
    assert "Log out ada" in (await client.post("/signup", data=ADA)).text
    assert "Log in" in (await client.post("/logout")).text
    assert "Log out ada" in (await client.post("/login", data=ADA)).text


@pytest.mark.parametrize("wrong", [{"password": "Correct horse"}, {"name": "eve"}])
async def test_anybody_else_is_not_logged_in(client: Client, wrong: dict[str, str]) -> None:
    await client.post("/signup", data=ADA)
    await client.post("/logout")

    assert "not a name and its password" in (await client.post("/login", data=ADA | wrong)).text
    assert (await client.get("/")).url.endswith("/login")


async def test_a_name_is_given_once(client: Client) -> None:
    await client.post("/signup", data=ADA)

    assert "That name is taken." in (await client.post("/signup", data=ADA)).text


async def test_a_short_link_leads_to_the_long_one_and_is_counted(client: Client) -> None:
    await client.post("/signup", data=ADA)
    assert "way is yours." in (await client.post("/links", data=LINK)).text

    followed = await client.get("/to/way", follow_redirects=False)

    assert (followed.status, followed.headers["location"]) == (303, LINK["url"])
    assert "1 visits" in (await client.get("/")).text


async def test_a_name_is_chosen_for_a_link_without_one(client: Client) -> None:
    await client.post("/signup", data=ADA)

    assert "is yours." in (await client.post("/links", data={"url": LINK["url"], "slug": ""})).text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"url": "javascript:alert(1)"}, "must begin with https:// or http://"),
        ({"slug": "no spaces"}, "slug: "),
        ({"slug": "taken"}, "taken is taken."),
    ],
)
async def test_a_link_that_is_refused_says_why(client: Client, wrong: dict[str, str], message: str) -> None:
    await client.post("/signup", data=ADA)
    await client.post("/links", data=LINK | {"slug": "taken"})

    page = await client.post("/links", data=LINK | wrong)

    assert message in page.text
    assert page.url.endswith("/")


async def test_only_the_owner_can_delete_a_link(client: Client) -> None:
    await client.post("/signup", data=ADA)
    await client.post("/links", data=LINK)
    await client.post("/signup", data=ADA | {"name": "eve"})
    assert (await client.post("/links/way/delete")).status == 404

    await client.post("/login", data=ADA)
    await client.post("/links/way/delete")

    assert (await client.get("/to/way")).status == 404


async def test_the_form_of_another_site_does_nothing(client: Client) -> None:
    await client.post("/signup", data=ADA)

    assert (await client.post("/links", data=LINK, headers={"sec-fetch-site": "cross-site"})).status == 403
    assert "Nothing yet." in (await client.get("/")).text
