"""Tests of aiosock.web.static.archive."""

import asyncio
import errno
import io
import os
import shutil
import subprocess
import tarfile
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiosock import Disconnected
from aiosock.errors import HTTPError
from aiosock.testing import Client
from aiosock.web.static.archive import _ZIP_ESCAPES, BLOCK, FORMATS, Archive
from aiosock.web.static.listing import _archive_response
from aiosock.web.static.tree import Tree
from tests.patience import PATIENCE
from tests.web.static.serving import (
    MOMENT,
    descriptors_fall_to,
    errors_in,
    fetch,
    leave_amid_answer,
    open_descriptors,
    serving,
    write,
)

FILES: dict[str, str | bytes] = {
    "a.txt": "first",
    "empty": b"",
    "sub/b.txt": "second",
    "sub/deeper/ü & 日本 🎉.txt": "third",
    "sub/deeper/" + "x" * 200 + "/" + "y" * 200 + ".txt": "long",
    "line\nbreak": "odd",
    "large.bin": os.urandom(3 * BLOCK + 1),
}

both = pytest.mark.parametrize("kind", FORMATS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a directory with files, links, and an empty directory."""
    path = write(tmp_path / "photos", FILES)
    (path / "none").mkdir()
    (path / "script.sh").write_text("run")
    (path / "script.sh").chmod(0o755)
    return path


def unpack(kind: str, data: bytes) -> dict[str, bytes | None]:
    """Return contents by name; None for a directory."""
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            assert packed.testzip() is None
            return {
                info.filename.rstrip("/"): None if info.is_dir() else packed.read(info) for info in packed.infolist()
            }
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        return {info.name: file.read() if (file := tar.extractfile(info)) else None for info in tar}


async def archived(root: Path, kind: str, target: str = "/", **options: Any) -> dict[str, bytes | None]:
    answer = await fetch(root, f"{target}?archive={kind}", listing=True, **options)
    assert answer.status == 200
    return unpack(kind, answer.body)


def complaint(command: list[str]) -> tuple[int, bytes]:
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode, done.stderr


async def taken(packed: Archive) -> bytes:
    try:
        return b"".join([piece async for piece in packed])
    finally:
        await packed.aclose()


# Content.


@both
async def test_an_archive_has_all_that_is_below(root: Path, kind: str) -> None:
    expected = {name: text.encode() if isinstance(text, str) else text for name, text in FILES.items()}
    directories = ["none", "sub", "sub/deeper", "sub/deeper/" + "x" * 200]

    assert await archived(root, kind) == {**expected, "script.sh": b"run", **dict.fromkeys(directories)}


@both
async def test_an_archive_begins_where_it_was_asked_for(root: Path, kind: str) -> None:
    names = ["b.txt", "deeper", "deeper/" + "x" * 200, "deeper/" + "x" * 200 + "/" + "y" * 200 + ".txt"]

    assert sorted(await archived(root, kind, "/sub/")) == [*names, "deeper/ü & 日本 🎉.txt"]


@both
async def test_an_archive_of_nothing_is_an_archive(tmp_path: Path, kind: str) -> None:
    assert await archived(tmp_path, kind) == {}


@both
async def test_links_hidden_files_and_pipes_are_left_out(tmp_path: Path, kind: str) -> None:
    write(tmp_path, {"site/a": "a", "site/.env": "secret", "site/.git/config": "secret", "secret": "secret"})
    site = tmp_path / "site"
    for name, leads_to in {"loop": ".", "up": "..", "out": "../secret", "a2": "a", "round": "round"}.items():
        (site / name).symlink_to(leads_to)
    os.mkfifo(site / "pipe")

    for symlinks in (False, True):
        assert await archived(site, kind, symlinks=symlinks) == {"a": b"a"}


@both
async def test_a_directory_that_was_reached_by_a_link_is_packed(root: Path, kind: str) -> None:
    (root / "link").symlink_to("sub")

    assert (await archived(root, kind, "/link/", symlinks=True))["b.txt"] == b"second"


@both
async def test_a_directory_that_leads_out_is_not_packed(root: Path, kind: str) -> None:
    (root / "link").symlink_to("..")

    with pytest.raises(HTTPError, match="404 The directory is no longer below its root"):
        await taken(Archive(Tree(root, links=True), ["link"], kind))


@both
async def test_a_directory_that_became_a_link_to_itself_is_not_packed(root: Path, kind: str) -> None:
    (root / "link").symlink_to("link")

    with pytest.raises(HTTPError, match="404 The directory has been removed"):
        await taken(Archive(Tree(root, links=True), ["link"], kind))


@both
async def test_a_directory_that_became_a_file_is_not_packed(root: Path, kind: str) -> None:
    with pytest.raises(HTTPError, match="404 The directory has been removed"):
        await taken(Archive(Tree(root), ["a.txt"], kind))


@both
async def test_dotfiles_that_are_served_are_packed(tmp_path: Path, kind: str) -> None:
    write(tmp_path, {".well-known/a": "a", ".env": "secret"})

    assert await archived(tmp_path, kind, dotfiles={".well-known"}) == {".well-known": None, ".well-known/a": b"a"}


@pytest.mark.parametrize(("number", "is_left_out"), [(errno.EACCES, True), (errno.ENOENT, True), (errno.EMFILE, False)])
@both
async def test_what_may_not_be_read_is_left_out_and_what_cannot_breaks_the_answer(
    root: Path, kind: str, number: int, is_left_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Tree.open

    def refuse(tree: Tree, names: list[str]) -> int:
        if "a.txt" in names:
            raise OSError(number, os.strerror(number))
        return opened(tree, names)

    monkeypatch.setattr(Tree, "open", refuse)
    packed = Archive(Tree(root), [], kind)
    if not is_left_out:
        with pytest.raises(OSError, match=os.strerror(number)):
            await taken(packed)
        return
    found = unpack(kind, await taken(packed))

    assert "a.txt" not in found
    assert "empty" in found


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
@both
async def test_unreadable_files_and_directories_are_left_out(root: Path, kind: str) -> None:
    (root / "a.txt").chmod(0)
    (root / "sub").chmod(0)
    found = await archived(root, kind)
    (root / "sub").chmod(0o755)

    assert {name.partition("/")[0] for name in FILES} - {"a.txt", "sub"} <= set(found)
    assert not {"a.txt", "sub/b.txt"} & set(found)


@both
async def test_times_and_modes_are_kept(root: Path, kind: str) -> None:
    os.utime(root / "script.sh", (MOMENT + 2, MOMENT + 2))
    body = (await fetch(root, f"/?archive={kind}", listing=True)).body

    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            info = packed.getinfo("script.sh")
            assert info.date_time == time.localtime(MOMENT + 2)[:6]
            assert info.external_attr >> 16 & 0o777 == 0o755
            assert packed.getinfo("none/").external_attr & 0x10
        return
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        member = tar.getmember("script.sh")
        assert (member.mtime, member.mode) == (MOMENT + 2, 0o755)
        assert tar.getmember("none").isdir()


@pytest.mark.parametrize(
    ("moment", "date"), [(-5e9, (1980, 1, 1, 0, 0, 0)), (0, (1980, 1, 1, 0, 0, 0)), (1e10, time.localtime(2**32)[:6])]
)
async def test_a_time_that_zip_cannot_say_is_another(tmp_path: Path, moment: float, date: tuple[int, ...]) -> None:
    write(tmp_path, {"a": ""})
    os.utime(tmp_path / "a", (moment, moment))
    body = (await fetch(tmp_path, "/?archive=zip", listing=True)).body

    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        assert packed.getinfo("a").date_time == (*date[:5], date[5] // 2 * 2)


@pytest.mark.parametrize(
    ("kind", "command"), [("zip", "unzip -tq"), ("zip", "bsdtar tf"), ("tar.gz", "tar tzf"), ("tar.gz", "bsdtar tf")]
)
async def test_other_programs_take_it(root: Path, tmp_path: Path, kind: str, command: str) -> None:
    program, *options = command.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    path = tmp_path / f"photos.{kind}"
    path.write_bytes((await fetch(root, f"/?archive={kind}", listing=True)).body)

    assert complaint([program, *options, str(path)]) == (0, b"")


# The answer.


@pytest.mark.parametrize(
    ("directory", "disposition"),
    [
        ("photos", "attachment; filename=\"photos.zip\"; filename*=UTF-8''photos.zip"),
        ('a "b" 100%', "attachment; filename=\"a _b_ 100_.zip\"; filename*=UTF-8''a%20%22b%22%20100%25.zip"),
        ("ü\n", "attachment; filename=\"__.zip\"; filename*=UTF-8''%C3%BC%0A.zip"),
    ],
)
async def test_an_archive_is_named_after_its_directory(tmp_path: Path, directory: str, disposition: str) -> None:
    (tmp_path / directory).mkdir()
    answer = await fetch(tmp_path / directory, "/?archive=zip", listing=True)

    assert answer.headers["content-disposition"] == disposition
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("kind", ["", "rar", "ZIP"])
async def test_other_formats_are_refused(root: Path, kind: str) -> None:
    answer = await fetch(root, f"/?archive={kind}", listing=True)

    assert (answer.status, answer.text) == (
        400,
        "400 Bad Request: Archives are available in the formats zip and tar.gz.\n",
    )


@both
async def test_without_listings_there_are_no_archives(root: Path, kind: str) -> None:
    assert (await fetch(root, f"/?archive={kind}")).status == 404


# Size.


@both
async def test_a_large_file_does_not_become_memory(tmp_path: Path, kind: str) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(200 * 1024**2)
    packed = Archive(Tree(tmp_path), [], kind)
    tracemalloc.start()
    try:
        async for piece in packed:
            assert len(piece) < 2 * BLOCK
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3 * 1024**2


async def test_many_files_go_together_and_leave_little_in_memory(tmp_path: Path) -> None:
    write(tmp_path, {f"{number}": "x" for number in range(2000)})
    pieces = [len(piece) async for piece in Archive(Tree(tmp_path), [], "zip")]

    assert len(pieces) < 10


@pytest.mark.slow
@both
async def test_a_file_of_more_than_4_gib_is_packed(tmp_path: Path, kind: str) -> None:
    size = 4 * 1024**3 + 1
    (tmp_path / "site").mkdir()
    with (tmp_path / "site" / "sparse").open("wb") as file:
        file.truncate(size)
    (tmp_path / "site" / "z").write_text("after")
    path = tmp_path / f"a.{kind}"
    with path.open("wb") as file:
        async for piece in Archive(Tree(tmp_path / "site"), [], kind):
            file.write(piece)

    if kind == "zip":
        with zipfile.ZipFile(path) as packed:
            assert packed.testzip() is None
            assert packed.getinfo("sparse").file_size == size
            assert packed.read("z") == b"after"
        return
    with tarfile.open(path) as tar:
        assert {info.name: info.size for info in tar} == {"sparse": size, "z": 5}


# Changes while it is packed.


def changing(root: Path, kind: str, change: Callable[[], object]) -> Archive:
    """Return an archive of a directory in which something changes after its first block has been packed."""
    packed = Archive(Tree(root), [], kind)
    unchanged = packed._pieces

    def pieces() -> Generator[bytes, None, None]:
        yield next(unchanged)
        change()
        yield from unchanged

    packed._pieces = pieces()
    return packed


@both
async def test_a_file_that_shrinks_breaks_the_answer(tmp_path: Path, kind: str) -> None:
    write(tmp_path, {"large.bin": os.urandom(3 * BLOCK)})
    before = open_descriptors()

    with pytest.raises(HTTPError, match=r"503 'large\.bin' became shorter"):
        await taken(changing(tmp_path, kind, lambda: os.truncate(tmp_path / "large.bin", BLOCK + 1)))
    assert open_descriptors() == before


@both
async def test_a_client_sees_that_an_archive_is_not_whole_and_the_log_has_a_line(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, {"large.bin": os.urandom(3 * BLOCK)})
    monkeypatch.setattr(os, "pread", lambda descriptor, size, offset: b"x" * size if offset < BLOCK else b"")

    with pytest.raises(Disconnected, match="within the body"):
        await fetch(tmp_path, f"/?archive={kind}", listing=True)
    reason = "503 'large.bin' became shorter while it was packed."
    assert errors_in(caplog) == [f"GET /?archive={kind} failed after its head was sent: {reason}"]


@both
async def test_a_directory_that_is_removed_before_it_is_packed_has_a_line_too(
    root: Path, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    prepare = Archive.__init__

    def prepare_late(*arguments: Any) -> None:
        prepare(*arguments)
        shutil.rmtree(root / "sub")

    monkeypatch.setattr(Archive, "__init__", prepare_late)

    with pytest.raises(Disconnected, match="within the body"):
        await fetch(root, f"/sub/?archive={kind}", listing=True)
    reason = "404 The directory has been removed, or may not be read."
    assert errors_in(caplog) == [f"GET /sub/?archive={kind} failed after its head was sent: {reason}"]


@both
async def test_a_file_that_grows_is_packed_as_long_as_it_was(tmp_path: Path, kind: str) -> None:
    content = os.urandom(3 * BLOCK)
    write(tmp_path, {"large.bin": content})

    def grow() -> None:
        with (tmp_path / "large.bin").open("ab") as file:
            file.write(b"more")

    assert unpack(kind, await taken(changing(tmp_path, kind, grow))) == {"large.bin": content}


@both
async def test_reads_that_give_less_are_gone_on_with(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(3000)
    write(tmp_path, {"a": content})
    whole = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, size, offset: whole(descriptor, min(size, 1000), offset))

    assert unpack(kind, await taken(Archive(Tree(tmp_path), [], kind))) == {"a": content}


@both
async def test_what_vanishes_is_left_out(root: Path, kind: str) -> None:
    found = unpack(kind, await taken(changing(root, kind, lambda: shutil.rmtree(root / "sub"))))

    assert "script.sh" in found
    assert "sub" not in found


@both
async def test_a_directory_that_has_vanished_breaks_the_answer(root: Path, kind: str) -> None:
    with pytest.raises(HTTPError, match="404 The directory has been removed"):
        await taken(Archive(Tree(root), ["nothing"], kind))


# Clients that leave.


@both
async def test_a_directory_that_cannot_be_opened_for_another_reason_keeps_that(
    root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tree: Tree, names: list[str]) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(Tree, "open", refuse)

    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        await taken(Archive(Tree(root), [], kind))


@both
async def test_an_archive_that_is_not_read_opens_nothing(root: Path, kind: str) -> None:
    before = open_descriptors()
    await Archive(Tree(root), [], kind).aclose()
    await fetch(root, f"/?archive={kind}", method="HEAD", listing=True)

    assert open_descriptors() == before


@both
async def test_an_archive_that_is_left_closes_its_file(root: Path, kind: str) -> None:
    before = open_descriptors()
    packed = Archive(Tree(root), [], kind)
    pieces = aiter(packed)
    assert await anext(pieces)
    assert open_descriptors() > before
    await packed.aclose()
    await packed.aclose()

    assert open_descriptors() == before


@both
async def test_an_archive_that_is_left_while_a_thread_packs_it_is_closed_by_that(
    root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_descriptors()
    reads, goes_on, left = threading.Event(), threading.Event(), threading.Event()
    whole = os.pread

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        reads.set()
        goes_on.wait(PATIENCE)
        return whole(descriptor, size, offset)

    packed = Archive(Tree(root), [], kind)
    taken_up = packed._next

    def take() -> bytes:
        try:
            return taken_up()
        finally:
            left.set()

    monkeypatch.setattr(os, "pread", pread)
    monkeypatch.setattr(packed, "_next", take)
    task = asyncio.create_task(taken(packed))
    await asyncio.to_thread(reads.wait, PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):  # not ValueError: generator already executing
        await task
    assert open_descriptors() > before
    goes_on.set()
    assert await asyncio.to_thread(left.wait, PATIENCE)

    assert open_descriptors() == before


@both
async def test_a_client_that_leaves_leaves_no_descriptor_open(tmp_path: Path, kind: str) -> None:
    write(tmp_path, {"large.bin": os.urandom(20 * BLOCK)})
    async with Client(serving(tmp_path, listing=True)) as client:
        await client.get("/", headers={"accept": "text/plain"})
        before = open_descriptors()
        await leave_amid_answer(client, b"GET /?archive=%s HTTP/1.1\r\nHost: a\r\n\r\n" % kind.encode())
        await descriptors_fall_to(client, before)


@pytest.mark.parametrize(("kind", "name"), [("zip", "caf\ufffdE9"), ("tar.gz", os.fsdecode(b"caf\xe9"))])
async def test_a_name_that_is_not_utf_8_is_packed(tmp_path: Path, kind: str, name: str) -> None:
    directory = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        directory.mkdir()
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    write(directory, {os.fsdecode(b"caf\xe9"): "text"})

    assert await archived(tmp_path, kind) == {name: None, f"{name}/{name}": b"text"}
    assert _archive_response(Tree(tmp_path), [directory.name], kind).headers["content-disposition"]


async def test_no_two_files_of_a_zip_have_the_same_name(tmp_path: Path) -> None:
    mark = "\ufffd".encode()
    names = [
        b"a\xff",
        b"a%FF",
        b"a%\xff",
        b"a%25\xff",
        b"a%25FF",
        mark + b"FF",
        b"\xff",
        mark + mark + b"FF",
        mark + b"\xff",
    ]
    directories = [tmp_path / os.fsdecode(name) for name in names]
    try:
        for directory in directories:
            write(directory, {"name": bytes(directory.name, "utf-8", "surrogateescape")})
    except OSError:
        pytest.skip("the file system takes UTF-8 only")

    found = await archived(tmp_path, "zip")

    assert sorted(content for content in found.values() if content is not None) == sorted(names)
    assert found["a%FF/name"] == b"a%FF"
    assert len(found) == 2 * len(names)


NAMES = st.lists(st.sampled_from([b"\xff", b"%", b"FF", "\ufffd".encode()])).map(b"".join) | st.binary(max_size=4)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(names=st.sets(NAMES))
def test_different_names_stay_different_in_a_zip(names: set[bytes]) -> None:
    assert len({os.fsdecode(name).translate(_ZIP_ESCAPES) for name in names}) == len(names)
    assert all(os.fsdecode(name).translate(_ZIP_ESCAPES).encode() for name in names if name)


@both
async def test_a_directory_behind_a_link_through_a_hidden_one_is_packed(tmp_path: Path, kind: str) -> None:
    write(tmp_path, {".store/pkg/a.txt": "a", ".store/pkg/.store/b.txt": "hidden", ".store/pkg/.env": "hidden"})
    (tmp_path / "pkg").symlink_to(".store/pkg")

    assert await archived(tmp_path, kind, "/pkg/", symlinks=True) == {"a.txt": b"a"}
