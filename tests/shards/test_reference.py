"""Reference data is followed: put into force whole, or refused whole; and what goes wrong has a name."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from ingestor.errors import ConfigError, IngestorError
from ingestor.settings import load
from shards.dialects import DIALECTS
from shards.reference import CURRENT, Reference, keep, read_kept, source_of, start

BTC = {"btc-usd": "{markets: [{provider: kraken-v2, symbol: BTC/USD}]}"}
ETH = {"eth-usd": "{markets: [{provider: kraken-v2, symbol: ETH/USD}]}"}
CIRCLE = {
    "usdt-usd": "{priced_with: [{instrument: usdt-eur, conversion: eur-usd}]}", "usdt-eur": "{}",
    "eur-usd": "{priced_with: [{instrument: eur-usdt, conversion: usdt-usd}]}", "eur-usdt": "{}", **BTC}
KEY = "{ing:main}:ref"
WITHIN_S = 10.0


class House:
    """A configuration, and a follower whose editions are only counted."""

    def __init__(self, folder, redis=None, *, now_ns=0, **written):
        self.folder, self.redis, self.now_ns = folder, redis, now_ns
        reference = {"poll_s": 0.1, "cache": str(folder / "kept.json")}
        if redis is not None:
            reference |= {"source": "redis", "redis": {"url": redis.url, "answer_within_s": 0.5}}
        (folder / "ingestor.yaml").write_text(json.dumps({"reference": reference, **written}))
        self.forces = []        # the instruments of each edition that was put into force
        self.failing = None

    def write(self, entries):
        if self.redis is None:
            text = "".join(f"  {name}: {text}\n" for name, text in entries.items())
            new = self.folder / "new"
            new.write_text(f"instruments:\n{text}")
            new.replace(self.folder / "instruments.yaml")
        else:
            fields = [part for pair in entries.items() for part in pair]
            self.redis("EVAL", "redis.call('del', KEYS[1]) redis.call('hset', KEYS[1], unpack(ARGV)) "
                               "return redis.call('incr', KEYS[2])", "2", KEY, f"{KEY}:ver", *fields)

    def loaded(self):
        return load(self.folder / "ingestor.yaml", DIALECTS, {})

    def started(self):
        return start(self.loaded()) if self.redis is not None else (self.loaded(), "")

    def prepare(self, configuration):
        if self.failing is not None:
            raise self.failing
        names = [instrument.id for instrument in configuration.instruments]
        return lambda: self.forces.append(names)

    def follow(self, story):
        """Run `story(reference)` while the follower runs."""
        configuration, _ = self.started()

        async def run():
            self.reference = Reference(
                configuration, source_of(configuration), self.prepare, planned_ns=self.now_ns,
                clock_ns=lambda: self.now_ns)
            following = asyncio.create_task(self.reference.run())
            try:
                async with asyncio.timeout(WITHIN_S):
                    await story(self.reference)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
        asyncio.run(run())
        return self.reference


async def until(holds):
    while not holds():  # noqa: ASYNC110  (what changes tells nobody)
        await asyncio.sleep(0.01)


@pytest.fixture(params=["files", "redis"])
def house(request, tmp_path):
    """A house with btc-usd, by either source."""
    made = House(tmp_path, request.getfixturevalue("redis") if request.param == "redis" else None)
    made.write(BTC)
    return made


def test_what_is_new_is_put_into_force(house):
    async def story(reference):
        before = reference.version
        house.write({**BTC, **ETH})
        await until(lambda: reference.version != before)
        assert reference.condition() == (True, "")

    assert house.follow(story).swaps == 1
    assert house.forces == [["btc-usd", "eth-usd"]]


def test_a_circle_of_conversions_is_refused_whole_and_named(house):
    async def story(reference):
        house.write(CIRCLE)
        await until(lambda: reference.refused)
        await asyncio.sleep(0.5)        # looked at again, and not counted again

    reference = house.follow(story)
    assert (reference.refused, reference.swaps, house.forces) == (1, 0, [])
    assert reference.state == "refused"
    assert "goes in a circle: usdt-usd needs eur-usd needs usdt-usd" in reference.reason


def test_what_is_mended_is_put_into_force(house):
    async def story(reference):
        house.write({**BTC, "eth-usd": "{markets: [{provider: nobody, symbol: X}]}"})
        await until(lambda: reference.state == "refused")
        assert "'nobody', no known provider" in reference.reason
        house.write({**BTC, **ETH})
        await until(lambda: reference.state == CURRENT)

    reference = house.follow(story)
    assert (reference.refused, reference.swaps) == (1, 1)


@pytest.mark.parametrize(("entry", "told"), [
    ("[1, 2", "no YAML"), ("{markets: [{provider: kraken-v2, symbol: A, state: closed}]}", "state is 'closed'"),
    ("{expiry: never}", "give a day"), ("{expiry: 9999-12-31}", "use 1970 to 2261"),
    ("{contract_size: 0}", "more than 0"),
    ("{tick_size: .nan}", "tick_size"), ("7", "mapping"),
    ("{markets: [{provider: kraken-v2, symbol: BTC/USD}]}", "is BTC/USD of kraken-v2 again"),
])
def test_each_contradiction_is_named(house, entry, told):
    async def story(reference):
        house.write({**BTC, "x-usd": entry})
        await until(lambda: reference.state == "refused")

    reference = house.follow(story)
    assert told in reference.reason
    assert house.forces == []


@pytest.mark.parametrize("failure", [ConfigError("too many markets"), MemoryError("no memory"), ZeroDivisionError()])
def test_what_cannot_be_built_leaves_the_old_in_force(house, failure):
    async def story(reference):
        before = reference.version
        house.failing = failure
        house.write({**BTC, **ETH})
        await until(lambda: reference.state == "refused")
        assert reference.version == before
        house.failing = None
        house.write({**BTC, **ETH, "x-usd": "{}"})
        await until(lambda: reference.state == CURRENT)

    house.follow(story)
    assert house.forces == [["btc-usd", "eth-usd", "x-usd"]]


def test_the_same_content_in_another_layout_is_no_news_and_the_same_version_everywhere(tmp_path):
    house = House(tmp_path)
    house.write(BTC)
    version = house.loaded().reference_version
    (tmp_path / "instruments.yaml").write_text(
        "# the same\ninstruments:\n  btc-usd:\n    markets:\n    - symbol: BTC/USD\n      provider: kraken-v2\n")
    assert house.loaded().reference_version == version
    assert 0 < version < 2**53
    house.write(ETH)
    assert house.loaded().reference_version != version


def test_a_file_that_is_gone_is_away_and_its_return_is_seen(tmp_path):
    house = House(tmp_path)
    house.write(BTC)

    async def story(reference):
        (tmp_path / "instruments.yaml").unlink()
        await until(lambda: reference.state == "away")
        assert "No such file" in reference.reason
        house.write(BTC)
        await until(lambda: reference.state == CURRENT)

    assert house.follow(story).swaps == 0


def test_half_a_file_is_left_alone_until_it_is_at_rest(tmp_path):
    house = House(tmp_path)
    house.write({**BTC, **ETH})

    async def story(reference):
        await asyncio.sleep(0.5)
        whole = (tmp_path / "instruments.yaml").read_text()
        with (tmp_path / "instruments.yaml").open("w") as file:
            for line in whole.splitlines(keepends=True):
                file.write(line)
                file.flush()
                await asyncio.sleep(0.15)
        await asyncio.sleep(0.6)

    assert (house.follow(story).swaps, house.reference.refused) == (0, 0)


def test_a_wish_to_look_is_answered_before_the_next_poll(tmp_path):
    house = House(tmp_path)
    house.write(BTC)
    text = (tmp_path / "ingestor.yaml").read_text()
    (tmp_path / "ingestor.yaml").write_text(text.replace('"poll_s": 0.1', '"poll_s": 3600'))

    async def story(reference):
        await asyncio.sleep(0.05)
        house.write({**BTC, **ETH})
        reference.look_soon()
        await until(lambda: reference.swaps)

    house.follow(story)


def test_what_has_ended_is_put_into_force_again_by_time_alone(tmp_path):
    end_ns = int(datetime(2027, 3, 26, 8, tzinfo=UTC).timestamp()) * 10**9
    house = House(tmp_path, now_ns=end_ns - 10**9)
    house.write({**BTC, "btc-usd-20270326": '{expiry: "2027-03-26T08:00:00Z"}'})

    async def story(reference):
        before = reference.version
        await asyncio.sleep(0.3)
        assert house.forces == []
        house.now_ns = end_ns
        await until(lambda: house.forces)
        await asyncio.sleep(0.3)
        assert reference.version == before

    house.follow(story)
    assert house.forces == [["btc-usd", "btc-usd-20270326"]]


def test_what_ends_while_a_set_is_built_ends_afterwards(tmp_path):
    end_ns = int(datetime(2027, 3, 26, 8, tzinfo=UTC).timestamp()) * 10**9
    house = House(tmp_path, now_ns=end_ns - 10**9)
    entry = '{expiry: "2027-03-26T08:00:00Z"}'
    house.write({**BTC, "btc-usd-20270326": entry})
    prepare = house.prepare

    def slow(configuration):
        house.now_ns = end_ns
        return prepare(configuration)

    house.prepare = slow

    async def story(reference):
        house.write({**BTC, **ETH, "btc-usd-20270326": entry})
        await until(lambda: len(house.forces) == 2)

    house.follow(story)
    assert house.forces == [["btc-usd", "eth-usd", "btc-usd-20270326"]] * 2


# Redis alone.

@pytest.fixture
def by_redis(tmp_path, redis):
    made = House(tmp_path, redis)
    made.write(BTC)
    return made


def test_its_version_is_the_version(by_redis):
    by_redis.redis("SET", f"{KEY}:ver", "41")

    async def story(reference):
        assert reference.version == 41
        by_redis.write({**BTC, **ETH})
        await until(lambda: reference.version == 42)

    by_redis.follow(story)


def test_a_hint_spares_the_wait(by_redis):
    text = (by_redis.folder / "ingestor.yaml").read_text()
    (by_redis.folder / "ingestor.yaml").write_text(text.replace('"poll_s": 0.1', '"poll_s": 3600'))

    async def story(reference):
        await asyncio.sleep(0.3)
        by_redis.write({**BTC, **ETH})
        by_redis.redis("PUBLISH", "ingestor:main", '{"kind": "ref", "ver": 2}')
        await until(lambda: reference.version == 2)

    by_redis.follow(story)


def test_redis_away_and_back_is_told_and_what_was_in_force_stays(by_redis):
    async def story(reference):
        by_redis.redis.stop()
        await until(lambda: reference.state == "away")
        assert reference.version == 1
        by_redis.redis.start()
        await until(lambda: reference.state in ("empty", "regressed"))      # it has forgotten everything
        by_redis.redis("SET", f"{KEY}:ver", "8")
        by_redis.write({**BTC, **ETH})
        await until(lambda: reference.version == 9 and reference.state == CURRENT)

    by_redis.follow(story)
    assert by_redis.forces == [["btc-usd", "eth-usd"]]


def test_a_version_that_falls_is_a_regression_and_nothing_changes(by_redis):
    by_redis.redis("SET", f"{KEY}:ver", "5")

    async def story(reference):
        by_redis.redis("SET", f"{KEY}:ver", "3")
        await until(lambda: reference.state == "regressed")
        assert "is 3, below 5, which is in force" in reference.reason

    assert by_redis.follow(story).swaps == 0


def test_a_refusal_outlives_an_outage(by_redis):
    async def story(reference):
        by_redis.write(CIRCLE)
        await until(lambda: reference.state == "refused")
        by_redis.redis.pause()
        await until(lambda: reference.state == "away")
        by_redis.redis.resume()
        await until(lambda: reference.state == "refused")

    assert by_redis.follow(story).refused == 1


def test_a_start_without_redis_takes_what_was_kept_and_says_so(by_redis):
    async def story(reference):
        by_redis.write({**BTC, **ETH})
        await until(lambda: reference.version == 2)
        await until(lambda: read_kept(by_redis.folder / "kept.json").version == 2)

    by_redis.follow(story)
    by_redis.redis.stop()
    configuration, why = by_redis.started()
    assert [each.id for each in configuration.instruments] == ["btc-usd", "eth-usd"]
    assert configuration.reference_version == 2
    assert why.startswith(f"version 2 of {by_redis.folder}/kept.json, since 127.0.0.1:{by_redis.redis.port}")


def test_a_start_with_a_redis_that_forgot_takes_what_was_kept(by_redis):
    by_redis.redis("SET", f"{KEY}:ver", "5")
    by_redis.started()
    by_redis.redis("SET", f"{KEY}:ver", "3")
    configuration, why = by_redis.started()
    assert (configuration.reference_version, "Redis has version 3" in why) == (5, True)


def test_a_start_with_a_contradiction_takes_what_was_kept(by_redis):
    by_redis.started()
    by_redis.write(CIRCLE)
    configuration, why = by_redis.started()
    assert (configuration.reference_version, "in a circle" in why) == (1, True)


def test_a_start_with_a_contradiction_and_nothing_kept_names_it(by_redis):
    by_redis.write(CIRCLE)
    with pytest.raises(ConfigError, match="in a circle"):
        by_redis.started()


def test_a_start_with_neither_says_what_to_do(by_redis):
    by_redis.redis.stop()
    with pytest.raises(IngestorError, match=r"no reference data: 127.*and none is kept in .*: mend Redis, or set"):
        by_redis.started()


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"version": 1}', '{"version": "x", "instruments": {}}',
                                     '{"version": 1, "instruments": []}', '{"version": null, "instruments": {}}'])
def test_a_damaged_copy_is_no_copy(tmp_path, damaged):
    (tmp_path / "kept.json").write_text(damaged)
    assert read_kept(tmp_path / "kept.json") is None


def test_a_folder_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    assert keep(tmp_path / "file" / "kept.json", 1, BTC)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_check_reads_redis_itself_and_not_the_copy(by_redis, command):
    by_redis.started()
    by_redis.write(CIRCLE)
    outcome = command("check", "--config", str(by_redis.folder / "ingestor.yaml"))
    assert (outcome.status, "in a circle" in outcome.err) == (2, True)
    by_redis.write(BTC)
    assert command("check", "--config", str(by_redis.folder / "ingestor.yaml")).status == 0
    by_redis.redis.stop()
    outcome = command("check", "--config", str(by_redis.folder / "ingestor.yaml"))
    assert (outcome.status, outcome.err.count("\n")) == (1, 1)
