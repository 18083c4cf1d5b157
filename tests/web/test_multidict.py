"""Tests of aiosock.web.multidict."""

from aiosock import Request
from aiosock.web.multidict import MultiDict
from tests.web.ask import app_of, ask, seen

PAIRS = MultiDict([("a", "1"), ("b", "2"), ("a", "3")])


def test_a_dict_of_it_has_the_first_value_of_each_name_as_subscripting_has() -> None:
    assert dict(PAIRS) == {"a": "1", "b": "2"} == {name: PAIRS[name] for name in PAIRS}
    assert dict(PAIRS) == {**PAIRS}
    assert PAIRS.keys() == ["a", "b"]


async def test_the_query_the_headers_and_a_form_make_dicts() -> None:
    assert await seen(lambda request: dict(request.query), target="/?a=1&b=2&a=3") == {"a": "1", "b": "2"}
    assert (await seen(lambda request: dict(request.headers), headers={"X-A": "1"}))["x-a"] == "1"

    async def handler(request: Request) -> dict[str, object]:
        return dict(await request.form())

    fields = {"content-type": "application/x-www-form-urlencoded"}
    answer = await ask(app_of(handler), "POST", "/", body="a=1&b=2&a=3", headers=fields)
    assert answer.json() == {"a": "1", "b": "2"}
