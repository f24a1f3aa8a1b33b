"""Every fault of a configuration is told, at once, with its place and what to do."""

import pytest

from ingestor.errors import ConfigError
from ingestor.settings import load


def table(text: str) -> list[tuple[str, str]]:
    """(what is written, what is told) of lines at the margin, with `\\n` for a line end, and indented ones."""
    rows: list[tuple[str, str]] = []
    for line in text.strip("\n").split("\n"):
        if line.startswith(" "):
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {line.strip()}".strip())
        else:
            rows.append((line.replace("\\n", "\n"), ""))
    return rows


SECRET_FAULTS = table(r"""
providers: {beta-v2: {key_env: BETA}}
    ingestor.yaml:1: providers.beta-v2.key_env names BETA, which is not set in the environment: set it, or set
    providers.beta-v2.enabled: false
providers: {beta-v2: {key_file: none}}
    ingestor.yaml:1: providers.beta-v2.key_file is 'none': No such file or directory: name a readable file
providers: {beta-v2: {key_file: empty}}
    ingestor.yaml:1: providers.beta-v2.key_file is 'empty', an empty file: put the key in, or set
    providers.beta-v2.enabled: false
providers: {beta-v2: {tls_ca_file: none}}
    ingestor.yaml:1: providers.beta-v2.tls_ca_file is 'none': No such file or directory: name a readable file
providers: {beta-v2: {key_file: empty, key_env: A}}
    ingestor.yaml:1: providers.beta-v2 has both key_env and key_file: keep one
""")


@pytest.mark.parametrize(("settings", "told"), SECRET_FAULTS, ids=[settings for settings, _ in SECRET_FAULTS])
def test_a_secret_that_is_not_there_is_told(faults, settings, told):
    assert faults(settings, files={"empty": "\n"})[0] == told


# Faults, one by one.

FAULTS = table(r"""
shards: 0
    ingestor.yaml:1: shards is 0: give 1 or more
shards: many
    ingestor.yaml:1: shards is 'many': give a whole number
log: {level: loud}
    ingestor.yaml:1: log.level is 'loud': use 'debug', 'info', 'warning' or 'error'
http: {port: 65536}
    ingestor.yaml:1: http.port is 65536: give 65535 or less
http: 9108
    ingestor.yaml:1: http is 9108: write a mapping, `key: value`
htp: {}
    ingestor.yaml:1: htp is no known key: did you mean http?
sink:\n  files:\n    rotate_byte: 1
    ingestor.yaml:3: sink.files.rotate_byte is no known key: did you mean rotate_bytes?
sink: {kafka: {partitions: 12}}
    ingestor.yaml:1: sink.kafka.partitions is 12: must divide 1024, so that a slot stays in one partition: use 1, 2,
    4, 8 ... 1024
sink: {kind: kafka}
    ingestor.yaml:1: sink is kafka without a broker: set sink.kafka.bootstrap_servers to host:port
topics: {prefix: 'a b'}
    ingestor.yaml:1: topics.prefix is 'a b': give a text that matches ^[a-zA-Z0-9._-]{0,100}$
topics: {trades: {mode: block}}
    ingestor.yaml:1: topics.trades.mode is 'block', but sink.kind is files: use container
sink: {kind: "null"}\ntopics: {fair: {bytes_max: 1000000}}
    ingestor.yaml:2: topics.fair.bytes_max is 1000000: a message has at most 900000
providers: {beta-v3: {}}
    ingestor.yaml:1: providers.beta-v3 is no known provider: did you mean beta-v2?
providers: [beta-v2]
    ingestor.yaml:1: providers must be a mapping from dialect to settings, `kraken-v2: {...}`
pricing: {hold_s: .inf}
    ingestor.yaml:1: pricing.hold_s is inf: give a finite number
watch: {rules: [{severity: info, threshold: 0.01, window_s: 3601}]}
    ingestor.yaml:1: watch.rules[0].window_s is 3601: give 3600 or less
watch: {rules: [{severity: page, threshold: 0.1, window_s: 30}]}
    ingestor.yaml:1: watch.rules[0].severity is 'page': use 'info', 'warning' or 'critical'
watch: {rules: [{severity: info, threshold: 0.01, window_s: 5}, {severity: warning, threshold: 0.01, window_s: 5}]}
    ingestor.yaml:1: watch has two rules of 0.01 for 5 s: keep one
http: {port: 1}\nhttp: {port: 2}
    ingestor.yaml:2: http stands in line 1 already: keep one
a: [
    ingestor.yaml:2:1: no YAML: did not find expected node content
- 1
    ingestor.yaml:1: holds a list: write a mapping, `key: value`
x: &a [*a]
    ingestor.yaml:1:4: no YAML: the aliases make it endless: write them out
instruments: none.yaml
    none.yaml: No such file or directory: make it a readable file, or give another
providers_dir: none
    ingestor.yaml:1: providers_dir is 'none': no such folder
""")


@pytest.mark.parametrize(("settings", "told"), FAULTS, ids=[settings for settings, _ in FAULTS])
def test_a_fault_of_the_settings_names_its_line_and_what_to_do(faults, settings, told):
    assert told in faults(settings)


INSTRUMENT_FAULTS = table(r"""
BTC-USD: {}
    instruments.BTC-USD is no instrument id: write base-quote in lower case, then -perp, -index, -YYYYMMDD or
    -YYYYMMDD-STRIKE-c
btc-usd-20271399: {}
    instruments.btc-usd-20271399 holds 20271399, which is no date: write YYYYMMDD
btc-usd-20270326: {expiry: 2027-03-27}
    instruments.btc-usd-20270326 says 2027-03-26, but expiry is 2027-03-27: correct one, or remove expiry
a-b: {contract_size: 0}
    instruments.a-b.contract_size is 0: give more than 0
a-b: {market: []}
    instruments.a-b.market is no known key: did you mean markets?
a-b: {markets: [{symbol: X}]}
    instruments.a-b.markets[0].provider is missing: add it
a-b: {markets: [{provider: beta-v1, symbol: X}]}
    instruments.a-b.markets[0].provider is 'beta-v1', no known provider: did you mean beta-v2?
a-b: {markets: [{provider: beta-v2, symbol: X, channels: [deal]}]}
    instruments.a-b.markets[0] channel 'deal' is unknown to beta-v2: use deals, top, mark
a-b: {markets: [{provider: alpha-spot, symbol: X, levels: [reference]}]}
    instruments.a-b.markets[0] alpha-spot has no channel for reference: remove it from levels
a-b: {markets: [{provider: alpha-spot, symbol: X, levels: [bars], channels: [kline]}]}
    instruments.a-b.markets[0] has both channels and levels: keep one
a-b: {markets: [{provider: beta-v2, symbol: ''}]}
    instruments.a-b.markets[0].symbol is '': give a text that is not empty
a-b: {markets: [{provider: gamma, symbol: X}]}
    instruments.a-b.markets[0] gamma carries many venues: add venue (our name) and venue_code (as it writes it)
a-b: {markets: [{provider: beta-v2, symbol: X, venue_code: Y}]}
    instruments.a-b.markets[0] beta-v2 is the venue beta itself: remove venue and venue_code
a-b: {priced_with: [a-c]}
    instruments.a-b.priced_with[0] names a-c, no instrument of this file: did you mean a-b?
a-b: {priced_with: [a-b]}
    instruments.a-b.priced_with[0] names a-b itself: remove it
{a-b: {priced_with: [c-b]}, c-b: {}}
    instruments.a-b.priced_with[0] names c-b, which prices c, not a: remove it
{a-b: {priced_with: [{instrument: a-c, conversion: ''}]}, a-c: {}}
    instruments.a-b.priced_with[0] names a-c without a conversion: add conversion: c-b
{a-b: {priced_with: [{instrument: a-c, conversion: d-b}]}, a-c: {}, d-b: {}}
    instruments.a-b.priced_with[0] converts a-c by d-b, which prices d in b: use one that prices c in b
{a-z: {priced_with: [a-b]}, a-b: {}, b-z: {priced_with: [b-a]}, b-a: {}}
    instruments.a-z.priced_with goes in a circle: a-z needs b-z needs a-z: remove one of them
a-b: {index: a-c}
    instruments.a-b.index names a-c, no instrument of this file: did you mean a-b?
a-b-perp: {pricing: {method: mark_default}}
    instruments.a-b-perp.index names a-b, no instrument of this file: use one of a-b-perp
{a-b-perp: {index: {instrument: a-c, conversion: ''}}, a-c: {}}
    instruments.a-b-perp.index names a-c without a conversion: add conversion: c-b
""")


@pytest.mark.parametrize(("entry", "told"), INSTRUMENT_FAULTS, ids=[entry for entry, _ in INSTRUMENT_FAULTS])
def test_a_fault_of_an_instrument_names_its_line_and_what_to_do(faults, entry, told):
    text = entry if entry.startswith("{") else f"\n  {entry}"
    line = 1 if entry.startswith("{") else 2
    assert f"instruments.yaml:{line}: {told}" in faults("", f"instruments: {text}\n")


def test_a_market_that_is_named_twice_is_a_fault_that_names_both_places(faults):
    told = faults("", """\
instruments:
  btc-usdt: {markets: [{provider: beta-v2, symbol: X}]}
  btc-usdt-perp: {markets: [{provider: beta-v2, symbol: X}]}
""")
    assert len(told) == 1
    assert told[0].startswith("instruments.yaml:3: instruments.btc-usdt-perp.markets[0] is X of beta-v2 again, after ")
    assert "instruments.yaml:2" in told[0]


def test_sections_tell_markets_of_one_symbol_apart(loaded):
    assert len(loaded("", """\
instruments:
  btc-usdt: {markets: [{provider: beta-v2, symbol: X, section: spot}]}
  btc-usdt-perp: {markets: [{provider: beta-v2, symbol: X, section: linear}]}
""").markets) == 2


def test_a_shard_beyond_the_number_of_shards_is_a_fault(faults):
    assert faults("shards: 2", shard=2) == ["ingestor.yaml:1: --shard is 2, but shards is 2: use 0 to 1"]


def test_a_configuration_without_any_market_is_a_fault(faults):
    assert "no market of an enabled provider" in faults("", "instruments: {btc-usd: {}}\n")[0]


def test_a_fault_of_a_variable_names_the_variable(faults):
    assert faults("", environ={"INGESTOR_HTTP__PORT": "x", "INGESTOR_SINK__KAFK__PARTITIONS": "1"}) == [
        "environment INGESTOR_SINK__KAFK__PARTITIONS: sink.kafk is no known key: did you mean kafka?",
        "environment INGESTOR_HTTP__PORT: http.port is 'x': give a whole number"]


def test_a_variable_that_is_nearly_a_key_is_a_fault(faults):
    assert faults("", environ={"INGESTOR_SHARD": "1"}) == [
        "environment INGESTOR_SHARD: shard is no known key: did you mean shards?"]


def test_a_fault_of_a_providers_file_names_that_file(faults):
    assert faults("", files={"providers/beta-v2.yaml": "# beta\nurll: x\n"}) == [
        "beta-v2.yaml:2: providers.beta-v2.urll is no known key: did you mean url?"]


def test_a_missing_configuration_file_says_how_to_give_one(tmp_path):
    with pytest.raises(ConfigError, match="no such file: give --config FILE"):
        load(tmp_path / "none.yaml", {}, {})


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"log: \xff\n")
    with pytest.raises(ConfigError, match="byte 5 is no UTF-8"):
        load(tmp_path / "c.yaml", {}, {})


def test_every_fault_of_every_file_is_told_at_once(faults):
    told = faults(
        "shards: 0\nlogg: {}\nsink: {kind: kafk, kafka: {partitions: 3}}\nproviders: {beta-v2: {key_env: NOT_SET}}\n",
        "instruments:\n  A: {}\n  a-b: {markets: [{provider: beta-v2, symbol: X}, {provider: nope, symbol: X}]}\n",
        files={"providers/alpha-spot.yaml": "deflat: true\n"}, environ={"INGESTOR_HTTP__PORT": "-1"}, shard=3)
    places = [fault.split(" is ")[0].split(" names ")[0] for fault in told]
    assert sorted(places) == sorted([
        "alpha-spot.yaml:1: providers.alpha-spot.deflat", "ingestor.yaml:1: shards", "ingestor.yaml:2: logg",
        "ingestor.yaml:3: sink.kind", "ingestor.yaml:3: sink.kafka.partitions",
        "environment INGESTOR_HTTP__PORT: http.port", "instruments.yaml:2: instruments.A",
        "instruments.yaml:3: instruments.a-b.markets[1].provider", "ingestor.yaml:4: providers.beta-v2.key_env"])
