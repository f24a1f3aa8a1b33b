"""coindesk, simulated: the data streamer's index ticks. Formats: reference A3b.

The key comes in the URL or a header; a bad one is told, and the connection stays usable. `TYPE` is a text.
One acceptance a subscription; a heartbeat every 30 seconds. Times are whole seconds and their rest in ns.
"""

from collections.abc import Mapping
from typing import Any

from ingestor.simulator.dialects.dialect import Conversation, Dialect, Rules
from ingestor.simulator.dialects.text import as_object, in_words, request_of, trimmed
from ingestor.simulator.engine import REFERENCE, Traits
from ingestor.simulator.market import Market, Reference

TICK, INDEX = "1101", "index"
OLD_TICK = "index_cc_v1_latest_tick"
HEARTBEAT_EVERY_S = 30
ACTIONS = {"SUB_ADD": True, "SUBSCRIBE": True, "SUB_REMOVE": False, "UNSUBSCRIBE": False}


class Coindesk(Dialect):
    """Index ticks (1101); the market is the index family, such as cadli."""

    name = "coindesk"
    rules = Rules(messages=30)
    traits = Traits(1, rates=True)
    by_venue = True
    decimal = staticmethod(trimmed)
    quoted = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.renderers[REFERENCE][INDEX] = self._tick
        self._count = 0

    def open(self, path: str, headers: Mapping[str, str]) -> Conversation | None:
        talk = Conversation("")
        key = request_of(path)[1].get("api_key") or headers.get("authorization", "").removeprefix("Apikey ")
        talk.counts["refused"] = int(bool(self.key) and key != self.key)
        return talk

    def greet(self, talk: Conversation) -> list[bytes]:
        welcome = [_control("4000", "SESSION_WELCOME", SOCKET_ID="7zUM3b6uMKw",
                            RATE_LIMIT_MAX_SECOND=self.rules.messages)]
        return [*welcome, _control("4011", "INVALID_API_KEY", INFO="The limits of your address apply.")] if (
            talk.counts["refused"]) else welcome

    def hear(self, talk: Conversation, text: bytes) -> list[bytes]:
        request = as_object(text)
        wanted = ACTIONS.get(str(request.get("action"))) if request else None
        if request is None or wanted is None:
            return [_control("4012", "INVALID_MESSAGE", INFO="The message is not valid JSON, or its action unknown.")]
        kind = str(request.get("type"))
        replies, replays = [], []
        for venue, symbol in _asked(request):
            words = {"SUBSCRIPTION_ID": f"{kind}~{{{venue}~{symbol}}}"}
            if kind not in (TICK, OLD_TICK) or not self.knows(talk, symbol, venue):
                replies.append(_control("4006", "SUBSCRIPTION_REJECTED", INFO="Unknown market or instrument.", **words))
            elif wanted:
                replays += self.add(talk, INDEX, symbol, venue)
                replies.append(_control("4005", "SUBSCRIPTION_ACCEPTED", **words))
            else:
                self.remove(talk, INDEX, symbol, venue)
                replies.append(_control("4008", "SUBSCRIPTION_REMOVE_COMPLETE", **words))
        return replies + replays

    def too_many(self, talk: Conversation, what: str) -> list[bytes]:
        return [_control("4002", "RATE_LIMIT_ERROR", INFO=f"too many {what}")]

    def replay(self, talk: Conversation, market: Market, channel: str) -> list[bytes]:
        return self._tick(market, market.reference(self.now_ns()), talk)

    def each_second(self, talk: Conversation) -> list[bytes]:
        if talk.next("second") % HEARTBEAT_EVERY_S:
            return []
        return [_control("4013", "HEARTBEAT")]

    def _tick(self, market: Market, reference: Reference, talk: Conversation | None) -> list[bytes]:
        self._count += 1
        seconds, rest = divmod(reference.ts_ns, 10**9)
        return [(f'{{"TYPE":"{TICK}","MARKET":"{market.spec.venue_code}","INSTRUMENT":"{market.spec.symbol}",'
                 f'"CCSEQ":{self._count},"VALUE":{self.index(reference)},"VALUE_FLAG":"UP",'
                 f'"VALUE_LAST_UPDATE_TS":{seconds},"VALUE_LAST_UPDATE_TS_NS":{rest}}}').encode()]


def _asked(request: dict[str, Any]) -> list[tuple[str, str]]:
    """(market, instrument): pairs in the new form, one market and many instruments in the old."""
    pairs, names = request.get("subscriptions"), request.get("instruments")
    if isinstance(pairs, list):
        return [(str(each.get("market")), str(each.get("instrument"))) for each in pairs if isinstance(each, dict)]
    return [(str(request.get("market")), str(name)) for name in names] if isinstance(names, list) else []


def _control(kind: str, message: str, **more: object) -> bytes:
    return in_words({"TYPE": kind, "MESSAGE": message, **more})
