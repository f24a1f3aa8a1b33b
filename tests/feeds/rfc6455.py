"""A slow WebSocket client's ear in plain Python: what RFC 6455 says that a stream of a server's bytes means."""

import struct
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
CODES_SENT = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}      # 7.4: those an endpoint may send


class Heard(NamedTuple):
    """Up to the first thing that ends the connection."""

    messages: list[bytes]
    end: str                # "open": more may come; "closed": a goodbye; "violation"
    at: int                 # the bytes heard till then


def hear(stream: bytes) -> Heard:
    messages: list[bytes] = []
    joined: list[bytes] | None = None
    at = 0
    while True:
        if len(stream) - at < 2:
            return Heard(messages, "open", at)
        first, second = stream[at], stream[at + 1]
        fin, reserved, kind = first >> 7, first >> 4 & 7, first & 15
        size, more = second & 0x7F, {126: 2, 127: 8}.get(second & 0x7F, 0)
        # What two bytes say suffices to refuse, 5.2 and 5.5.
        if reserved or second & 0x80 or kind not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            return Heard(messages, "violation", at)
        if kind >= CLOSE and (not fin or size > 125):
            return Heard(messages, "violation", at)
        if kind < CLOSE and (kind == CONTINUATION) != (joined is not None):
            return Heard(messages, "violation", at)
        if len(stream) - at < 2 + more:
            return Heard(messages, "open", at)
        if more:
            size = int.from_bytes(stream[at + 2:at + 2 + more], "big")
            if size < (126 if more == 2 else 1 << 16) or size >= 1 << 63:
                return Heard(messages, "violation", at)
        at += 2 + more
        if len(stream) - at < size:
            return Heard(messages, "open", at)
        payload, at = stream[at:at + size], at + size
        if kind == CLOSE:
            return Heard(messages, "closed" if is_goodbye(payload) else "violation", at)
        if kind < CLOSE:
            joined = [*(joined or []), payload]
            if fin:
                messages.append(b"".join(joined))
                joined = None


def is_goodbye(payload: bytes) -> bool:
    """Nothing, or a code that may be sent with UTF-8 words."""
    if len(payload) < 2:
        return not payload
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return False
    return struct.unpack("!H", payload[:2])[0] in CODES_SENT
