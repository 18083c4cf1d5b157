"""Options of other frameworks are refused by a TypeError that names the right word; none is an alias."""

from collections.abc import Callable
from typing import Any

import pytest

from aiosock import App, Redirect, Response, Router
from aiosock.web.spelling import unknown_option

any_app: Any = App()
any_response: Any = Response


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: any_response("x", status_code=404), "Response has no option status_code=: write status="),
        (lambda: any_response("x", media_type="text/html"), r'media_type=: write headers=\{"content-type"'),
        (lambda: any_response("x", mimetype="text/html"), r'mimetype=: write headers=\{"content-type"'),
        (lambda: any_response.json({}, status_code=201), "write status="),
        (lambda: any_response.html("", status_code=201), "write status="),
        (lambda: any_response.text("", content_type="a/b"), "content-type"),
        (lambda: any_response.redirect("/", status_code=301), "write status="),
        (lambda: any_response(background=1), r"write request\.after\(function, \.\.\.\)"),
        (lambda: any_response(sttus=1), "Response has no option sttus=$"),
        (lambda: any_response(status="404"), "a status is an int, not '404'"),
        (lambda: any_response.redirect(404), "a location is a str, such as '/login', not 404"),
        (lambda: Redirect("/", status_code=301), "Redirect has no option status_code=: write status="),  # type: ignore[arg-type]
        (lambda: any_response().set_cookie("a", "b", httponly=True), "httponly=: write http_only="),
        (lambda: any_response().set_cookie("a", "b", samesite="lax"), "samesite=: write same_site="),
        (lambda: any_response().delete_cookie("a", samesite="lax"), "samesite=: write same_site="),
        (lambda: any_app.get("/", status_code=201), r"a route has no option status_code=: write status=$"),
        (lambda: any_app.post("/", response_model=int), "write the return annotation"),
        (lambda: any_app.get("/", whatever=1), "a route has no option whatever=$"),
        (lambda: App(lifespan=3), "App has no option lifespan=: write @app.lifespan"),  # type: ignore[arg-type]
        (lambda: Router(url_prefix="/a"), "Router has no option url_prefix=: write prefix="),  # type: ignore[arg-type]
    ],
)
def test_a_word_of_another_framework_gets_the_right_one(call: Callable[[], object], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        call()


def test_of_several_the_first_that_has_a_word_is_named() -> None:
    assert "write status=" in str(unknown_option("Response", {"aaa": 1, "status_code": 2}))
