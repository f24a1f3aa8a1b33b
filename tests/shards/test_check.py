"""`ingestor check`: a summary of what is fine, every fault of what is not."""

import pytest

INSTRUMENTS = """\
instruments:
  usdt-usd: {markets: [{provider: kraken-v2, symbol: USDT/USD}]}
  btc-usd: {priced_with: [btc-usdt], markets: [{provider: coinbase-exchange, symbol: BTC-USD}]}
  btc-usdt: {markets: [{provider: kraken-v2, symbol: BTC/USDT}]}
  eur-usd: {}
"""


@pytest.fixture
def config(tmp_path):
    """A function that writes a configuration and returns its path."""
    def write(settings="shards: 2\n", instruments=INSTRUMENTS) -> str:
        (tmp_path / "ingestor.yaml").write_text(settings)
        (tmp_path / "instruments.yaml").write_text(instruments)
        return str(tmp_path / "ingestor.yaml")
    return write


def test_what_is_fine_is_summed_up(command, config):
    outcome = command("check", "--config", config())
    assert outcome.status == 0
    lines = [line.split() for line in outcome.out.splitlines()]
    assert ["sink", "files", "data/records"] in lines
    assert ["coinbase-exchange", "1", "2", "1"] in lines
    assert ["0", "0-511", "3", "btc,", "eur"] in lines
    assert ["1", "512-1023", "1", "usdt"] in lines
    assert "no market of an enabled provider: eur-usd" in outcome.out


def test_a_shard_subscribes_to_the_conversions_it_needs_beside_its_own(command, config):
    """kraken-v2: btc-usdt on shard 0, and usdt-usd on both, by trades and quotes each."""
    outcome = command("check", "--config", config())
    assert ["kraken-v2", "2", "6", "2"] in [line.split() for line in outcome.out.splitlines()]


def test_every_fault_is_a_line_and_the_status_is_2(command, config):
    outcome = command("check", "--config", config("shards: 0\nlog: {level: x}\nsnik: {}\n"))
    assert (outcome.status, outcome.out) == (2, "")
    assert [line.split(": ")[2].split(" ")[0] for line in outcome.err.splitlines()] == ["shards", "log.level", "snik"]


def test_the_configuration_is_named_by_a_variable_too(command, config, monkeypatch):
    monkeypatch.setenv("INGESTOR_CONFIG", config())
    assert command("check").status == 0


def test_more_shards_than_a_providers_connections_allow_are_refused(command, config):
    limited = "shards: {}\nproviders: {{kraken-v2: {{limits: {{connections_max: 2}}}}}}\n"
    assert command("check", "--config", config(limited.format(1))).status == 0
    outcome = command("check", "--config", config(limited.format(2)))
    assert outcome.status == 2
    assert "kraken-v2 needs 2 connections in 2 shards, and 20% spare for moves, but allows 2" in outcome.err
