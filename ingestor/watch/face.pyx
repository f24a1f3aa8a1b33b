"""The rules' plain Python face, for vectors and tests: the same C code that judges a shard."""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ingestor.watch cimport discrepancy
from ingestor.watch.course cimport (
    BLOCKS, BUCKETS, Course, course_init, course_note, course_peak, course_quantile,
)
from ingestor.watch.discrepancy cimport Rule, Tally, ring_bytes, rule_skip, rule_tick
from ingestor.watch.life cimport Alert, TRANSITIONS, alert_note

from ingestor.watch.alerts import Change, State

RULES_MAX = discrepancy.RULES_MAX
WINDOW_MAX = discrepancy.WINDOW_MAX


cdef class RulePlayer:
    """One rule over one comparison, tick by tick. `window` in ticks, 1 to WINDOW_MAX."""
    cdef Rule rule
    cdef Tally tally
    cdef uint8_t* ring

    def __cinit__(self, double threshold, uint32_t window):
        if not 1 <= window <= WINDOW_MAX:
            raise ValueError(f"window is {window}: give 1 to {WINDOW_MAX} ticks")
        memset(&self.tally, 0, sizeof(Tally))
        self.rule = Rule(threshold=threshold, window=window, ring=0, severity=0)
        self.ring = <uint8_t*> calloc(1, ring_bytes(window))
        if self.ring == NULL:
            raise MemoryError("no memory for a ring")

    def __dealloc__(self):
        free(self.ring)

    def tick(self, double ratio, now_ns, threshold=None):
        """The Change that this tick makes; NaN is no data."""
        return Change(rule_tick(&self.rule, &self.tally, self.ring, ratio,
                                self.rule.threshold if threshold is None else threshold, now_ns))

    def skip(self, int64_t ticks):
        """So many ticks without data, at which nobody looked."""
        rule_skip(&self.rule, &self.tally, self.ring, ticks)

    def state(self):
        """Its state and counts, as plain values."""
        return {"state": State(self.tally.alert.state), "valid": self.tally.valid, "above": self.tally.above,
                "below": self.tally.below, "beyond": self.tally.beyond, "value": self.tally.alert.value,
                "threshold": self.tally.alert.threshold, "first_seen_ns": self.tally.alert.first_seen_ns,
                "changed_ns": self.tally.alert.changed_ns}


cdef class AlertPlayer:
    """One alert of a rule that waits: bad for so many ns fires, not bad for so many clears."""
    cdef Alert alert
    cdef int64_t pending_ns
    cdef int64_t clearing_ns

    def __cinit__(self, int64_t pending_ns, int64_t clearing_ns):
        memset(&self.alert, 0, sizeof(Alert))
        self.pending_ns, self.clearing_ns = pending_ns, clearing_ns

    def note(self, bint bad, double value, int64_t now_ns):
        """The Change that this makes."""
        return Change(alert_note(&self.alert, bad, value, now_ns, self.pending_ns, self.clearing_ns))

    def state(self):
        """Its state, as plain values."""
        return {"state": State(self.alert.state), "value": self.alert.value, "first_seen_ns": self.alert.first_seen_ns,
                "changed_ns": self.alert.changed_ns}


cdef class CoursePlayer:
    """The course of one ratio."""
    cdef Course course

    def __cinit__(self):
        course_init(&self.course)

    def note(self, double ratio, now_ns):
        """The ratio less 1; NaN is no data."""
        course_note(&self.course, ratio, now_ns)

    def said(self):
        """What is known of it, as plain values."""
        return {"last": self.course.last, "mean": self.course.mean, "peak": course_peak(&self.course),
                "median": course_quantile(&self.course, 0.5), "p99": course_quantile(&self.course, 0.99),
                "counted": sum(self.course.counts[slot][bucket] for slot in range(BLOCKS) for bucket in range(BUCKETS))}


assert [change.value for change in Change] == list(range(TRANSITIONS))
