"""A configuration becomes the parts of a shard: instruments, subscriptions, parameters, feed settings."""

import pytest

from ingestor.errors import ConfigError
from ingestor.pricing.parameters import PARAMETERS
from ingestor.settings import load
from ingestor.settings.models import ConsensusParameters
from shards.assembly import feed_settings, limits, plan
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


def test_an_instruments_own_parameters_replace_the_configurations(configuration):
    pricing = plan(configuration("pricing: {venues_min: 5, hold_s: 9}\n"), 0, DIALECTS).pricing
    assert pricing["btc-usd"] == {"venues_min": 5, "hold_s": 9.0}
    assert pricing["usdt-usd"] == {"venues_min": 2, "hold_s": 9.0}


def test_parameters_that_contradict_each_other_are_told_of_every_instrument(configuration):
    with pytest.raises(ConfigError) as raised:
        plan(configuration("pricing: {gate_min: 0.2, gate_max: 0.1}\n"), 0, DIALECTS)
    assert len(raised.value.faults) == 5
    told = "pricing of usdt-usd: pricing parameter gate_min is 0.2, above gate_max 0.1"
    assert raised.value.faults[0].startswith(told)


def test_every_parameter_of_the_method_can_be_set(configuration):
    assert set(ConsensusParameters.model_fields) == {parameter.name for parameter in PARAMETERS}


def test_a_feeds_settings_hold_the_key_and_only_the_limits_that_differ(configuration, tmp_path):
    loaded = configuration("providers: {kraken-v2: {url: ws://x, key_env: KEY, tls_ca_file: instruments.yaml, "
                           "limits: {silence_max_s: 3}}}\n")
    settings = feed_settings(loaded, DIALECTS["kraken-v2"])
    assert (settings.url, settings.key, settings.limits) == ("ws://x", "s3cret", {"silence_max_s": 3.0})
    assert settings.tls_ca_file == str(tmp_path / "instruments.yaml")
    assert limits(loaded, DIALECTS["kraken-v2"]).heartbeat_every_s == DIALECTS["kraken-v2"].limits.heartbeat_every_s
