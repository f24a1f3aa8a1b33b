"""The backfill: asks each provider's own history for what was missed, within its limits, until each hole ends.

`poll` drains what the pipeline noted into the ledger; `run` does so by timer and asks, one request at a time
a provider. A hole is asked for a moment after it was found, since late records may close it and histories
lag. It is lost when there is no history, when it refuses, when it stays short after TRIES_MAX tries without
progress, when it takes more pages than the provider's limits allow, or when the shard stops.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import structlog

from ingestor._core import Pipeline
from ingestor.errors import IngestorError
from ingestor.feeds.backoff import RETRY_AFTER_MAX_S, Backoff, TokenBucket
from ingestor.feeds.fetch import Fetch, FetchFault, HistorySettings, open_fetch
from ingestor.feeds.ledger import Hole, Ledger
from ingestor.feeds.refill import missed, refill
from ingestor.feeds.timing import Repeats, Timing
from ingestor.masking import masked
from ingestor.providers.history import History, Missing, NoHistory, Request
from ingestor.providers.registry import load
from ingestor.providers.session import Subscription
from ingestor.records import DecodeStatus
from ingestor.wire.quality import QualityTopic

#: How often the pipeline's list is drained; GAP_EVENTS_MAX in unify/gaps.pxd follows from it.
POLL_EVERY_S = 0.1
#: A hole that is not asked for within so long waits behind too many others.
ASK_WITHIN_S = 3600.0
#: Tries without any progress; with the pauses between them, a history may be away for a good minute.
TRIES_MAX = 8
PAUSE_BASE_S, PAUSE_MAX_S = 1.0, 30.0


@dataclass(slots=True)
class Job:
    """A hole that is asked for."""

    hole: Hole
    found_s: float
    due_s: float
    backoff: Backoff
    pages: int = 0
    next: Request | None = None     # the next page; None: begin with what is open


@dataclass(slots=True)
class Desk:
    """One provider's history."""

    provider: Any
    history: History
    settings: HistorySettings
    bucket: TokenBucket
    fetch: Fetch
    queue: list[tuple[float, int, Job]] = field(default_factory=list)   # a heap by due_s
    held_s: float = 0.0             # the provider named a pause: nothing is asked before
    intakes: dict[str, Any] = field(default_factory=dict)   # by section: connections that no socket has
    task: asyncio.Task[None] | None = None


class Backfill:
    """The holes of one pipeline and their histories. Lives on the pipeline's loop.

    `settings` by provider; one that is not named has none. `fetch` replaces the transports in tests.
    """

    def __init__(
        self, pipeline: Pipeline, topic: QualityTopic | None, settings: Mapping[str, HistorySettings], *,
        timing: Timing | None = None, clock_ns: Callable[[], int] = time.time_ns, poll_every_s: float = POLL_EVERY_S,
        fetch: Callable[[str, str, HistorySettings], Fetch] = open_fetch,
    ) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()     # by provider and outcome
        self.ledger = Ledger(pipeline.tables, topic)
        self._pipeline = pipeline
        self._settings = settings
        self._timing = timing or Timing()
        self._clock_ns = clock_ns
        self._poll_every_s = poll_every_s
        self._open_fetch = fetch
        self._desks: dict[str, Desk | None] = {}
        self._log = structlog.get_logger()
        self._repeats = Repeats(self._timing.clock)

    def poll(self) -> None:
        """Take what the pipeline noted since the last time."""
        for event in missed(self._pipeline):
            hole = self.ledger.take(event)
            if hole is not None:
                self._enqueue(hole)

    def follow(self, subscriptions_to: Sequence[int]) -> None:
        """The pipeline has other tables, in which the subscriptions have these numbers, -1 for none."""
        self.ledger.follow(self._pipeline.tables, subscriptions_to)

    async def run(self) -> None:
        """Poll and ask until cancelled; what is open then is lost, and named."""
        try:
            while True:
                self.poll()
                self._ask_due()
                await self._timing.sleep(self._poll_every_s)
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop asking; close the books."""
        desks = [desk for desk in self._desks.values() if desk is not None]
        tasks = [desk.task for desk in desks if desk.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.poll()
        for hole in self.ledger:
            self.ledger.lose(hole, "stopped", "the shard stopped before the history was read")
        for desk in desks:
            await desk.fetch.close()

    # Whom to ask, and when.

    def _enqueue(self, hole: Hole) -> None:
        path, channel = self._pipeline.tables.subscriptions_named[hole.subscription]
        name = self._pipeline.tables.instruments.paths[path].provider
        if name not in self._desks:
            self._desks[name] = self._desk(name)
        desk = self._desks[name]
        self._tell("gap_detected", provider=name, channel=channel, missing=hole.open.count, by_time=hole.by_time)
        if desk is None:
            self.ledger.lose(hole, "no_history", "the provider has no history that is asked")
            return
        now = self._timing.clock()
        backoff = Backoff(self._timing.uniform, PAUSE_BASE_S, PAUSE_MAX_S)
        self._queue(desk, Job(hole, now, now + desk.history.limits.delay_s, backoff))

    def _queue(self, desk: Desk, job: Job) -> None:
        heappush(desk.queue, (job.due_s, job.hole.number, job))

    def _desk(self, name: str) -> Desk | None:
        provider: Any = load(name)
        history, settings = provider.session.history, self._settings.get(name)
        if history is None or settings is None or not settings.enabled:
            return None
        limits = history.limits
        return Desk(
            provider, history, settings, TokenBucket(limits.requests_per_second, limits.burst, self._timing.clock),
            self._open_fetch(history.transport, settings.url or history.url, settings))

    def _ask_due(self) -> None:
        now = self._timing.clock()
        for desk in self._desks.values():
            if desk is None or (desk.task is not None and not desk.task.done()):
                continue
            if desk.task is not None:
                desk.task.result()
                desk.task = None
            while desk.queue and not desk.queue[0][2].hole.open:
                heappop(desk.queue)
            if desk.queue and max(desk.queue[0][0], desk.held_s) <= now:
                desk.task = asyncio.create_task(self._work(desk, heappop(desk.queue)[2]))

    async def _work(self, desk: Desk, job: Job) -> None:
        if self._timing.clock() - job.found_s > ASK_WITHIN_S and not job.pages:
            self._lose(desk, job, "budget", f"not asked for within {ASK_WITHIN_S:g} s: too many holes before it, or a "
                       "long pause that the provider named")
        else:
            try:
                await self._ask(desk, job)
            except IngestorError:
                raise           # of the sink: what the live data meets, too
            except Exception as error:
                self._log.exception("backfill_failed", provider=desk.provider.name)
                self._lose(desk, job, "fault", f"{type(error).__name__}: {error}")
        if job.hole.open:
            self._queue(desk, job)

    # One request.

    async def _ask(self, desk: Desk, job: Job) -> None:
        wait_s = desk.bucket.take()
        if wait_s > 0:
            await self._timing.sleep(wait_s)
        self.poll()
        if not job.hole.open:
            return
        wanted = self._missing(job.hole)
        following, job.next = job.next, None
        try:
            request = following or desk.history.request(wanted, desk.settings.key)
        except NoHistory as error:
            self._lose(desk, job, "no_history", str(error))
            return
        try:
            answer = await desk.fetch(request)
        except FetchFault as fault:
            job.next = following
            self._failed(desk, job, fault)
            return
        if job.hole.gone:
            return
        try:
            self._took(desk, job, wanted, request, answer)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self._again(desk, job, "misread", f"an answer that is not what the dialect thought: {error!r}")

    def _missing(self, hole: Hole) -> Missing:
        """What is still open of the hole."""
        path, channel = self._pipeline.tables.subscriptions_named[hole.subscription]
        row = self._pipeline.tables.instruments.paths[path]
        session: Any = load(row.provider).session
        wanted = Subscription(
            channel, row.symbol, session.endpoint_section(channel, row.section), row.venue_code,
            self._pipeline.tables.instruments.rows[row.instrument].id)
        first, last = hole.open.first, hole.open.last
        if hole.by_time:
            return Missing(wanted, None, None, first, last)
        return Missing(wanted, first, last, hole.from_ns, hole.to_ns)

    def _took(self, desk: Desk, job: Job, wanted: Missing, request: Request, answer: Any) -> None:
        page = desk.history.page(wanted, request, answer)
        hole, subscription = job.hole, job.hole.subscription
        intake = self._intake(desk, wanted.subscription.section)
        self.poll()     # what came live meanwhile is no news of the history's
        before = (hole.open.count, hole.records)
        for frame in page.frames:
            status, rows = refill(intake, frame, self._clock_ns(), subscription,
                                  lambda number, event_ns: self.ledger.wants(subscription, number, event_ns))
            if status >= DecodeStatus.TRUNCATED:
                raise ValueError(f"a row is malformed: {DecodeStatus(status).name}")
            for number, event_ns, admitted in rows:
                if admitted:
                    self.ledger.filled(subscription, number, event_ns)
                elif number is not None:
                    self.ledger.arrived(subscription, number)
        if page.proven is not None:
            self.ledger.proved(subscription, page.proven, by_time=hole.by_time)
        self.requests[desk.provider.name, "answered"] += 1
        job.pages += 1
        job.next = page.next
        if not hole.open:
            self._tell("gap_closed", provider=desk.provider.name, status=hole.worst.name)
        elif job.pages >= desk.history.limits.pages_max:
            self._lose(desk, job, "budget", f"more than {job.pages} pages")
        elif page.next is not None:
            job.due_s = self._timing.clock()
        elif (hole.open.count, hole.records) != before:
            job.backoff.reset()
            job.due_s = self._timing.clock() + job.backoff.pause_s()
        else:
            self._again(desk, job, "short", "the history does not reach over the hole")

    def _intake(self, desk: Desk, section: str) -> Any:
        if section not in desk.intakes:
            desk.intakes[section] = self._pipeline.open(desk.provider, section, "history")
        return desk.intakes[section]

    def _failed(self, desk: Desk, job: Job, fault: FetchFault) -> None:
        if not fault.retryable:
            self.requests[desk.provider.name, "refused"] += 1
            self._lose(desk, job, "refused", str(fault))
            return
        self._again(desk, job, "limited" if fault.status in (418, 429) else "failed", str(fault), fault.retry_after_s)
        # It would ban whoever goes on; but not for ever, or the holes would never end.
        desk.held_s = self._timing.clock() + min(fault.retry_after_s, RETRY_AFTER_MAX_S)

    def _again(self, desk: Desk, job: Job, outcome: str, why: str, retry_after_s: float = 0.0) -> None:
        self.requests[desk.provider.name, outcome] += 1
        if job.backoff.failures >= TRIES_MAX - 1:
            self._lose(desk, job, "short" if outcome == "short" else "tries", why)
            return
        job.due_s = self._timing.clock() + job.backoff.pause_s(retry_after_s)

    def _lose(self, desk: Desk, job: Job, reason: str, why: str) -> None:
        detail = masked(why, desk.settings.key)
        self.ledger.lose(job.hole, reason, detail)
        self._tell("gap_lost", provider=desk.provider.name, reason=reason, detail=detail)

    def _tell(self, event: str, **facts: object) -> None:
        suppressed = self._repeats.admit(event)
        if suppressed is not None:
            level = self._log.warning if event == "gap_lost" else self._log.info
            level(event, suppressed=suppressed, **facts)
