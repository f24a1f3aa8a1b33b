"""How a link speaks over a WebSocket: hello, subscribe, acknowledgements, heartbeats, replies.

The words are the dialect's (Session); this file decides when they are said, within Limits, and
keeps account of what was answered.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingestor.feeds.backoff import Backoff, TokenBucket
from ingestor.feeds.door import ConnectionFault, Door, Intake, Reason
from ingestor.feeds.link import Link, LinkPlan
from ingestor.feeds.packing import messages
from ingestor.providers.session import Control, Subscription

#: Providers answer within a second; beyond this the request counts as unanswered, and the data decides.
ACK_WITHIN_S = 10.0
#: What we may say at once after a quiet while, as a share of a second's allowance.
BURST_SHARE = 0.5
HOUR_S = 3600.0


@dataclass(slots=True)
class Request:
    """A subscribe or unsubscribe request that waits for its answers."""

    request_id: int
    subscribes: bool
    unanswered: dict[Subscription, None]
    named: dict[str, list[Subscription]]    # by the words that a provider may name them with
    answers: int                            # expected: one a message, where they name no subscription

    def take(self, name: str) -> list[Subscription]:
        """Strike what this name means; return it."""
        found = [subscription for subscription in self.named.get(name, ()) if subscription in self.unanswered]
        for subscription in found:
            del self.unanswered[subscription]
        return found


class WebSocketLink(Link):
    """A link over a WebSocket."""

    def __init__(self, plan: LinkPlan, section: str, name: str) -> None:
        super().__init__(plan, section, name)
        self._fresh()

    def _fresh(self) -> None:
        """A new connection: nothing was asked, nothing refused."""
        self.session = self.plan.provider.session.opened(self.section)
        rate = self.plan.limits.messages_per_second_max
        self._retries = Backoff(self.plan.timing.uniform)
        self._bucket = TokenBucket(rate, rate * BURST_SHARE, self.plan.timing.clock)
        # What may go at once and what comes back within the hour are the limit together.
        hourly = self.plan.limits.requests_per_hour_max * BURST_SHARE
        self._requests = TokenBucket(hourly / HOUR_S, hourly, self.plan.timing.clock)
        self._request_ids = itertools.count(1)
        self._sent: dict[Subscription, None] = {}
        self._pending: dict[int, Request] = {}
        self._halves: deque[list[Subscription]] = deque()   # of a refused request, to be asked apart
        self._postponed: dict[Subscription, None] = {}      # refused for now
        self._early: list[bytes] = []                       # replies due before the door was ours
        self.refused = {}       # asked again on each connection: what the provider refuses may change

    def active(self) -> int:
        return len(self._sent)

    async def open(self, intake: Intake) -> Door:
        self._fresh()
        plan = self.plan
        self._opened_with = list(self.wanted)
        door: Door = await plan.open_door(
            self.session.endpoint(plan.url, self.section, tuple(self.wanted), plan.key), intake, self.on_control,
            headers=dict(self.session.headers(plan.key)), connect_within_s=plan.connect_within_s)
        return door

    async def converse(self) -> None:
        for text in self._early:
            self._send(text)
        await self._greet()
        self.spawn(self._beat())
        while True:
            self.changed.clear()
            await self._ask([each for each in self._sent if each not in self.wanted], subscribes=False)
            while self._halves:
                await self._ask([each for each in self._halves.popleft() if self._is_due(each)], subscribes=True)
            await self._ask([each for each in self.wanted if self._is_due(each)], subscribes=True)
            if not self.changed.is_set():
                self._see_whether_live()
                await self.changed.wait()
            if self.session.endpoint_subscribes and list(self.wanted) != self._opened_with:
                raise ConnectionFault(Reason.REPACKED, "the URL names the subscriptions, and they have changed")

    def on_control(self, frame: bytes) -> None:
        """A control frame of the provider. Called inside the socket callback."""
        control = self.understood(frame)
        if control is None:
            return
        if control.kind == "reply" and control.reply is not None:
            # A provider that waits for an answer gets it at once; the bucket makes up for it later.
            self._bucket.take()
            self._send(control.reply)
        elif control.kind == "reconnect":
            self.leave_soon(control.message)
        elif control.kind == "ack":
            for name in control.missing:
                self._refused(Control("error", request=name, message="the provider passed over it", retryable=False))
            self._acknowledged(control.request)
        elif control.kind == "error":
            self._refused(control)

    # Saying.

    def _is_due(self, subscription: Subscription) -> bool:
        """Wanted, and neither asked for nor refused."""
        return (subscription in self.wanted and subscription not in self._sent
                and subscription not in self.refused and subscription not in self._postponed)

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

    async def _greet(self) -> None:
        """The dialect's first words; where they subscribe, with as much as one message takes."""
        key, wanted = self.plan.key, list(self.wanted)
        if self.session.hello_subscribes:
            cut = messages(wanted, self.plan.limits, lambda batch: self.session.hello(batch, key))
            carried, texts = next(cut, ([], ()))
            self._sent.update(dict.fromkeys(carried))
        else:
            texts = self.session.hello(wanted, key)
        for text in texts:
            await self._say(text)

    async def _ask(self, subscriptions: list[Subscription], *, subscribes: bool) -> None:
        hook = self.session.subscribe if subscribes else self.session.unsubscribe
        request_id = 0

        def compose(batch: Sequence[Subscription]) -> Sequence[bytes]:
            nonlocal request_id
            request_id = next(self._request_ids)
            texts: Sequence[bytes] = hook(batch, request_id)
            return texts

        for batch, texts in messages(subscriptions, self.plan.limits, compose):
            if self.session.acknowledges and texts:
                self._pending[request_id] = Request(
                    request_id, subscribes, dict.fromkeys(batch), _names(batch), len(texts))
            for subscription in batch:
                if subscribes:
                    self._sent[subscription] = None
                else:
                    self._sent.pop(subscription, None)
            for text in texts:
                if (wait_s := self._requests.take()) > 0:
                    await self.plan.timing.sleep(wait_s)
                await self._say(text)
            if request_id in self._pending:
                self.spawn(self._give_up(request_id))

    async def _beat(self) -> None:
        every_s = self.plan.limits.heartbeat_every_s
        while every_s > 0:
            await self.plan.timing.sleep(every_s)
            text = self.session.heartbeat(next(self._request_ids))
            if text is not None:
                await self._say(text)

    # Hearing.

    async def _give_up(self, request_id: int) -> None:
        """Wait for a request's answers no longer than ACK_WITHIN_S."""
        await self.plan.timing.sleep(ACK_WITHIN_S)
        request = self._pending.pop(request_id, None)
        if request is not None:
            self.counted.acks_missing += 1
            self.tell("subscription_unanswered", request=request_id, waiting=len(request.unanswered))
            self._see_whether_live()

    def _see_whether_live(self) -> None:
        if (not self._pending and not self._halves and not self._postponed
                and not any(self._is_due(each) for each in self.wanted)):
            self.became_live()

    def _acknowledged(self, name: str) -> None:
        """`name`: the request's id, or a subscription's, or empty where the provider names nothing.

        Other names are nobody's we know: an answer to a request that was given up, or a notice.
        """
        request = self._request(name)
        if request is not None:
            request.answers -= 1
            if request.answers <= 0:
                del self._pending[request.request_id]
        else:
            self._strike(name)
        if not self._pending:
            self._see_whether_live()

    def _refused(self, control: Control) -> None:
        """An error of the provider: of the connection, of a request, or of one subscription."""
        if control.fatal:
            self.end(ConnectionFault(
                Reason.PROVIDER_ERROR, control.message or "the provider refused us", retryable=control.retryable))
            return
        self.tell("subscription_refused", request=control.request, error=control.message, retryable=control.retryable)
        self.counted.last_error = self.masked(control.message)
        request = self._request(control.request)
        if request is not None:
            del self._pending[request.request_id]
            blamed = list(request.unanswered) if request.subscribes else []
        else:
            blamed = self._strike(control.request) or [each for each in self._sent if control.request in _names([each])]
        for subscription in blamed:
            self._sent.pop(subscription, None)
        if control.retryable and blamed:
            self._postponed.update(dict.fromkeys(blamed))
            self.spawn(self._ask_later(blamed))
        elif len(blamed) > 1 and request is not None:
            # One bad name spoils the message for all: halves find it, and lose nobody else.
            middle = len(blamed) // 2
            self._halves += [blamed[:middle], blamed[middle:]]
            self.changed.set()
        else:
            self.refused.update(dict.fromkeys(blamed, control.message))
        self._see_whether_live()

    def _request(self, name: str) -> Request | None:
        """The request of this id; for no name the oldest, because requests are answered in their order."""
        if not name:
            return next(iter(self._pending.values()), None)
        return self._pending.get(int(name)) if name.isascii() and name.isdigit() and len(name) <= 18 else None

    def _strike(self, name: str) -> list[Subscription]:
        """Strike the subscriptions of this name from the requests; return those that were asked for."""
        found = []
        for request in list(self._pending.values()):
            struck = request.take(name)
            if struck and not request.unanswered:
                del self._pending[request.request_id]
            if request.subscribes:
                found += struck
        return found

    async def _ask_later(self, subscriptions: list[Subscription]) -> None:
        await self.plan.timing.sleep(self._retries.pause_s())
        for subscription in subscriptions:
            self._postponed.pop(subscription, None)
        self.changed.set()


def _names(subscriptions: Iterable[Subscription]) -> dict[str, list[Subscription]]:
    """Subscriptions by the words that a provider's answer may use.

    `symbol`, `channel:symbol`, `channel.symbol`; where it carries many venues, `channel:venue:symbol`.
    """
    named: dict[str, list[Subscription]] = {}
    for subscription in subscriptions:
        channel, symbol = subscription.channel, subscription.symbol
        for name in (symbol, f"{channel}:{symbol}", f"{channel}.{symbol}", f"{channel}:{subscription.venue}:{symbol}"):
            named.setdefault(name, []).append(subscription)
    return named
