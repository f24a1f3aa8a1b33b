"""Each simulated dialect over real sockets, through our real feed and decoder: what was sent is what is decoded."""

import asyncio
from collections import Counter

import pytest
from conversing import bounded, plain, until

from ingestor.decode import Decoder
from ingestor.feeds.feed import Feed, FeedSettings
from ingestor.providers.registry import MODULES, load
from ingestor.providers.session import Subscription
from ingestor.records import STATUS_NAMES
from ingestor.simulator import Simulator, SimulatorSpec, presets
from ingestor.simulator.dialects.gemini import FAST, FAST_CHANNELS
from ingestor.simulator.dialects.registry import DIALECTS, NAMES, traits
from ingestor.simulator.engine import BAR, QUOTE, REFERENCE, TRADES
from ingestor.simulator.kaiko_messages import INDEX_PREFIX
from ingestor.simulator.market import REFERENCE_DIGITS

LEVELS = {"trades": TRADES, "quotes": QUOTE, "bars": BAR, "reference": REFERENCE}
IDLESS = ("kraken-v1",)
DEPTH = "l2"        # Gemini's quotes stand in its book there: our decoder takes its trades only
READY = sorted(set(NAMES) & set(MODULES))
STATUSES = {name: number for number, name in enumerate(STATUS_NAMES)}
ENOUGH = {TRADES: 60, QUOTE: 60, BAR: 1, REFERENCE: 1}


class Heard:
    """An intake that decodes the frames of one connection."""

    def __init__(self, dialect, records):
        self._decoder, self._records = Decoder(dialect), records
        self.statuses = Counter()

    def feed_bytes(self, frame, recv_ns):
        status, records = self._decoder.decode(frame, recv_ns)
        self.statuses[status] += 1
        self._records += records
        return STATUSES[status]

    def drained_now(self):
        pass

    def close(self):
        pass


def wanted(name, markets):
    """Every channel that both sides have, of every market that has its level."""
    provider, dialect = load(name), None if name == "kaiko" else DIALECTS[name](None, lambda: 0)
    for market in markets:
        for channel in provider.channels:
            if dialect is not None and not dialect.offers(market, channel.name):
                continue
            if name == "gemini" and (channel.name in FAST_CHANNELS) != (market.section == FAST):
                continue        # each of its two APIs has channels and symbols of its own
            if channel.level == "reference" and market.data_class == "spot" and not traits(name).rates:
                continue
            if channel.name == "derivatives_metrics" and market.data_class == "spot":
                continue        # Kaiko has them of derivatives only
            symbol = market.symbol
            if name == "kaiko" and channel.name == "index":
                symbol = f"{INDEX_PREFIX}{market.base}{market.quote}".upper()
            section = provider.session.endpoint_section(channel.name, market.section)
            yield Subscription(channel.name, symbol, section, market.venue_code, market.instrument)


def conversed(name):
    """(records, [(channel, happening)], statuses) of a feed on a simulator, at a moment when nothing is under way."""
    async def within():
        records, sent, intakes = [], [], []
        simulator = Simulator(SimulatorSpec(markets="every", dialects=(name,), rate=1000.0, bursts=False))
        simulator.listeners.append(lambda dialect, channel, happening: sent.append((channel, happening)))
        addresses = await simulator.start()
        try:
            await talked(name, simulator, addresses[name], sent,
                         lambda section, connection: intakes.append(Heard(name, records)) or intakes[-1])
        finally:
            await simulator.stop()
        return records, sent, sum((intake.statuses for intake in intakes), Counter())

    return bounded(within())


async def talked(name, simulator, url, sent, opened):
    """Subscribe to everything, wait for enough of each level, and leave."""
    feed = Feed(load(name), FeedSettings(url=url, limits={"connects_per_minute_max": 0}), opened)
    subscriptions = list(wanted(name, simulator.markets))
    feed.set_subscriptions(subscriptions)
    levels = {LEVELS[channel.level] for channel in feed.provider.channels
              if channel.name in {each.channel for each in subscriptions}}
    async with asyncio.TaskGroup() as group:
        group.create_task(feed.run())
        await until(lambda: all(stats.active == stats.wanted for stats in feed.stats()))
        await until(lambda: all(sum(happening.kind == level for _, happening in sent) >= ENOUGH[level]
                                for level in levels))
        simulator.hold()
        await asyncio.sleep(0.15)       # what is on its way arrives
        await feed.stop()


@pytest.mark.parametrize("name", READY)
def test_what_a_simulated_provider_says_is_what_our_feed_and_decoder_make_of_it(name):
    records, sent, statuses = conversed(name)
    assert set(statuses) <= {"decoded", "control", "ignored"}
    live = [record for record in records if not record["snapshot"]]
    assert Counter(map(trade_of, kind(live, "trade"))) == Counter(trades_sent(name, sent))
    assert_sides(kind(records, "quote"), [each for each in sent if each[0] != DEPTH])
    assert bars_sent(sent) <= {bar_of(record) for record in kind(records, "bar")}
    assert_references(kind(records, "reference"), sent)


def test_every_dialect_is_simulated_and_has_a_market_among_every():
    assert {market.dialect for market in presets.PRESETS["every"]} == set(NAMES)
    assert set(MODULES) <= set(NAMES)


def kind(records, name):
    return [record for record in records if record["kind"] == name]


def trade_of(record):
    return (record["symbol"], record["id"], record["side"], record["price"], record["size"], record["ts_event_ns"])


def trades_sent(name, sent):
    """As records have them, once a channel that was subscribed to."""
    dialect = None if name == "kaiko" else DIALECTS[name](None, lambda: 0)
    for _, (market, happened, payload) in sent:
        for trade in payload if happened == TRADES else ():
            spec = market.spec
            number = str(trade.id) if dialect is None else dialect.trade_id(market, trade)
            yield (spec.symbol, None if name in IDLESS else number, trade.side,
                   plain(trade.price, spec.price_digits), plain(trade.size, spec.size_digits), trade.ts_ns)


def assert_sides(records, sent):
    """Each side that was sent arrived, and no price that was not; sizes where the channel has the top's."""
    expected, sizes = set(), set()
    for _, (market, happened, quote) in sent:
        if happened == QUOTE:
            spec = market.spec
            for side, price, size in (("bid", quote.bid, quote.bid_size), ("ask", quote.ask, quote.ask_size)):
                expected.add((spec.symbol, side, plain(price, spec.price_digits)))
                sizes.add((spec.symbol, side, plain(price, spec.price_digits), plain(size, spec.size_digits)))
    found = [(record["symbol"], side, record[side], record[f"{side}_size"]) for record in records
             for side in ("bid", "ask") if record[side] is not None]
    replayed = 4 * len({(record["symbol"], record["kind"]) for record in records})
    assert not records or expected <= {each[:3] for each in found}
    assert len({each[:3] for each in found} - expected) <= replayed
    assert len({each for each in found if each[3] is not None} - sizes) <= replayed


def bar_of(record):
    return tuple(record[key] for key in ("symbol", "start_ns", "open", "high", "low", "close", "volume"))


def bars_sent(sent):
    return {(market.spec.symbol, bar.start_ns,
             *(plain(units, market.spec.price_digits) for units in (bar.open, bar.high, bar.low, bar.close)),
             plain(bar.volume, market.spec.size_digits)) for _, (market, happened, bar) in sent if happened == BAR}


def assert_references(records, sent):
    """Every value that a channel sends came as it was sent."""
    found = {key: {record[key] for record in records if key in record} for key in ("mark", "index", "funding")}
    for key, field in (("mark", "mark_price"), ("index", "index_price"), ("funding", "funding")):
        expected = {plain(getattr(reference, field), REFERENCE_DIGITS) for _, (_, happened, reference) in sent
                    if happened == REFERENCE}
        # A delta leaves funding out: then there is only what a replay said.
        assert not found[key] or expected <= found[key] or (key == "funding" and len(found[key]) == 1), key
    assert not any(happened == REFERENCE for _, (_, happened, _) in sent) or any(found.values())
