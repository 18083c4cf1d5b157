"""Tests of aiosock.web.forms, and of the temporary files behind it."""

import asyncio
import errno
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, Form, HTTPError, Limits, Request, Response, Upload
from aiosock.testing import Client
from aiosock.web.disk import nascent, saving
from aiosock.web.few_threads import number_of_threads
from aiosock.web.forms import Part, urlencoded
from tests.docs.blocks import run_python
from tests.patience import PATIENCE
from tests.web.ask import app_of

URLENCODED = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
END = b"--b--\r\n"
LARGE = bytes(range(256)) * 4096
ON_DISK = Limits(form_memory_bytes=0)


def field(name: str, value: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value)


def file(name: str, filename: str, content: bytes) -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: a/b\r\n\r\n'
    return head.encode() + content + b"\r\n"


async def outcome(
    take: Callable[[Request], Awaitable[Any]],
    body: bytes,
    headers: dict[str, str] = MULTIPART,
    limits: Limits | None = None,
    **options: Any,
) -> Any:
    """Return the result of `take` for a posted form, or the status and detail of the HTTPError it raises."""
    values: list[Any] = []

    async def handler(request: Request) -> None:
        try:
            values.append(await take(request))
        except HTTPError as error:
            values.append((error.status, error.detail))

    async with Client(app_of(handler, **options), limits=limits or Limits()) as client:
        await client.post("/", body=body, headers=headers)
    return values[0]


async def contents(request: Request) -> list[tuple[str, str | tuple[str, str, int, bytes]]]:
    form = await request.form()
    return [(name, await described(value)) for name, value in form.items()]


async def described(value: str | Upload) -> str | tuple[str, str, int, bytes]:
    if isinstance(value, str):
        return value
    return value.filename, value.content_type, value.size, await value.read()


def names_in(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def descriptors() -> set[str]:
    """Return the deleted files that this process has open."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
        if "(deleted)" in target or target.startswith("/memfd"):
            found.add(descriptor)
    return found


# What a form is.


async def test_an_urlencoded_form_is_read() -> None:
    assert await outcome(contents, b"a=1&b=%C3%A9+x&a=;2", URLENCODED) == [("a", "1"), ("b", "é x"), ("a", ";2")]


async def test_an_urlencoded_form_may_be_labelled_as_iso_8859_1() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=ISO-8859-1"}

    assert await outcome(contents, b"a=%E9+%DF", headers) == [("a", "é ß")]


async def test_a_field_may_be_labelled_as_iso_8859_1() -> None:
    body = field("a", b"\xe9").replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\n\r\n") + END

    assert await outcome(contents, body) == [("a", "é")]


@pytest.mark.parametrize(
    ("value", "filename"),
    [
        ("UTF-8''na%C3%AFve.txt", "naïve.txt"),
        ("UTF-8''..%2F..%2Fetc%2Fpasswd", "_.._.._etc_passwd"),
        ("UTF-8''a%00b", "a_b"),
        ("x", ""),
    ],
)
async def test_an_extended_file_name_is_made_safe_too(value: str, filename: str) -> None:
    body = file("f", "x", b"1").replace(b'filename="x"', f"filename*={value}".encode()) + END

    assert await outcome(contents, body) == [("f", (filename, "a/b", 1, b"1"))]


@pytest.mark.parametrize(("fields", "has_turns"), [(1, False), (16, True)])
async def test_other_requests_get_a_turn_while_a_long_form_is_decoded(fields: int, has_turns: bool) -> None:
    turns: list[str] = []
    asyncio.get_running_loop().call_soon(turns.append, "other")
    body = b"&".join([b"a=" + b"%41" * (32 * 1024)] * fields)

    form = await urlencoded(URLENCODED["content-type"], body, Limits())

    assert form.get_all("a") == ["A" * (32 * 1024)] * fields
    assert bool(turns) is has_turns


@pytest.mark.parametrize("limits", [Limits(), ON_DISK], ids=["memory", "disk"])
async def test_a_multipart_form_is_read(limits: Limits) -> None:
    body = (
        field("a", "é".encode()) + file("f", "x.bin", LARGE) + file("f", "y.bin", b"") + file("g", "z", b"\xff") + END
    )

    assert await outcome(contents, body, limits=limits) == [
        ("a", "é"),
        ("f", ("x.bin", "a/b", len(LARGE), LARGE)),
        ("f", ("y.bin", "a/b", 0, b"")),
        ("g", ("z", "a/b", 1, b"\xff")),
    ]


async def test_a_form_is_an_ordered_mapping_with_many_values() -> None:
    async def look(request: Request) -> None:
        form = await request.form()
        assert await request.form() is form
        assert (form["a"], form.get("a"), form.get_all("a"), form.get("c", "none")) == ("1", "1", ["1", "3"], "none")
        assert ("b" in form, "c" in form, len(form)) == (True, False, 3)
        assert repr(form) == "Form([('a', '1'), ('b', <Upload 'x', a/b, 1 bytes>), ('a', '3')])"
        with pytest.raises(KeyError, match="c"):
            form["c"]

    assert await outcome(look, field("a", b"1") + file("b", "x", b"2") + field("a", b"3") + END) is None


async def test_no_body_is_an_empty_urlencoded_form() -> None:
    assert await outcome(contents, b"", URLENCODED) == []


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_a_form_is_read_as_it_arrives(size: int) -> None:
    body = field("a", b"1") + file("f", "x", b"content") + END
    answers = []

    async def handler(request: Request) -> None:
        answers.append(await contents(request))

    async with Client(app_of(handler)) as client:
        peer = await client.connect()
        head = (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n"
        )
        peer.send(head % len(body))
        await peer.drip(body, size)
        assert (await peer.response()).status == 204

    assert answers == [[("a", "1"), ("f", ("x", "a/b", 7, b"content"))]]


async def test_a_form_can_be_read_after_the_whole_body() -> None:
    async def late(request: Request) -> Any:
        await request.read()
        return await contents(request)

    assert await outcome(late, field("a", b"1") + END) == [("a", "1")]
    assert await outcome(late, b"", MULTIPART) == (400, "The form ends before its last boundary.")


async def test_a_form_cannot_be_read_after_the_body_was_iterated() -> None:
    async def late(request: Request) -> str:
        async for _ in request.body:
            pass
        with pytest.raises(RuntimeError, match="the form comes too late"):
            await request.form()
        return "refused"

    assert await outcome(late, field("a", b"1") + END) == "refused"


# What is refused.


@pytest.mark.parametrize(
    ("headers", "body", "status", "detail"),
    [
        (
            {},
            b"a=1",
            415,
            "The body must have the content type multipart/form-data or application/x-www-form-urlencoded.",
        ),
        (URLENCODED, b"a=%FF", 400, "The form has text that is not UTF-8."),
        (MULTIPART, field("a", b"\xff") + END, 400, "The form has text that is not UTF-8."),
        (MULTIPART, field("a", b"1"), 400, "The form ends before its last boundary."),
        (MULTIPART, b"a=1", 400, "The form does not begin with its boundary."),
        (MULTIPART, field("a", b"") * 1001 + END, 413, "The form has more than 1000 parts."),
        (URLENCODED, b"&" * 1000, 413, "The form has more than 1000 parts."),
    ],
)
async def test_what_is_no_form_is_refused_with_a_line(
    headers: dict[str, str], body: bytes, status: int, detail: str
) -> None:
    assert await outcome(contents, body, headers) == (status, detail)


async def test_the_fields_of_a_form_are_limited_altogether() -> None:
    limits = Limits(body_bytes=10)

    assert len(await outcome(contents, field("a", b"x" * 5) * 2 + END, limits=limits)) == 2
    refused = (413, "The fields of the form are larger than the limit of 10 bytes.")
    assert await outcome(contents, field("a", b"x" * 6) * 2 + END, limits=limits) == refused


@pytest.mark.parametrize("given", ["limits", "route", "caller"])
async def test_a_form_has_a_limit(given: str) -> None:
    body = field("a", b"1") + END
    size = len(body) - 1

    async def take(request: Request) -> Form:
        return await request.form(size if given == "caller" else None)

    limits = Limits(form_bytes=size) if given == "limits" else None
    options: dict[str, Any] = {"body_limit": size} if given == "route" else {}
    detail = f"The form is larger than the limit of {size} bytes."
    assert await outcome(take, body, limits=limits, **options) == (413, detail)


async def test_a_form_that_announces_too_much_is_refused_before_it_is_read() -> None:
    async def handler(request: Request) -> None:
        await request.form()

    async with Client(app_of(handler, body_limit=4)) as client:
        peer = await client.connect()
        peer.send(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 5\r\n\r\n"
        )
        assert (await peer.receive()).startswith(b"HTTP/1.1 413 ")


async def test_an_urlencoded_form_has_the_limit_of_the_body() -> None:
    refused = (413, "The body is larger than the limit of 2 bytes.")

    assert await outcome(contents, b"a=1", URLENCODED, body_limit=2) == refused


# Files.


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("notes.txt", "notes.txt"),
        ("../../etc/passwd", "_.._.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("..\\..\\x", "_.._.._x"),
        ("C:\\dir\\x.txt", "x.txt"),
        ("con.txt", "_con.txt"),
        (".bashrc", "_.bashrc"),
        ("a%0D%0Ab", "a__b"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("é" * 300, "é" * 127),
        ("..", ""),
        (" . ", ""),
        ("", ""),
    ],
)
async def test_the_file_name_of_a_client_is_made_safe(sent: str, name: str) -> None:
    async def look(request: Request) -> str:
        upload = (await request.form())["f"]
        assert isinstance(upload, Upload)
        return upload.filename

    assert await outcome(look, file("f", sent, b"x") + END) == name


@pytest.mark.parametrize("limits", [Limits(), ON_DISK], ids=["memory", "disk"])
async def test_an_upload_is_iterated_and_read_more_than_once(limits: Limits) -> None:
    async def look(request: Request) -> bool:
        upload = (await request.form())["f"]
        assert isinstance(upload, Upload)
        pieces = [piece async for piece in upload]
        assert all(pieces)
        assert upload.headers["content-type"] == "a/b"
        return b"".join(pieces) == await upload.read() == await upload.read() == LARGE

    assert await outcome(look, file("e", "", b"first") + file("f", "x", LARGE) + END, limits=limits)


async def test_uploads_are_read_side_by_side() -> None:
    async def look(request: Request) -> list[bytes]:
        form = await request.form()
        uploads = [value for value in form.get_all("f") if isinstance(value, Upload)]
        return await asyncio.gather(*(upload.read() for upload in uploads))

    files = [bytes([number]) * 300_000 for number in range(4)]
    body = b"".join(file("f", "x", content) for content in files) + END
    assert await outcome(look, body, limits=ON_DISK) == files


async def test_files_are_kept_in_memory_while_there_is_room_and_take_one_descriptor_beyond() -> None:
    before = descriptors()
    counts: list[int] = []

    async def handler(request: Request) -> None:
        await request.form()
        counts.append(len(descriptors() - before))

    async with Client(app_of(handler), limits=Limits(form_memory_bytes=100)) as client:
        for sizes in ([100], [50, 50], [101], [60, 60], [100, 1, 200, 300_000, 5]):
            body = b"".join(file("f", "x", b"x" * size) for size in sizes) + END
            await client.post("/", body=body, headers=MULTIPART)

    assert counts == [0, 0, 1, 1, 1]
    assert descriptors() == before


# When the request is over.


async def answering(request: Request) -> str:
    await request.form()
    return "done"


async def raising(request: Request) -> str:
    await request.form()
    raise LookupError


async def refusing(request: Request) -> str:
    await request.form(len(LARGE))
    return "too late"


@pytest.mark.parametrize(("handler", "status"), [(answering, 200), (raising, 500), (refusing, 413)])
async def test_temporary_files_are_gone_when_the_request_is_over(
    handler: Callable[[Request], Awaitable[str]], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = descriptors()
    body = file("f", "x", LARGE) + END
    head = (
        f"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {MULTIPART['content-type']}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    async with Client(app_of(handler), limits=ON_DISK) as client:
        peer = await client.connect()
        peer.send(head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        assert (await peer.response()).status == status
        await client.settle()
        assert descriptors() == before

    assert names_in(tmp_path) == []


@pytest.mark.parametrize("leaves", ["reset", "end", "cancel"])
async def test_temporary_files_are_gone_when_the_client_leaves_or_the_task_is_cancelled(leaves: str) -> None:
    before = descriptors()
    spooled = asyncio.Event()
    kept: list[Upload] = []

    async def handler(request: Request) -> None:
        upload = (await request.form())["f"]
        assert isinstance(upload, Upload)
        kept.append(upload)
        assert len(descriptors() - before) == 1
        spooled.set()
        await (request.disconnected() if leaves == "end" else asyncio.Event().wait())

    async with Client(app_of(handler), limits=ON_DISK) as client:
        body = file("f", "x", LARGE) + END
        peer = await client.connect()
        peer.send(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await spooled.wait()
        if leaves == "cancel":
            await client.server.abort()
        else:
            peer.reset() if leaves == "reset" else peer.end()
            await client.advance(1)
        await peer.done()
        assert descriptors() == before

    with pytest.raises(RuntimeError, match="the request has ended, and its uploads are deleted"):
        await kept[0].read()


async def test_a_form_that_is_broken_off_leaves_nothing() -> None:
    before = descriptors()
    ended: list[BaseException] = []

    async def handler(request: Request) -> None:
        try:
            await request.form()
        except BaseException as error:
            ended.append(error)
            raise

    async with Client(app_of(handler), limits=ON_DISK) as client:
        peer = await client.connect()
        peer.send(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 9999999\r\n\r\n" + file("f", "x", LARGE)
        )
        while not descriptors() - before:
            await client.settle()
        peer.reset()
        await client.advance(1)
        await peer.done()

    assert len(ended) == 1
    assert descriptors() == before


async def test_a_task_that_outlives_its_request_is_told_so() -> None:
    tasks: list[asyncio.Task[bytes]] = []

    async def handler(request: Request) -> None:
        upload = (await request.form())["f"]
        assert isinstance(upload, Upload)
        tasks.append(asyncio.create_task(upload.read()))
        await asyncio.sleep(0)  # a thread is reading when the request ends
        tasks.append(asyncio.create_task(upload.read()))

    before = descriptors()
    async with Client(app_of(handler), limits=ON_DISK) as client:
        await client.post("/", body=file("f", "x", LARGE) + END, headers=MULTIPART)
        first, second = await asyncio.gather(*tasks, return_exceptions=True)

    assert first == LARGE
    assert isinstance(second, RuntimeError)
    assert descriptors() == before


async def test_an_answer_may_stream_an_upload() -> None:
    async def handler(request: Request) -> Response:
        upload = (await request.form())["f"]
        assert isinstance(upload, Upload)
        return Response(upload)

    async with Client(app_of(handler), limits=ON_DISK) as client:
        answer = await client.post("/", body=file("f", "x", LARGE) + END, headers=MULTIPART)

    assert answer.body == LARGE


# Saving.


async def saved(target: Path, filename: str = "x.bin", limits: Limits = ON_DISK, streamed: bool = False) -> Any:
    async def take(request: Request) -> Path:
        if streamed:
            async for part in request.parts():
                return await part.save(target)
        upload = (await request.form())["f"]
        assert isinstance(upload, Upload)
        return await upload.save(target)

    return await outcome(take, file("f", filename, LARGE) + END, limits=limits)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("limits", [Limits(), ON_DISK], ids=["memory", "disk"])
async def test_an_upload_is_saved(tmp_path: Path, limits: Limits, streamed: bool) -> None:
    assert await saved(tmp_path, "x.bin", limits, streamed) == tmp_path / "x.bin"
    assert await saved(tmp_path / "y.bin", "x.bin", limits, streamed) == tmp_path / "y.bin"

    assert {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)} == {"x.bin": LARGE, "y.bin": LARGE}


@pytest.mark.parametrize("filename", ["../x", "/tmp/x", "..\\x", "a/../../x", "nul", ".x", "a:b"])
async def test_a_file_never_leaves_the_directory_it_is_saved_in(tmp_path: Path, filename: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()

    path = await saved(inside, filename)

    assert path.parent == inside
    assert names_in(tmp_path) == ["inside"]
    assert names_in(inside) == [path.name]


async def test_a_client_cannot_name_a_file_that_is_there(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "x.bin").write_bytes(b"mine")
    (inside / "link").symlink_to(outside)

    for name in ("x.bin", "link"):
        with pytest.raises(FileExistsError):
            await saved_or_raised(inside, name)

    assert (inside / "x.bin").read_bytes() == b"mine"
    assert not outside.exists()
    assert names_in(inside) == ["link", "x.bin"]


async def saved_or_raised(target: Path, filename: str) -> None:
    errors: list[Exception] = []

    async def take(request: Request) -> None:
        upload = (await request.form())["f"]
        assert isinstance(upload, Upload)
        try:
            await upload.save(target)
        except OSError as error:
            errors.append(error)

    await outcome(take, file("f", filename, b"theirs") + END)
    raise errors[0]


async def test_a_program_can_replace_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"old")

    await saved(tmp_path / "x.bin")

    assert (tmp_path / "x.bin").read_bytes() == LARGE


async def test_a_file_without_a_name_needs_one_to_be_saved_in_a_directory(tmp_path: Path) -> None:
    assert await saved(tmp_path, "..") == (400, "A file needs a name.")
    assert await saved(tmp_path / "x", "..") == tmp_path / "x"


async def test_where_there_is_no_directory_nothing_is_saved(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await saved_or_raised(tmp_path / "none" / "x", "x")


async def test_where_there_are_no_links_a_name_is_taken_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nascent, "_HAS_LINKS_OF_DESCRIPTORS", False)
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    assert await saved(tmp_path) == tmp_path / "x.bin"

    monkeypatch.setattr(os, "replace", failing(errno.EIO))
    with pytest.raises(OSError, match="refused"):
        await saved_or_raised(tmp_path, "y.bin")
    assert names_in(tmp_path) == ["x.bin"]


def failing(number: int) -> Callable[..., None]:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, "refused")

    return fail


async def test_few_uploads_have_their_target_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = threading.Semaphore(0), threading.Event()
    begin = saving.Draft.begin

    def slowly(draft: saving.Draft) -> None:
        begin(draft)
        begun.release()
        assert goes_on.wait(PATIENCE)

    async def handler(request: Request) -> None:
        upload = (await request.form())["f"]
        assert isinstance(upload, Upload)
        await upload.save(tmp_path / str(upload.filename))

    monkeypatch.setattr(saving.Draft, "begin", slowly)
    before, clients = len(os.listdir("/dev/fd")), 20 + number_of_threads()
    async with Client(app_of(handler), limits=ON_DISK) as client:
        peers = [await client.connect() for _ in range(clients)]
        for number, peer in enumerate(peers):
            body = file("f", str(number), b"content") + END
            head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
            peer.send(f"{head}Content-Type: {MULTIPART['content-type']}\r\n\r\n".encode() + body)
        for _ in range(number_of_threads()):
            await asyncio.to_thread(begun.acquire, timeout=PATIENCE)
        async with asyncio.timeout(client.patience):
            while len(descriptors()) < clients:  # each form has its temporary file
                await client.settle()
        await client.advance(0)

        assert len(os.listdir("/dev/fd")) - before <= clients + number_of_threads()
        goes_on.set()
        assert [(await peer.response("POST")).status for peer in peers] == [204] * clients
    assert names_in(tmp_path) == sorted(map(str, range(clients)))


@pytest.mark.parametrize("limits", [Limits(), ON_DISK], ids=["memory", "disk"])
async def test_an_upload_whose_request_is_cancelled_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    begin = saving.Draft.begin

    def slowly(draft: saving.Draft) -> None:
        begin(draft)
        begun.set()
        assert goes_on.wait(PATIENCE)

    async def handler(request: Request) -> None:
        upload = (await request.form())["f"]
        assert isinstance(upload, Upload)
        saved = asyncio.create_task(upload.save(tmp_path))
        await asyncio.to_thread(begun.wait, PATIENCE)
        saved.cancel()
        await asyncio.sleep(0)
        goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await saved

    monkeypatch.setattr(saving.Draft, "begin", slowly)
    async with Client(app_of(handler), limits=limits) as client:
        answer = await client.post("/", body=file("f", "x", LARGE) + END, headers=MULTIPART)
    assert (answer.status, names_in(tmp_path)) == (204, [])


# A full disk.


async def spooled(request: Request) -> int:
    return len(await request.form())


async def saved_whole(request: Request) -> str:
    upload = (await request.form())["f"]
    assert isinstance(upload, Upload)
    return (await upload.save(Path(tempfile.gettempdir()))).name


async def saved_as_it_arrives(request: Request) -> str:
    part = await anext(request.parts())
    return (await part.save(Path(tempfile.gettempdir()))).name


@pytest.mark.parametrize(
    ("take", "limits", "left"),
    [(spooled, ON_DISK, 1), (saved_whole, Limits(form_memory_bytes=2**30), "x"), (saved_as_it_arrives, Limits(), "x")],
)
async def test_a_full_disk_is_507_and_the_next_form_that_fits_is_taken(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, take: Callable[[Request], Awaitable[Any]], limits: Limits, left: Any
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tiny))

    assert await outcome(take, file("f", "x", LARGE * 2) + END, limits=limits) == (
        507,
        "The server has no disk space left for this.",
    )
    assert names_in(tiny) == []
    assert await outcome(take, file("f", "x", LARGE[:500_000]) + END, limits=limits) == left


@pytest.mark.parametrize(("number", "answer"), [(errno.EDQUOT, 507), (errno.EFBIG, 507), (errno.EIO, 500)])
@pytest.mark.parametrize("function", ["link", "open"])
async def test_only_want_of_room_is_507(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int, answer: int
) -> None:
    if function == "link":
        monkeypatch.setattr(os, "link", failing(number))
        monkeypatch.setattr(os, "open", failing(number))
    else:
        monkeypatch.setattr(saving, "FileIO", failing(number))

    async def handler(request: Request) -> None:
        async for part in request.parts():
            await part.save(tmp_path)

    async with Client(app_of(handler), raise_exceptions=False) as client:
        assert (await client.post("/", body=file("f", "x", b"") + END, headers=MULTIPART)).status == answer
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
async def test_want_of_descriptors_is_503(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", failing(number))

    assert await outcome(spooled, file("f", "x", LARGE) + END, limits=ON_DISK) == (
        503,
        "The server has too many files open.",
    )


@pytest.mark.parametrize("leaves", ["reset", "end"])
async def test_a_part_that_is_broken_off_leaves_no_file(
    tmp_path: Path, leaves: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nascent, "_HAS_LINKS_OF_DESCRIPTORS", False)

    async def handler(request: Request) -> None:
        async for part in request.parts():
            await part.save(tmp_path)

    async with Client(app_of(handler)) as client:
        peer = await client.connect()
        peer.send(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 9999999\r\n\r\n" + file("f", "x", LARGE)[:-10]
        )
        while not names_in(tmp_path):
            await client.settle()
        assert names_in(tmp_path) != ["x"]
        peer.reset() if leaves == "reset" else peer.end()
        await client.advance(1)
        await peer.done()

    assert names_in(tmp_path) == []


# Part by part.


async def test_parts_are_streamed() -> None:
    async def take(request: Request) -> list[Any]:
        found: list[Any] = []
        async for part in request.parts():
            found.append((part.name, part.filename, part.content_type, part.headers["content-disposition"][:9]))
            found.append(await part.text() if part.filename is None else len(await part.read()))
        return found

    body = field("a", "é".encode()) + file("f", "../x", LARGE) + END
    limits = Limits(form_memory_bytes=1)
    assert await outcome(take, body, limits=limits) == [
        ("a", None, "text/plain", "form-data"),
        "é",
        ("f", "_.._x", "a/b", "form-data"),
        len(LARGE),
    ]


async def test_what_is_not_read_of_a_part_is_dropped() -> None:
    async def take(request: Request) -> list[str]:
        found = []
        async for part in request.parts():
            found.append(repr(part))
            if part.name == "g":
                assert await anext(part)
        return found

    body = file("f", "x", LARGE) + file("g", "y", LARGE) + field("a", b"1") + END
    assert await outcome(take, body) == ["<Part 'f', 'x'>", "<Part 'g', 'y'>", "<Part 'a'>"]


async def test_a_part_is_read_once_and_before_the_next_one() -> None:
    async def take(request: Request) -> str:
        parts: list[Part] = []
        async for part in request.parts():
            parts.append(part)
            if part.name == "b":
                await part.read()
        for part in parts:
            with pytest.raises(RuntimeError, match="only once, and before the next part"):
                await part.read()
        return "refused"

    assert await outcome(take, field("a", b"1") + field("b", b"2") + END) == "refused"


async def test_a_part_has_a_limit_when_it_is_read_whole() -> None:
    async def take(request: Request) -> bytes:
        return await (await anext(aiter(request.parts()))).read(3)

    assert await outcome(take, file("f", "x", b"abc") + END) == b"abc"
    refused = (413, "This part of the form is larger than the limit of 3 bytes.")
    assert await outcome(take, file("f", "x", b"abcd") + END) == refused


async def test_an_urlencoded_form_has_no_parts() -> None:
    async def take(request: Request) -> Any:
        return [part async for part in request.parts()]

    refused = (415, "The body must have the content type multipart/form-data.")
    assert await outcome(take, b"a=1", URLENCODED) == refused


async def test_parts_have_the_limits_of_a_form() -> None:
    async def take(request: Request) -> int:
        return len([part async for part in request.parts()])

    body = field("a", b"1") * 3 + END
    assert await outcome(take, body, limits=Limits(form_parts=3)) == 3
    assert await outcome(take, body, limits=Limits(form_parts=2)) == (413, "The form has more than 2 parts.")
    detail = f"The form is larger than the limit of {len(body) - 1} bytes."
    assert await outcome(take, body, body_limit=len(body) - 1) == (413, detail)


async def test_a_connection_goes_on_after_a_form() -> None:
    app = App()
    app.post("/")(answering)

    async with Client(app) as client:
        peer = await client.connect()
        body = field("a", b"1") + END + b"an epilogue"
        request = (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        peer.send(request * 2)
        assert [(await peer.response()).text, (await peer.response()).text] == ["done", "done"]


# The page about it.


async def test_the_code_of_the_how_to_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run_python("docs/how-to/forms.md")
    monkeypatch.chdir(tmp_path)

    async with Client(names["app"]) as client:
        body = field("title", b"Fox") + file("picture", "fox.png", b"1234") + END
        added = await client.post("/pictures", body=body, headers=MULTIPART)
        digests = await client.post("/digests", body=body, headers=MULTIPART)

    assert added.json() == {"title": "Fox", "name": "fox.png", "bytes": 4, "type": "a/b"}
    assert (tmp_path / "fox.png").read_bytes() == b"1234"
    assert digests.json() == {"fox.png": sha256(b"1234").hexdigest()}
