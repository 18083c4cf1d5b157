"""Tests of aiosock.share.upload: PUT, in memory."""

import asyncio
import errno
import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiofiles.threadpool.binary import AsyncFileIO

from aiosock import App, ConfigError, StaticFiles
from aiosock.share import upload
from aiosock.share.arrival import Arrival
from aiosock.share.upload import Upload
from aiosock.testing import Client
from aiosock.web.disk.nascent import remove_abandoned
from tests.patience import PATIENCE
from tests.share.ask import contents, open_below, put, put_head, under_way, until, uploading
from tests.web.ask import BROWSER, ask

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Make a function of `os` fail."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, name, fail)


# A new file.


async def test_a_file_is_stored_and_named(root: Path) -> None:
    answer = await put(root, "/sub/new.txt", b"a" * 100_000)

    assert answer.status == 201
    assert answer.headers["location"] == "/sub/new.txt"
    assert answer.json() == {"name": "new.txt", "size": 100_000}
    assert contents(root) == {"file": b"old", "sub/new.txt": b"a" * 100_000}


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_001])
async def test_what_comes_in_chunks_is_stored_too(root: Path, size: int) -> None:
    body = os.urandom(size)
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(put_head("/new", "Transfer-Encoding: chunked"))
        for start in range(0, size, 50_000):
            piece = body[start : start + 50_000]
            peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        peer.send(b"0\r\n\r\n")

        assert (await peer.response("PUT")).json() == {"name": "new", "size": size}
    assert contents(root)["new"] == body


async def test_without_a_body_the_file_is_empty(root: Path) -> None:
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(put_head("/empty"))
        assert (await peer.response("PUT")).status == 201
    assert contents(root)["empty"] == b""


async def test_one_connection_uploads_again_and_again(root: Path) -> None:
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        for number in range(3):
            peer.send(put_head(f"/{number}", "Content-Length: 1") + b"x")
            assert (await peer.response("PUT")).status == 201
    assert set(contents(root)) == {"file", "0", "1", "2"}


async def test_the_file_has_the_rights_of_any_new_file(root: Path) -> None:
    mask = os.umask(0o027)
    try:
        await put(root, "/new")
    finally:
        os.umask(mask)

    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o640


async def test_a_disk_that_takes_a_part_gets_the_rest(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def write(self: AsyncFileIO, data: bytes) -> int:
        return os.write(self.fileno(), data[:7])

    monkeypatch.setattr(AsyncFileIO, "write", write, raising=False)

    await put(root, "/new", b"all of this arrives")

    assert contents(root)["new"] == b"all of this arrives"


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/.env", "_.env"),
        ("/sub/..%2F..%2Fbeside%2Ffile", "_.._.._beside_file"),
        ("/..%5Cfile", "_.._file"),
        ("/a%00b", "a_b"),
        ("/con", "_con"),
        ("/new%20", "new"),
        ("/new...", "new"),
        ("/%F0%9F%A6%8A.png", "🦊.png"),
        ("/" + "%C3%A9" * 300 + ".txt", "é" * 125 + ".txt"),
        ("/a%0D%0AX:%20y", "a__X_ y"),
    ],
)
async def test_names_are_made_safe(root: Path, target: str, name: str) -> None:
    answer = await put(root, target)

    directory = "sub" if target.startswith("/sub/") else "."
    assert answer.status == 201
    assert answer.json()["name"] == name
    assert (root / directory / name).read_bytes() == b"new"


@pytest.mark.parametrize("target", ["/", "/sub/", "/.", "/..", "/sub/..", "/%2E%2E", "/%20", "/..."])
async def test_without_a_name_there_is_no_file(root: Path, target: str) -> None:
    assert (await put(root, target)).status == 400
    assert set(contents(root)) == {"file"}


@pytest.mark.parametrize(
    "target",
    [
        "/nowhere/new",
        "/sub/nowhere/new",
        "/file/new",
        "//new",
        "/sub//new",
        "/../beside/new",
        "/%2E%2E/beside/new",
        "/sub/../../beside/new",
        "/..%2Fbeside/new",
        "/sub%2F..%2F..%2Fbeside/new",
        "/.hidden/new",
        "/a%00b/new",
        "/con/new",
    ],
)
async def test_a_directory_that_is_not_there_is_not_made(root: Path, target: str) -> None:
    (root / ".hidden").mkdir()

    answer = await put(root, target)

    assert answer.status == 404
    assert set(contents(root)) == {"file"}


async def test_a_mount_below_a_prefix_says_where_the_file_is(root: Path) -> None:
    app = App()
    app.mount("/files", Upload(StaticFiles(root)))

    answer = await ask(app, "PUT", "/files/sub/a%20b", body=b"new")

    assert answer.headers["location"] == "/files/sub/a%20b"
    assert (await ask(app, "GET", "/files/sub/a%20b")).text == "new"


# Files that exist already.


@pytest.mark.parametrize(
    "fields", [{}, {"if_none_match": '"other"'}, {"if_unmodified_since": "Fri, 01 Jan 2100 00:00:00 GMT"}]
)
async def test_a_file_is_not_replaced_by_accident(root: Path, fields: dict[str, str]) -> None:
    answer = await put(root, "/file", b"new", **fields)

    assert answer.status == 409
    assert "If-Match" in answer.text
    assert contents(root) == {"file": b"old"}


@pytest.mark.parametrize(
    "fields",
    [
        {"if_match": '"stale"'},
        {"if_match": ""},
        {"if_none_match": "*"},
        {"if_match": "*", "if_none_match": "*"},
        {"if_unmodified_since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ],
)
async def test_a_condition_that_fails_is_412(root: Path, fields: dict[str, str]) -> None:
    answer = await put(root, "/file", b"new", **fields)

    assert answer.status == 412
    assert contents(root) == {"file": b"old"}


async def test_with_if_match_a_file_is_replaced(root: Path) -> None:
    answer = await put(root, "/file", if_match="*")

    assert (answer.status, answer.json()) == (200, {"name": "file", "size": 3})
    assert contents(root) == {"file": b"new"}


async def test_the_tag_of_the_file_that_is_served_replaces_it_once(root: Path) -> None:
    app = uploading(root)
    tag = (await ask(app, "GET", "/file")).headers["etag"]

    first = await ask(app, "PUT", "/file", body=b"first", headers={"if-match": tag})
    second = await ask(app, "PUT", "/file", body=b"second", headers={"if-match": tag})

    assert (first.status, second.status) == (200, 412)
    assert second.headers["etag"] == (await ask(app, "GET", "/file")).headers["etag"] != tag
    assert contents(root) == {"file": b"first"}


@pytest.mark.parametrize("tag", ["*", '"any"'])
async def test_there_must_be_a_file_for_if_match(root: Path, tag: str) -> None:
    assert (await put(root, "/new", if_match=tag)).status == 412
    assert set(contents(root)) == {"file"}


async def test_if_none_match_makes_what_is_not_there(root: Path) -> None:
    assert (await put(root, "/new", if_none_match="*")).status == 201


async def test_a_file_that_was_private_stays_private(root: Path) -> None:
    (root / "file").chmod(0o4600)

    await put(root, "/file", if_match="*")

    assert stat.S_IMODE((root / "file").stat().st_mode) == 0o600


def make_directory(path: Path) -> None:
    path.mkdir()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_link(path: Path) -> None:
    path.symlink_to("file")


def make_link_outside(path: Path) -> None:
    path.symlink_to("../beside/file")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("../beside/nothing")


@pytest.mark.parametrize("fields", [{}, {"if_match": "*"}, {"if_none_match": "*"}])
@pytest.mark.parametrize("make", [make_directory, make_fifo, make_link, make_link_outside, make_dangling_link])
async def test_what_is_no_file_is_never_replaced(
    root: Path, make: Callable[[Path], None], fields: dict[str, str]
) -> None:
    make(root / "odd")
    before = (root / "odd").lstat()

    answer = await put(root, "/odd", b"new", **fields)

    assert answer.status == 409
    assert "is not a file that can be replaced" in answer.text
    assert (root / "odd").lstat() == before
    assert contents(root) == {"file": b"old"}


# Two at a time.


async def uploads_at_once(root: Path, count: int, *fields: str) -> list[int]:
    """Upload `/file2` or `/file` `count` times, all started before one ends; return the statuses."""
    target = "/file" if fields else "/file2"
    async with Client(uploading(root)) as client:
        peers = [await client.connect() for _ in range(count)]
        for peer in peers:
            peer.send(put_head(target, "Content-Length: 2", "Expect: 100-continue", *fields))
        await until(client, lambda: all(b"100 Continue" in peer.received for peer in peers))
        for number, peer in enumerate(peers):
            peer.send(b"%02d" % number)
        return [(await peer.response("PUT")).status for peer in peers]


async def test_of_two_that_make_a_file_one_does(root: Path) -> None:
    statuses = await uploads_at_once(root, 8)

    assert sorted(statuses) == [201] + [409] * 7
    assert contents(root)["file2"] == b"%02d" % statuses.index(201)


async def test_of_two_that_replace_one_version_one_does(root: Path) -> None:
    tag = (await ask(uploading(root), "GET", "/file")).headers["etag"]

    statuses = await uploads_at_once(root, 8, f"If-Match: {tag}")

    assert sorted(statuses) == [200] + [412] * 7
    assert contents(root)["file"] == b"%02d" % statuses.index(200)


async def test_what_another_program_makes_meanwhile_stays(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: Any, **__: Any) -> None:
        (root / "new").write_bytes(b"theirs")
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(os, "link", link)

    assert (await put(root, "/new")).status == 409
    assert contents(root)["new"] == b"theirs"


# File systems without links.


async def test_without_links_a_name_is_taken_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    refuse(monkeypatch, "link", errno.EPERM)

    assert (await put(root, "/new")).status == 201
    assert contents(root)["new"] == b"new"
    assert sorted(await uploads_at_once(root, 3)) == [201, 409, 409]


async def test_without_links_nothing_empty_is_left_where_that_fails(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    refuse(monkeypatch, "link", errno.EPERM)
    refuse(monkeypatch, "replace", errno.ENOSPC)

    assert (await put(root, "/new")).status == 507
    assert contents(root) == {"file": b"old"}


# Never outside.


async def put_while(root: Path, change: Callable[[], object]) -> int:
    """Upload /sub/new, make a change when its file has been created, then send the body; return the status."""
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(put_head("/sub/new", "Content-Length: 4", "Expect: 100-continue"))
        await until(client, lambda: b"100 Continue" in peer.received)
        change()
        peer.send(b"mine")
        return (await peer.response("PUT")).status


@pytest.fixture(params=["unnamed", "named"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let files that are under way have no name, or a temporary one."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return str(request.param)


def swapped_for_a_link(root: Path) -> None:
    (root / "sub").rename(root / "moved")
    (root / "sub").symlink_to("../beside")


def swapped_for_a_link_within(root: Path) -> None:
    (root / "sub").rename(root / "moved")
    (root / "other").mkdir()
    (root / "sub").symlink_to("other")


def swapped_for_another(root: Path) -> None:
    (root / "sub").rename(root / "moved")
    (root / "sub").mkdir()


def moved_out(root: Path) -> None:
    (root / "sub").rename(root.parent / "beside" / "sub")


@pytest.mark.parametrize("swap", [swapped_for_a_link, swapped_for_a_link_within, swapped_for_another, moved_out])
async def test_a_file_lands_nowhere_if_its_directory_is_another_one_by_then(
    root: Path, mode: str, swap: Callable[[Path], None]
) -> None:
    assert await put_while(root, lambda: swap(root)) == 404
    if mode == "named":  # the directory cannot be found any more
        remove_abandoned(root.parent)
    assert contents(root.parent) == {"beside/file": b"theirs", "root/file": b"old"}


async def test_a_directory_that_is_moved_and_linked_to_is_still_the_same(root: Path, mode: str) -> None:
    def move() -> None:
        (root / "sub").rename(root / "moved")
        (root / "sub").symlink_to("moved")

    assert await put_while(root, move) == 201
    assert contents(root) == {"file": b"old", "moved/new": b"mine"}


async def test_an_upload_that_waits_for_its_client_has_only_its_file_open(root: Path, mode: str) -> None:
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(put_head("/sub/new", "Content-Length: 4", "Expect: 100-continue"))
        await until(client, lambda: b"100 Continue" in peer.received)

        assert len(open_below(root)) == 1
        peer.send(b"mine")
        assert (await peer.response("PUT")).status == 201


@pytest.mark.parametrize("leads_to", ["../beside", "/", "..", ".hidden"])
async def test_a_link_out_of_the_directory_is_no_directory(root: Path, leads_to: str) -> None:
    (root / ".hidden").mkdir()
    (root / "link").symlink_to(leads_to)

    assert (await put(root, "/link/new")).status == 404


async def test_a_link_within_the_directory_is_followed(root: Path) -> None:
    (root / "link").symlink_to("sub")

    assert (await put(root, "/link/new")).status == 201
    assert contents(root)["sub/new"] == b"new"


async def test_a_directory_that_is_removed_meanwhile_takes_nothing(root: Path, mode: str) -> None:
    assert await put_while(root, lambda: shutil.rmtree(root / "sub")) == 404


# Limits, and requests that are refused before the body is asked for.


async def refused_early(app: App, head: bytes) -> int:
    """Return the status for a client that waits for a 100; the 100 must not come."""
    async with Client(app) as client:
        peer = await client.connect()
        peer.send(head)
        answer = await peer.response("PUT")
        assert answer.interim == []
        return answer.status


@pytest.mark.parametrize(
    ("target", "fields", "status"),
    [
        ("/new", ("Content-Length: 11",), 413),
        ("/nowhere/new", ("Content-Length: 11",), 413),
        ("/nowhere/new", ("Content-Length: 10",), 404),
        ("/", ("Content-Length: 10",), 400),
        ("/file", ("Content-Length: 10",), 409),
        ("/file", ("Transfer-Encoding: chunked",), 409),
        ("/file", ("Content-Length: 10", 'If-Match: "stale"'), 412),
        ("/file", ("Content-Length: 10", "If-None-Match: *"), 412),
        ("/new", ("Content-Length: 10", "If-Match: *"), 412),
        ("/sub", ("Content-Length: 10", "If-Match: *"), 409),
        ("/new", ("Content-Length: 10", "Content-Range: bytes 10-19/20"), 400),  # curl -C
        ("/new", ("Content-Length: 10", "Content-Encoding: gzip"), 415),
    ],
)
async def test_what_cannot_be_stored_is_not_asked_for(
    root: Path, target: str, fields: tuple[str, ...], status: int
) -> None:
    app = uploading(root, upload_bytes=10)

    assert await refused_early(app, put_head(target, *fields, "Expect: 100-continue")) == status
    assert contents(root) == {"file": b"old"}


@pytest.mark.parametrize(("size", "status"), [(10, 201), (11, 413), (5_000_000, 413)])
async def test_a_chunked_file_ends_at_the_limit(root: Path, size: int, status: int) -> None:
    async with Client(uploading(root, upload_bytes=10)) as client:
        peer = await client.connect()
        peer.send(put_head("/new", "Transfer-Encoding: chunked"))
        peer.send(b"%x\r\n%b\r\n0\r\n\r\n" % (size, bytes(size)))

        assert (await peer.response("PUT")).status == status
    assert ("new" in contents(root)) == (status == 201)


async def test_a_file_of_just_the_limit_is_taken(root: Path) -> None:
    app = uploading(root, upload_bytes=3)

    assert (await ask(app, "PUT", "/new", body=b"new")).status == 201
    assert (await ask(app, "PUT", "/longer", body=b"long")).status == 413


async def test_a_plain_identity_is_no_coding(root: Path) -> None:
    assert (await put(root, "/new", content_encoding="identity")).status == 201


# Clients that leave or are slow.


@pytest.mark.parametrize("leave", ["reset", "end"])
@pytest.mark.parametrize("framing", ["Content-Length: 5000000", "Transfer-Encoding: chunked"])
async def test_nothing_is_left_of_a_client_that_leaves(root: Path, leave: str, framing: str) -> None:
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(put_head("/new", framing, "Expect: 100-continue"))
        await until(client, lambda: b"100 Continue" in peer.received)
        assert under_way(root)
        peer.send(b"200000\r\n" + bytes(2_000_000))
        await client.settle()
        getattr(peer, leave)()
        await peer.done()

    assert contents(root) == {"file": b"old"}


async def test_a_client_that_leaves_after_the_whole_body_has_sent_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, may_go_on = threading.Event(), threading.Event()
    publish = Arrival.publish

    def slowly(arrival: Arrival) -> bool:
        writing.set()
        assert may_go_on.wait(PATIENCE)
        return publish(arrival)

    monkeypatch.setattr(Arrival, "publish", slowly)
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(put_head("/new", "Content-Length: 3") + b"new")
        await until(client, writing.is_set)
        peer.reset()
        await client.settle()
        may_go_on.set()
        await peer.done()

    assert contents(root)["new"] == b"new"


async def test_a_slow_client_is_told_so(root: Path) -> None:
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(put_head("/new", "Content-Length: 10", "Expect: 100-continue"))
        await until(client, lambda: b"100 Continue" in peer.received)
        peer.send(b"slow")
        await client.advance(60)

        assert (await peer.response("PUT")).status == 408
    assert contents(root) == {"file": b"old"}


@pytest.mark.parametrize("step", ["begin", "publish"])
async def test_a_server_that_ends_waits_for_the_thread_and_leaves_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    working, may_go_on = threading.Event(), threading.Event()
    original = getattr(Arrival, step)

    def slowly(arrival: Arrival) -> Any:
        working.set()
        assert may_go_on.wait(PATIENCE)
        return original(arrival)

    monkeypatch.setattr(Arrival, step, slowly)
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(put_head("/new", "Content-Length: 3") + b"new")
        await until(client, working.is_set)
        asyncio.get_running_loop().call_later(0, may_go_on.set)
        assert await client.server.abort()

    assert ("new" in contents(root)) == (step == "publish")


async def test_a_server_that_ends_within_a_body_leaves_nothing(root: Path) -> None:
    async with Client(uploading(root)) as client:
        peer = await client.connect()
        peer.send(put_head("/new", "Content-Length: 3", "Expect: 100-continue"))
        await until(client, lambda: b"100 Continue" in peer.received)
        assert await client.server.abort()

    assert contents(root) == {"file": b"old"}


# File systems that refuse.


@pytest.mark.parametrize(
    ("function", "number", "status"),
    [
        ("fsync", errno.ENOSPC, 507),
        ("fsync", errno.EDQUOT, 507),
        ("fsync", errno.EIO, 500),
        ("link", errno.ENAMETOOLONG, 400),
    ],
)
async def test_what_the_file_system_refuses_is_answered(
    root: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int, status: int
) -> None:
    refuse(monkeypatch, function, number)
    if function == "link":
        original = os.open

        def open_(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
            if path == "new":
                raise OSError(number, os.strerror(number))
            return original(path, flags, *arguments, **options)

        monkeypatch.setattr(os, "open", open_)

    assert (await put(root, "/new")).status == status
    assert contents(root) == {"file": b"old"}


@pytest.mark.parametrize(
    ("number", "status"),
    [(errno.ENOSPC, 507), (errno.EFBIG, 507), (errno.EDQUOT, 507), (errno.EIO, 500)],
)
async def test_a_disk_that_is_full_is_507(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    async def write(self: AsyncFileIO, data: bytes) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(AsyncFileIO, "write", write, raising=False)

    assert (await put(root, "/new")).status == status
    assert contents(root) == {"file": b"old"}


@pytest.mark.parametrize(
    ("number", "status"),
    [(errno.EACCES, 403), (errno.EPERM, 403), (errno.EROFS, 403), (errno.ENOSPC, 507), (errno.EMFILE, 503)],
)
async def test_a_directory_that_takes_no_file_is_no_fault_of_the_server(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    original = os.open

    def open_(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & os.O_WRONLY:
            raise OSError(number, os.strerror(number))
        return original(path, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", open_)

    answer = await put(root, "/new")

    assert answer.status == status
    assert "500" not in answer.text


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
async def test_a_read_only_directory_is_403(root: Path) -> None:
    (root / "sub").chmod(0o555)

    assert (await put(root, "/sub/new")).status == 403


async def test_without_descriptors_it_is_503(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, "open", errno.EMFILE)
        answer = await put(root, "/new")

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_a_full_disk_takes_nothing_and_the_next_file_that_fits(tiny: Path) -> None:
    app = uploading(tiny)

    refused = await ask(app, "PUT", "/new", body=bytes(3_000_000))
    taken = await ask(app, "PUT", "/new", body=bytes(500_000))

    assert (refused.status, taken.status) == (507, 201)
    assert {name: len(content) for name, content in contents(tiny).items()} == {"new": 500_000}


def test_where_uploads_are_not_safe_there_are_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "SUPPORTED", False)

    with pytest.raises(ConfigError, match="openat"):
        uploading(root)


# Visible at once.


async def test_a_new_file_is_seen_at_once(root: Path) -> None:
    app = uploading(root)
    assert (await ask(app, "GET", "/new")).status == 404

    await ask(app, "PUT", "/new", body=b"new")

    assert (await ask(app, "GET", "/new")).text == "new"
    assert [
        entry["name"]
        for entry in (await ask(app, "GET", "/", headers={"accept": "application/json"})).json()["entries"]
    ] == ["sub", "file", "new"]


@pytest.mark.parametrize(
    ("name", "seen_at"),
    [
        ("page.html", "/page.html"),
        ("index.html", "/"),
        ("sub/index.html", "/sub/"),
        ("sub/page.html", "/sub/page.html"),
        ("a b.txt", "/a%20b.txt"),
    ],
)
async def test_a_replaced_file_is_seen_at_once_wherever_it_is(root: Path, name: str, seen_at: str) -> None:
    (root / name).write_bytes(b"before")
    app = uploading(root)
    assert (await ask(app, "GET", seen_at)).text == "before"

    answer = await ask(app, "PUT", "/" + name.replace(" ", "%20"), body=b"after", headers={"if-match": "*"})

    assert answer.status == 200
    assert (await ask(app, "GET", seen_at)).text == "after"


@pytest.mark.parametrize(
    ("stored", "uploaded", "seen_at"),
    [
        ("file", "file.gz", "/file"),
        ("file", "file.br", "/file"),
        ("file", "file.zst", "/file"),
        ("page.html", "page", "/page.html"),
        ("sub/file", "sub.html", "/sub"),
        ("sub/file", "sub.html", "/sub/"),
        ("sub/file", "sub/index.html", "/sub/"),
        ("sub/file", "sub/INDEX.HTML", "/sub/"),
        ("file", "index.html", "/"),
        ("file", "index.html.gz", "/"),
    ],
)
async def test_an_uploaded_file_is_shown_under_its_own_name_only(
    root: Path, stored: str, uploaded: str, seen_at: str
) -> None:
    (root / stored).write_bytes(b"theirs")
    app = uploading(root)
    fields = {**BROWSER, "accept-encoding": "gzip, br, zstd"}
    before = await ask(app, "GET", seen_at, headers=fields)

    await ask(app, "PUT", f"/{uploaded}", body=b"a surprise")
    after = await ask(app, "GET", seen_at, headers=fields)

    assert (after.status, after.headers.get("location")) == (before.status, before.headers.get("location"))
    assert b"a surprise" not in after.body
    assert "content-encoding" not in after.headers


@pytest.mark.parametrize("name", ["index.html", "INDEX.html", "sub/index.html"])
async def test_a_new_index_page_is_refused(root: Path, name: str) -> None:
    answer = await put(root, f"/{name}")

    assert (answer.status, "instead of the files" in answer.text) == (409, True)
    assert set(contents(root)) == {"file"}


async def test_an_index_page_that_exists_can_be_replaced(root: Path) -> None:
    (root / "index.html").write_bytes(b"home")
    app = uploading(root)

    assert (await ask(app, "PUT", "/index.html", body=b"new")).status == 409
    assert (await ask(app, "PUT", "/index.html", body=b"new", headers={"if-match": "*"})).status == 200
    assert (await ask(app, "GET", "/")).text == "new"


async def test_what_is_under_way_is_not_seen(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    app = uploading(root)
    async with Client(app) as client:
        peer = await client.connect()
        peer.send(put_head("/new", "Content-Length: 10", "Expect: 100-continue"))
        await until(client, lambda: b"100 Continue" in peer.received)
        (temporary,) = set(contents(root)) - {"file"}

        assert (await client.get("/new")).status == 404
        assert (await client.get(f"/{temporary}")).status == 404
        assert (await client.get("/")).text.endswith("file\n")
        assert (await client.get("/")).text.count("\n") == 2


# Other tests.


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
async def test_other_methods_are_told_which_there_are(root: Path, method: str) -> None:
    answer = await ask(uploading(root), method, "/file")

    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PUT"


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_of_a_directory_they_are_others(root: Path, method: str) -> None:
    answer = await ask(uploading(root), method, "/sub/")

    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize(("target", "method"), [("/file", "PUT"), ("/sub/", "POST"), ("/missing", "PUT")])
async def test_options_names_the_methods(root: Path, target: str, method: str) -> None:
    answer = await ask(uploading(root), "OPTIONS", target)

    assert (answer.status, answer.headers["allow"]) == (204, f"GET, HEAD, OPTIONS, {method}")


async def test_files_are_served_as_ever(root: Path) -> None:
    app = uploading(root)

    assert (await ask(app, "GET", "/file")).text == "old"
    assert (await ask(app, "GET", "/nothing")).status == 404
    assert (await ask(app, "BREW", "/file")).status == 501
    assert (await ask(app, "GET", "/", headers=BROWSER)).headers["content-type"].startswith("text/html")
