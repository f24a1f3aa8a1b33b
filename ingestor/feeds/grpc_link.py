"""How a link speaks over gRPC: one server-streaming call for each stream the dialect names.

A dialect over gRPC has one hook more: `Session.requests(subscriptions)` gives the streams that bring
exactly these, as (method path, prefix, serialised request, its subscriptions).
"""

from ingestor.feeds.door import ConnectionFault, Door, Intake, Reason
from ingestor.feeds.grpc import Call
from ingestor.feeds.link import Link
from ingestor.providers.session import Subscription


class GrpcLink(Link):
    """A link over gRPC."""

    def active(self) -> int:
        return len(self.wanted) - len(self.refused)

    async def open(self, intake: Intake) -> Door:
        self._refused_calls: set[Call] = set()  # asked for again on each connection, as what they carried
        self.refused = {}
        plan = self.plan
        door: Door = await plan.open_door(
            self.session.endpoint(plan.url, self.section, tuple(self.wanted), plan.key), intake, self.on_control,
            self.on_refused, self.leave_soon, metadata=self.session.headers(plan.key),
            connect_within_s=plan.connect_within_s, timing=plan.timing)
        return door

    async def converse(self) -> None:
        while True:
            self.changed.clear()
            self.door.set_calls(call for call in self._calls() if call not in self._refused_calls)
            self.became_live()
            await self.changed.wait()

    def on_control(self, message: bytes) -> None:
        """A message that is not data. No dialect over gRPC sends one that concerns the link, except a restart."""
        control = self.understood(message)
        if control is not None and control.kind == "reconnect":
            self.leave_soon(control.message)

    def on_refused(self, call: Call, message: str, retryable: bool) -> None:
        """One call failed; the others go on. One refused for good is not made again; when none is left, so is the
        connection.
        """
        self.counted.last_error = self.masked(message)
        self.tell("subscription_refused", request=call.path, error=message, retryable=retryable)
        if retryable:
            return
        self._refused_calls.add(call)
        calls = self._calls()
        self.refused.update(dict.fromkeys(calls.get(call, ()), message))
        if all(each in self._refused_calls for each in calls):
            self.end(ConnectionFault(Reason.PROVIDER_ERROR, message, retryable=False))

    def _calls(self) -> dict[Call, tuple[Subscription, ...]]:
        streams = self.session.requests(tuple(self.wanted))
        return {Call(path, prefix, request): members for path, prefix, request, members in streams}
