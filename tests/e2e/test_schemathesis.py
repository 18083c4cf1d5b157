"""Schemathesis reads the description of the example of a JSON API, and sends requests that it allows and forbids."""

import sys
from pathlib import Path

import pytest

from tests.e2e.process import run_to_its_end, serve_example

CONFIG = """
[phases.coverage]
# Those that aiosock knows: another is 501 and not 405 (RFC 9110 section 9.1).
unexpected-methods = ["DELETE", "PATCH", "OPTIONS"]
"""


@pytest.mark.costly
def test_the_example_keeps_what_its_description_promises(tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    options = ["--checks=all", "--max-examples=20", "--generation-deterministic", "--no-color"]

    with serve_example("tasks") as server:
        status, told, errors = run_to_its_end(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", *options], cwd=tmp_path
        )

    assert status == 0, told + errors
    assert "Tested: 4" in told
