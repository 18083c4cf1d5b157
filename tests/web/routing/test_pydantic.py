"""Tests of what people are told who bring models of pydantic."""

from typing import Any

import pytest

from aiosock import App, Form, Request, RouteError, Router
from tests.web.ask import app_of, ask

pydantic: Any = pytest.importorskip("pydantic")


class Order(pydantic.BaseModel):  # type: ignore[misc]
    count: int


async def order(request: Request, order: Order) -> None: ...
async def orders(request: Request, *, orders: list[Order]) -> None: ...


@pytest.mark.parametrize("handler", [order, orders])
def test_a_model_of_pydantic_is_refused_with_what_to_do(handler: Any) -> None:
    with pytest.raises(
        RouteError, match=r"'orders?' is a model of pydantic, .* Model.model_validate_json\(await request"
    ):
        App().post("/")(handler)
    router = Router()
    router.post("/")(order)
    with pytest.raises(RouteError, match="is a model of pydantic"):
        App().include(router)


async def test_it_may_come_from_a_provider_and_is_returned_as_json() -> None:
    app = App()

    @app.provide
    async def read(request: Request) -> Order:
        return Order.model_validate_json(await request.read())  # type: ignore[no-any-return]

    @app.post("/")
    async def handler(request: Request, order: Order) -> dict[str, Any]:
        return order.model_dump(mode="json")  # type: ignore[no-any-return]

    assert (await ask(app, "POST", "/", json={"count": 3})).json() == {"count": 3}


async def test_a_handler_that_returns_one_is_told_how(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> Any:
        return Order(count=3)

    assert (await ask(app_of(handler), "GET", "/")).status == 500
    assert "not Order; return its model_dump(mode='json')" in caplog.text


def test_a_form_is_refused_too() -> None:
    from typing import Annotated

    async def handler(request: Request, order: Annotated[Order, Form]) -> None: ...

    with pytest.raises(RouteError, match="is a model of pydantic"):
        App().post("/")(handler)
