"""Small markets and frames for tests: instruments without a settings file, and frames with chosen values."""

from dataclasses import dataclass, field

from ingestor.unify.instruments import Instruments

SECOND = 1_000_000_000
NOW = 1_786_562_940 * SECOND


@dataclass
class With:
    instrument: str
    conversion: str


@dataclass
class Instrument:
    id: str
    data_class: str = "spot"
    priced_with: list[With] = field(default_factory=list)
    tier: str = "major"
    index: With | None = None


@dataclass
class Market:
    instrument: str
    provider: str
    symbol: str
    venue: str = ""
    section: str = ""
    venue_code: str = ""
    trust: float = 1.0
    state: str = "trading"
    contract_size: float = 1.0
    inverse: bool = False
    tick_size: float | None = None

    def __post_init__(self):
        self.venue = self.venue or self.provider.split("-")[0]


def build(instruments, markets, **more) -> Instruments:
    """Instruments of one shard; a bare name stands for a spot instrument."""
    full = [Instrument(each) if isinstance(each, str) else each for each in instruments]
    return Instruments(full, markets, lambda _: 7, **more)


def btc() -> Instruments:
    """btc-usd on three venues."""
    return build(["btc-usd"], [
        Market("btc-usd", "binance-spot", "BTCUSD"), Market("btc-usd", "coinbase-exchange", "BTC-USD"),
        Market("btc-usd", "kraken-v2", "BTC/USD")])


def binance_trade(id=1, price="100.5", size="0.25", symbol="BTCUSD", ms=NOW // 1_000_000) -> bytes:
    return (f'{{"stream":"x@trade","data":{{"e":"trade","E":{ms + 1},"s":"{symbol}","t":{id},"p":"{price}",'
            f'"q":"{size}","T":{ms},"m":true,"M":true}}}}').encode()


def binance_quote(update=1, bid="100", ask="101", symbol="BTCUSD") -> bytes:
    return (f'{{"stream":"x@bookTicker","data":{{"u":{update},"s":"{symbol}","b":"{bid}","B":"1","a":"{ask}",'
            f'"A":"2"}}}}').encode()


def coinbase_ticker(sequence=1, bid="100", ask="101", second=0) -> bytes:
    return (f'{{"type":"ticker","sequence":{sequence},"product_id":"BTC-USD","price":"100","best_bid":"{bid}",'
            f'"best_bid_size":"1","best_ask":"{ask}","best_ask_size":"1","side":"buy",'
            f'"time":"2026-08-12T19:29:{second:02}.000000Z","trade_id":1,"last_size":"1"}}').encode()


def kraken_ticker(bid="100", ask="101", kind="update") -> bytes:
    return (f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"BTC/USD","bid":{bid},"bid_qty":1,"ask":{ask},'
            f'"ask_qty":1}}]}}').encode()
