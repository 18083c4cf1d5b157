"""Tests of aiosock.dev.reload.link."""

import os
import socket
from collections.abc import Iterator

import pytest

from aiosock.dev.reload.link import ENVIRONMENT, Inheritance, Link, inheritance


@pytest.fixture
def ends() -> Iterator[tuple[Link, Link]]:
    one, other = (Link(sock) for sock in socket.socketpair())
    yield one, other
    one.close()
    other.close()


def test_messages_arrive_in_order_until_the_other_end_closes(ends: tuple[Link, Link]) -> None:
    one, other = ends
    one.tell("begun")
    one.tell("changed", [["style", "/a.css"]])
    one.close()

    assert [(message.word, message.about) for message in other.messages()] == [
        ("begun", None),
        ("changed", [["style", "/a.css"]]),
    ]


def test_each_socket_arrives_with_its_message(ends: tuple[Link, Link]) -> None:
    one, other = ends
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        names = [first.getsockname(), None, second.getsockname()]
        one.tell("kept", sock=first.dup())
        one.tell("ready")
        one.tell("kept", sock=second.dup())
    one.close()

    received = list(other.messages())
    assert [message.sock and message.sock.getsockname() for message in received] == names
    for message in received:
        if message.sock is not None:
            assert not message.sock.get_inheritable()
            message.sock.close()


def test_what_is_told_to_nobody_is_lost(ends: tuple[Link, Link]) -> None:
    one, other = ends
    other.close()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        one.tell("begun")
        one.tell("kept", sock=(copy := sock.dup()))
        assert copy.fileno() == -1


def test_a_process_without_a_parent_has_inherited_nothing() -> None:
    inheritance.cache_clear()
    assert inheritance() is None


def test_what_is_inherited_is_not_inherited_further(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = [os.dup(2) for _ in range(4)]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    given = Inheritance(descriptors[0], descriptors[1], (descriptors[2], descriptors[3]), is_first=True)
    monkeypatch.setenv(ENVIRONMENT, given.encode())
    inheritance.cache_clear()
    try:
        assert inheritance() == given
        assert inheritance() == given  # whoever asks again is told the same
        assert ENVIRONMENT not in os.environ
        assert not any(os.get_inheritable(descriptor) for descriptor in descriptors)
    finally:
        inheritance.cache_clear()
        for descriptor in descriptors:
            os.close(descriptor)
