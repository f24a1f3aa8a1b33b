"""What does it cost, a trade, to know that another provider has brought it?

The same trades of one market through two providers, in turns: told by the exchange's ids (binance-spot, tardis), and by
price, size and time (binance-spot, coinapi). The peer is the same frames with the second provider's market at another
venue, so that all is decoded, unified and priced alike, and nothing is compared. A market of one provider has no
arbitration to be measured: the pipeline compares one pointer with NULL.
"""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from bench.markets import BINANCE_MARKETS, SPOT, tables
from bench.measure import Outcome, interleave, timed
from ingestor._core import Pipeline
from ingestor.providers.registry import load
from ingestor.settings import Market

NOW = 1_786_562_940_000_000_000
TRADES, SMOKE_TRADES, BURST, TURNS = 200_000, 2_000, 16, 7
EACH_NS = 2_500_000     # 400 trades a second: 4,000 of them are open, as in the busiest markets


def frames(dialect: str, count: int) -> list[bytes]:
    """Trades 1 to `count`, as the dialect writes them."""
    found = []
    for id in range(1, count + 1):
        ms = NOW // 1_000_000 + id * EACH_NS // 1_000_000
        iso = f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"
        price, size = f"{64000 + id % 97}.{id % 89:02}", f"0.{id % 9973 + 1:05}"
        found.append({
            "binance-spot": f'{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{ms},"s":"BTCUSDT","t":{id},'
                            f'"p":"{price}","q":"{size}","T":{ms},"m":true,"M":true}}}}',
            "tardis": f'{{"type":"trade","symbol":"BTCUSDT","exchange":"binance","id":"{id}","price":{price},'
                      f'"amount":{size},"side":"sell","timestamp":"{iso}","localTimestamp":"{iso}"}}',
            "coinapi": f'{{"type":"trade","symbol_id":"BINANCE_SPOT_BTC_USDT","sequence":{id},"time_exchange":"{iso}",'
                       f'"time_coinapi":"{iso}","uuid":"{id:032x}","price":{price},"size":{size},"taker_side":"SELL"}}',
        }[dialect].encode())
    return found


MARKETS = {
    "tardis": Market("btc-usdt", "tardis", "binance", "BTCUSDT", venue_code="binance"),
    "coinapi": Market("btc-usdt", "coinapi", "binance", "BINANCE_SPOT_BTC_USDT", venue_code="BINANCE"),
}


def piped(first: list[bytes], second: list[bytes], provider: str, venue: str) -> float:
    """Seconds to take both; fails unless each trade of the second is an echo exactly where the venues are one."""
    pipeline = Pipeline(tables((SPOT,), (
        BINANCE_MARKETS["binance-spot"], replace(MARKETS[provider], venue=venue))), None)
    feeds = [pipeline.open(load(name), "", "c0").feed_all for name in ("binance-spot", provider)]

    def take() -> None:
        for at in range(0, len(first), BURST):
            recv_ns = NOW + at * EACH_NS
            feeds[0](first[at:at + BURST], recv_ns)
            feeds[1](second[at:at + BURST], recv_ns)

    seconds = timed(take)
    counters = pipeline.counters()
    echoes = sum(member["echoes"] for member in counters["arbitration"]["members"])
    trades = sum(path["trades"] for path in counters["paths"])
    if trades != 2 * len(first) or echoes != (len(first) if venue == "binance" else 0):
        raise AssertionError(f"of {len(first)} trades of two providers {trades} were admitted, {echoes} are echoes")
    return seconds


def run(smoke: bool = False) -> Outcome:
    """arbitration_*_ns: what is added to each trade of a market of two providers."""
    count = SMOKE_TRADES if smoke else TRADES
    sent = {dialect: frames(dialect, count) for dialect in ("binance-spot", *MARKETS)}
    outcome = Outcome()
    for provider, how in (("tardis", "ids"), ("coinapi", "values")):
        once = partial(piped, sent["binance-spot"], sent[provider], provider)
        timings = interleave({
            "one venue": partial(once, "binance"), "two venues": partial(once, "elsewhere")}, 2 if smoke else TURNS)
        ours, bare = (timings[name].best / (2 * count) * 1e9 for name in ("one venue", "two venues"))
        outcome.cost(f"arbitration_{how}_ns", max(0.1, ours - bare), "ns/trade")
        outcome.details[how] = {name: timing.as_dict(2 * count) for name, timing in timings.items()}
    return outcome
