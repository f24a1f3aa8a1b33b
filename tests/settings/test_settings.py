"""The configuration: what it means, and that secrets stay secret."""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ingestor.settings import Configuration, PricedWith, TopicSettings
from ingestor.settings.manual import manual
from ingestor.settings.markets import InstrumentEntry, MarketEntry
from ingestor.settings.models import ProviderSettings, Settings

ROOT = Path(__file__).resolve().parent.parent.parent


def market_of(configuration: Configuration, instrument: str):
    return next(market for market in configuration.markets if market.instrument == instrument)


# What is meant.

def test_an_empty_file_is_a_configuration(loaded):
    settings = loaded("").settings
    assert (settings.shards, settings.sink.kind, settings.http.port) == (1, "files", 9108)


def test_a_market_gets_the_usual_channels_of_the_levels_of_its_data_class(loaded):
    configuration = loaded()
    assert market_of(configuration, "btc-usdt").channels == ("trade", "book")
    assert market_of(configuration, "btc-usd").channels == ("deals", "top")
    assert market_of(configuration, "btc-usdt-perp").channels == ("deals", "top", "mark")


def test_levels_and_channels_replace_the_usual_ones(loaded):
    configuration = loaded(instruments="""\
instruments:
  btc-usdt: {markets: [{provider: alpha-spot, symbol: BTCUSDT, levels: [bars]}]}
  eth-usdt: {markets: [{provider: alpha-spot, symbol: ETHUSDT, channels: [aggTrade]}]}
""")
    assert [market.channels for market in configuration.markets] == [("kline",), ("aggTrade",)]


def test_an_exchange_is_its_own_venue_and_an_aggregators_market_names_one(loaded):
    configuration = loaded(instruments="""\
instruments:
  btc-usdt:
    markets:
      - {provider: alpha-spot, symbol: BTCUSDT}
      - {provider: gamma, symbol: btc-usdt, venue: delta, venue_code: dlt}
""")
    assert [(market.venue, market.venue_code) for market in configuration.markets] == [("alpha", ""), ("delta", "dlt")]


@pytest.mark.parametrize(("id", "data_class", "expiry"), [
    ("btc-usd", "spot", None), ("btc-usd-perp", "perp", None), ("btc-usd-index", "index", None),
    ("eth-usd-20270326", "future", date(2027, 3, 26)), ("btc-usd-20270326-80000-c", "option", date(2027, 3, 26)),
])
def test_an_id_says_base_quote_class_and_expiry(loaded, id, data_class, expiry):
    symbol = "{markets: [{provider: beta-v2, symbol: X}]}"
    instrument, = loaded(instruments=f"instruments:\n  {id}: {symbol}\n").instruments
    assert (instrument.base, instrument.quote, instrument.data_class, instrument.expiry) == (
        id.split("-")[0], "usd", data_class, expiry)


def test_what_an_id_says_can_be_said_otherwise(loaded):
    instrument, = loaded(instruments="""\
instruments:
  1000shib-usdt-perp:
    base: shib
    contract_size: 0.001
    inverse: true
    pricing: {gate_min: 0.001, venues_min: 2}
    markets: [{provider: beta-v2, symbol: 1000}]
""").instruments
    assert (instrument.base, instrument.contract_size, instrument.inverse) == ("shib", Decimal("0.001"), True)
    assert instrument.pricing == {"gate_min": 0.001, "venues_min": 2}


def test_a_conversion_is_known_by_the_two_quote_currencies(loaded):
    instruments = {instrument.id: instrument for instrument in loaded().instruments}
    assert instruments["btc-usd"].priced_with == (PricedWith("btc-usdt", "usdt-usd"),)


def test_an_instrument_of_the_same_quote_currency_needs_no_conversion(loaded):
    configuration = loaded(instruments="""\
instruments:
  btc-usd: {}
  btc-usd-20270326:
    priced_with: [btc-usd]
    markets: [{provider: beta-v2, symbol: F}]
""")
    assert configuration.instruments[-1].priced_with == (PricedWith("btc-usd", ""),)


def test_a_contract_that_is_marked_has_the_spot_of_its_currencies_as_index_unless_told(loaded):
    instruments = loaded(instruments="""\
instruments:
  btc-usdt: {markets: [{provider: beta-v2, symbol: S}]}
  usdt-usd: {}
  btc-usdt-perp: {pricing: {method: mark_default}}
  btc-usd-perp: {pricing: {method: mark_default}, index: btc-usdt}
  btc-usd-20270326: {}
""").instruments
    assert [each.index for each in instruments[2:]] == [
        PricedWith("btc-usdt"), PricedWith("btc-usdt", "usdt-usd"), None]


def test_the_environment_wins_over_the_file_which_wins_over_the_providers_file(loaded):
    configuration = loaded(
        "sink: {kind: kafka, kafka: {bootstrap_servers: 'a:1', partitions: 8}}\nproviders: {beta-v2: {url: ws://file}}\n",
        files={"providers/beta-v2.yaml": "url: ws://below\ndeflate: true\n"},
        environ={
            "INGESTOR_SINK__KAFKA__BOOTSTRAP_SERVERS": "b:2", "INGESTOR_HTTP__PORT": "0",
            "INGESTOR_PROVIDERS__BETA_V2__CONNECT_WITHIN_S": "3",
            "INGESTOR_SINK__KAFKA__PROPERTIES": "{batch.size: 9}"})
    kafka, beta = configuration.settings.sink.kafka, configuration.provider("beta-v2")
    assert (kafka.bootstrap_servers, kafka.partitions, kafka.properties) == ("b:2", 8, {"batch.size": 9})
    assert (beta.url, beta.deflate, beta.connect_within_s) == ("ws://file", True, 3.0)
    assert configuration.settings.http.port == 0


def test_variables_of_other_programs_are_left_alone(loaded):
    loaded(environ={
        "INGESTOR_PORT": "tcp://10.0.0.1:9108", "INGESTOR_SERVICE_HOST": "10.0.0.1", "INGESTOR_CAPTURES": "x",
        "INGESTOR_METRICS_PORT_9108_TCP": "tcp://10.0.0.1:9108", "INGESTOR_CONFIG": "x", "HTTP": "x"})


def test_markets_of_a_disabled_provider_are_left_out(loaded):
    configuration = loaded("providers: {beta-v2: {enabled: false, key_env: NOT_SET}}\n")
    assert {market.provider for market in configuration.markets} == {"alpha-spot"}


def test_aliases_and_merge_keys_are_plain_yaml(loaded):
    configuration = loaded(instruments="""\
instruments:
  btc-usdt: &one
    pricing: &stable {gate_min: 0.001}
    markets: [{provider: alpha-spot, symbol: BTCUSDT}]
  eth-usdt:
    <<: *one
    pricing: {<<: *stable, hold_s: 5}
    markets: [{provider: alpha-spot, symbol: ETHUSDT}]
""")
    assert configuration.instruments[1].pricing == {"gate_min": 0.001, "hold_s": 5.0}


@pytest.mark.parametrize(("sink", "topic", "mode"), [
    ("kind: files", "trades", "container"), ("{kind: kafka, kafka: {bootstrap_servers: a}}", "quotes", "block"),
    ("{kind: kafka, kafka: {bootstrap_servers: a}}", "fair", "record"), ("kind: ndjson", "trades", "record"),
])
def test_a_topics_mode_follows_the_sink(loaded, sink, topic, mode):
    sink = sink if sink.startswith("{") else f"{{{sink}}}"
    assert loaded(f"sink: {sink}\n").settings.topic_settings()[topic].mode == mode


def test_a_topics_own_settings_replace_those_of_the_sink(loaded):
    topics = loaded("sink: {kind: ndjson}\ntopics: {trades: {mode: block, linger_ms: 0}}\n").settings.topic_settings()
    assert topics["trades"] == TopicSettings("block", 0.0, 500, 262_144)


# Secrets.

def test_a_key_comes_from_a_variable_or_a_file(loaded):
    configuration = loaded(
        "providers: {beta-v2: {key_env: BETA}, alpha-spot: {key_file: secrets/alpha}}\n", environ={"BETA": "s3cret"},
        files={"secrets/alpha": "  0ther \n"})
    keys = [configuration.provider(name).key.get_secret_value() for name in ("beta-v2", "alpha-spot")]
    assert keys == ["s3cret", "0ther"]


def test_no_secret_stands_in_a_repr_or_a_dump(loaded):
    settings = loaded(
        "sink: {kind: kafka, kafka: {bootstrap_servers: a, password_env: P}}\nproviders: {beta-v2: {key_env: BETA}}\n",
        environ={"BETA": "s3cret", "P": "passw0rd"}).settings
    assert settings.sink.kafka.password.get_secret_value() == "passw0rd"
    shown = repr(settings) + str(settings.model_dump()) + settings.model_dump_json()
    assert "s3cret" not in shown
    assert "passw0rd" not in shown


def test_a_secret_written_into_the_file_is_not_echoed(faults):
    told = faults("providers: {beta-v2: {api_key: s3cret}}\nsink: {kafka: {password: [s3cret]}}\n")
    assert len(told) == 2
    assert "s3cret" not in str(told)


# The page, and what stands in the repository.

def test_the_configuration_page_is_not_stale():
    assert (ROOT / "docs" / "CONFIGURATION.md").read_text() == manual(), (
        "run python -m ingestor.settings.manual > docs/CONFIGURATION.md")


def test_every_key_is_documented():
    undocumented = [
        f"{model.__name__}.{name}" for model in (Settings, ProviderSettings, InstrumentEntry, MarketEntry)
        for name, field in model.model_fields.items() if not field.description]
    assert undocumented == []


def test_the_shipped_configuration_is_valid_for_the_real_dialects():
    program = (
        "import os, json; from pathlib import Path; from ingestor.settings import load; "
        "from shards.dialects import DIALECTS; "
        "c = load(Path('config/ingestor.yaml'), DIALECTS, {'COINAPI_KEY': 'x', 'KAIKO_KEY': 'x', "
        "'INGESTOR_PROVIDERS__COINAPI__ENABLED': '1', 'INGESTOR_PROVIDERS__KAIKO__ENABLED': '1'}, shard=0); "
        "print(json.dumps(sorted({m.provider for m in c.markets})))")
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(json.loads(found.stdout)) >= {
        "binance-coinm", "binance-spot", "binance-us", "binance-usdm", "bitfinex", "bitmex", "bitstamp", "bybit-v5",
        "coinapi", "coinbase-exchange", "deribit", "gemini", "hyperliquid", "kaiko", "kraken-futures", "kraken-v2",
        "okx-v5"}
