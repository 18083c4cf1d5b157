"""The notes of a release: `python -m docs.release v1.2.3` prints what CHANGELOG.md says of version 1.2.3.

It ends with status 1 and one line if the tag is not that of the version, or if the changelog has no such section.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def version() -> str:
    """Return the version that the package has; nothing needs to be installed."""
    source = (ROOT / "aiosock" / "version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    assert found
    return found[1]


def notes(tag: str, version: str, changelog: str) -> str:
    """Return the section of the changelog for a tag, without its heading.

    Raises ValueError if the tag is not `v` and the version, and if there is no section with a date, or nothing in it.
    """
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but aiosock/version.py has the version {version}")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)"
    found = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise ValueError(f"CHANGELOG.md has no section with the heading: ## [{version}] - YYYY-MM-DD")
    return f"{found[1].strip()}\n"


def main() -> None:
    """Print the notes for the tag that is named on the command line."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    try:
        sys.stdout.write(notes(sys.argv[1], version(), changelog))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
