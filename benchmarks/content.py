"""The content of the responses, shared by all servers and by the check of their responses."""

import os
from pathlib import Path
from typing import Any

FILES = Path(os.environ.get("BENCHMARK_FILES", "."))
"""The directory of a run: `page.html`, and below `static/` the files to serve."""

STATIC_FILES = {"1k.css": 1024, "50k.js": 50 * 1024, "100m.bin": 100 * 1024 * 1024}
"""Names and sizes in bytes of the files below `static/`."""

TEXT = "Hello, world!"

MARK = "{number}"
"""The place of the changing field in the page."""

EVENT = f"event: tick\nid: 1\ndata: {'0123456789' * 7}\n\n"
"""One server-sent event, about 100 bytes."""

EVENT_SECONDS = 0.05
"""Time between two events of one subscriber."""


def record(number: int) -> dict[str, Any]:
    """Return the object of the JSON workload."""
    return {"id": number, "name": "Ada Lovelace", "languages": ["English", "French"], "active": True}


def page_template() -> str:
    """Return 10 KiB of HTML with MARK in it, as a template file would have."""
    row = "<tr><td>Analytical Engine</td><td>1837</td><td>Charles Babbage</td><td>unfinished</td></tr>\n"
    start = f"<!DOCTYPE html>\n<title>Engines</title>\n<h1>You are visitor {MARK}</h1>\n<table>\n"
    rows = (10 * 1024 - len(start)) // len(row)
    return start + row * rows + "</table>\n"


PAGE_START, PAGE_END = page_template().split(MARK)


def page(number: int) -> str:
    """Return the page for one visitor."""
    return f"{PAGE_START}{number}{PAGE_END}"


def receipt(user: int, order: int, dry: bool, body: Any) -> dict[str, Any]:
    """Return the response of an API call: its arguments, and a computed value."""
    total = sum(item["quantity"] * item["price"] for item in body["items"])
    return {"user": user, "order": order, "dry": dry, "items": len(body["items"]), "total": total}


def write_files(directory: Path) -> None:
    """Write the files that the servers read into a directory."""
    (directory / "page.html").write_text(page_template())
    (directory / "static").mkdir()
    block = bytes(range(256)) * 4096
    for name, size in STATIC_FILES.items():
        with (directory / "static" / name).open("wb") as file:
            for start in range(0, size, len(block)):
                file.write(block[: size - start])
