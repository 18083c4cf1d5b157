"""Schemathesis reads the description of the example of a JSON API, and sends requests that it allows and forbids."""

import sys
from pathlib import Path

import pytest

from tests.e2e.process import Served, run_to_its_end, serve_example, serve_module

OPTIONS = ["--checks=all", "--max-examples=20", "--generation-deterministic", "--no-color"]

CONFIG = """
[phases.coverage]
# Those that aiosock knows: another is 501 and not 405 (RFC 9110 section 9.1).
unexpected-methods = ["DELETE", "PATCH", "OPTIONS"]
"""


@pytest.mark.costly
def test_the_example_keeps_what_its_description_promises(tmp_path: Path) -> None:
    with serve_example("api") as server:
        assert "Tested: 5" in examined(server, tmp_path)


@pytest.mark.costly
def test_handlers_that_read_every_part_of_a_request_keep_what_their_description_promises(tmp_path: Path) -> None:
    with serve_module("tests.e2e.described:app") as server:
        assert "Tested: 3" in examined(server, tmp_path)


def examined(server: Served, home: Path) -> str:
    """Return what schemathesis says of a server that keeps its promises."""
    (home / "schemathesis.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", *OPTIONS]
    status, told, errors = run_to_its_end(command, cwd=home)
    assert status == 0, told + errors
    return told
