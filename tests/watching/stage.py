"""A pipeline whose markets do, second by second of simulated time, what a test says; and who watches its paths."""

from types import SimpleNamespace

from ingestor._core import Pipeline
from ingestor.providers.registry import load
from ingestor.settings.quality import QualitySettings
from ingestor.watch.alerts import Change, State
from ingestor.watching.paths import PathWatch
from tests.markets import NOW, SECOND, Market, binance_quote, binance_trade, build

BINANCE = Market("btc-usd", "binance-spot", "BTCUSD")
KRAKEN = Market("btc-usd", "kraken-v2", "BTC/USD")
COINBASE = Market("btc-usd", "coinbase-exchange", "BTC-USD")


class Stage:
    """The markets, each provider's on one connection. Of binance-spot, trades; of all, quotes."""

    def __init__(self, *markets, instruments=None, sockets=None, **settings):
        self.markets = markets or (BINANCE, KRAKEN, COINBASE)
        named = instruments or list(dict.fromkeys(market.instrument for market in self.markets))
        self.pipeline = Pipeline(build(named, self.markets), None)
        self.lines = {name: self.pipeline.open(load(name), "", "c0")
                      for name in dict.fromkeys(market.provider for market in self.markets)}
        self.paused = False
        self.watch = PathWatch(self.pipeline, QualitySettings(**settings), sockets, lambda: self.paused)
        self.now_ns, self.seconds, self.sequence, self.ids = NOW, 0, 0, {}
        self.changes = []       # (second, Transition)
        self.watch.second(self.now_ns)

    def quote(self, market=BINANCE, bid=100.0, ask=100.1, at_s=0.5):
        """A quote; None is an empty side (kraken and coinbase send both)."""
        self.sequence += 1
        recv_ns = self.now_ns + int(at_s * SECOND)
        if market.provider == "binance-spot":
            frame = binance_quote(self.sequence, bid or 0, ask or 0, market.symbol)
        elif market.provider == "kraken-v2":
            frame = (f'{{"channel":"ticker","type":"update","data":[{{"symbol":"{market.symbol}","bid":{bid},'
                     f'"bid_qty":1,"ask":{ask},"ask_qty":1}}]}}').encode()
        else:
            frame = (f'{{"type":"ticker","sequence":{self.sequence},"product_id":"{market.symbol}","price":"100",'
                     f'"best_bid":"{bid}","best_bid_size":"1","best_ask":"{ask}","best_ask_size":"1","side":"buy",'
                     f'"trade_id":{self.sequence},"last_size":"1"}}').encode()
        self.lines[market.provider].feed_bytes(frame, recv_ns)

    def trade(self, market=BINANCE, price=100.05, behind_s=0.02, id=None, at_s=0.5):
        """A trade of binance-spot, received `behind_s` after its time; ids rise by one unless given."""
        assert market.provider == "binance-spot"
        if id is None:
            id = self.ids[market.symbol] = self.ids.get(market.symbol, 0) + 1
        recv_ns = self.now_ns + int(at_s * SECOND)
        at_ms = (recv_ns - round(behind_s * SECOND)) // 1_000_000
        self.lines[market.provider].feed_bytes(binance_trade(id, price, symbol=market.symbol, ms=at_ms), recv_ns)

    def second(self, count=1):
        """So many seconds pass."""
        for _ in range(count):
            self.now_ns += SECOND
            self.seconds += 1
            self.pipeline.tick(self.now_ns)
            self.changes += [(self.seconds, change) for change in self.watch.second(self.now_ns)]

    def run(self, seconds, act):
        """`act()` in each of them."""
        for _ in range(seconds):
            act()
            self.second()

    def firing(self):
        """(rule, provider, venue, instrument, part) of what fires, in order."""
        return sorted(tuple(alert.key) for alert in self.watch.alerts() if alert.state == State.FIRING)

    def rules(self):
        return {key[0] for key in self.firing()}

    def fired(self):
        """(second, rule) of all that ever fired."""
        return [(second, change.alert.key.rule) for second, change in self.changes if change.change == Change.FIRED]


def busy(stage, *, trades=10):
    """What sound markets do in a second: every market quotes and moves a little, binance's trade."""
    tick = stage.seconds % 7 * 0.01
    for market in stage.markets:
        stage.quote(market, 100 + tick, 100.1 + tick)
        if market.provider == "binance-spot":
            for number in range(trades):
                stage.trade(market, f"{100.05 + tick:.2f}", at_s=number / trades)


def lively(stage, *markets):
    """Only these quote and trade in this second."""
    for market in markets:
        stage.quote(market)
        for number in range(10 if market.provider == "binance-spot" else 0):
            stage.trade(market, at_s=number / 10)


def link(name="c0", state="LIVE", frames=0, last_frame_ns=0, section="", wanted=1, active=1, disconnects=None):
    """feeds.link.LinkStats, as far as it is read."""
    return SimpleNamespace(
        name=name, state=SimpleNamespace(name=state), frames=frames, last_frame_ns=last_frame_ns, section=section,
        wanted=wanted, active=active, disconnects=disconnects or {}, last_error="")
