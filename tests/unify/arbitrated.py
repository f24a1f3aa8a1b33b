"""One market, btc-usd at kraken, through four providers: two with the exchange's ids, two without."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import fastavro

from ingestor._core import Pipeline
from ingestor.feeds.refill import refill
from ingestor.providers.registry import load
from ingestor.wire.topics import TopicSettings
from ingestor.wire.writer import Writer
from tests.markets import NOW, SECOND, Market, build
from tests.samples.kaiko import trade_frame

MS = 1_000_000
US = 1_000
V2, V1, KAIKO, COINAPI = PROVIDERS = ("kraken-v2", "kraken-v1", "kaiko", "coinapi")
#: Providers whose ids of trades are the exchange's.
EXCHANGE = (V2, KAIKO)
MARKETS = {
    V2: Market("btc-usd", V2, "BTC/USD", venue="kraken"),
    V1: Market("btc-usd", V1, "XBT/USD", venue="kraken"),
    KAIKO: Market("btc-usd", KAIKO, "btc-usd", venue="kraken", venue_code="krkn", section="spot"),
    COINAPI: Market("btc-usd", COINAPI, "KRAKEN_SPOT_BTC_USD", venue="kraken", venue_code="KRAKEN"),
}
#: A frame of each that brings no record: what shows that a connection is heard.
SIGNS = {
    V2: b'{"channel":"heartbeat"}', V1: b'{"event":"heartbeat"}', KAIKO: trade_frame(exchange="none"),
    COINAPI: b'{"type":"hearbeat"}'}


@dataclass(frozen=True)
class Trade:
    """What a provider sends; `at_ns` None: it tells no time."""

    id: str | None = "1"
    price: str = "100.5"
    size: str = "0.25"
    at_ns: int | None = NOW
    side: str = "buy"


def frame_of(provider: str, trade: Trade, number: int = 1, snapshot: bool = False) -> bytes:
    """As the provider writes it; `number` makes an id of its own."""
    at_ns = trade.at_ns or 0
    iso = (datetime.fromtimestamp(at_ns // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
           + f".{at_ns % SECOND // US:06}Z")
    if provider == V2:
        id = f',"trade_id":{trade.id}' if trade.id is not None else ""
        return (f'{{"channel":"trade","type":"{"snapshot" if snapshot else "update"}","data":[{{"symbol":"BTC/USD",'
                f'"side":"{trade.side}","price":{trade.price},"qty":{trade.size},"ord_type":"limit"{id},'
                f'"timestamp":"{iso}"}}]}}').encode()
    if provider == V1:
        return (f'[1,[["{trade.price}","{trade.size}","{at_ns // SECOND}.{at_ns % SECOND // US:06}",'
                f'"{trade.side[0]}","m",""]],"trade","XBT/USD"]').encode()
    if provider == KAIKO:
        time = {"value": {"seconds": at_ns // SECOND, "nanos": at_ns % SECOND}} if at_ns else None
        return trade_frame(code="btc-usd", exchange="krkn", id=trade.id or "", price=float(trade.price),
                           amount=float(trade.size), side=trade.side.upper(), ts_exchange=time)
    return (f'{{"type":"trade","symbol_id":"KRAKEN_SPOT_BTC_USD","sequence":{number},"time_exchange":"{iso}",'
            f'"time_coinapi":"{iso}","uuid":"own-{number}","price":{trade.price},"size":{trade.size},'
            f'"taker_side":"{trade.side.upper()}"}}').encode()


class Sink:
    """Keeps what is written of trades."""

    full = False

    def __init__(self, topics):
        self.modes = dict.fromkeys(topics, "container")
        self.prefixes = {}
        self.trades = []
        self.schema = fastavro.schema.load_schema("ingestor/wire/trade.avsc")

    def write(self, topic, key, slot, payload, records, oldest_recv_ns, newest_recv_ns):
        if topic == "trades":
            stream = io.BytesIO(bytes(payload))
            self.trades += [fastavro.schemaless_reader(stream, self.schema) for _ in range(records)]

    def boundary(self):
        pass


class Scene:
    """A pipeline with connections of these providers; times are ms since NOW."""

    def __init__(self, *providers: str, instruments=None) -> None:
        self.topics = {
            name: TopicSettings(mode="container") for name in ("trades", "quotes", "bars", "reference", "fair")}
        self.sink = Sink(self.topics)
        instruments = instruments or build(["btc-usd"], [MARKETS[each] for each in providers])
        self.pipeline = Pipeline(instruments, Writer(self.sink, self.topics, 0, 1))
        self.connections = {each: self.open(each) for each in providers}
        self.numbers = 0

    def open(self, provider: str, name: str = "c0"):
        return self.pipeline.open(load(provider), "", name)

    def bring(self, provider: str, trade: Trade, ms: float = 0, snapshot: bool = False) -> None:
        self.numbers += 1
        self.connections[provider].feed_bytes(frame_of(provider, trade, self.numbers, snapshot), NOW + int(ms * MS))

    def replay(self, provider: str, trade: Trade, ms: float = 0) -> None:
        """A trade of the provider's history."""
        rows = self.pipeline.tables.subscriptions_named
        wanted = next(number for number, (path, channel) in enumerate(rows)
                      if self.pipeline.tables.instruments.paths[path].provider == provider and channel == "trade")
        self.numbers += 1
        refill(self.connections[provider], frame_of(provider, trade, self.numbers), NOW + int(ms * MS), wanted,
               lambda number, event_ns: True)

    def hear(self, provider: str, ms: float) -> None:
        """Something that is no trade comes over its connection."""
        self.connections[provider].feed_bytes(SIGNS[provider], NOW + int(ms * MS))

    def pass_time(self, ms: float) -> None:
        self.pipeline.tick(NOW + int(ms * MS))

    def echoes(self) -> list[tuple[str, bool]]:
        """(provider, whether it is flagged as an echo) of each trade written."""
        self.pipeline.flush(NOW)
        return [(each["provider"], bool(each["flags"] & 128)) for each in self.sink.trades]

    def counts(self, provider: str) -> dict:
        """What was counted of a provider, without what is 0; mismatches by their kind."""
        row = next(each for each in self.pipeline.counters()["arbitration"]["members"] if each["provider"] == provider)
        names = ("first", "echoes", "overdue", "missing", "absent")
        flat = {**{name: row[name] for name in names}, **row["mismatches"]}
        return {name: count for name, count in flat.items() if count}

    def delays(self, provider: str) -> tuple[int, float]:
        """How many were observed of a provider, and their sum in seconds."""
        row = next(each for each in self.pipeline.counters()["arbitration"]["delays"] if each["provider"] == provider)
        return sum(row["counts"]), row["sum"]


def values(trade: Trade) -> tuple[float, float]:
    return float(Decimal(trade.price)), float(Decimal(trade.size))
