"""A configuration becomes the parts of a shard: instruments, subscriptions, parameters, feed settings."""

from datetime import datetime

import pytest

from ingestor.errors import ConfigError
from ingestor.pricing.parameters import PARAMETERS
from ingestor.settings import load
from ingestor.settings.pricing import InstrumentPricing
from shards.assembly import feed_settings, limits, next_end_ns, plan
from shards.dialects import DIALECTS

INSTRUMENTS = """\
instruments:
  usdt-usd:
    pricing: {venues_min: 2}
    markets: [{provider: kraken-v2, symbol: USDT/USD}]
  btc-usd: {priced_with: [btc-usdt], markets: [{provider: coinbase-exchange, symbol: BTC-USD}]}
  btc-usdt: {markets: [{provider: binance-spot, symbol: BTCUSDT, channels: [trade]}]}
  btc-usdt-perp: {markets: [{provider: binance-usdm, symbol: BTCUSDT}]}
  sol-usd: {markets: [{provider: kaiko, symbol: sol-usd, section: spot, venue: gemini, venue_code: gmni}]}
"""


@pytest.fixture
def configuration(tmp_path):
    """A function that loads a configuration of two shards."""
    def loaded(settings="", instruments=INSTRUMENTS):
        (tmp_path / "ingestor.yaml").write_text(f"shards: 2\n{settings}")
        (tmp_path / "instruments.yaml").write_text(instruments)
        return load(tmp_path / "ingestor.yaml", DIALECTS, {"KEY": "s3cret"})
    return loaded


def test_a_shard_has_its_own_instruments_and_unpublished_the_conversions_they_need(configuration):
    rows = [{row.id: row.published for row in plan(configuration(), shard, DIALECTS).instruments.rows}
            for shard in (0, 1)]
    assert rows == [
        {"usdt-usd": False, "btc-usd": True, "btc-usdt": True, "btc-usdt-perp": True},
        {"usdt-usd": True, "sol-usd": True}]


def test_a_shard_subscribes_to_what_its_instruments_need(configuration):
    wanted = plan(configuration(), 1, DIALECTS).subscriptions
    assert {name: [(each.channel, each.symbol, each.section, each.venue) for each in subscriptions]
            for name, subscriptions in wanted.items()} == {
        "kraken-v2": [("trade", "USDT/USD", "", ""), ("ticker", "USDT/USD", "", "")],
        "kaiko": [("trades", "sol-usd", "spot", "gmni"), ("top_of_book", "sol-usd", "spot", "gmni")]}


def test_a_subscriptions_section_is_the_endpoint_that_carries_its_channel(configuration):
    wanted = plan(configuration(), 0, DIALECTS).subscriptions["binance-usdm"]
    assert {each.channel: each.section for each in wanted} == {
        "trade": "public", "bookTicker": "public", "markPrice@1s": "market"}


REFERENCE = """\
instruments:
  btc-usd-20270326:
    expiry: 2027-03-26T08:00:00Z
    tick_size: 0.5
    contract_size: 10
    inverse: true
    markets: [{provider: deribit, symbol: BTC-26MAR27}]
  btc-usd-20270327: {markets: [{provider: deribit, symbol: BTC-27MAR27}]}
  btc-usd:
    markets:
      - {provider: coinbase-exchange, symbol: BTC-USD}
      - {provider: kraken-v2, symbol: BTC/USD, state: halted, trust: 3}
      - {provider: bitstamp, symbol: btcusd, state: delisted}
      - {provider: gemini, symbol: BTCUSD, state: auction, contract_size: 2, tick_size: 0.01}
"""


def at(text):
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


@pytest.mark.parametrize(("now", "ended"), [
    ("2027-03-26T07:59:59Z", set()), ("2027-03-26T08:00:00Z", {"btc-usd-20270326"}),
    ("2027-03-27T23:59:59Z", {"btc-usd-20270326"}),
    ("2027-03-28T00:00:00Z", {"btc-usd-20270326", "btc-usd-20270327"}),     # a day ends with the day
])
def test_what_has_ended_stays_an_instrument_without_markets(configuration, now, ended):
    loaded = configuration(instruments=REFERENCE)
    planned = [plan(loaded, shard, DIALECTS, at(now)) for shard in (0, 1)]
    rows = [row for each in planned for row in each.instruments.rows]
    assert {row.id for row in rows if row.ended} == ended
    assert {row.id for row in rows if not row.sources} == ended
    wanted = [each.instrument for one in planned for each in one.subscriptions.get("deribit", ())]
    assert set(wanted) == {"btc-usd-20270326", "btc-usd-20270327"} - ended


def test_what_has_ended_may_be_kept_for_frames_of_the_past(configuration):
    loaded = configuration("reference: {expired: keep}\n", instruments=REFERENCE)
    planned = [plan(loaded, shard, DIALECTS, at("2029-01-01T00:00:00Z")) for shard in (0, 1)]
    assert not any(row.ended for each in planned for row in each.instruments.rows)
    assert next_end_ns(loaded, at("2026-01-01T00:00:00Z")) is None


def test_the_next_end_is_the_earliest_that_is_still_to_come(configuration):
    loaded = configuration(instruments=REFERENCE)
    assert next_end_ns(loaded, 0) == at("2027-03-26T08:00:00Z")
    assert next_end_ns(loaded, at("2027-03-26T08:00:00Z")) == at("2027-03-28T00:00:00Z")
    assert next_end_ns(loaded, at("2027-03-28T00:00:00Z")) is None


def test_frames_of_the_past_keep_what_has_expired_since(configuration):
    loaded = configuration("reference: {expired: keep}\n", instruments=REFERENCE)
    planned = plan(loaded, 0, DIALECTS, at("2030-01-01T00:00:00Z"))
    assert not any(row.ended or not row.sources for row in planned.instruments.rows)
    assert next_end_ns(loaded, 0) is None


def test_the_state_of_a_market_decides_its_vote_and_whether_it_is_subscribed(configuration):
    planned = plan(configuration(instruments=REFERENCE), 0, DIALECTS)
    row = next(row for row in planned.instruments.rows if row.id == "btc-usd")
    paths = planned.instruments.paths
    assert {paths[source.path].provider: (source.trust, paths[source.path].state) for source in row.sources} == {
        "coinbase-exchange": (1.0, 0), "kraken-v2": (0.0, 1), "gemini": (0.0, 2)}
    assert "bitstamp" not in planned.subscriptions
    assert "kraken-v2" in planned.subscriptions


def test_a_market_has_the_contract_of_its_instrument_or_its_own(configuration):
    planned = plan(configuration(instruments=REFERENCE), 0, DIALECTS)
    assert {path.provider: (path.contract_size, path.inverse, path.tick_size) for path in planned.instruments.paths
            if path.symbol != "BTC-27MAR27"} == {
        "deribit": (10.0, True, 0.5), "coinbase-exchange": (1.0, False, 0.0), "kraken-v2": (1.0, False, 0.0),
        "gemini": (2.0, False, 0.01)}


def test_an_instruments_own_parameters_replace_the_configurations(configuration):
    pricing = plan(configuration("pricing: {venues_min: 5, hold_s: 9}\n"), 0, DIALECTS).pricing
    assert pricing["btc-usd"] == {"method": "consensus_v1", "venues_min": 5, "hold_s": 9.0}
    assert pricing["usdt-usd"] == {"method": "consensus_v1", "venues_min": 2, "hold_s": 9.0}


def test_parameters_that_contradict_each_other_are_told_of_every_instrument(configuration):
    with pytest.raises(ConfigError) as raised:
        plan(configuration("pricing: {gate_min: 0.2, gate_max: 0.1}\n"), 0, DIALECTS)
    assert len(raised.value.faults) == 5
    told = "pricing of usdt-usd: pricing parameter gate_min is 0.2, above gate_max 0.1"
    assert raised.value.faults[0].startswith(told)


def test_a_method_that_marks_is_refused_where_there_is_no_index(configuration):
    with pytest.raises(ConfigError, match="pricing of usdt-usd: mark_default needs an index: add `index`"):
        plan(configuration("pricing: {method: mark_default}\n"), 0, DIALECTS)


def test_every_parameter_of_the_method_can_be_set(configuration):
    assert set(InstrumentPricing.model_fields) == {parameter.name for parameter in PARAMETERS}


def test_a_feeds_settings_hold_the_key_and_only_the_limits_that_differ(configuration, tmp_path):
    loaded = configuration("providers: {kraken-v2: {url: ws://x, key_env: KEY, tls_ca_file: instruments.yaml, "
                           "limits: {silence_max_s: 3}}}\n")
    settings = feed_settings(loaded, DIALECTS["kraken-v2"])
    assert (settings.url, settings.key, settings.limits) == ("ws://x", "s3cret", {"silence_max_s": 3.0})
    assert settings.tls_ca_file == str(tmp_path / "instruments.yaml")
    assert limits(loaded, DIALECTS["kraken-v2"]).heartbeat_every_s == DIALECTS["kraken-v2"].limits.heartbeat_every_s
