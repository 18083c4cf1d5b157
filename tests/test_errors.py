"""Tests of aiosock.errors."""

import inspect
import pickle
import re

import pytest

from aiosock import errors
from aiosock.errors import (
    AiosockError,
    ConfigError,
    Disconnected,
    HTTPError,
    ProtocolError,
    ResponseError,
    RouteError,
    reason_phrase,
    ungrouped,
)

EXCEPTIONS = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_every_exception_is_in_the_tree(exception: type[Exception]) -> None:
    assert issubclass(exception, AiosockError)


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn: list[tuple[int, str]] = [
        (len(line[1]), line[2])
        for line in re.finditer(r"^([│├└─ ]*)([A-Z]\w+)(?: {2,}.*)?$", errors.__doc__ or "", re.MULTILINE)
    ]
    parents = {"AiosockError": "Exception"}
    branch: list[tuple[int, str]] = []
    for depth, name in drawn:
        branch = [node for node in branch if node[0] < depth]
        parents.setdefault(name, branch[-1][1] if branch else "Exception")
        branch.append((depth, name))

    assert parents == {exception.__name__: exception.__bases__[0].__name__ for exception in EXCEPTIONS}


@pytest.mark.parametrize("exception", [ResponseError, RouteError, ConfigError])
def test_a_mistake_of_the_program_is_a_value_error(exception: type[Exception]) -> None:
    assert issubclass(exception, ValueError)


def test_a_peer_that_is_gone_is_a_connection_error() -> None:
    assert issubclass(Disconnected, ConnectionError)


@pytest.mark.parametrize("status", [400, 404, 431, 499, 500, 599])
def test_an_error_has_an_error_status(status: int) -> None:
    assert HTTPError(status).status == status


@pytest.mark.parametrize("status", [0, 100, 200, 304, 399, 600, -400])
def test_another_status_is_no_error(status: int) -> None:
    with pytest.raises(ValueError, match=rf"400 to 599, not {status}$"):
        HTTPError(status)


def test_an_error_without_detail_says_the_reason() -> None:
    error = HTTPError(404)

    assert (error.detail, error.headers, str(error)) == ("Not Found", {}, "404 Not Found")


def test_an_error_carries_its_answer() -> None:
    error = ProtocolError(426, "Use HTTP/2.", {"upgrade": "h2c"})

    assert (error.status, error.detail, error.headers) == (426, "Use HTTP/2.", {"upgrade": "h2c"})
    assert str(error) == "426 Use HTTP/2."


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(HTTPError(404, "No such cat.", {"x": "1"})))

    assert (type(error), error.status, error.detail, error.headers) == (HTTPError, 404, "No such cat.", {"x": "1"})


@pytest.mark.parametrize(("status", "phrase"), [(200, "OK"), (404, "Not Found"), (505, "HTTP Version Not Supported")])
def test_a_registered_status_has_a_phrase(status: int, phrase: str) -> None:
    assert reason_phrase(status) == phrase


@pytest.mark.parametrize("status", [0, 99, 299, 499, 600, 1000])
def test_an_unregistered_status_has_no_phrase(status: int) -> None:
    assert reason_phrase(status) == ""


HTTP, LEFT, KEY = HTTPError(404), Disconnected(), KeyError()


@pytest.mark.parametrize(
    ("error", "alone"),
    [
        (HTTP, HTTP),
        (KEY, KEY),
        (ExceptionGroup("", [HTTP]), HTTP),
        (ExceptionGroup("", [ExceptionGroup("", [LEFT])]), LEFT),
        (BaseExceptionGroup("", [ExceptionGroup("", [HTTP])]), HTTP),
    ],
)
def test_an_error_that_is_alone_in_a_group_is_taken_out(error: BaseException, alone: BaseException) -> None:
    assert ungrouped(error) is alone


@pytest.mark.parametrize(
    "error",
    [
        ExceptionGroup("", [KEY]),
        ExceptionGroup("", [HTTP, KEY]),
        ExceptionGroup("", [ExceptionGroup("", [HTTP, LEFT])]),
    ],
)
def test_another_group_stays_as_it_is(error: BaseException) -> None:
    assert ungrouped(error) is error
