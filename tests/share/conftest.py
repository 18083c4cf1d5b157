"""The directory that uploads go to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.share.ask import contents, open_below


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """Yield a directory with a file and another directory; beside it is a directory that no upload may change.

    After the test, check that nothing is open, no temporary file remains, and nothing outside has changed.
    """
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "file").write_bytes(b"theirs")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "file").write_bytes(b"old")
    yield root
    assert open_below(tmp_path) == []
    assert [name for name in contents(tmp_path) if ".part" in name] == []
    assert {name for name in contents(tmp_path) if not name.startswith("root/")} == {"beside/file"}
    assert (tmp_path / "beside" / "file").read_bytes() == b"theirs"
