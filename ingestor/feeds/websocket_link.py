"""How a link speaks over a WebSocket: hello, subscribe, acknowledgements, heartbeats, replies.

The words are the dialect's (Session); this file decides when they are said, within Limits, and
keeps account of what was answered.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingestor.feeds.backoff import Backoff, TokenBucket
from ingestor.feeds.door import ConnectionFault, Door, Intake, Reason
from ingestor.feeds.link import Link, LinkPlan
from ingestor.feeds.packing import messages
from ingestor.masking import masked
from ingestor.providers.provider import Control, Subscription

#: Providers answer within a second; beyond this the request counts as unanswered, and the data decides.
ACK_WITHIN_S = 10.0
ACK_WATCH_EVERY_S = 1.0
#: What we may say at once after a quiet while, as a share of a second's allowance.
BURST_SHARE = 0.5
#: Of a control frame nobody could read, for the log.
CONTROL_SHOWN_BYTES_MAX = 200


@dataclass(slots=True)
class Request:
    """A subscribe or unsubscribe message that waits for its answer."""

    request_id: int
    subscribes: bool
    subscriptions: dict[Subscription, None]
    sent_at: float


class WebSocketLink(Link):
    """A link over a WebSocket."""

    def __init__(self, plan: LinkPlan, section: str, name: str) -> None:
        super().__init__(plan, section, name)
        rate = plan.limits.messages_per_second_max
        self._bucket = TokenBucket(rate, rate * BURST_SHARE, plan.timing.clock)
        self._changed = asyncio.Event()
        #: False for a provider that acknowledges nothing: the data is the answer
        self._is_answered: bool = getattr(self.session, "acknowledges", True)
        self._request_ids = itertools.count(1)
        self._retries = Backoff(plan.timing.uniform)
        self._sent: dict[Subscription, None] = {}
        self._pending: dict[int, Request] = {}
        self._batches: deque[list[Subscription]] = deque()  # to be asked for again as they are
        self._early: list[bytes] = []                       # replies due before the door was ours

    def wanted_changed(self) -> None:
        self._changed.set()

    def active(self) -> int:
        return sum(1 for subscription in self._sent if subscription not in self.refused)

    async def open(self, intake: Intake) -> Door:
        self._sent, self._pending, self._batches, self._early = {}, {}, deque(), []
        self.refused = {}   # asked again on each connection: what the provider refuses may change
        self._request_ids = itertools.count(1)
        url = self.session.endpoint(self.plan.url, self.section, tuple(self.wanted), self.plan.key)
        door: Door = await self.plan.open_door(
            url, intake, self.on_control, headers=dict(self.session.headers(self.plan.key)),
            connect_within_s=self.plan.connect_within_s)
        return door

    async def converse(self) -> None:
        for text in self._early:
            self._send(text)
        for text in self.session.hello(tuple(self._askable()), self.plan.key):
            await self._say(text)
        self.spawn(self._beat())
        self.spawn(self._watch_acks())
        while True:
            self._changed.clear()
            gone = [subscription for subscription in self._sent if subscription not in self.wanted]
            if gone:
                await self._ask(gone, subscribes=False)
            while self._batches:
                batch = [each for each in self._batches.popleft() if each in self.wanted and each not in self._sent]
                await self._ask(batch, subscribes=True)
            missing = [subscription for subscription in self._askable() if subscription not in self._sent]
            if missing:
                await self._ask(missing, subscribes=True)
            if not self._changed.is_set():
                self._see_whether_live()
                await self._changed.wait()

    def on_control(self, frame: bytes) -> None:
        """A control frame of the provider. Called inside the socket callback; never raises.

        A frame that the dialect can't read is counted: a bad frame must not cost the connection.
        """
        try:
            control = self.session.control(frame)
        except Exception as error:  # whatever a hook makes of bad data
            self._stats.controls_misread += 1
            shown = frame[:CONTROL_SHOWN_BYTES_MAX].decode("utf-8", "replace")
            self.tell("control_misread", error=f"{type(error).__name__}: {error}", frame=shown)
            return
        if control is None or control.kind == "alive":
            return
        if control.kind == "reply" and control.reply is not None:
            # A provider that waits for an answer gets it at once; the bucket makes up for it later.
            self._bucket.take()
            self._send(control.reply)
        elif control.kind == "reconnect":
            self.end(ConnectionFault(Reason.RECONNECT_REQUESTED, control.message or "the provider asks to reconnect"))
        elif control.kind == "ack":
            self._acknowledged(control.request)
        elif control.kind == "error":
            self._refused(control)

    # Saying.

    def _askable(self) -> Iterable[Subscription]:
        return (subscription for subscription in self.wanted if subscription not in self.refused)

    async def _say(self, text: bytes) -> None:
        """Send within Limits.messages_per_second_max."""
        wait_s = self._bucket.take()
        if wait_s > 0:
            await self.plan.timing.sleep(wait_s)
        self._send(text)

    def _send(self, text: bytes) -> None:
        if self.door is None:   # a frame came together with the upgrade's answer
            self._early.append(text)
            return
        try:
            self.door.send(text)
        except ConnectionFault as fault:
            self.end(fault)

    async def _ask(self, subscriptions: list[Subscription], *, subscribes: bool) -> None:
        hook = self.session.subscribe if subscribes else self.session.unsubscribe
        request_id = 0

        def compose(batch: Sequence[Subscription]) -> Sequence[bytes]:
            nonlocal request_id
            request_id = next(self._request_ids)
            texts: Sequence[bytes] = hook(batch, request_id)
            return texts

        for batch, texts in messages(subscriptions, self.plan.limits, compose):
            if texts and self._is_answered:
                self._pending[request_id] = Request(
                    request_id, subscribes, dict.fromkeys(batch), self.now())
            for subscription in batch:
                if subscribes:
                    self._sent[subscription] = None
                else:
                    self._sent.pop(subscription, None)
            for text in texts:
                await self._say(text)

    async def _beat(self) -> None:
        every_s = self.plan.limits.heartbeat_every_s
        while every_s > 0:
            await self.plan.timing.sleep(every_s)
            text = self.session.heartbeat(next(self._request_ids))
            if text is not None:
                await self._say(text)

    # Hearing.

    async def _watch_acks(self) -> None:
        while True:
            await self.plan.timing.sleep(ACK_WATCH_EVERY_S)
            late = [request for request in self._pending.values() if self.now() - request.sent_at >= ACK_WITHIN_S]
            for request in late:
                del self._pending[request.request_id]
                self._stats.acks_missing += 1
                self.tell("subscription_unanswered", request=request.request_id, waiting=len(request.subscriptions))
            if late:
                self._see_whether_live()

    def _see_whether_live(self) -> None:
        if not self._pending and not self._batches and all(each in self._sent for each in self._askable()):
            self.became_live()

    def _acknowledged(self, name: str) -> None:
        """`name`: the request's id, or the subscription's, or empty where the provider names nothing."""
        named = self._pending.get(int(name)) if _is_id(name) else None
        if named is not None:
            del self._pending[named.request_id]
        elif not self._answer_named(name) and self._pending:
            del self._pending[next(iter(self._pending))]
        self._see_whether_live()

    def _answer_named(self, name: str) -> bool:
        """Strike the subscriptions of this name from the requests; whether there was one."""
        found = False
        for request in list(self._pending.values()):
            for subscription in [each for each in request.subscriptions if _is_named(each, name)]:
                found = True
                del request.subscriptions[subscription]
            if not request.subscriptions:
                del self._pending[request.request_id]
        return found

    def _refused(self, control: Control) -> None:
        """An error of the provider: of the connection, of a request, or of one subscription."""
        if control.fatal:
            message = control.message or "the provider refused us"
            self.end(ConnectionFault(Reason.PROVIDER_ERROR, message, retryable=control.retryable))
            return
        self.tell("subscription_refused", request=control.request, error=control.message, retryable=control.retryable)
        self._stats.last_error = masked(control.message, self.plan.key)
        request = self._pending.pop(int(control.request), None) if _is_id(control.request) else None
        if request is not None:
            blamed = list(request.subscriptions) if request.subscribes else []
        else:
            blamed = [each for each in self._sent if _is_named(each, control.request)]
            self._answer_named(control.request)
        if control.retryable and blamed:
            self.spawn(self._ask_later(blamed))
        elif len(blamed) > 1:
            # One bad name spoils the message for all: halves find it, and lose nobody else.
            middle = len(blamed) // 2
            self._forget(blamed)
            self._batches += [blamed[:middle], blamed[middle:]]
            self._changed.set()
        elif blamed:
            self._forget(blamed)
            self.refused[blamed[0]] = control.message
        self._see_whether_live()

    def _forget(self, subscriptions: Iterable[Subscription]) -> None:
        for subscription in subscriptions:
            self._sent.pop(subscription, None)

    async def _ask_later(self, subscriptions: list[Subscription]) -> None:
        await self.plan.timing.sleep(self._retries.pause_s())
        self._forget(subscriptions)
        self._changed.set()


def _is_id(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) <= 18


def _is_named(subscription: Subscription, name: str) -> bool:
    """Whether a provider's word for what it answers means this subscription: `symbol` or `channel:symbol`."""
    return bool(name) and name in (subscription.symbol, f"{subscription.channel}:{subscription.symbol}",
                                   f"{subscription.channel}.{subscription.symbol}")
