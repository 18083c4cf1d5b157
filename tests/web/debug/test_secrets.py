"""Tests of aiosock.web.debug.secrets."""

from collections.abc import Callable
from functools import partial

import pytest

from aiosock.web.debug.secrets import HIDDEN, is_secret, masked, masked_source, masked_target
from tests.growth import LINEAR, growth

SECRETS = [
    *("password", "passwd", "db_password", "DB_PASSWORD", "userPassword", "passphrase", "pwd", "secret", "SECRET_KEY"),
    *("token", "access_token", "csrfToken", "api_key", "apikey", "apiKey", "X-Api-Key", "private_key", "Authorization"),
    *("proxy-authorization", "auth", "cookie", "cookies", "Set-Cookie", "session", "sessionid", "user_session"),
    *("credentials", "dsn", "jwt", "signature", "otp", "salt", "connection_string", "signing_key"),
]
HARMLESS = [
    *("name", "id", "author", "authority", "keyboard", "monkey", "primary_key", "public_key", "sort_key", "cache_key"),
    *("tokenizer", "tokenised", "side", "passage", "compass", "obsession", "database_url", "x" * 10_000),
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_name_of_a_secret_is_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_another_name_is_not(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("value", "is_hidden"), [("name", False), (7, False), ("a" * 15, False), ("a" * 16, True), (b"a" * 32, True)]
)
def test_a_plain_key_is_a_secret_if_it_is_long(value: object, is_hidden: bool) -> None:
    assert is_secret("key", value) == is_hidden


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("User(name='ada', password='hunter2')", f"User(name='ada', password={HIDDEN})"),
        ('{"name": "ada", "password": "hun\\"ter2"}', f'{{"name": "ada", "password": {HIDDEN}}}'),
        ("a=1&token=hunter2&b=2", f"a=1&token={HIDDEN}&b=2"),
        ("Authorization: Bearer hunter2", f"Authorization: {HIDDEN}"),
        ("cookie: a=hunter2; b=hunter2\naccept: */*", f"cookie: {HIDDEN}\naccept: */*"),
        ("[('authorization', 'Basic hunter2')]", f"[('authorization', {HIDDEN})]"),
        ("{b'cookie': b'a=hunter2'}", f"{{b'cookie': {HIDDEN}}}"),
        ("data={'password': ['hunter2', 'hunter2']}", f"data={{'password': {HIDDEN}}}"),
        ("password='hunter2 cut off", f"password={HIDDEN}"),
        ("postgres://ada:hunter2@db/x", f"postgres://ada:{HIDDEN}@db/x"),
        ("redis://:hunt@er2@db/x and b@c", f"redis://:{HIDDEN}@db/x and b@c"),
        ("user[password]=hunter2&b=2", f"user[password]={HIDDEN}&b=2"),
        ("user%5Bpassword%5D=hunter2&b=2", f"user%5Bpassword%5D={HIDDEN}&b=2"),
        ("('user[password]', 'hunter2')", f"('user[password]', {HIDDEN})"),
        ('{"secret": {"a": {"b": [1, "}"]}, "c": "hunter2"}, "d": 4}', f'{{"secret": {HIDDEN}, "d": 4}}'),
        ('{"secret": [[["hunter2"', f'{{"secret": {HIDDEN}'),
        ("<user><password>hunter2</password></user>", f"<user><password>{HIDDEN}</password></user>"),
        ("bad Bearer hunter2hunter2", f"bad Bearer {HIDDEN}"),
        ("Bearer authentication is needed", "Bearer authentication is needed"),
        ("it was eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2lnbmVk here", f"it was {HIDDEN} here"),
        (
            'form-data; name="password"\r\n\r\nhunter2\r\n--b\r\nform-data; name="a"\r\n\r\n1',
            f'form-data; name="password"\r\n\r\n{HIDDEN}\r\n--b\r\nform-data; name="a"\r\n\r\n1',
        ),
        (
            repr(b'form-data; name="password"\r\nContent-Type: text/plain\r\n\r\nhunter2\r\n'),
            repr(b'form-data; name="password"\r\nContent-Type: text/plain\r\n\r\n@\r\n').replace("@", HIDDEN),
        ),
        ("secret=hunter2 secret=hunter2", f"secret={HIDDEN} secret={HIDDEN}"),
        ("the name is 'x', the age is 3", "the name is 'x', the age is 3"),
        ("KeyError: 'token'", "KeyError: 'token'"),
        ("http://localhost:8080/a@b", "http://localhost:8080/a@b"),
    ],
)
def test_secrets_in_a_text_are_hidden(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "part",
    [
        *(
            "a=",
            "password=",
            "'",
            "password='",
            "secret='a',",
            "x://a:",
            "a.-",
            "cookie: ",
            "password=[",
            "secret]=[{(\"'",
        ),
        *(
            "x://a:@",
            "eyJaaaaaaaa.",
            "eyJ-",
            "bearer ",
            "bearer a",
            "<secret>",
            "<a",
            'name="password"\r\n',
            "a]]",
            "%5D",
        ),
    ],
)
def test_hiding_takes_linear_time(part: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        return partial(masked, part * size)

    assert growth(prepare, 2_000) < LINEAR


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('password = "hunter2"  # fixed', "password = •••••••••  # fixed"),
        ("login(user='ada', api_key='x1')", "login(user='ada', api_key=••••)"),
        ("password = form['password']", "password = form['password']"),
        ("os.environ['SECRET_KEY'] = 'hunter2'", "os.environ['SECRET_KEY'] = •••••••••"),
        ("token: str = ''", "token: str = ''"),
        ("name = 'hunter2'", "name = 'hunter2'"),
    ],
)
def test_a_secret_in_source_is_hidden_and_columns_stay(line: str, shown: str) -> None:
    assert masked_source(line) == shown
    assert len(shown) == len(line)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/reset/hunter2?token=hunter2&a=1", f"/reset/{HIDDEN}?token={HIDDEN}&a=1"),
        ("/reset/h%75nter2.json", f"/reset/{HIDDEN}"),
        ("/ada", "/ada"),
    ],
)
def test_a_secret_in_a_path_is_hidden(target: str, shown: str) -> None:
    assert masked_target(target, {"token": "hunter2", "name": "ada"}) == shown
