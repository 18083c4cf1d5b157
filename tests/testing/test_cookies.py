"""Tests of aiosock.testing.cookies: which cookies a client keeps, until when, and where it sends them."""

from urllib.parse import urlsplit

import pytest

from aiosock.testing import Client, Cookies
from aiosock.web.app import App
from aiosock.web.request import Request
from aiosock.web.response import Response


class Browser:
    """Cookies with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0
        self.cookies = Cookies("example.org", lambda: self.now)

    def learn(self, *fields: str, url: str = "https://example.org/a/b") -> None:
        self.cookies.learn(fields, urlsplit(url))

    def sends(self, url: str = "https://example.org/a/b") -> str:
        return self.cookies.field_for(urlsplit(url))


@pytest.fixture
def browser() -> Browser:
    return Browser()


def test_a_cookie_is_sent_back(browser: Browser) -> None:
    browser.learn("a=1; Path=/; HttpOnly; SameSite=Strict", 'b="quoted"; Path=/')
    assert browser.sends() == 'a=1; b="quoted"'


def test_a_cookie_of_the_same_name_domain_and_path_takes_the_place_of_the_old_one(browser: Browser) -> None:
    browser.learn("a=1; Path=/", "b=1; Path=/", "a=2; Path=/")
    assert browser.sends() == "b=1; a=2"
    assert browser.cookies["a"] == "2"


@pytest.mark.parametrize(
    ("field", "sent", "not_sent"),
    [
        ("a=1", ["example.org/a/b", "example.org/a", "example.org/a/c/d"], ["example.org/", "example.org/ab"]),
        ("a=1; Path=/a/b", ["example.org/a/b", "example.org/a/b/c"], ["example.org/a", "example.org/a/bc"]),
        ("a=1; Path=/a/", ["example.org/a/", "example.org/a/b"], ["example.org/a"]),
        ("a=1; Path=relative", ["example.org/a/x"], ["example.org/b"]),
        ("a=1; Path=/", ["example.org/", "example.org/a"], ["sub.example.org/", "example.com/"]),
        ("a=1; Path=/; Domain=example.org", ["example.org/", "sub.example.org/"], ["anexample.org/", "org/"]),
        ("a=1; Path=/; Domain=.EXAMPLE.org", ["example.org/", "sub.example.org/"], []),
    ],
)
def test_a_cookie_is_sent_where_its_attributes_say(
    browser: Browser, field: str, sent: list[str], not_sent: list[str]
) -> None:
    browser.learn(field)
    assert [url for url in sent if browser.sends(f"https://{url}") != "a=1"] == []
    assert [url for url in not_sent if browser.sends(f"https://{url}")] == []


def test_an_address_has_no_hosts_below_it(browser: Browser) -> None:
    browser.learn("a=1; Path=/; Domain=127.0.0.1", url="http://127.0.0.1/")
    assert browser.sends("http://127.0.0.1/") == "a=1"
    assert browser.sends("http://1.127.0.0.1/") == ""


@pytest.mark.parametrize(
    "field",
    ["no pair", "=1", "a=1; Domain=example.com", "a=1; Domain=sub.example.org", "a=1; Domain=ample.org", "", ";"],
)
def test_what_a_browser_refuses_is_not_kept(browser: Browser, field: str) -> None:
    browser.learn(field)
    assert dict(browser.cookies) == {}


def test_a_secure_cookie_is_kept_and_sent_over_https_only(browser: Browser) -> None:
    browser.learn("a=1; Path=/; Secure", url="http://example.org/")
    assert browser.sends() == ""
    browser.learn("a=1; Path=/; Secure")
    assert browser.sends("http://example.org/") == ""
    assert browser.sends() == "a=1"


@pytest.mark.parametrize(
    ("field", "is_kept"),
    [
        ("__Host-a=1; Path=/; Secure", True),
        ("__Host-a=1; Path=/", False),
        ("__Host-a=1; Path=/a; Secure", False),
        ("__Host-a=1; Path=/; Secure; Domain=example.org", False),
        ("__Secure-a=1; Secure", True),
        ("__secure-a=1", False),
    ],
)
def test_a_prefix_is_a_promise(browser: Browser, field: str, is_kept: bool) -> None:
    browser.learn(field)
    assert bool(browser.cookies) is is_kept


@pytest.mark.parametrize(
    ("attribute", "seconds"),
    [
        ("Max-Age=10", 10),
        ("Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 10),
        ("Expires=Sun, 09 Sep 2001 01:46:50 GMT", 10),
        ("Expires=Sun, 09-Sep-2001 01:46:50 GMT", 10),
    ],
)
def test_a_cookie_expires(browser: Browser, attribute: str, seconds: float) -> None:
    browser.learn(f"a=1; {attribute}")
    browser.now += seconds - 1
    assert "a" in browser.cookies
    browser.now += 1
    assert "a" not in browser.cookies
    assert browser.sends() == ""


@pytest.mark.parametrize("attribute", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_cookie_is_deleted_by_one_that_has_expired(browser: Browser, attribute: str) -> None:
    browser.learn("a=1; Path=/", "b=2; Path=/")
    browser.learn(f"a=; Path=/; {attribute}")
    assert dict(browser.cookies) == {"b": "2"}


@pytest.mark.parametrize("attribute", ["Max-Age=soon", "Expires=soon", "Max-Age=" + "9" * 5000, "Max-Age"])
def test_without_a_time_that_can_be_read_a_cookie_stays(browser: Browser, attribute: str) -> None:
    browser.learn(f"a=1; {attribute}")
    browser.now += 10**9
    assert "a" in browser.cookies


def test_longer_paths_are_sent_first(browser: Browser) -> None:
    browser.learn("a=root; Path=/", "a=deep; Path=/a", "b=1; Path=/")
    assert browser.sends() == "a=deep; a=root; b=1"


def test_cookies_are_read_and_set_like_a_dict(browser: Browser) -> None:
    browser.cookies["theme"] = "dark"
    assert browser.sends("http://example.org/any/where") == "theme=dark"
    assert browser.sends("http://sub.example.org/") == ""
    assert repr(browser.cookies) == "Cookies({'theme': 'dark'})"
    del browser.cookies["theme"]
    assert len(browser.cookies) == 0
    with pytest.raises(KeyError):
        browser.cookies["theme"]
    with pytest.raises(KeyError):
        del browser.cookies["theme"]


# With a client.


def counting() -> App:
    app = App()

    @app.get("/")
    async def count(request: Request) -> Response:
        number = int(request.cookies.get("count", "0")) + 1
        response = Response.text(request.headers.get("cookie", "none"))
        response.set_cookie("count", str(number), max_age=60)
        return response

    @app.get("/secure")
    async def secure(request: Request) -> Response:
        response = Response.text(request.scheme)
        response.set_cookie("session", "s", secure=True)
        return response

    return app


async def test_a_client_keeps_cookies_until_they_expire_on_its_clock() -> None:
    async with Client(counting()) as client:
        assert (await client.get("/")).text == "none"
        assert (await client.get("/")).text == "count=1"
        assert client.cookies["count"] == "2"
        await client.advance(59)
        assert (await client.get("/")).text == "count=2"
        await client.advance(60)
        assert (await client.get("/")).text == "none"


async def test_a_response_says_which_cookies_it_sets() -> None:
    async with Client(counting()) as client:
        assert (await client.get("/")).cookies == {"count": "1"}
        assert (await client.get("/nowhere")).cookies == {}


async def test_a_field_of_the_request_counts_more_than_what_is_kept() -> None:
    async with Client(counting()) as client:
        client.cookies["count"] = "7"
        assert (await client.get("/", headers={"cookie": "other=1"})).text == "other=1"
        assert (await client.get("/")).text == "count=1"


async def test_https_has_secure_cookies() -> None:
    for base, kept in (("http://testserver", []), ("https://testserver", ["session"])):
        async with Client(counting(), base_url=base) as client:
            assert (await client.get("/secure")).text == base.partition(":")[0]
            assert list(client.cookies) == kept
