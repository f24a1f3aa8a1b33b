"""permessage-deflate (RFC 7692), the receiving half: the offer, the answer, and a bounded inflate.

We never compress what we send: a few hundred bytes a minute. So only the server's window and
context matter. Source: RFC 7692 sections 7.1, 7.2.2 and 7.2.3, read November 2026.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from ingestor.feeds.door import ConnectionFault, Reason

EXTENSION = "permessage-deflate"
#: the client's half is switched off as far as the RFC lets a client do so
OFFER = f"{EXTENSION}; client_no_context_takeover"
TAIL = b"\x00\x00\xff\xff"   # the end of a sync flush, which the sender cuts off
WINDOW_BITS_MAX = 15
WINDOW_BYTES_MAX = 1 << WINDOW_BITS_MAX
#: A sender may close the deflate stream inside a message, rarely more than once. Each time costs a
#: copy of the rest, so that an unlimited number would make a small message cost quadratic time.
FINAL_BLOCKS_MAX = 16


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the server's answer says about the data it will send."""

    context_takeover: bool = True
    window_bits: int = WINDOW_BITS_MAX


def agreement(headers: Sequence[str], *, offered: bool) -> Agreement | None:
    """Read the Sec-WebSocket-Extensions headers of an upgrade response; None: no compression.

    Raises ConnectionFault for anything we did not offer, because its frames would be misread.
    """
    answers = [answer.strip() for header in headers for answer in header.split(",") if answer.strip()]
    if not answers:
        return None
    if not offered or len(answers) > 1:
        raise _refusal(f"the server chose extensions that were not offered: {', '.join(answers)}")
    name, *parameters = [part.strip() for part in answers[0].split(";")]
    if name.lower() != EXTENSION:
        raise _refusal(f"the server chose an extension that was not offered: {name}")
    context_takeover, window_bits, seen = True, WINDOW_BITS_MAX, set()
    for parameter in parameters:
        key, _, value = (part.strip().strip('"').lower() for part in parameter.partition("="))
        if key in seen:
            raise _refusal(f"{EXTENSION} repeats the parameter {key!r}")
        seen.add(key)
        if key == "server_no_context_takeover" and not value:
            context_takeover = False
        elif key == "client_no_context_takeover" and not value:
            continue
        elif key == "server_max_window_bits" and value in {str(bits) for bits in range(8, WINDOW_BITS_MAX + 1)}:
            window_bits = int(value)
        else:
            raise _refusal(f"{EXTENSION} has a parameter we can't keep: {parameter!r}")
    return Agreement(context_takeover, window_bits)


def _refusal(message: str) -> ConnectionFault:
    return ConnectionFault(Reason.HANDSHAKE_REFUSED, message)


class Inflater:
    """Inflates the messages of one connection, in the order they came."""

    def __init__(self, terms: Agreement, message_bytes_max: int) -> None:
        self._terms = terms
        self._message_bytes_max = message_bytes_max
        # zlib's own raw deflate writes a 9-bit window when asked for 8 bits.
        self._window_bits = -max(9, terms.window_bits)
        self._stream = zlib.decompressobj(self._window_bits)

    def inflate(self, compressed: bytes) -> bytes:
        """One whole message, all fragments joined. Never makes more than `message_bytes_max` + 1 bytes.

        Raises ConnectionFault when it is larger, or is no deflate data. Nothing at all is none: an empty message has
        a byte (RFC 7692 section 7.2.3.6), and the tail alone would be taken for the beginning of a stored block.
        """
        if not compressed:
            raise ConnectionFault(Reason.DEFLATE_ERROR, "a compressed message without a byte")
        try:
            message = self._inflate(compressed + TAIL)
        except zlib.error as error:
            raise ConnectionFault(Reason.DEFLATE_ERROR, f"a compressed message does not inflate: {error}") from error
        if not self._terms.context_takeover:
            self._stream = zlib.decompressobj(self._window_bits)
        return message

    def _inflate(self, rest: bytes) -> bytes:
        room = self._message_bytes_max + 1
        message = self._stream.decompress(rest, room)
        for _ in range(FINAL_BLOCKS_MAX):
            if len(message) >= room or self._stream.unconsumed_tail:
                raise ConnectionFault(
                    Reason.MESSAGE_TOO_BIG, f"a message inflates beyond {self._message_bytes_max} bytes")
            if not self._stream.eof:
                return message
            rest = self._stream.unused_data
            # A new stream that still sees the old window. zlib refuses a distance beyond it, so that
            # a reference to an earlier message ends in an error and never in wrong data.
            self._stream = zlib.decompressobj(self._window_bits, message[-WINDOW_BYTES_MAX:])
            if not rest:
                return message
            message += self._stream.decompress(rest, room - len(message))
        raise ConnectionFault(Reason.DEFLATE_ERROR, f"a message closes its deflate stream {FINAL_BLOCKS_MAX} times")
