"""Tests of aiosock.web.middleware.buckets, in memory and in a real Redis behind a UNIX socket."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from aiosock import App
from aiosock.web.middleware import RedisBuckets, rate_limit
from aiosock.web.middleware.buckets import MemoryBuckets
from tests.patience import PATIENCE
from tests.web.ask import ask
from tests.web.clock import Clock

if TYPE_CHECKING:
    from redis.asyncio import Redis


# In memory.


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(("quota", "seconds"), [(1, 1), (7, 3), (10, 1), (100, 7), (3, 86400)])
async def test_rounding_takes_nothing_away(clock: Clock, quota: int, seconds: int) -> None:
    buckets = MemoryBuckets(clock=clock)
    interval = seconds / quota
    window = interval * (quota + 0.5)

    for _ in range(2):
        assert sum([await buckets.take("a", interval, quota) <= window for _ in range(quota + 5)]) == quota
        for _ in range(quota):
            clock.now += interval


async def test_clients_beyond_the_most_are_forgotten_the_quietest_first(clock: Clock) -> None:
    buckets = MemoryBuckets(2, clock)
    first = {key: await buckets.take(key, 1.0, 5) for key in ("a", "b", "a", "c")}

    assert first == {"a": 2.0, "b": 1.0, "c": 1.0}
    assert await buckets.take("b", 1.0, 5) == 1.0  # c has replaced it
    assert await buckets.take("a", 1.0, 5) == 1.0  # and b has replaced a


async def test_who_insists_is_not_forgotten(clock: Clock) -> None:
    buckets = MemoryBuckets(2, clock)

    assert [await buckets.take(key, 1.0, 1) for key in ("a", "b", "a", "c", "a")] == [1.0, 1.0, 2.0, 1.0, 2.0]


# In Redis.


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Redis that writes nothing to the disk, and yield the path of its socket."""
    pytest.importorskip("redis", reason="redis is not installed")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    directory = tmp_path_factory.mktemp("redis")
    path = str(directory / "redis.sock")
    command = [program, "--port", "0", "--unixsocket", path, "--save", "", "--dir", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            await_socket(Path(path), process)
            yield path
        finally:
            process.terminate()


def await_socket(path: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until somebody accepts there."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
    raise AssertionError("redis-server does not accept")


@pytest.fixture
async def client(path: str) -> AsyncIterator["Redis"]:
    from redis.asyncio import Redis

    async with Redis(unix_socket_path=path) as client:
        yield client


@pytest.fixture
def key() -> str:
    return uuid4().hex  # all tests share the server


async def test_a_bucket_is_emptied_and_no_further(client: "Redis", key: str) -> None:
    buckets = RedisBuckets(client)

    taken = [await buckets.take(key, 3600.0, 3) for _ in range(5)]

    assert taken == pytest.approx([3600, 7200, 10800, 14400, 14400], abs=60)


async def test_many_at_once_get_no_more_than_there_is(client: "Redis", key: str) -> None:
    machines = [RedisBuckets(client), RedisBuckets(client)]

    taken = await asyncio.gather(*[machines[number % 2].take(key, 3600.0, 10) for number in range(30)])

    assert sum(until_full <= 3600 * 10.01 for until_full in taken) == 10


async def test_a_bucket_that_is_full_again_is_forgotten(client: "Redis", key: str) -> None:
    await RedisBuckets(client, "my:").take(key, 100.0, 5)

    assert 0 < await client.pttl("my:" + key) <= 100_000


@pytest.mark.parametrize("key", ["", "a b", "a\r\nDEL *", "é", "{x}", "x" * 8000])
async def test_a_key_may_be_anything(client: "Redis", key: str) -> None:
    prefix = uuid4().hex
    buckets = RedisBuckets(client, prefix)

    assert await buckets.take(key, 3600.0, 1) == pytest.approx(3600, abs=60)
    assert await buckets.take(key, 3600.0, 1) > 3700
    assert await client.exists(prefix + key) == 1


async def test_apps_share_a_limit(client: "Redis", key: str) -> None:
    apps = [App(), App()]
    for app in apps:
        app.middleware(rate_limit(3, 3600, name=key, buckets=RedisBuckets(client)))

    answers = [await ask(apps[number % 2], "GET", "/") for number in range(5)]

    assert [answer.status for answer in answers] == [404, 404, 404, 429, 429]
    assert [answer.headers["ratelimit"][36:38] for answer in answers] == ["=2", "=1", "=0", "=0", "=0"]


async def test_without_redis_everybody_is_let_in_and_the_log_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("redis", reason="redis is not installed")
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    at_once = Retry(NoBackoff(), 0)  # by default each request would wait for seconds
    async with Redis(unix_socket_path=str(tmp_path / "nobody.sock"), retry=at_once) as nobody:
        app = App()
        app.middleware(rate_limit(1, 3600, buckets=RedisBuckets(nobody)))
        statuses = [(await ask(app, "GET", "/")).status for _ in range(3)]

    assert statuses == [404] * 3
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["rates are not limited"]


async def test_when_redis_is_back_it_counts_again(client: "Redis", key: str, caplog: pytest.LogCaptureFixture) -> None:
    buckets = RedisBuckets(client)
    await client.set("aiosock:rate:" + key, "nonsense")
    assert await buckets.take(key, 3600.0, 1) == 0.0  # the script fails
    await client.delete("aiosock:rate:" + key)

    assert await buckets.take(key, 3600.0, 1) == pytest.approx(3600, abs=60)
    assert await buckets.take(key, 3600.0, 1) > 3700
    assert len(caplog.records) == 1
