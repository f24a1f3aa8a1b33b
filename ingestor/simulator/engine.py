"""What happens when: a fixed step of virtual time, a budget of messages, bursts and calm.

Deterministic: the same markets, seed, rate and start give the same happenings, however late the
caller is. Nothing here knows a dialect's words or a socket.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple

from ingestor.errors import ConfigError
from ingestor.simulator.market import Bar, Latent, Market, Quote, Reference, Trade
from ingestor.simulator.spec import AssetSpec, MarketSpec

STEP_NS = 5_000_000         # 200 steps a second: a step's messages leave together
STEP_S = STEP_NS / 1e9
REFERENCE_EVERY_NS = 1_000_000_000
TRADE_SHARE = 0.4           # captured binance streams: a third to a half of the messages
#: One second in ten is a burst at 4.6 times the rate; the calm rest at 0.6: the mean is the rate.
CALM_FACTOR, BURST_FACTOR = 0.6, 4.6
CALM_S, BURST_S = 2.7, 0.3
BURST_AGITATION = 3.0
HISTORY_STEPS = 20          # a market has traded so often before anyone comes
CATCH_UP_STEPS_MAX = 40     # 0.2 s: a caller who is later than that (a busy machine) skips, and floods nobody

TRADES, QUOTE, BAR, REFERENCE = "trades", "quotes", "bars", "reference"


class Traits(NamedTuple):
    """What the engine must know of a provider to count its messages and to round its times."""

    resolution_ns: int
    joins_fills: bool = False           # the fills of one order come in one message
    quotes_on_trades: bool = False      # its ticker fires on trades only
    quote_messages: int = 1
    rates: bool = False                 # it has reference prices of spot markets too
    bar_s: int = 60


class Happening(NamedTuple):
    """`payload` is a list of trades, a quote, a bar or a reference, by `kind`."""

    market: Market
    kind: str
    payload: list[Trade] | Quote | Bar | Reference


class Engine:
    """All markets. `traits(dialect)` says how a provider's messages count."""

    def __init__(
        self, specs: Sequence[MarketSpec], assets: Iterable[AssetSpec], traits: Callable[[str], Traits], *,
        seed: int, rate: float, start_ns: int, bursts: bool = True,
    ) -> None:
        self._rng = Random(seed)
        self._rate = rate
        self._bursts = bursts
        self.now_ns = start_ns
        self.skipped_ns = 0         # time in which nothing happened, because the caller came too late
        self._latents = {asset.name: Latent(asset, self._rng) for asset in assets}
        self.markets = [self._market(spec, traits(spec.dialect)) for spec in specs]
        self._traits = [traits(spec.dialect) for spec in specs]
        self._cumulated = list(accumulate(0.0 if spec.told_by else spec.weight for spec in specs))
        self._referenced = [market for market, trait in zip(self.markets, self._traits, strict=True)
                            if trait.rates or market.spec.data_class == "perp"]
        self._credit = 0.0
        self._in_burst = False
        self._regime_left_s = CALM_S
        self._next_reference_ns = start_ns
        self._retold = self._pairs()
        for step in range(HISTORY_STEPS):
            for market in self.markets:
                if not market.spec.told_by:
                    self._tell([], market, QUOTE, market.requote(start_ns - (HISTORY_STEPS - step) * STEP_NS))
                    self._tell([], market, TRADES, market.trade(start_ns - (HISTORY_STEPS - step) * STEP_NS))

    def advance(self, to_ns: int) -> Iterator[list[Happening]]:
        """The happenings of each whole step up to `to_ns`; at most CATCH_UP_STEPS_MAX, the first are skipped.

        A step begins when the one before has been dealt with, so that a market is as it was then.
        """
        behind = (to_ns - self.now_ns) // STEP_NS
        if behind > CATCH_UP_STEPS_MAX:
            self.now_ns += (behind - CATCH_UP_STEPS_MAX) * STEP_NS
            self.skipped_ns += (behind - CATCH_UP_STEPS_MAX) * STEP_NS
        while self.now_ns + STEP_NS <= to_ns:
            happenings: list[Happening] = []
            self.step(happenings)
            yield happenings

    def step(self, happenings: list[Happening]) -> None:
        """One step of virtual time, appended to `happenings`."""
        agitation = BURST_AGITATION if self._in_burst else 1.0
        for latent in self._latents.values():
            latent.step(STEP_S, agitation)
        self._credit += self._rate * STEP_S * self._pace()
        drawn = max(1.0, self._credit)
        start_ns, total = self.now_ns, drawn
        while self._credit >= 1.0:
            ts_ns = start_ns + int(STEP_NS * (1.0 - self._credit / total)) if total > 0 else start_ns
            self._credit -= self._one(min(ts_ns, start_ns + STEP_NS - 1), happenings)
        if start_ns >= self._next_reference_ns:
            self._next_reference_ns = start_ns + REFERENCE_EVERY_NS
            happenings += [Happening(market, REFERENCE, market.reference(start_ns)) for market in self._referenced
                           if market.trouble != "quiet"]
            happenings += [Happening(market, BAR, market.bar(start_ns)) for market in self.markets
                           if market.trouble != "quiet"]
        self.now_ns = start_ns + STEP_NS

    def _one(self, ts_ns: int, happenings: list[Happening]) -> float:
        """One thing happens somewhere; the number of messages it makes."""
        rng = self._rng
        place = bisect_right(self._cumulated, rng.random() * self._cumulated[-1])
        market, traits = self.markets[place], self._traits[place]
        if market.trouble == "quiet":
            return 1.0
        if traits.quotes_on_trades or rng.random() < TRADE_SHARE:
            fills = 1
            while fills < 8 and rng.random() < 0.25:
                fills += 1
            if traits.quotes_on_trades:
                market.requote(ts_ns)
            trades = market.trade(ts_ns, fills)
            self._tell(happenings, market, TRADES, trades)
            if not traits.quotes_on_trades:
                return 1.0 if traits.joins_fills else float(len(trades))
            self._tell(happenings, market, QUOTE, market.requote(ts_ns))
            return float(len(trades) + 1)
        self._tell(happenings, market, QUOTE, market.requote(ts_ns))
        return float(traits.quote_messages)

    def _tell(self, happenings: list[Happening], market: Market, kind: str, payload: list[Trade] | Quote) -> None:
        """It happens, and each other provider of the market tells it too."""
        happenings.append(Happening(market, kind, payload))
        happenings += [Happening(other, kind, other.retell(payload)) for other in self._retold.get(id(market), ())
                       if other.trouble != "quiet"]

    def _pace(self) -> float:
        if not self._bursts:
            return 1.0
        self._regime_left_s -= STEP_S
        if self._regime_left_s <= 0:
            self._in_burst = not self._in_burst
            self._regime_left_s = self._rng.expovariate(1.0 / (BURST_S if self._in_burst else CALM_S))
        return BURST_FACTOR if self._in_burst else CALM_FACTOR

    def _pairs(self) -> dict[int, list[Market]]:
        """The markets that tell what happens in another, by its id()."""
        found: dict[int, list[Market]] = {}
        for market in self.markets:
            spec = market.spec
            if not spec.told_by:
                continue
            wanted = (spec.told_by, spec.venue, spec.instrument, "")
            first = next((each for each in self.markets if wanted == (
                each.spec.dialect, each.spec.venue, each.spec.instrument, each.spec.told_by)), None)
            if first is None:
                raise ConfigError(f"market {spec.symbol} of {spec.dialect} is told by {spec.told_by}, which has no "
                                  f"{spec.instrument} of {spec.venue}: add it, or leave told_by out")
            found.setdefault(id(first), []).append(market)
        return found

    def _market(self, spec: MarketSpec, traits: Traits) -> Market:
        for asset in (spec.base, spec.quote):
            if asset != "usd" and asset not in self._latents:
                raise ConfigError(
                    f"market {spec.symbol} of {spec.dialect} names the asset {asset!r}, which has no price: "
                    f"add an AssetSpec, or use one of {', '.join(sorted(self._latents))}")
        quote = None if spec.quote == "usd" else self._latents[spec.quote]
        return Market(spec, self._latents[spec.base], quote, self._rng, traits.resolution_ns, traits.bar_s * 10**9)
