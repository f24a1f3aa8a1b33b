"""Redis as it is, and as it fails: each way has a word."""

import asyncio
import contextlib

import pytest
from pydantic import SecretStr

from ingestor.settings.reference import RedisSettings
from shards import store_redis
from shards.store_redis import RedisStore, StoreFault
from tests.feeds.certificates import Authority
from tests.services import Redis, free_port

KEY, VERSION, CHANNEL = "{ing:main}:ref", "{ing:main}:ref:ver", "ingestor:main"


def settings(url, password="", **more):
    found = RedisSettings(url=url, answer_within_s=more.pop("answer_within_s", 2.0), **more)
    found._password = SecretStr(password)
    return found


def asked(url, ask, **more):
    """What a store answers."""
    async def run():
        store = RedisStore(settings(url, **more))
        try:
            return await ask(store)
        finally:
            await store.close()
    return asyncio.run(run())


def failed(url, ask=RedisStore.read, **more):
    """The word and the text of a failure."""
    with pytest.raises(StoreFault) as fault:
        asked(url, ask, **more)
    return fault.value.state, str(fault.value)


def test_entries_and_version_are_read_of_one_moment(redis):
    redis("HSET", KEY, "btc-usd", "{markets: []}", "eth-usd", "x: ü")
    redis("SET", VERSION, "41")
    redis("INCR", VERSION)
    assert asked(redis.url, RedisStore.read) == (42, {"btc-usd": "{markets: []}", "eth-usd": "x: ü"})
    assert asked(redis.url, RedisStore.version) == 42


def test_clusters_share_a_redis_by_their_names(redis):
    redis("SET", "{ing:other}:ref:ver", "7")
    assert asked(redis.url, RedisStore.version, cluster="other") == 7
    assert failed(redis.url)[0] == "empty"


def test_what_nobody_has_written_is_empty(redis):
    assert failed(redis.url) == (
        "empty", f"{VERSION} is not in 127.0.0.1:{redis.port}: write {KEY}, then raise it")


@pytest.mark.parametrize("version", ["0", "-3", "1.5", "new", "9223372036854775808", "", "١٢"])
def test_a_version_that_is_no_number_above_0_is_misread(redis, version):
    redis("SET", VERSION, version)
    state, told = failed(redis.url)
    assert state == "misread"
    assert "make it a number above 0" in told


def test_the_largest_version_is_the_largest_that_a_record_holds(redis):
    redis("SET", VERSION, "9223372036854775807")
    assert asked(redis.url, RedisStore.version) == 2**63 - 1


def test_a_key_of_another_type_is_misread(redis):
    redis("SET", KEY, "text")
    assert failed(redis.url)[0] == "misread"


def test_more_entries_than_a_shard_can_hold_are_refused_unread(redis, monkeypatch):
    monkeypatch.setattr(store_redis, "ENTRIES_MAX", 2)
    redis("SET", VERSION, "1")
    redis("HSET", KEY, "a", "", "b", "")
    assert len(asked(redis.url, RedisStore.read)[1]) == 2
    redis("HSET", KEY, "c", "")
    state, told = failed(redis.url)
    assert state == "misread"
    assert "3 fields, more than 2" in told


def test_bytes_that_are_no_text_are_misread(redis):
    redis("SET", VERSION, "1")
    redis("EVAL", r"redis.call('hset', KEYS[1], 'btc-usd', '\255\254')", "1", KEY)
    assert failed(redis.url)[0] == "misread"


def test_nobody_there_is_away():
    assert failed(f"redis://127.0.0.1:{free_port()}")[0] == "away"


def test_a_redis_that_stands_still_is_away_within_the_time(redis):
    redis.pause()
    try:
        state, told = failed(redis.url, answer_within_s=0.3)
    finally:
        redis.resume()
    assert (state, "0.3" in told or "imeout" in told) == ("away", True)


def test_a_missing_or_wrong_password_is_denied_and_the_right_one_is_not(tmp_path):
    server = Redis(tmp_path, "--requirepass", "open sesame").start()
    try:
        server("SET", VERSION, "3", password="open sesame")
        for password in ("", "wrong"):
            state, told = failed(server.url, password=password)
            assert (state, "wrong" in told.split()) == ("denied", False)
        assert asked(server.url, RedisStore.version, password="open sesame") == 3
    finally:
        server.stop()


def test_rights_that_are_missing_are_denied(redis):
    redis("SET", VERSION, "3")
    redis("ACL", "SETUSER", "reader", "on", ">secret", "+get", "~*")
    user = {"username": "reader", "password": "secret"}
    assert asked(redis.url, RedisStore.version, **user) == 3
    assert failed(redis.url, **user)[0] == "denied"
    assert failed(redis.url, lambda store: store.hint(0.1), **user)[0] == "denied"


def test_the_rights_that_the_manual_names_are_enough(redis):
    redis("SET", VERSION, "3")
    redis("ACL", "SETUSER", "reader", "on", ">secret", "resetchannels", f"&{CHANNEL}", "%R~{ing:main}:*", "-@all",
          "+get", "+hlen", "+hgetall", "+multi", "+exec", "+subscribe", "+@connection")
    user = {"username": "reader", "password": "secret"}
    assert asked(redis.url, RedisStore.read, **user) == (3, {})
    assert asked(redis.url, lambda store: store.hint(0.05), **user) is False


def test_with_tls_only_the_given_authority_is_trusted(tmp_path):
    ours, other = Authority(tmp_path), Authority(tmp_path, "other authority")
    chain, key = ours.issue("127.0.0.1")
    tls = free_port()
    server = Redis(tmp_path, "--tls-port", str(tls), "--tls-cert-file", str(chain), "--tls-key-file", str(key),
                   "--tls-auth-clients", "no").start()

    async def read(authority):
        store = RedisStore(settings(f"rediss://127.0.0.1:{tls}/0"), str(authority.file))
        try:
            return await store.version()
        finally:
            await store.close()

    try:
        server("SET", VERSION, "4")
        assert asyncio.run(read(ours)) == 4
        with pytest.raises(StoreFault, match="certificate verify failed") as fault:
            asyncio.run(read(other))
        assert fault.value.state == "away"
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def impostor(answer):
    """A server that is no Redis."""
    async def met(reader, writer):
        with contextlib.suppress(OSError):
            while await reader.read(4096):
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(("answer", "states"), [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", {"misread"}),
    (b"\x16\x03\x01\x00\x2a\x00\x00\r\n", {"misread"}),
    (b"\xff\xfe\r\n", {"misread"}),
    (b":notanumber\r\n", {"misread"}),
    (b"*-7\r\n", {"misread"}),
    (b"$99999999999\r\n", {"away"}),
    (b"+" + b"x" * 1000, {"away"}),
    (b"*100000\r\n" * 5, {"away", "misread"}),
    (b"", {"away"}),
    (None, {"away"}),
], ids=["http", "tls", "bytes", "number", "array", "long", "endless", "nested", "silent", "closing"])
def test_what_is_no_redis_is_told_within_the_time(answer, states):
    async def run():
        async with impostor(answer) as url:
            store = RedisStore(settings(url, answer_within_s=0.3))
            try:
                await store.read()
            finally:
                await store.close()

    with pytest.raises(StoreFault) as fault:
        asyncio.run(run())
    assert fault.value.state in states


def test_a_hint_about_reference_data_ends_the_wait_and_others_do_not(redis):
    async def run():
        store = RedisStore(settings(redis.url))
        heard = []
        assert await store.hint(0.05) is False      # subscribed from now on
        for message in ("no json", "[1]", '{"kind": "map", "ver": 3}', "[" * 100_000):
            redis("PUBLISH", CHANNEL, message[:4000])
            heard.append(await store.hint(0.1))
        redis("PUBLISH", CHANNEL, '{"kind": "ref", "ver": 3}')
        heard.append(await store.hint(5))
        await store.close()
        return heard

    assert asyncio.run(run()) == [False] * 4 + [True]


def test_a_listener_that_was_interrupted_or_cut_off_listens_again(redis):
    async def run():
        store = RedisStore(settings(redis.url))
        waiting = asyncio.create_task(store.hint(30))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await store.hint(0.05) is False
        await asyncio.to_thread(redis, "CLIENT", "KILL", "TYPE", "pubsub")
        with pytest.raises(StoreFault) as fault:
            await store.hint(5)
        assert fault.value.state == "away"
        assert await store.hint(0.05) is False
        await asyncio.to_thread(redis, "PUBLISH", CHANNEL, '{"kind": "ref"}')
        assert await store.hint(5) is True
        await store.close()

    asyncio.run(run())
