"""Tests of aiosock.web.debug.curl: a command that sends the same request again."""

import os
import shlex
import shutil
import socket
import subprocess
import threading

import pytest

from aiosock.web.debug.curl import curl
from tests.patience import PATIENCE

URL = "http://localhost:8080/x"
BROWSER = [("accept", "*/*"), ("user-agent", "test")]


def words(command: str) -> list[str]:
    return shlex.split(command.replace("\\\n", ""))  # as a shell does


def test_a_plain_request_is_a_short_command() -> None:
    assert curl("GET", URL, [("host", "localhost:8080"), *BROWSER]) == (
        f"curl -i {URL} \\\n  -H 'accept: */*' \\\n  -H 'user-agent: test'"
    )


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("GET", b"", ["-i", URL]),
        ("HEAD", b"", ["--head", URL]),
        ("POST", b"x", ["-i", URL]),
        ("PUT", b"x", ["-i", "-X", "PUT", URL]),
    ],
)
def test_the_method_is_named_where_curl_would_take_another(method: str, body: bytes, expected: list[str]) -> None:
    assert words(curl(method, URL, BROWSER, body))[1 : len(expected) + 1] == expected


def test_what_curl_adds_and_the_client_did_not_send_is_taken_away() -> None:
    assert words(curl("POST", URL, [], b"x"))[3:-2] == ["-H", "accept:", "-H", "user-agent:", "-H", "content-type:"]


def test_secrets_are_variables_of_the_shell_unless_asked_for() -> None:
    fields = [("cookie", "a=b"), ("authorization", "Basic x"), ("x-api-key", "k")]
    hidden = curl("GET", URL, fields)
    assert '-H "cookie: $COOKIE"' in hidden
    assert '-H "authorization: $AUTHORIZATION"' in hidden
    assert '-H "x-api-key: $X_API_KEY"' in hidden
    assert "-H 'cookie: a=b'" in curl("GET", URL, fields, secrets=True)


@pytest.mark.parametrize("text", ["it's", "$(touch x)", "`touch x`", "a\nb", '"', "\\", "@/etc/passwd", "ü ☃", ";&|"])
def test_the_shell_sees_only_text(text: str) -> None:
    command = curl("POST", URL, [("content-type", "text/plain"), *BROWSER], text.encode())
    assert words(command)[-2:] == ["--data-raw", text]


def test_fields_are_quoted_too() -> None:
    assert "x-a: $(touch x) 'y'" in words(curl("GET", URL, [("x-a", "$(touch x) 'y'")]))
    assert "x-a: ü" in words(curl("GET", URL, [("x-a", "ü".encode().decode("latin-1"))]))
    assert "x-a: \xff" in words(curl("GET", URL, [("x-a", "\xff")]))


def test_an_empty_field_stays() -> None:
    assert "x-empty;" in words(curl("GET", URL, [("x-empty", "")]))


def test_targets_that_curl_would_change_stay_as_they_are() -> None:
    assert "--path-as-is" in words(curl("GET", URL + "/../y", []))
    assert "--globoff" in words(curl("GET", URL + "?a=[1-9]&b={x}", []))
    assert words(curl("OPTIONS", "http://localhost/", [], target="*"))[4:7] == [
        "http://localhost/",
        "--request-target",
        "*",
    ]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("body", [b"plain 'text'\nof two lines", b"\x00\xff binary", b"@file", b""])
def test_curl_sends_the_same_bytes(body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        fields = [("content-type", "application/x-odd"), ("x-quoted", "a 'b' \"c\" $HOME"), ("x-empty", ""), *BROWSER]
        command = curl("PUT", f"http://127.0.0.1:{port}/a/../b?c=[d]", fields, body)
        received = bytearray()
        thread = threading.Thread(target=_answer, args=(server, received, len(body)))
        thread.start()
        environment = {"PATH": os.environ["PATH"]}
        subprocess.run(["sh", "-c", command], env=environment, capture_output=True, timeout=PATIENCE, check=True)
        thread.join(PATIENCE)
    head, _, content = bytes(received).partition(b"\r\n\r\n")
    assert content == body
    lines = head.decode().split("\r\n")
    assert lines[0] == "PUT /a/../b?c=[d] HTTP/1.1"
    assert {line for line in lines if line.lower().startswith(("content-type", "x-", "accept", "user-agent"))} == {
        "content-type: application/x-odd",
        "x-quoted: a 'b' \"c\" $HOME",
        "x-empty:",
        "accept: */*",
        "user-agent: test",
    }


def _answer(server: socket.socket, received: bytearray, length: int) -> None:
    connection, _ = server.accept()
    with connection:
        connection.settimeout(PATIENCE)
        while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < length:
            received += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
