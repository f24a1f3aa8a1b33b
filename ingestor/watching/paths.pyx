"""The quality of source paths as alerts and roll-ups: what the sweep found, made known at the highest level it holds.

A provider that says nothing is one alert, not one for each of its instruments; so is one of its channels, a
venue's data class, and any fault that half of a venue's paths have. What is told above is not told below.
"""
cimport cython
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from ingestor.records cimport ABSENT
from ingestor.watch.arrivals cimport INGESTOR_SILENT_TIMES, is_silent, normal_rate, recent_rate, silence_limit
from ingestor.watch.latency cimport Latency, offset_drift_s
from ingestor.watch.signals cimport Seen, SIGNALS, SILENT, STALE, signal_value
from ingestor.watching.sweep cimport CARRIERS, Group, Pool, Stream, Sweep, season_of

from ingestor.unify.succession import Succession
from ingestor.watch.alerts import Key, Severity
from ingestor.watching.tracker import Tracker

#: By Signal, the rules' names.
SIGNAL_NAMES = ("stale", "silent", "slow", "frozen", "gap", "duplicate", "reordered", "outlier", "flagged", "crossed",
                "locked", "one_sided", "wide")
#: How long a signal must hold to be an alert: the setting that says so. The others have held it already.
PENDING = {"slow": "slow_for_s", "frozen": "frozen_for_s", "flagged": "flagged_for_s", "wide": "spread_for_s"}
#: What half of the paths of a venue's data class have, and so many at least, is the venue's.
cdef double CROWD_SHARE = 0.5
cdef enum:
    CROWD_MIN = 5
    SILENCE = 1 << <int> STALE | 1 << <int> SILENT


cdef object seconds_or_none(double value):
    """For evidence: JSON has no infinity."""
    return value if value - value == 0 else None


@cython.final
cdef class PathWatch:
    """A part of Watch, over the tables and books of `pipeline`, whichever are in force.

    `sockets` (SocketWatch) tells which connections are dead: what they carried is not judged. `paused()`: we read
    nothing, so that nothing can come.
    """
    cdef object pipeline
    cdef object limits          # QualitySettings
    cdef object sockets
    cdef object paused
    cdef object tracker
    cdef Sweep sweep
    cdef int64_t looked_ns
    cdef set quiet_providers    # of the last second
    cdef set quiet_channels

    def __init__(self, pipeline, limits, sockets=None, paused=lambda: False):
        self.pipeline, self.limits, self.sockets, self.paused = pipeline, limits, sockets, paused
        self.tracker = Tracker(alerts_max=limits.alerts_max, clear_after_s=limits.clear_after_s)
        self.sweep = Sweep(pipeline.tables, pipeline.books, limits)
        self.looked_ns = ABSENT
        self.quiet_providers, self.quiet_channels = set(), set()

    @property
    def untold(self):
        """Alerts that the last second had no room for."""
        return self.tracker.untold

    def second(self, int64_t now_ns):
        """Look once. What has changed."""
        cdef double watched_s = 0
        self._follow()
        if self.looked_ns != ABSENT and not self.paused():
            watched_s = (now_ns - self.looked_ns) / 1e9
        self.looked_ns = now_ns
        self._mark_down()
        self.sweep.run(watched_s, now_ns)
        self.tracker.begin(now_ns)
        self._tell_pools()
        self._tell_clocks()
        self._tell_paths(now_ns)
        self._tell_streams()
        return self.tracker.end()

    def alerts(self):
        """All that is not quiet."""
        return self.tracker.alerts()

    cdef int _follow(self) except -1:
        """Another edition of tables and books may be in force."""
        cdef Sweep old = self.sweep
        if self.pipeline.tables is not old.tables:
            self.sweep = Sweep(self.pipeline.tables, self.pipeline.books, self.limits)
            self.sweep.succeed(old, Succession(old.tables, self.sweep.tables))
        return 0

    cdef int _mark_down(self) except -1:
        cdef uint32_t label
        memset(self.sweep.down, 0, CARRIERS)
        if self.sockets is not None and self.sockets.down:
            for named, number in self.pipeline.labels.items():
                label = number
                self.sweep.down[label % CARRIERS] = named in self.sockets.down
        return 0

    # From the top: providers, their channels, the venues' data classes, paths, their channels.

    cdef int _tell_pools(self) except -1:
        cdef uint32_t i
        cdef Pool* pool
        self.quiet_providers.clear()
        self.quiet_channels.clear()
        for i, provider in enumerate(self.sweep.providers_named):
            pool = &self.sweep.providers[i]
            if pool.awake and pool.arrivals.stale:
                self.quiet_providers.add(provider)
                self._find_pool(Key("silent", provider), pool)
        for i, (provider, channel) in enumerate(self.sweep.channels_named):
            pool = &self.sweep.channels[i]
            if provider in self.quiet_providers or not pool.awake or pool.members < 2:
                continue
            if pool.arrivals.stale:
                self.quiet_channels.add(i)
                self._find_pool(Key("silent", provider, part=channel), pool)
            elif pool.stale >= CROWD_MIN and pool.stale >= CROWD_SHARE * pool.members:
                self.quiet_channels.add(i)
                self._find_crowd(Key("stale", provider, part=channel), Severity.WARNING, 0.0, pool.stale, pool.members)
        for i, (provider, venue, data_class) in enumerate(self.sweep.groups_named):
            pool = &self.sweep.groups[i].pool
            self.sweep.groups[i].told = SILENCE if provider in self.quiet_providers else 0
            if not self.sweep.groups[i].told and pool.awake and pool.members > 1 and pool.arrivals.stale:
                self.sweep.groups[i].told = SILENCE
                self._find_pool(Key("silent", provider, venue, part=data_class), pool)
        return 0

    cdef int _find_pool(self, key, Pool* pool) except -1:
        cdef double limit_s = silence_limit(&pool.arrivals, &self.sweep.limits.law, season_of(pool))
        seen = {"quiet_s": pool.arrivals.quiet_s, "records_per_s": normal_rate(&pool.arrivals), "members": pool.members}
        self.tracker.find(key, Severity.CRITICAL, pool.arrivals.quiet_s, limit_s, 0.0, lambda: seen)
        return 0

    cdef int _find_crowd(self, key, severity, double pending_s, uint32_t bad, uint32_t members) except -1:
        self.tracker.find(key, severity, bad / members, CROWD_SHARE, pending_s, lambda: {"bad": bad, "of": members})
        return 0

    cdef int _tell_clocks(self) except -1:
        cdef uint32_t i
        cdef Latency* latency
        limits = self.limits
        for i, (provider, venue, data_class) in enumerate(self.sweep.groups_named):
            latency = &self.sweep.tables.vitals.latencies[i]
            if latency.times > limits.latency_times and latency.p99_s > limits.latency_min_s:
                self.tracker.find(
                    Key("latency", provider, venue, part=data_class), Severity.WARNING, latency.p99_s,
                    max(limits.latency_min_s, limits.latency_times * latency.p99_s / latency.times),
                    limits.latency_for_s, lambda: self._clocks(i))
            if latency.ahead:
                self.tracker.find(
                    Key("clock_ahead", provider, venue, part=data_class), Severity.WARNING,
                    -latency.offset_ns / 1e9, limits.clock_ahead_s, limits.clock_for_s, lambda: self._clocks(i))
            if offset_drift_s(latency) > limits.clock_drift_s:
                self.tracker.find(
                    Key("clock_drift", provider, venue, part=data_class), Severity.WARNING, offset_drift_s(latency),
                    limits.clock_drift_s, limits.clock_for_s, lambda: self._clocks(i))
        return 0

    cdef object _clocks(self, uint32_t group):
        cdef Latency* latency = &self.sweep.tables.vitals.latencies[group]
        return {
            "p50_s": seconds_or_none(latency.p50_s), "p99_s": seconds_or_none(latency.p99_s),
            "p999_s": seconds_or_none(latency.p999_s), "records": latency.records,
            "offset_s": None if latency.offset_ns == ABSENT else latency.offset_ns / 1e9,
            "offset_norm_s": latency.offset_norm_s, "p99_norm_s": latency.p99_norm_s}

    cdef int _tell_paths(self, int64_t now_ns) except -1:
        cdef uint32_t i, left
        cdef int signal
        cdef Group* group
        for i, (provider, venue, data_class) in enumerate(self.sweep.groups_named):
            group = &self.sweep.groups[i]
            for signal in range(SIGNALS):
                if group.told >> signal & 1 or group.bad[signal] < CROWD_MIN or (
                        group.bad[signal] < CROWD_SHARE * group.pool.members):
                    continue
                group.told |= 1 << signal
                self._find_crowd(
                    Key(SIGNAL_NAMES[signal], provider, venue, part=data_class),
                    Severity.CRITICAL if signal == SILENT else Severity.WARNING, self._pending_s(signal),
                    group.bad[signal], group.pool.members)
        for i in range(self.sweep.tables.paths_count):
            if self.sweep.bad[i]:
                left = self.sweep.bad[i] & ~self.sweep.groups[self.sweep.seats[i].group].told
                for signal in range(SIGNALS if left else 0):
                    if left >> signal & 1:
                        self._find_path(i, self.sweep.seats[i].group, signal, now_ns)
        return 0

    cdef double _pending_s(self, int signal) except -1:
        name = PENDING.get(SIGNAL_NAMES[signal])
        return 0.0 if name is None else getattr(self.limits, name)

    cdef int _find_path(self, uint32_t path, uint32_t group, int signal, int64_t now_ns) except -1:
        cdef double threshold = 0
        cdef double value = signal_value(
            &self.sweep.seats[path].state, &self.sweep.tables.vitals.tops[path], &self.sweep.limits, signal,
            self.sweep.groups[group].season.factor, now_ns, &threshold)
        provider, venue, _ = self.sweep.groups_named[group]
        self.tracker.find(
            Key(SIGNAL_NAMES[signal], provider, venue, self._instrument(path)),
            Severity.CRITICAL if signal == SILENT else Severity.WARNING, value, threshold, self._pending_s(signal),
            lambda: self._path(path))
        return 0

    cdef str _instrument(self, uint32_t path):
        return self.sweep.tables.instruments.rows[self.sweep.tables.paths[path].instrument].id

    cdef object _path(self, uint32_t path):
        """The evidence: what both sides said last."""
        cdef Seen seen
        self.sweep.read(path, &seen)
        arrivals = &self.sweep.seats[path].state.arrivals
        return {
            "symbol": self.sweep.tables.instruments.paths[path].symbol, "bid": seconds_or_none(seen.bid),
            "ask": seconds_or_none(seen.ask), "last": seconds_or_none(seen.last), "fair": seconds_or_none(seen.fair),
            "quiet_s": arrivals.quiet_s, "records_per_s": normal_rate(arrivals), "records": seen.counters.records,
            "last_recv_ns": self.sweep.tables.paths[path].last_recv_ns}

    cdef int _tell_streams(self) except -1:
        """One channel of an instrument that is not silent as a whole."""
        cdef uint32_t i, number, group
        cdef Stream* stream
        cdef double limit_s
        for i in range(self.sweep.stale_count):
            number = self.sweep.stale[i]
            stream = &self.sweep.streams[number]
            group = self.sweep.seats[stream.path].group
            if (self.sweep.bad[stream.path] >> STALE & 1 or self.sweep.groups[group].told >> STALE & 1
                    or stream.channel in self.quiet_channels):
                continue
            provider, venue, _ = self.sweep.groups_named[group]
            channel = self.sweep.channels_named[stream.channel][1]
            limit_s = silence_limit(&stream.arrivals, &self.sweep.limits.law, self.sweep.groups[group].season.factor)
            key = Key("stale", provider, venue, self._instrument(stream.path), channel)
            self.tracker.find(key, Severity.WARNING, stream.arrivals.quiet_s, limit_s, 0.0,
                              lambda: self._path(stream.path))
            if is_silent(&stream.arrivals, &self.sweep.limits.law, self.sweep.groups[group].season.factor):
                self.tracker.find(key._replace(rule="silent"), Severity.CRITICAL, stream.arrivals.quiet_s,
                                  INGESTOR_SILENT_TIMES * limit_s, 0.0, lambda: self._path(stream.path))
        return 0

    def data_class(self, str instrument not None):
        """Of an instrument in force; None: there is none of this id."""
        instruments = self.pipeline.tables.instruments
        return instruments.rows[instruments.index[instrument]].data_class if instrument in instruments.index else None

    def rollups(self):
        """One mapping a (provider, venue, data class): paths, those judged, those with each signal, rates, latency."""
        cdef uint32_t i
        cdef int signal
        cdef Group* group
        paths = [0] * len(self.sweep.groups_named)
        for i in range(self.sweep.tables.paths_count):
            paths[self.sweep.tables.paths[i].latency] += 1
        found = []
        for i, (provider, venue, data_class) in enumerate(self.sweep.groups_named):
            group = &self.sweep.groups[i]
            found.append({
                "provider": provider, "venue": venue, "data_class": data_class, "paths": paths[i],
                "judged": group.pool.members,
                "bad": {SIGNAL_NAMES[signal]: group.bad[signal] for signal in range(SIGNALS)},
                "rate": recent_rate(&group.pool.arrivals),
                "normal_rate": normal_rate(&group.pool.arrivals) * group.season.factor,
                **self._clocks(i)})
        return found
