"""Where reference data comes from: what is accepted, and that no password is where it can be seen."""

import pytest
from pydantic import ValidationError

from ingestor.errors import ConfigError
from ingestor.settings import load
from ingestor.settings.documents import Document
from ingestor.settings.reference import RedisSettings
from shards.dialects import DIALECTS

REDIS = "reference: {source: redis, redis: {password_env: REDIS_PASSWORD}}\n"


@pytest.fixture
def configured(tmp_path):
    def loaded(text, environ=None):
        (tmp_path / "ingestor.yaml").write_text(text)
        return load(tmp_path / "ingestor.yaml", DIALECTS, environ or {})
    return loaded


@pytest.mark.parametrize("url", [
    "redis://localhost", "redis://r:6379", "rediss://r.example:7000/3", "redis://[::1]:6379/0", "redis://r/"])
def test_an_address_is_accepted(url):
    assert RedisSettings(url=url).url == url


@pytest.mark.parametrize("url", [
    "", "localhost:6379", "http://r", "redis://", "redis://r:0", "redis://r:70000", "redis://r:x", "redis://r/zero",
    "redis://r/0/1", "redis://[::1"])
def test_what_is_no_address_is_told(url):
    with pytest.raises(ValidationError, match="give redis://HOST:PORT/DATABASE"):
        RedisSettings(url=url)


@pytest.mark.parametrize("url", ["redis://user:secret@r", "redis://:secret@r/0", "redis://r/0?password=secret"])
def test_a_password_in_an_address_is_refused_and_not_shown(configured, url):
    with pytest.raises(ConfigError) as raised:
        configured(f"reference: {{source: redis, redis: {{url: '{url}'}}}}\n")
    assert "use username, and password_env or password_file" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_the_password_is_read_from_where_its_key_says_and_not_shown(configured):
    configuration = configured(REDIS, {"REDIS_PASSWORD": "s3cret"})
    assert configuration.settings.reference.redis.password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(configuration)


def test_a_password_that_is_not_set_is_told(configured):
    with pytest.raises(ConfigError, match="names REDIS_PASSWORD, which is not set"):
        configured(REDIS)


def test_with_redis_no_file_of_instruments_is_needed(configured):
    configuration = configured("reference: {source: redis}\n")
    assert (configuration.instruments, configuration.markets) == ((), ())


def test_other_reference_data_leaves_the_configuration_that_it_was_made_from(configured):
    configuration = configured("reference: {source: redis}\n")
    document = Document()
    document.add_each({"btc-usd": "{markets: [{provider: kraken-v2, symbol: BTC/USD}]}"}, "instruments", "redis ref")
    other = configuration.refer(document, 7)
    assert (other.reference_version, [market.symbol for market in other.markets]) == (7, ["BTC/USD"])
    assert (configuration.reference_version, configuration.markets) == (0, ())


def test_faults_name_the_entry_and_its_line(configured):
    document = Document()
    document.add_each({"btc-usd": "markets:\n- {provider: kraken-v2}\n", "eth-usd": "{"}, "instruments", "redis ref")
    with pytest.raises(ConfigError) as raised:
        configured("reference: {source: redis}\n").refer(document, 7)
    assert raised.value.faults[0].startswith("redis ref eth-usd:2:1: no YAML")
    assert raised.value.faults[1] == "redis ref btc-usd:2: instruments.btc-usd.markets[0].symbol is missing: add it"


def test_a_key_of_a_provider_that_is_named_for_the_first_time_is_read(configured):
    configuration = configured(
        "reference: {source: redis}\nproviders: {kaiko: {key_env: KAIKO}}\n", {"KAIKO": "s3cret"})
    assert configuration.provider("kaiko").key.get_secret_value() == ""
    document = Document()
    document.add_each({"btc-usd": "{markets: [{provider: kaiko, symbol: btc-usd, section: spot, venue: gemini, "
                                  "venue_code: gmni}]}"}, "instruments", "redis ref")
    assert configuration.refer(document, 1).provider("kaiko").key.get_secret_value() == "s3cret"


def test_a_set_without_a_market_is_refused(configured):
    document = Document()
    document.add_each({"btc-usd": "{}"}, "instruments", "redis ref")
    with pytest.raises(ConfigError, match="no market of an enabled provider"):
        configured("reference: {source: redis}\n").refer(document, 7)


@pytest.mark.parametrize(("size", "refused"), [(128, False), (129, True)])
def test_a_name_is_as_long_as_a_record_has_room_for(configured, size, refused):
    document = Document()
    entry = f"{{markets: [{{provider: kraken-v2, symbol: {'B' * size}}}]}}"
    document.add_each({"btc-usd": entry}, "instruments", "redis ref")
    configuration = configured("reference: {source: redis}\n")
    if refused:
        with pytest.raises(ConfigError, match="give a text of at most 128 characters"):
            configuration.refer(document, 7)
    else:
        assert len(configuration.refer(document, 7).markets[0].symbol) == 128
