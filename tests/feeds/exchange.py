"""A small exchange for each WebSocket dialect: acknowledges as the provider does, and keeps what it was told."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress

from tests.feeds.peer import CLOSE, TEXT, Peer, Server, closing, frame


def _text(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def binance(text: bytes) -> Iterator[bytes]:
    yield _text({"result": None, "id": json.loads(text)["id"]})


def okx(text: bytes) -> Iterator[bytes]:
    if text == b"ping":
        yield b"pong"
        return
    message = json.loads(text)
    for arg in message["args"]:
        yield _text({"event": message["op"], "arg": arg, "connId": "d604ccd0"})


def bybit(text: bytes) -> Iterator[bytes]:
    message = json.loads(text)
    said = "pong" if message["op"] == "ping" else ""
    yield _text({"success": True, "ret_msg": said, "conn_id": "c1", "req_id": message["req_id"], "op": message["op"]})


def kraken(text: bytes) -> Iterator[bytes]:
    message = json.loads(text)
    if message["method"] == "ping":
        yield _text({"method": "pong", "req_id": message["req_id"]})
        return
    for symbol in message["params"]["symbol"]:
        result = {"channel": message["params"]["channel"], "snapshot": True, "symbol": symbol}
        yield _text({"method": message["method"], "req_id": message["req_id"], "result": result, "success": True})


def coinbase(text: bytes) -> Iterator[bytes]:
    message = json.loads(text)
    channels = [{"name": name, "product_ids": message["product_ids"]} for name in message["channels"]]
    yield _text({"type": "subscriptions", "channels": channels})


def silent(text: bytes) -> Iterator[bytes]:
    yield from ()


ANSWERS = {
    "binance-spot": binance, "binance-usdm": binance, "okx-v5": okx, "bybit-v5": bybit, "kraken-v2": kraken,
    "coinbase-exchange": coinbase, "coinapi": silent,
}
GREETINGS = {"kraken-v2": (
    (b'{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2",'
    b'"connection_id":8423536080466635123}]}'),)}


class Exchange(Server):
    """Answers as `dialect`; `texts` holds what each connection said, `say()` sends to all that are open."""

    def __init__(self, dialect: str, **more: object) -> None:
        super().__init__(self._talk, **more)
        self._answer = ANSWERS[dialect]
        self._greeting = GREETINGS.get(dialect, ())
        self._open: list[Peer] = []
        self._news = asyncio.Event()
        self.texts: list[list[bytes]] = []
        self.goodbyes: list[bytes] = []

    async def say(self, *texts: bytes) -> None:
        await self.send(*map(frame, texts))

    async def send(self, *frames: bytes) -> None:
        """Frames or any other bytes, to all that are open."""
        for peer in self._open:
            await peer.send(*frames)

    async def until(self, connections: int, texts: int) -> None:
        """Wait for so many connections, and so many texts on the last."""
        while len(self.texts) < connections or len(self.texts[-1]) < texts:
            self._news.clear()
            await self._news.wait()

    async def _talk(self, peer: Peer) -> None:
        said: list[bytes] = []
        self.texts.append(said)
        self._open.append(peer)
        self._news.set()
        try:
            await peer.send(*map(frame, self._greeting))
            while (heard := await peer.hear()).kind != CLOSE:
                if heard.kind == TEXT:
                    said.append(heard.payload)
                    self._news.set()
                    await peer.send(*map(frame, self._answer(heard.payload)))
            self.goodbyes.append(heard.payload[:2])
            with suppress(OSError):
                await peer.send(closing(1000))
        finally:
            self._open.remove(peer)
