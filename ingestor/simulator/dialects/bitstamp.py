"""bitstamp, simulated. Formats: reference B4, and frames captured in 2021 and 2022.

A channel's name ends with the pair, and the data name no symbol. Each number comes twice, as number and as
text. There are no quotes, only books.
"""

from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import MICROSECOND, as_object, in_words, padded, trimmed
from ingestor.simulator.engine import QUOTE, TRADES, Traits
from ingestor.simulator.market import Market, Quote, Trade

ANSWERS = {"bts:subscribe": "bts:subscription_succeeded", "bts:unsubscribe": "bts:unsubscription_succeeded"}
TYPES = {"buy": 0, "sell": 1}
PLACES = 8
QUARTER_S = 90 * 86_400.0


class Bitstamp(Dialect):
    """live_trades_* and order_book_*."""

    name = "bitstamp"
    traits = Traits(MICROSECOND)
    rules = Rules(age_max_s=QUARTER_S)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[TRADES]["live_trades"] = self._trades
        self.renderers[QUOTE]["order_book"] = self._book

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text) or {}
        event, data = request.get("event"), request.get("data")
        if event == "bts:heartbeat":
            return [in_words({"event": event, "channel": "", "data": {"status": "success"}})]
        name = str(data.get("channel")) if isinstance(data, dict) else ""
        channel, _, symbol = name.rpartition("_")
        if event not in ANSWERS:
            return [_error("Incorrect JSON format.")]
        if not self.carries(channel) or not self.knows(talk, symbol):
            return [_error(f"Bad subscription string: {name}.")]
        replays = []
        if event == "bts:subscribe":
            replays = self.add(talk, channel, symbol)
        else:
            self.remove(talk, channel, symbol)
        return [in_words({"event": ANSWERS[event], "channel": name, "data": {}}), *replays]

    def time_text(self, ts_ns: int) -> bytes:
        return str(ts_ns // MICROSECOND).encode()

    def _trades(self, market: Market, trades: list[Trade], talk: Conversation | None) -> list[bytes]:
        return [self._trade(market, trade) for trade in trades]

    def _trade(self, market: Market, trade: Trade) -> bytes:
        digits, places = market.spec.size_digits, max(PLACES, market.spec.size_digits)
        return (
            f'{{"data":{{"id":{trade.id},"timestamp":"{trade.ts_ns // 10**9}","amount":{trimmed(trade.size, digits)},'
            f'"amount_str":"{padded(trade.size, digits, places)}",'
            f'"price":{trimmed(trade.price, market.spec.price_digits)},"price_str":"{self.price(market, trade.price)}",'
            f'"type":{TYPES[trade.side]},"microtimestamp":"{trade.ts_ns // MICROSECOND}",'
            f'"buy_order_id":1443875737346049,"sell_order_id":1443875731320832}},'
            f'"channel":"live_trades_{market.spec.symbol}","event":"trade"}}').encode()

    def _book(self, market: Market, quote: Quote, talk: Conversation | None) -> list[bytes]:
        bids, asks = (f'[["{self.price(market, price)}","{self.size(market, size)}"]]'
                      for price, size in ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size)))
        return [(
            f'{{"data":{{"timestamp":"{quote.ts_ns // 10**9}","microtimestamp":"{quote.ts_ns // MICROSECOND}",'
            f'"bids":{bids},"asks":{asks}}},"channel":"order_book_{market.spec.symbol}","event":"data"}}').encode()]


def _error(message: str) -> bytes:
    return in_words({"event": "bts:error", "channel": "", "data": {"code": None, "message": message}})
