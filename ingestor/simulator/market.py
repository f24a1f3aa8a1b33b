"""One market's behaviour: a venue that follows a latent price, with its own lag, noise and spread.

Everything is in whole units of the last decimal place, so that what a dialect renders can be
compared digit for digit. No clock is read and no randomness drawn but from what is given.
"""

import math
from collections import deque
from random import Random
from typing import Literal, NamedTuple

from ingestor.simulator.spec import AssetSpec, MarketSpec

YEAR_S = 31_556_952.0
ANCHOR_PULL_S = 20.0        # a stablecoin's way home, e-fold
NOISE_PULL_S = 0.5          # a venue's own noise, e-fold
HISTORY_MAX = 4000          # trades a venue remembers: minutes of a busy market, a megabyte
FILLS_MAX = 12              # fills of one order: 46 a frame were captured, few have more than ten
ID_FIRST = 1_000_000_000    # ids keep their width for eight billion trades, so that a frame can be stamped
SEQUENCE_FIRST = 50_000_000_000
REFERENCE_DIGITS = 8
FUNDING_EVERY_NS = 8 * 3600 * 10**9
OPEN_INTEREST_TRADES = 50_000
WIDE_BPS = 250.0
CROSSED_BPS = 8.0

#: Log-normal factors, drawn once: a draw each time would be a fifth of the simulator's work.
_SPREAD_OUT = [Random(number).lognormvariate(0.0, 1.0) for number in range(1024)]

Side = Literal["buy", "sell"]


class Trade(NamedTuple):
    """`side` is the taker's. Price and size count units of the market's last digit."""

    id: int
    sequence: int
    side: Side
    price: int
    size: int
    ts_ns: int


class Quote(NamedTuple):
    """A full top of book."""

    sequence: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int
    ts_ns: int


class Reference(NamedTuple):
    """Of a perpetual, or the rate of a pair. Mark, index and funding have REFERENCE_DIGITS decimal places."""

    mark_price: int
    index_price: int
    funding: int
    next_funding_ns: int
    open_interest: int      # in units of size
    ts_ns: int


class Bar(NamedTuple):
    """Trades so far of the interval from `start_ns` to `end_ns`. Prices and volume in units as in a trade."""

    start_ns: int
    end_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int       # the sum of price times size
    trades: int
    ts_ns: int

    @property
    def vwap(self) -> int:
        """The mean price by volume, in units; without volume the last price."""
        return round(self.turnover / self.volume) if self.volume else self.close


class Latent:
    """What an asset is worth in USD: a random walk of the logarithm, or one pulled to an anchor."""

    __slots__ = ("_anchor", "_log", "_rng", "_sigma", "price")

    def __init__(self, spec: AssetSpec, rng: Random) -> None:
        self._rng = rng
        self._sigma = spec.volatility / math.sqrt(YEAR_S)
        self._anchor = None if spec.anchor is None else math.log(spec.anchor)
        self._log = math.log(spec.usd)
        self.price = spec.usd

    def step(self, seconds: float, agitation: float) -> None:
        """Let time pass; `agitation` multiplies the volatility."""
        self._log += self._sigma * agitation * math.sqrt(seconds) * self._rng.gauss(0.0, 1.0)
        if self._anchor is not None:
            self._log += (self._anchor - self._log) * min(1.0, seconds / ANCHOR_PULL_S)
        self.price = math.exp(self._log)


class Market:
    """One market, in motion. `resolution_ns`: times are whole multiples of it."""

    def __init__(
        self, spec: MarketSpec, base: Latent, quote: Latent | None, rng: Random, resolution_ns: int, bar_ns: int,
    ) -> None:
        self.spec = spec
        self.trouble = ""                       # how it goes wrong now: a fault's kind, or empty
        self.off_by = 1.0                       # of trouble "off"
        self.clock_ns = 0                       # how far its clock is ahead
        self.history: deque[Trade] = deque(maxlen=HISTORY_MAX)
        self.book: Quote | None = None
        self._base = base
        self._quote = quote
        self._rng = rng
        self._resolution_ns = resolution_ns
        self._bar_ns = bar_ns
        self._bar: Bar | None = None
        self._price_unit = 10.0 ** -spec.price_digits
        self._size_unit = 10.0 ** -spec.size_digits
        self._next_id = ID_FIRST
        self._next_sequence = SEQUENCE_FIRST
        self._log_mid = math.log(self.fair())
        self._noise = 0.0
        self._moved_ns: int | None = None

    def fair(self) -> float:
        """What the market would trade at without lag and noise."""
        price = self._base.price if self._quote is None else self._base.price / self._quote.price
        return price * (1.0 + self.spec.basis_bps / 1e4)

    def requote(self, ts_ns: int) -> Quote:
        """The venue looks again: a new top of book."""
        mid = self._move(ts_ns)
        rng, half = self._rng, self.spec.spread_bps / 2e4 * (0.6 + 0.8 * self._rng.random())
        if self.trouble == "wide":
            half = WIDE_BPS / 2e4
        bid = max(1, math.floor(mid * (1.0 - half) / self._price_unit))
        ask = max(bid + 1, math.ceil(mid * (1.0 + half) / self._price_unit))
        if self.trouble == "crossed":
            bid = ask + max(1, int(ask * CROSSED_BPS / 1e4))
        depth = self.spec.trade_usd * 3.0
        self.book = Quote(
            self._count(), bid, self._size(depth, _SPREAD_OUT[int(rng.random() * 1024)]), ask,
            self._size(depth, _SPREAD_OUT[int(rng.random() * 1024)]), self._time(ts_ns))
        return self.book

    def trade(self, ts_ns: int, fills: int = 1) -> list[Trade]:
        """One taker order: its fills walk away from the touch."""
        book = self.book or self.requote(ts_ns)
        lean = math.log(self.fair()) - self._log_mid
        side: Side = "buy" if self._rng.random() < 0.5 + max(-0.4, min(0.4, lean * 2e3)) else "sell"
        price = book.ask if side == "buy" else book.bid
        away = 1 if side == "buy" else -1
        trades = []
        for number in range(min(fills, FILLS_MAX)):
            if number:
                price = max(1, price + away * int(self._rng.random() * 3))
            size = self._size(self.spec.trade_usd * 0.4, self._rng.paretovariate(1.4))
            trades.append(Trade(self._next_id, self._count(), side, price, size, self._time(ts_ns)))
            self._next_id += 1
        self.history.extend(trades)
        self._bar = self._with(trades, self.bar(ts_ns) if self._bar else None, ts_ns)
        return trades

    def retell(self, told: list[Trade] | Quote) -> list[Trade] | Quote:
        """What happened in this venue's market as another provider has it, in this one's words."""
        off = self.off_by if self.trouble == "off" else 1.0
        if isinstance(told, Quote):
            self.book = told._replace(
                bid=round(told.bid * off), ask=round(told.ask * off), ts_ns=self._time(told.ts_ns))
            return self.book
        trades = [trade._replace(price=round(trade.price * off), ts_ns=self._time(trade.ts_ns)) for trade in told]
        self.history.extend(trades)
        self._bar = self._with(trades, self.bar(trades[0].ts_ns) if self._bar else None, trades[0].ts_ns)
        return trades

    def bar(self, ts_ns: int) -> Bar:
        """The bar that is open at this time."""
        start_ns = ts_ns - ts_ns % self._bar_ns
        bar = self._bar
        assert bar is not None
        if bar.start_ns == start_ns:
            return bar._replace(ts_ns=self._time(ts_ns))
        last = bar.close
        return Bar(start_ns, start_ns + self._bar_ns, last, last, last, last, 0, 0, 0, self._time(ts_ns))

    def restart(self) -> None:
        """Ids and sequences begin again, as after a venue's restart."""
        self._next_id = self._next_sequence = 1

    def reference(self, ts_ns: int) -> Reference:
        """Mark, index and funding, as a perpetual's venue computes them."""
        index = self.fair() / (1.0 + self.spec.basis_bps / 1e4)
        mark = index + (math.exp(self._log_mid) - index) * 0.5
        scale = 10.0**REFERENCE_DIGITS
        return Reference(
            round(mark * scale), round(index * scale), round(1e-4 * scale + (mark / index - 1.0) * 0.1 * scale),
            (ts_ns // FUNDING_EVERY_NS + 1) * FUNDING_EVERY_NS,
            OPEN_INTEREST_TRADES * self._size(self.spec.trade_usd, 1.0), self._time(ts_ns))

    def _move(self, ts_ns: int) -> float:
        """Follow the latent price for the time that has passed; the mid price now."""
        seconds = 0.0 if self._moved_ns is None else max(0, ts_ns - self._moved_ns) / 1e9
        self._moved_ns = ts_ns
        if self.trouble != "stuck":
            follow = 1.0 - math.exp(-seconds / self.spec.lag_s) if self.spec.lag_s > 0 else 1.0
            self._log_mid += (math.log(self.fair()) - self._log_mid) * follow
            keep = math.exp(-seconds / NOISE_PULL_S)
            self._noise = self._noise * keep + self.spec.noise_bps / 1e4 * math.sqrt(1.0 - keep * keep) * (
                self._rng.gauss(0.0, 1.0))
        mid = math.exp(self._log_mid + self._noise)
        return mid * self.off_by if self.trouble == "off" else mid

    def _with(self, trades: list[Trade], bar: Bar | None, ts_ns: int) -> Bar:
        if bar is None or not bar.trades:
            start_ns, first = ts_ns - ts_ns % self._bar_ns, trades[0].price
            bar = Bar(start_ns, start_ns + self._bar_ns, first, first, first, first, 0, 0, 0, ts_ns)
        prices = [trade.price for trade in trades]
        return Bar(
            bar.start_ns, bar.end_ns, bar.open, max(bar.high, *prices), min(bar.low, *prices), prices[-1],
            bar.volume + sum(trade.size for trade in trades),
            bar.turnover + sum(trade.price * trade.size for trade in trades), bar.trades + len(trades), ts_ns)

    def _size(self, usd: float, factor: float) -> int:
        worth = 1.0 if self.spec.inverse else self._base.price
        return max(1, round(usd * factor / worth / self._size_unit))

    def _count(self) -> int:
        self._next_sequence += 1
        return self._next_sequence - 1

    def _time(self, ts_ns: int) -> int:
        return ts_ns - ts_ns % self._resolution_ns + self.clock_ns
