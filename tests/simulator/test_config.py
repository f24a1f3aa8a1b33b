"""The configuration that a simulator writes is one that the product reads."""

import pytest
from conversing import bounded

from ingestor.providers.registry import MODULES, load
from ingestor.settings import load as load_settings
from ingestor.simulator import Simulator, SimulatorSpec, captured_config, captures, demo_config, presets, write_config
from ingestor.simulator.dialects.registry import NAMES

ADDRESSES = {name: f"ws://127.0.0.1:{port}" for port, name in enumerate(NAMES, 20_000) if name in MODULES}


def read(path):
    return load_settings(path, {name: load(name) for name in MODULES}, {})


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_the_configuration_of_a_preset_is_valid_and_names_every_market(tmp_path, preset):
    markets = [market for market in presets.PRESETS[preset] if market.dialect in ADDRESSES]
    write_config(tmp_path / "simulated.yaml", demo_config(ADDRESSES, markets), sink={"kind": "null"})
    configuration = read(tmp_path / "simulated.yaml")
    assert configuration.settings.sink.kind == "null"
    assert {name: configuration.provider(name).url for name in ADDRESSES} == ADDRESSES
    assert {(market.provider, market.section, market.venue_code, market.symbol, market.instrument, market.venue)
            for market in configuration.markets} == {
        (market.dialect, market.section, market.venue_code, market.symbol, market.instrument, market.venue)
        for market in markets}


def test_dollar_instruments_are_priced_with_the_stablecoin_ones():
    document = demo_config(ADDRESSES)
    assert document["instruments"]["btc-usd"]["priced_with"] == ["btc-usdt"]
    assert "priced_with" not in document["instruments"]["usdt-usd"]


def test_markets_of_dialects_that_are_not_served_are_left_out():
    document = demo_config({"kraken-v2": "ws://x"})
    assert {market["provider"] for entry in document["instruments"].values() for market in entry["markets"]} == {
        "kraken-v2"}


def test_the_demo_has_several_venues_around_each_price_a_perpetual_and_a_market_through_two_providers():
    markets = presets.PRESETS["demo"]
    venues = {market.venue for market in markets if market.instrument == "btc-usd"}
    assert len(venues) >= 5
    assert any(market.data_class == "perp" for market in markets)
    through = [market.dialect for market in markets if (market.instrument, market.venue) == ("btc-usd", "bitstamp")]
    assert sorted(through) == ["coinapi", "kaiko"]


def test_the_demos_own_faults_concern_a_venue_that_is_there():
    Simulator(SimulatorSpec(faults=presets.DEMO_FAULTS))


def test_the_configuration_of_a_running_simulator_is_valid(tmp_path):
    async def within():
        simulator = Simulator(SimulatorSpec())
        await simulator.start()
        write_config(tmp_path / "running.yaml", demo_config(simulator.addresses, simulator.markets))
        await simulator.stop()

    bounded(within())
    assert {market.provider for market in read(tmp_path / "running.yaml").markets} == {
        market.dialect for market in presets.PRESETS["demo"]}


def test_the_configuration_for_the_real_captures_is_valid_and_names_every_symbol(tmp_path, captures_folder):
    found = captures.markets(captures_folder)
    write_config(tmp_path / "captured.yaml", captured_config(ADDRESSES, found))
    configuration = read(tmp_path / "captured.yaml")
    assert {(market.provider, market.section, market.symbol) for market in configuration.markets} == {
        (market.dialect, market.section, market.symbol) for market in found}
    assert len(found) > 60
    assert {market.symbol for market in configuration.markets if "unknown" in market.instrument} == {
        "ETHUSD", "ETHUSDM21", "LTCUSD",                            # BitMEX's quantos
        "PF_SUIUSD",                                                # in dollars, as the inverse ones, and not inverse
        "BTC-CSR12-16SEP22-21000_23000", "BTC-FS-30SEP22_PERP",     # Deribit's combinations
        "@2"}                                                       # a pair of Hyperliquid's by its number


@pytest.fixture
def captures_folder(request):
    return request.getfixturevalue("captures")
