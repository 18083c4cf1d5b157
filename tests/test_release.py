"""Tests of docs.release: which tags can be released, and what is said of a release."""

import pytest

import aiosock
from docs.release import notes, version

CHANGELOG = """# Changelog

## [Unreleased]

### Added

- Later.

## [1.2.0] - 2026-11-28

### Added

- This.

## [1.1.0] - 2026-10-01

- Before.

## [1.0.0] - 2026-09-01
"""


def test_the_version_is_read_without_importing_the_package() -> None:
    assert version() == aiosock.__version__


def test_the_notes_are_the_section_of_the_version() -> None:
    assert notes("v1.2.0", "1.2.0", CHANGELOG) == "### Added\n\n- This.\n"
    assert notes("v1.1.0", "1.1.0", CHANGELOG) == "- Before.\n"


@pytest.mark.parametrize("tag", ["1.2.0", "v1.2", "v1.2.0rc1", "v1.1.0"])
def test_a_tag_that_is_not_the_version_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match=f"^the tag is {tag}, but .* has the version 1.2.0$"):
        notes(tag, "1.2.0", CHANGELOG)


@pytest.mark.parametrize("version", ["1.3.0", "1.0.0", "1.2", "1x2.0"])
def test_a_version_of_which_nothing_is_said_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"^CHANGELOG\.md has no section"):
        notes(f"v{version}", version, CHANGELOG)
