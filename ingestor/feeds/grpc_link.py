"""How a link speaks over gRPC: one server-streaming call for each stream the dialect names.

A dialect over gRPC has one hook more: `Session.requests(subscriptions)` gives the streams that bring
exactly these, as (method path, prefix, serialised request, its subscriptions).
"""

import asyncio

from ingestor.feeds.door import ConnectionFault, Door, Intake, Reason
from ingestor.feeds.grpc import Call
from ingestor.feeds.link import Link, LinkPlan
from ingestor.masking import masked
from ingestor.providers.provider import Subscription


class GrpcLink(Link):
    """A link over gRPC."""

    def __init__(self, plan: LinkPlan, section: str, name: str) -> None:
        super().__init__(plan, section, name)
        self._changed = asyncio.Event()
        self._refused_calls: dict[Call, str] = {}

    def wanted_changed(self) -> None:
        self._changed.set()

    def active(self) -> int:
        return len(self.wanted) - len(self.refused)

    async def open(self, intake: Intake) -> Door:
        self._refused_calls, self.refused = {}, {}
        door: Door = await self.plan.open_door(
            self.session.endpoint(self.plan.url, self.section, tuple(self.wanted), self.plan.key), intake,
            self.on_control, self.on_refused, metadata=self.session.headers(self.plan.key),
            connect_within_s=self.plan.connect_within_s, timing=self.plan.timing)
        return door

    async def converse(self) -> None:
        while True:
            self._changed.clear()
            self.door.set_calls(call for call in self._calls() if call not in self._refused_calls)
            self.became_live()
            await self._changed.wait()

    def on_control(self, message: bytes) -> None:
        """A message that is not data. A dialect over gRPC may name a restart; nothing else concerns us."""
        try:
            control = self.session.control(message)
        except Exception as error:  # whatever a hook makes of bad data
            self._stats.controls_misread += 1
            self.tell("control_misread", error=f"{type(error).__name__}: {error}")
            return
        if control is not None and control.kind == "reconnect":
            self.end(ConnectionFault(Reason.RECONNECT_REQUESTED, control.message or "the provider asks to reconnect"))

    def on_refused(self, call: Call, message: str) -> None:
        """One call was refused for good; the others go on. When none is left, so is the connection."""
        self._refused_calls[call] = message
        self._stats.last_error = masked(message, self.plan.key)
        self.tell("subscription_refused", request=call.path, error=message, retryable=False)
        calls = self._calls()
        for subscription in calls.get(call, ()):
            self.refused[subscription] = message
        if all(each in self._refused_calls for each in calls):
            self.end(ConnectionFault(Reason.PROVIDER_ERROR, message, retryable=False))

    def _calls(self) -> dict[Call, tuple[Subscription, ...]]:
        streams = self.session.requests(tuple(self.wanted))
        return {Call(path, prefix, request): members for path, prefix, request, members in streams}
