"""A pipeline whose providers quote what a test says, second by second of simulated time."""

from ingestor._core import Pipeline
from ingestor.providers.registry import load
from ingestor.settings.watch import RULES
from ingestor.watch.alerts import Change, Severity
from ingestor.watching.comparisons import Comparisons, DiscrepancyRule
from tests.markets import NOW, SECOND, Market, binance_quote, build

DEFAULT = [DiscrepancyRule(Severity[rule.severity.upper()], rule.threshold, rule.window_s) for rule in RULES]


def direct(provider, symbol, instrument="btc-usd"):
    return Market(instrument, provider, symbol)


BINANCE, COINBASE, KRAKEN = (
    direct("binance-spot", "BTCUSD"), direct("coinbase-exchange", "BTC-USD"), direct("kraken-v2", "BTC/USD"))


def aggregated(provider, venue, instrument="btc-usd"):
    """A venue through coinapi."""
    return Market(instrument, provider, f"{venue.upper()}_SPOT_BTC_USD", venue=venue, venue_code=venue.upper())


def frame(market, bid, ask, sequence):
    """The quote as its provider says it."""
    if market.provider == "binance-spot":
        return binance_quote(sequence, bid, ask, market.symbol).decode()
    if market.provider == "coinbase-exchange":
        return (f'{{"type":"ticker","sequence":{sequence},"product_id":"{market.symbol}","price":"{bid}",'
                f'"best_bid":"{bid}","best_bid_size":"1","best_ask":"{ask}","best_ask_size":"1","side":"buy",'
                f'"trade_id":{sequence},"last_size":"1"}}')
    if market.provider == "kraken-v2":
        return (f'{{"channel":"ticker","type":"update","data":[{{"symbol":"{market.symbol}","bid":{bid},"bid_qty":1,'
                f'"ask":{ask},"ask_qty":1}}]}}')
    assert market.provider == "coinapi"
    return (f'{{"type":"quote","symbol_id":"{market.symbol}","sequence":{sequence},"ask_price":{ask},"ask_size":1,'
            f'"bid_price":{bid},"bid_size":1}}')


class Desk:
    """Providers that quote around 100 once a second, each off by what is given; None: silent."""

    def __init__(self, *markets, rules=DEFAULT, instruments=None, now_ns=NOW):
        self.now_ns = now_ns
        self.markets = markets
        self.pipeline = Pipeline(build(instruments or ["btc-usd"], markets), None)
        self.lines = [self.pipeline.open(load(market.provider), market.section, f"c{i}")
                      for i, market in enumerate(markets)]
        self.part = Comparisons(self.pipeline, rules)
        self.told = []      # (second, Transition)
        self.second = 0

    def quote(self, offs, mid=100.0):
        for number, (market, off) in enumerate(zip(self.markets, offs, strict=True)):
            if off is None:
                continue
            price = mid * (1 + off)
            self.lines[number].feed_bytes(
                frame(market, round(price * 0.9999, 6), round(price * 1.0001, 6), self.second + 1).encode(),
                self.now_ns)
            self.lines[number].drained_now(self.now_ns)

    def run(self, seconds, *offs):
        """So many seconds; what fired and cleared in them, as (second, change, key)."""
        begun = len(self.told)
        for _ in range(seconds):
            self.quote(offs)
            self.pipeline.tick(self.now_ns)
            self.second += 1
            self.told += [(self.second, each) for each in self.part.second(self.now_ns)]
            self.now_ns += SECOND
        return [(second, change.name, alert.key) for second, (change, alert) in self.told[begun:]
                if change in (Change.FIRED, Change.CLEARED)]

    def deviations(self):
        return {(each.provider, each.venue): each for each in self.part.deviations()}
