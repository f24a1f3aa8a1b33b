"""Synthetic markets: deterministic, numbered without holes, near one another, and wrong on demand."""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from conversing import START_NS, engine, happenings, trouble

from ingestor.errors import ConfigError
from ingestor.simulator import presets
from ingestor.simulator.dialects.registry import traits
from ingestor.simulator.engine import BAR, CATCH_UP_STEPS_MAX, QUOTE, REFERENCE, STEP_NS, TRADES, Engine
from ingestor.simulator.spec import AssetSpec, Fault, MarketSpec, SimulatorSpec


def told(found):
    return [(market.spec, kind, payload) for market, kind, payload in found]


def relative(market, quote):
    """Its middle, against what the market is worth."""
    return (quote.bid + quote.ask) / 2 * 10.0**-market.spec.price_digits / market.fair() - 1


def test_the_same_seed_gives_the_same_happenings():
    assert told(happenings(engine(7), 1.0)) == told(happenings(engine(7), 1.0))


def test_another_seed_gives_others():
    assert told(happenings(engine(7), 0.1)) != told(happenings(engine(8), 0.1))


def test_happenings_do_not_depend_on_how_late_the_caller_is():
    prompt, late = engine(), engine()
    found = []
    for step in range(1, 21):
        for happened in prompt.advance(prompt.now_ns + STEP_NS):
            found += happened
        assert step
    assert told(found) == told([each for step in late.advance(late.now_ns + 20 * STEP_NS) for each in step])


def test_who_is_away_for_long_skips_the_time_and_is_told():
    running = engine()
    away_ns = (CATCH_UP_STEPS_MAX + 100) * STEP_NS
    assert len(list(running.advance(running.now_ns + away_ns))) == CATCH_UP_STEPS_MAX
    assert running.skipped_ns == 100 * STEP_NS


def test_trade_ids_and_sequences_rise_by_one_in_every_market():
    ids, sequences = defaultdict(list), defaultdict(list)
    for market, kind, payload in happenings(engine(), 2.0):
        if kind == TRADES:
            ids[market] += [trade.id for trade in payload]
            sequences[market] += [trade.sequence for trade in payload]
        elif kind == QUOTE:
            sequences[market].append(payload.sequence)
    assert all(later - earlier == 1 for found in ids.values() for earlier, later in pairwise(found))
    assert all(later > earlier for found in sequences.values() for earlier, later in pairwise(found))


def test_times_of_a_market_never_step_back_and_keep_its_resolution():
    last = defaultdict(int)
    for market, kind, payload in happenings(engine(), 1.0):
        if kind not in (BAR, REFERENCE):
            ts_ns = payload[0].ts_ns if kind == TRADES else payload.ts_ns
            assert ts_ns >= last[market]
            last[market] = ts_ns
            assert market.spec.dialect != "binance-spot" or ts_ns % 1_000_000 == 0


@pytest.mark.parametrize("bursts", [True, False])
def test_the_rate_is_kept_on_average(bursts):
    messages = 0
    for market, kind, payload in happenings(engine(3, 1000, bursts=bursts), 60.0):
        if kind in (BAR, REFERENCE):    # once a second, asked for or not: beside the rate
            continue
        joined = market.spec.dialect in ("kraken-v2", "bybit-v5")
        messages += len(payload) if kind == TRADES and not joined else 2 if (
            kind == QUOTE and market.spec.dialect == "kaiko") else 1
    assert messages / 60 == pytest.approx(1000, rel=0.25 if bursts else 0.05)


def test_there_are_bursts_and_calm():
    counts = Counter()
    for _, kind, payload in happenings(engine(3, 1500), 20.0):
        if kind == QUOTE:
            counts[payload.ts_ns // 100_000_000] += 1
    assert max(counts.values()) > 3 * sorted(counts.values())[len(counts) // 2]


def test_every_venue_stays_near_the_latent_price_and_asks_more_than_it_bids():
    for market, kind, payload in happenings(engine(), 5.0):
        if kind == QUOTE:
            assert payload.bid < payload.ask
            assert abs(relative(market, payload)) < 0.005


def test_the_stablecoins_stay_off_parity():
    prices = [payload.bid for market, kind, payload in happenings(engine(rate=1000), 20.0)
              if kind == QUOTE and market.spec.symbol == "USDT/USD"]
    assert all(0.9965 < price / 1e5 < 0.9999 for price in prices)


def test_sizes_have_a_heavy_tail():
    sizes = sorted(trade.size for market, kind, payload in happenings(engine(5), 5.0) if kind == TRADES
                   and market.spec.symbol == "BTCUSDT" for trade in payload)
    assert sizes[-1] > 20 * sizes[len(sizes) // 2]


def test_a_venue_off_by_six_percent_is_off_and_comes_back():
    running = engine()
    trouble(running, "bitfinex", "off")
    off = [relative(market, payload) for market, kind, payload in happenings(running, 3.0)
           if kind == QUOTE and market.spec.venue == "bitfinex"]
    trouble(running, "bitfinex", "")
    back = [relative(market, payload) for market, kind, payload in happenings(running, 3.0)
            if kind == QUOTE and market.spec.venue == "bitfinex"]
    assert all(0.055 < each < 0.065 for each in off)
    assert all(abs(each) < 0.005 for each in back)


def test_a_stuck_venue_goes_on_quoting_around_one_price():
    running = engine()
    happenings(running, 1.0)
    trouble(running, "bitfinex", "stuck")
    sums = [payload.bid + payload.ask for market, kind, payload in happenings(running, 5.0)
            if kind == QUOTE and market.spec.symbol == "btc-usd" and market.spec.venue == "bitfinex"]
    assert len(sums) > 10
    assert max(sums) - min(sums) <= 2   # units of rounding


@pytest.mark.parametrize(("kind_of_trouble", "claim"), [
    ("wide", lambda quote: (quote.ask - quote.bid) / quote.bid > 0.02),
    ("crossed", lambda quote: quote.bid > quote.ask)])
def test_a_wide_or_crossed_venue_quotes_so(kind_of_trouble, claim):
    running = engine()
    trouble(running, "bitfinex", kind_of_trouble)
    quotes = [payload for market, kind, payload in happenings(running, 3.0)
              if kind == QUOTE and market.spec.venue == "bitfinex"]
    assert quotes
    assert all(claim(quote) for quote in quotes)


def test_a_quiet_venue_says_nothing_while_the_others_go_on():
    running = engine()
    trouble(running, "bitfinex", "quiet")
    venues = {market.spec.venue for market, _, _ in happenings(running, 3.0)}
    assert "bitfinex" not in venues
    assert "kraken" in venues


def test_a_market_of_an_unpriced_asset_is_refused_by_name():
    with pytest.raises(ConfigError, match="'pepe'"):
        engine(markets=[MarketSpec("kraken-v2", "PEPE/USD", "pepe-usd", "kraken", "pepe", "usd")])


def test_own_assets_price_own_markets():
    spec = SimulatorSpec(assets=(AssetSpec("pepe", 0.00001),), markets=(
        MarketSpec("kraken-v2", "PEPE/USD", "pepe-usd", "kraken", "pepe", "usd", price_digits=10, size_digits=0),))
    assert presets.markets(spec)[0].instrument == "pepe-usd"
    assert any(asset.name == "pepe" for asset in presets.assets(spec))


@pytest.mark.parametrize("text", ["off", "off@", "off@x", "warp@3", "off@-1", "off@1:x"])
def test_a_fault_that_can_not_be_read_is_refused(text):
    with pytest.raises(ConfigError):
        Fault.parse(text)


def test_a_fault_names_kind_target_time_and_duration():
    assert Fault.parse("off/bitfinex@20:15") == Fault("off", 20.0, 15.0, "bitfinex")
    assert Fault.parse("cut@3") == Fault("cut", 3.0)


@pytest.mark.parametrize("wrong", [
    {"rate": 0}, {"rate": 1e9}, {"speed": 0}, {"tls_cert_file": "a.pem"}, {"captures": "x", "blast": object()}])
def test_a_wrong_spec_is_refused_when_it_is_made(wrong):
    with pytest.raises(ConfigError):
        SimulatorSpec(**wrong)


@pytest.mark.parametrize("wrong", [{"markets": "nowhere"}, {"dialects": ("nowhere",)}])
def test_an_unknown_preset_or_dialect_is_refused_with_the_known_ones(wrong):
    with pytest.raises(ConfigError, match="use one of"):
        presets.markets(SimulatorSpec(**wrong))


def test_one_venues_market_is_told_alike_by_each_provider_that_has_it():
    running = engine()
    found = [each for each in happenings(running, 5.0) if each.market.spec.instrument == "btc-usd"
            and each.market.spec.venue == "bitstamp" and each.kind in (TRADES, QUOTE)]
    coinapi, kaiko = ([each for each in found if each.market.spec.dialect == name] for name in ("coinapi", "kaiko"))
    assert len(coinapi) == len(kaiko) > 20
    for first, second in zip(coinapi, kaiko, strict=True):
        one, other = (each.payload if each.kind == TRADES else [each.payload] for each in (first, second))
        assert [each._replace(ts_ns=0) for each in one] == [each._replace(ts_ns=0) for each in other]
    assert [trade.id for trade in coinapi[0].market.history] == [trade.id for trade in kaiko[0].market.history]


def test_a_provider_that_is_served_alone_needs_no_other_for_its_markets():
    spec = SimulatorSpec(dialects=("kaiko",))
    running = Engine(presets.markets(spec), presets.assets(spec), traits, seed=1, rate=5000.0, start_ns=START_NS)
    assert any(each.market.spec.venue == "bitstamp" for each in happenings(running, 1.0))


def test_a_market_told_by_a_provider_without_it_is_refused():
    spec = SimulatorSpec()
    wrong = [replace(presets.PRESETS["demo"][0], told_by="gemini")]
    with pytest.raises(ConfigError, match="told by gemini, which has no"):
        Engine(wrong, presets.assets(spec), traits, seed=1, rate=1.0, start_ns=START_NS)
