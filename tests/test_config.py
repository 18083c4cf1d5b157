"""Tests of aiosock.config."""

import ast
import inspect
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from aiosock import config
from aiosock.config import Config, Limits, Timeouts, with_options
from aiosock.errors import ConfigError

MAY_BE_ZERO = {
    "after_seconds",
    "start_seconds",
    "stop_seconds",
    "blocked_seconds",
    "cached_file_bytes",
    "concurrency",
    "connections_per_client",
    "connections",
    "file_cache_bytes",
    "form_memory_bytes",
    "unread_body_bytes",
    "body_min_bytes_per_second",
    "write_min_bytes_per_second",
    "drain_seconds",
    "drain_idle_seconds",
}

OPTIONS: list[tuple[type[Limits] | type[Timeouts], str]] = [
    (group, option.name) for group in (Limits, Timeouts) for option in fields(group)
]


def with_option(group: type[Limits] | type[Timeouts], name: str, value: Any) -> Limits | Timeouts:
    return group(**{name: value})


def test_zero_configuration_works() -> None:
    assert Config() == Config(limits=Limits(), timeouts=Timeouts())


def test_the_request_line_may_be_as_long_as_the_rfc_asks() -> None:
    assert Limits().request_line_bytes >= 8000  # RFC 9112 section 3


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_an_option_may_be_small(group: type[Limits] | type[Timeouts], name: str) -> None:
    assert getattr(with_option(group, name, 1), name) == 1


@pytest.mark.parametrize(("group", "name"), OPTIONS)
@pytest.mark.parametrize("value", [-1, -0.5, float("nan"), float("-inf")])
def test_an_option_below_zero_is_refused_by_name(group: type[Limits] | type[Timeouts], name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^{group.__name__.lower()}\.{name} must be positive, not {value}$"):
        with_option(group, name, value)


@pytest.mark.parametrize(("group", "name"), [option for option in OPTIONS if option[1] in MAY_BE_ZERO])
def test_zero_has_a_meaning_where_the_help_says_so(group: type[Limits] | type[Timeouts], name: str) -> None:
    assert getattr(with_option(group, name, 0), name) == 0


@pytest.mark.parametrize(("group", "name"), [option for option in OPTIONS if option[1] not in MAY_BE_ZERO])
def test_zero_is_refused_elsewhere(group: type[Limits] | type[Timeouts], name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        with_option(group, name, 0)


@pytest.mark.parametrize("port", [0, 1, 65535])
def test_a_port_has_16_bits(port: int) -> None:
    assert Config(port=port).port == port


@pytest.mark.parametrize("port", [-1, 65536])
def test_another_port_is_refused(port: int) -> None:
    with pytest.raises(ConfigError, match=rf"^port must be from 0 to 65535, not {port}$"):
        Config(port=port)


def test_a_backlog_of_one_is_enough() -> None:
    assert Config(backlog=1).backlog == 1

    with pytest.raises(ConfigError, match=r"^backlog must be at least 1, not 0$"):
        Config(backlog=0)


def test_an_unknown_loop_is_refused() -> None:
    options: dict[str, Any] = {"loop": "trio"}

    with pytest.raises(ConfigError, match=r"^loop must be auto, uvloop or asyncio, not 'trio'$"):
        Config(**options)


def test_an_unknown_log_level_is_refused() -> None:
    options: dict[str, Any] = {"log_level": "loud"}

    with pytest.raises(ConfigError, match=r"^log_level must be debug, info, warning or error, not 'loud'$"):
        Config(**options)


def test_a_file_does_not_take_the_form_of_terminals() -> None:
    with pytest.raises(ConfigError, match=r"^the log_format terminal is not for a file"):
        Config(log_format="terminal", access_log_file="access.log")


@pytest.mark.parametrize(("options", "name"), [(Config(), "port"), (Limits(), "fields"), (Timeouts(), "head_seconds")])
def test_options_do_not_change_while_the_server_runs(options: object, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(options, name, 1)


@pytest.mark.parametrize("group", [Config, Limits, Timeouts])
def test_options_are_given_by_name(group: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        group(1)


@pytest.mark.parametrize("group", [Limits, Timeouts])
def test_every_limit_has_its_help_below_it(group: type) -> None:
    (definition,) = ast.parse(inspect.getsource(group)).body
    assert isinstance(definition, ast.ClassDef)
    pairs = zip(definition.body, definition.body[1:], strict=False)
    helped = [
        option.target.id
        for option, text in pairs
        if isinstance(option, ast.AnnAssign)
        and isinstance(option.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    ]

    assert helped == [option.name for option in fields(group)]


def test_sizes_are_binary() -> None:
    assert (config.KIB, config.MIB) == (1024, 1024 * 1024)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("keep_alive_seconds", ": write timeouts=Timeouts(keep_alive_seconds=...)"),
        ("body_bytes", ": write limits=Limits(body_bytes=...)"),
        ("prot", ": write port="),
        ("workers", ""),
    ],
)
def test_an_option_that_does_not_exist_is_named_with_what_was_meant(name: str, advice: str) -> None:
    with pytest.raises(TypeError) as raised:
        with_options(None, {name: 1})
    assert str(raised.value) == f"there is no option {name}={advice}"


def test_options_stand_over_those_of_a_config() -> None:
    assert with_options(Config(port=1, debug=True), {"port": 2}) == Config(port=2, debug=True)
