"""Tests of aiosock.web.static.cache: which files are kept in memory, for how long, and how many."""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aiosock import App, StaticFiles
from aiosock.config import KIB, Limits
from aiosock.testing import Client
from aiosock.web.static import handler
from aiosock.web.static.cache import FRESH_SECONDS, FileCache
from aiosock.web.static.representation import Representation, Resource, find
from aiosock.web.static.tree import Tree
from tests.web.static.serving import Clock, serving, write

Looks = list[tuple[str, ...]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write(tmp_path, {"a.txt": "a", "b.txt": "b", "sub/index.html": "sub", "large.bin": b"x" * 300 * KIB})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Return the list of look-ups in the file system, which grows from now on."""
    looked_up: Looks = []

    def counting(tree: Any, names: Any, *rest: Any) -> Resource:
        looked_up.append(tuple(names))
        return find(tree, names, *rest)

    monkeypatch.setattr(handler, "find", counting)
    return looked_up


def resource_of(size: int, *, forms: int = 1) -> Resource:
    status = os.stat(__file__)
    representations = [Representation(["a"], "text/plain", "identity", status) for _ in range(forms)]
    for representation in representations:
        representation.content = b"x" * size
    return Resource(representations)


WEIGHT = resource_of(0).weight


# The cache alone.


def test_what_was_put_is_got() -> None:
    cache, resource = FileCache(Clock()), resource_of(10)
    cache.put("a", resource, 10_000)

    assert (cache.fresh("a"), cache.fresh("b")) == (resource, None)


def test_the_weight_is_what_is_in_it() -> None:
    cache = FileCache(Clock())
    for number, size in enumerate([1, 10, 100]):
        cache.put(str(number), resource_of(size, forms=2), 10**6)
    assert cache.weight == 3 * WEIGHT + 2 * 111

    cache.put("1", resource_of(20), 10**6)
    assert cache.weight == 3 * WEIGHT + 2 * 101 + 20
    for path in ("0", "1", "2", "2", "never"):
        cache.drop(path)
    assert cache.weight == 0


def test_it_never_weighs_more_than_it_may() -> None:
    cache = FileCache(Clock())
    limit = 10 * WEIGHT
    for number in range(200):
        cache.put(str(number % 37), resource_of(number * 311 % 5000), limit)
        assert cache.weight <= limit


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = FileCache(Clock())
    for path in "abc":
        cache.put(path, resource_of(0), 3 * WEIGHT)
    cache.fresh("a")
    cache.put("d", resource_of(0), 3 * WEIGHT)

    assert [path for path in "abcd" if cache.fresh(path)] == ["a", "c", "d"]


@pytest.mark.parametrize("limit", [0, 1, WEIGHT + 99])
def test_what_is_heavier_than_all_may_be_is_not_kept(limit: int) -> None:
    cache = FileCache(Clock())
    cache.put("a", resource_of(100), limit)

    assert (cache.fresh("a"), cache.weight) == (None, 0)


def test_what_is_heavier_than_all_may_be_drives_nothing_out() -> None:
    cache = FileCache(Clock())
    cache.put("a", resource_of(0), 2 * WEIGHT)
    cache.put("b", resource_of(0), 2 * WEIGHT)
    cache.put("b", resource_of(2 * WEIGHT), 2 * WEIGHT)

    assert (cache.fresh("a") is not None, cache.fresh("b"), cache.weight) == (True, None, WEIGHT)


def test_what_was_put_or_touched_is_fresh_for_a_second(clock: Clock) -> None:
    cache, resource = FileCache(clock), resource_of(0)
    cache.put("a", resource, 10_000)
    for _ in range(2):
        clock.now += FRESH_SECONDS - 0.125
        assert cache.fresh("a") is resource
        clock.now += 0.125
        assert cache.fresh("a") is None
        cache.touch("a")
    cache.touch("b")
    assert cache.fresh("b") is None


# Over HTTP.


async def test_the_file_system_is_asked_once_a_second(site: Path, clock: Clock, looks: Looks) -> None:
    async with Client(serving(site, cache=FileCache(clock))) as client:
        for _ in range(3):
            for _ in range(3):
                assert (await client.get("/a.txt")).text == "a"
            clock.now += FRESH_SECONDS

    assert looks == [("a.txt",)] * 3


async def test_all_ways_to_write_a_path_share_one_entry(site: Path, clock: Clock, looks: Looks) -> None:
    cache = FileCache(clock)
    async with Client(serving(site, cache=cache)) as client:
        for target in ("/a.txt", "/%61.txt", "/%61%2Etxt", "/a.txt?v=1", "/a%2etxt?"):
            assert (await client.get(target)).text == "a"
    assert (looks, cache.weight) == ([("a.txt",)], WEIGHT + 1)

    async with Client(serving(site, cache=cache)) as client:
        for target in ("/sub/index.html", "/sub%2Findex.html", "/sub%2findex%2Ehtml"):
            assert (await client.get(target)).text == "sub"
    assert looks[1:] == [("sub", "index.html")]


async def test_what_is_not_there_is_not_kept(site: Path, clock: Clock, looks: Looks) -> None:
    cache = FileCache(clock)
    async with Client(serving(site, cache=cache)) as client:
        for number in range(20):
            assert (await client.get(f"/missing-{number}")).status == 404
    assert cache.weight == 0


def remove(path: Path) -> None:
    path.unlink()


def change(path: Path) -> None:
    write(path.parent, {path.name: "changed"}, 1_100_000_000)


def replace(path: Path) -> None:
    write(path.parent, {"new": "changed"})
    (path.parent / "new").replace(path)


def hide(path: Path) -> None:
    path.unlink()
    path.symlink_to("b.txt")


@pytest.mark.parametrize(
    ("meddle", "status", "text"),
    [(remove, 404, None), (hide, 404, None), (change, 200, "changed"), (replace, 200, "changed")],
)
async def test_a_change_is_seen_after_a_second_and_not_before(
    site: Path, clock: Clock, meddle: Callable[[Path], None], status: int, text: str | None
) -> None:
    async with Client(serving(site, cache=FileCache(clock))) as client:
        first = await client.get("/a.txt")
        meddle(site / "a.txt")
        clock.now += FRESH_SECONDS - 0.125
        assert (await client.get("/a.txt")).headers["etag"] == first.headers["etag"]
        clock.now += 0.125
        for _ in range(2):
            answer = await client.get("/a.txt", headers={"if-none-match": first.headers["etag"]})

            assert (answer.status, answer.text if text else None) == (status, text)
            assert answer.headers.get("etag") != first.headers["etag"]


async def test_a_file_that_appears_is_there_at_once(site: Path, clock: Clock) -> None:
    async with Client(serving(site, cache=FileCache(clock))) as client:
        assert (await client.get("/new.txt")).status == 404
        write(site, {"new.txt": "new"})

        assert (await client.get("/new.txt")).text == "new"


async def test_a_sibling_that_appears_or_goes_is_seen_after_a_second(site: Path, clock: Clock) -> None:
    fields = {"accept-encoding": "gzip"}
    async with Client(serving(site, cache=FileCache(clock))) as client:
        assert "vary" not in (await client.get("/a.txt", headers=fields)).headers
        write(site, {"a.txt.gz": "zipped"})
        clock.now += FRESH_SECONDS
        answer = await client.get("/a.txt", headers={"accept-encoding": "gzip;q=1, identity;q=0.5"})
        assert (answer.text, answer.headers["vary"]) == ("zipped", "Accept-Encoding")
        (site / "a.txt.gz").unlink()
        clock.now += FRESH_SECONDS
        answer = await client.get("/a.txt", headers=fields)
        assert (answer.text, "vary" in answer.headers) == ("a", False)


async def test_what_is_forgotten_is_looked_up_again(site: Path, clock: Clock) -> None:
    app, files = App(), StaticFiles(site, cache=FileCache(clock))
    app.mount("", files)
    async with Client(app) as client:
        await client.get("/a.txt")
        change(site / "a.txt")
        files.forget("a.txt")

        assert (await client.get("/a.txt")).text == "changed"


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
async def test_a_file_is_kept_up_to_its_limit(site: Path, clock: Clock, size: int) -> None:
    write(site, {"c.txt": "x" * size})
    cache = FileCache(clock)
    async with Client(serving(site, cache=cache), limits=Limits(cached_file_bytes=1000)) as client:
        assert len((await client.get("/c.txt")).body) == size
    assert cache.weight == WEIGHT + (size if size <= 1000 else 0)


@pytest.mark.parametrize("limit", [0, 1, 10_000, 50_000])
async def test_the_budget_of_a_server_is_kept(site: Path, clock: Clock, limit: int) -> None:
    write(site, {f"{number}.txt": str(number) * 2000 for number in range(30)})
    cache = FileCache(clock)
    async with Client(serving(site, cache=cache), limits=Limits(file_cache_bytes=limit)) as client:
        for number in [*range(30), 0, 29, 15]:
            assert (await client.get(f"/{number}.txt")).text == str(number) * 2000
            assert cache.weight <= limit


async def test_a_file_that_is_too_large_to_be_kept_is_served_as_it_is_now(site: Path, clock: Clock) -> None:
    async with Client(serving(site, cache=FileCache(clock))) as client:
        first = await client.get("/large.bin")
        write(site, {"large.bin": b"y" * 400 * KIB})
        second = await client.get("/large.bin")

    assert (second.body == b"y" * 400 * KIB, first.headers["etag"] != second.headers["etag"]) == (True, True)


async def test_many_requests_at_once_leave_the_weight_right(site: Path) -> None:
    write(site, {f"{number}.txt": "x" * number * 100 for number in range(20)})
    cache = FileCache(Clock(step=0.3))  # cached entries expire now and then
    async with Client(serving(site, cache=cache), limits=Limits(file_cache_bytes=30_000)) as client:
        answers = await asyncio.gather(*(client.get(f"/{number % 23}.txt") for number in range(200)))
    assert {answer.status for answer in answers} == {200, 404}
    assert cache.weight <= 30_000

    for number in range(20):
        cache.drop(f"{number}.txt")
    assert cache.weight == 0


async def test_whoever_asks_while_somebody_looks_is_served_what_is_known(
    site: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, may_look = threading.Event(), threading.Event()

    def look_slowly(tree: Tree, names: Sequence[str], codings: Sequence[str], limit: int) -> Resource:
        looking.set()
        may_look.wait()
        return find(tree, names, codings, limit)

    async with Client(serving(site, cache=FileCache(clock))) as client:
        await client.get("/a.txt")
        change(site / "a.txt")
        clock.now += FRESH_SECONDS
        monkeypatch.setattr(handler, "find", look_slowly)
        first = asyncio.create_task(client.get("/a.txt"))
        try:
            assert await asyncio.to_thread(looking.wait, client.patience)
            assert (await client.get("/a.txt")).text == "a"
        finally:
            may_look.set()
        assert (await first).text == "changed"
        assert (await client.get("/a.txt")).text == "changed"
