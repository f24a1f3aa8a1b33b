"""The alerts of a part that finds them anew each second: what is found is bad, what is not found is well."""
cimport cython
from libc.stdint cimport int64_t

from ingestor.watch.life cimport BEGAN, FIRED, NOTHING, QUIET, Alert, alert_note

from ingestor.watch import alerts as told


cdef class Tracked:
    """One alert that is not quiet."""
    cdef Alert alert
    cdef object key
    cdef object evidence
    cdef double window_s
    cdef int64_t found_ns       # when it was last found

    cdef object shown(self):
        return told.Alert(
            self.key, told.Severity(self.alert.severity), told.State(self.alert.state), self.alert.first_seen_ns,
            self.alert.changed_ns, self.alert.value, self.alert.threshold, self.window_s, self.evidence)


@cython.final
cdef class Tracker:
    """Follows `alerts_max` alerts at once; what is found beyond them is counted in `untold`, and told when it is
    found again while there is room. An alert clears when it was not found for `clear_after_s`.
    """
    cdef dict tracked           # by key
    cdef list changes           # Transitions since begin()
    cdef int64_t now_ns
    cdef int64_t clearing_ns
    cdef readonly int alerts_max
    cdef readonly int untold    # of the last second

    def __init__(self, *, int alerts_max, double clear_after_s):
        self.tracked, self.changes = {}, []
        self.alerts_max, self.clearing_ns = alerts_max, <int64_t> (clear_after_s * 1e9)

    def begin(self, int64_t now_ns):
        """A second begins."""
        self.now_ns, self.untold, self.changes = now_ns, 0, []

    def find(self, key, int severity, double value, double threshold, double pending_s, evidence, double window_s=0):
        """It is bad now. Held for `pending_s`, it fires; `evidence()` is asked for when it begins and when it fires."""
        cdef Tracked found = self.tracked.get(key)
        cdef int change
        if found is None:
            if len(self.tracked) >= self.alerts_max:
                self.untold += 1
                return
            found = self.tracked[key] = Tracked.__new__(Tracked)
            found.key, found.evidence = key, {}
        found.alert.severity, found.alert.threshold, found.window_s = severity, threshold, max(window_s, pending_s)
        found.found_ns = self.now_ns
        change = alert_note(&found.alert, True, value, self.now_ns, <int64_t> (pending_s * 1e9), self.clearing_ns)
        if change in (BEGAN, FIRED):
            found.evidence = evidence()
        if change != NOTHING:
            self.changes.append(told.Transition(told.Change(change), found.shown()))

    def end(self):
        """The second is over: what was not found is well. What has changed in it."""
        cdef Tracked each
        cdef int change
        for key in [key for key, value in self.tracked.items() if (<Tracked> value).found_ns != self.now_ns]:
            each = self.tracked[key]
            change = alert_note(&each.alert, False, 0, self.now_ns, 0, self.clearing_ns)
            if change != NOTHING:
                self.changes.append(told.Transition(told.Change(change), each.shown()))
            if each.alert.state == QUIET:
                del self.tracked[key]
        return self.changes

    def alerts(self):
        """All that is not quiet."""
        return [(<Tracked> each).shown() for each in list(self.tracked.values())]
