"""curl, the first client that most people use with a server."""

import json
import os
import shutil
import subprocess
from functools import cache
from typing import Any

import pytest

from tests.patience import PATIENCE


@cache
def _path() -> str | None:
    if shutil.which("curl") is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "curl"]):
            subprocess.run(command, env=env, capture_output=True, check=False)
    return shutil.which("curl")


def curl_command(*arguments: str) -> list[str]:
    """Return the command for a curl that ignores the settings of this machine; skip the test if curl is missing."""
    path = _path()
    if path is None:
        pytest.skip("curl is not installed, and could not be: that takes root and apt-get")
    return [path, "-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(PATIENCE), *arguments]


class Curled:
    """The output of curl: with `curl --include`, an answer."""

    def __init__(self, output: bytes, errors: bytes) -> None:
        self.output = output
        self.errors = errors.decode("latin-1")

    @property
    def text(self) -> str:
        return self.output.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.output)


def curl(*arguments: str, body: bytes | None = None, fails: bool = False) -> Curled:
    """Run curl to its end with `body` on its standard input; fail with its messages unless its exit status is 0."""
    done = subprocess.run(curl_command(*arguments), input=body, capture_output=True, check=False, timeout=2 * PATIENCE)
    if bool(done.returncode) != fails:
        pytest.fail(f"curl {' '.join(arguments)} ended with {done.returncode}: {done.stderr.decode('latin-1')}")
    return Curled(done.stdout, done.stderr)


def curl_answer(*arguments: str, body: bytes | None = None) -> tuple[int, dict[str, str], str]:
    """Return status, fields in lower case, and body text of the answer that curl got."""
    got = curl("--include", *arguments, body=body).output
    head, _, content = got.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, content = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split(" ", 2)[1]), fields, content.decode()
