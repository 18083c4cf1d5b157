"""Tests of aiosock.web.sessions.stores: the contract of every store, in memory and in a real Redis."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aiosock.web.sessions.stores import MemoryStore, RedisStore, SessionStore
from tests.e2e.process import Process
from tests.web.clock import Clock

LIFETIME = 60


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The UNIX socket of a new Redis, which writes nothing to the disk."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    directory = tmp_path_factory.mktemp("redis")
    socket = directory / "s"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--daemonize", "no"]
    with Process(["redis-server", *options], cwd=directory) as process:
        process.await_output("accept connections at")
        yield socket


@pytest.fixture
async def redis(redis_socket: Path) -> AsyncIterator[Redis]:
    async with Redis(unix_socket_path=str(redis_socket)) as client:
        await client.flushall()
        yield client


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[SessionStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    async with Redis(unix_socket_path=str(request.getfixturevalue("redis_socket"))) as client:
        await client.flushall()
        yield RedisStore(client)


# Every store.


async def test_what_was_saved_is_loaded(store: SessionStore) -> None:
    await store.save("a", '{"name":"zoë"}', LIFETIME, new=True)

    assert await store.load("a") == '{"name":"zoë"}'
    assert await store.load("b") is None


async def test_what_was_saved_again_takes_its_place(store: SessionStore) -> None:
    assert await store.save("a", "1", LIFETIME, new=True)
    assert await store.save("a", "2", LIFETIME, new=False)

    assert await store.load("a") == "2"


async def test_what_was_deleted_is_gone(store: SessionStore) -> None:
    await store.save("a", "1", LIFETIME, new=True)
    await store.save("b", "2", LIFETIME, new=True)
    await store.delete("a")
    await store.delete("never there")

    assert await store.load("a") is None
    assert await store.load("b") == "2"


async def test_what_was_deleted_meanwhile_does_not_come_back(store: SessionStore) -> None:
    await store.save("a", "1", LIFETIME, new=True)
    await store.delete("a")

    assert not await store.save("a", "2", LIFETIME, new=False)
    assert await store.load("a") is None


# In memory.


async def test_a_session_in_memory_ends_a_lifetime_after_it_was_saved(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    await store.save("a", "1", LIFETIME, new=True)
    clock.now += LIFETIME - 1
    await store.save("a", "2", LIFETIME, new=False)

    clock.now += LIFETIME - 1
    assert await store.load("a") == "2"
    clock.now += 1
    assert await store.load("a") is None
    await store.save("a", "3", LIFETIME, new=False)
    assert await store.load("a") is None


async def save_new(store: MemoryStore, prefix: str, count: int, text: str = "1") -> None:
    for number in range(count):
        assert await store.save(f"{prefix}{number}", text, LIFETIME, new=True)


async def test_memory_forgets_what_was_used_longest_ago(clock: Clock) -> None:
    store = MemoryStore(3, clock=clock)
    await save_new(store, "a", 3)
    for id in ("a1", "a2", "a0", "a1"):
        await store.load(id)
    await store.save("a2", "2", LIFETIME, new=False)
    await store.save("b", "4", LIFETIME, new=True)

    assert [await store.load(id) for id in ("a0", "a1", "a2", "b")] == [None, "1", "2", "4"]
    assert len(store) == 3


async def test_new_visitors_do_not_displace_those_who_come_back() -> None:
    store = MemoryStore(100)
    await save_new(store, "user", 75)
    for number in range(75):
        assert await store.load(f"user{number}") == "1"
    await save_new(store, "visitor", 1000)

    assert [await store.load(f"user{number}") for number in range(75)] == ["1"] * 75
    assert len(store) == 100


async def test_a_new_visitor_has_place_in_a_store_full_of_others() -> None:
    store = MemoryStore(100)
    await save_new(store, "user", 100)
    for number in range(100):
        await store.load(f"user{number}")
    await save_new(store, "visitor", 20)

    assert [await store.load(f"visitor{number}") for number in range(20)] == ["1"] * 20
    assert (await store.load("user0"), await store.load("user99"), len(store)) == (None, "1", 100)


async def test_memory_has_a_bound_in_bytes() -> None:
    store = MemoryStore(max_bytes=100_000)
    await save_new(store, "user", 1)
    await store.load("user0")
    await save_new(store, "visitor", 100, "x" * 9_500)

    assert await store.load("user0") == "1"
    assert (len(store), await store.load("visitor99")) == (10, "x" * 9_500)
    for id in ["user0", *(f"visitor{number}" for number in range(100))]:
        await store.delete(id)
    assert (len(store), store._bytes) == (0, 0)
    with pytest.raises(ValueError, match="larger than the store of 100000 bytes"):
        await store.save("large", "x" * 100_000, LIFETIME, new=True)


async def test_what_is_over_leaves_memory(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    for id in "abcdef":
        await store.save(id, "1", LIFETIME, new=True)
    clock.now += LIFETIME
    await store.load("c")
    await store.save("g", "1", LIFETIME, new=True)

    assert len(store) == 1


# In Redis.


async def test_redis_is_told_the_lifetime_each_time(redis: Redis) -> None:
    store = RedisStore(redis)
    await store.save("a", "1", LIFETIME, new=True)
    assert 0 < await redis.ttl("aiosock:session:a") <= LIFETIME
    await store.save("a", "1", 100 * LIFETIME, new=False)
    assert LIFETIME < await redis.ttl("aiosock:session:a") <= 100 * LIFETIME


async def test_what_redis_has_let_go_is_gone(redis: Redis) -> None:
    store = RedisStore(redis)
    await store.save("a", "1", LIFETIME, new=True)
    await redis.expire("aiosock:session:a", 0)

    assert await store.load("a") is None


async def test_two_stores_in_one_redis_do_not_see_each_other(redis: Redis) -> None:
    one, other = RedisStore(redis, "one:"), RedisStore(redis, "other:")
    await one.save("a", "1", LIFETIME, new=True)
    await other.delete("a")

    assert (await one.load("a"), await other.load("a")) == ("1", None)


async def test_a_client_may_decode(redis_socket: Path, redis: Redis) -> None:
    async with Redis(unix_socket_path=str(redis_socket), decode_responses=True) as client:
        store = RedisStore(client)
        await store.save("a", "ë", LIFETIME, new=True)

        assert await store.load("a") == await RedisStore(redis).load("a") == "ë"
