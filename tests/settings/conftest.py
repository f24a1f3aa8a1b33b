"""A configuration in a folder, checked against three small dialects."""

from typing import NamedTuple

import pytest

from ingestor.errors import ConfigError
from ingestor.settings import Configuration, load


class Channel(NamedTuple):
    name: str
    level: str
    default: bool = True


class Dialect(NamedTuple):
    venue: str
    channels: tuple[Channel, ...]


DIALECTS = {
    "alpha-spot": Dialect("alpha", (
        Channel("trade", "trades"), Channel("aggTrade", "trades", False), Channel("book", "quotes"),
        Channel("kline", "bars"))),
    "beta-v2": Dialect("beta", (Channel("deals", "trades"), Channel("top", "quotes"), Channel("mark", "reference"))),
    "gamma": Dialect("", (Channel("trades", "trades"), Channel("quotes", "quotes"))),
}

INSTRUMENTS = """\
instruments:
  usdt-usd:
    markets:
      - {provider: beta-v2, symbol: USDT/USD}
  btc-usd:
    priced_with: [btc-usdt]
    markets:
      - {provider: beta-v2, symbol: BTC/USD}
  btc-usdt:
    markets:
      - {provider: alpha-spot, symbol: BTCUSDT}
  btc-usdt-perp:
    markets:
      - {provider: beta-v2, symbol: BTC-PERP}
"""


@pytest.fixture
def loaded(tmp_path):
    """A function that writes the files and loads them."""
    def load_text(settings="", instruments=INSTRUMENTS, environ=None, files=None, **more) -> Configuration:
        (tmp_path / "ingestor.yaml").write_text(settings)
        (tmp_path / "instruments.yaml").write_text(instruments)
        for name, text in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return load(tmp_path / "ingestor.yaml", DIALECTS, environ or {}, **more)
    return load_text


@pytest.fixture
def faults(loaded, tmp_path):
    """A function that loads what is wrong, and returns the faults without the folder's path."""
    def faults_of(*texts, **more) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            loaded(*texts, **more)
        return [fault.replace(f"{tmp_path}/", "").replace("providers/", "") for fault in raised.value.faults]
    return faults_of
