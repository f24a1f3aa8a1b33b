"""The life of an alert: quiet, pending, firing, clearing, and quiet again.

pricing.md 7: all alerts share one life cycle. What is bad, for how long it must be, and what ends it, is the
rule's own; here stands only what follows from it. A rule that counts for itself (discrepancies) says when to
fire and when to clear: alert_step. One that only waits says how long: alert_note. Nothing reads a clock.
"""
from libc.stdint cimport int64_t, uint8_t

cdef enum AlertState:
    QUIET = 0
    PENDING = 1         # bad, not yet for long enough
    FIRING = 2
    CLEARING = 3        # it has fired, and is no longer bad, not yet for long enough

cdef enum AlertTransition:
    NOTHING = 0
    BEGAN = 1           # quiet -> pending
    FIRED = 2           # pending, or quiet, -> firing
    EASED = 3           # firing -> clearing
    RESUMED = 4         # clearing -> firing
    CLEARED = 5         # firing, or clearing, -> quiet
    DROPPED = 6         # pending -> quiet: nothing came of it
    TRANSITIONS = 7


cdef struct Alert:
    int64_t first_seen_ns       # when it became bad: kept until it is quiet
    int64_t changed_ns          # when its state last changed
    double value                # the last one seen while it was bad
    double threshold            # that this value was held against; the rule writes it
    uint8_t state               # AlertState
    uint8_t severity            # Severity of alerts.py; the rule writes it


cdef inline int alert_move(Alert* alert, int state, int transition, int64_t now_ns) noexcept nogil:
    alert.state = <uint8_t> state
    alert.changed_ns = now_ns
    return transition


cdef inline int alert_step(Alert* alert, bint bad, bint fire, bint clear, double value, int64_t now_ns) noexcept nogil:
    """One step for a rule that knows when to fire and when to clear; an AlertTransition.

    `bad`: it is bad now, which `value` shows. `clear` ends what has fired, and what is pending as soon as it is
    not bad. Where `fire` and `clear` hold together, nothing fires.
    """
    if bad:
        alert.value = value
    if alert.state == QUIET:
        if not bad and (clear or not fire):
            return NOTHING
        alert.first_seen_ns = now_ns
        alert.value = value
        if fire and not clear:
            return alert_move(alert, FIRING, FIRED, now_ns)
        return alert_move(alert, PENDING, BEGAN, now_ns)
    if alert.state == PENDING:
        if fire and not clear:
            return alert_move(alert, FIRING, FIRED, now_ns)
        return alert_move(alert, QUIET, DROPPED, now_ns) if clear and not bad else NOTHING
    if clear:
        return alert_move(alert, QUIET, CLEARED, now_ns)
    if alert.state == FIRING:
        return NOTHING if bad else alert_move(alert, CLEARING, EASED, now_ns)
    return alert_move(alert, FIRING, RESUMED, now_ns) if bad else NOTHING


cdef inline int alert_note(
    Alert* alert, bint bad, double value, int64_t now_ns, int64_t pending_ns, int64_t clearing_ns
) noexcept nogil:
    """One step for a rule that only waits; an AlertTransition.

    It fires when it was bad at each call for `pending_ns` (0: at once), and clears when it was not for
    `clearing_ns`. What is pending and not bad any more is dropped at once.
    """
    cdef int64_t since_ns
    if bad:
        since_ns = alert.first_seen_ns if alert.state == PENDING else now_ns
        return alert_step(alert, True, now_ns - since_ns >= pending_ns, False, value, now_ns)
    since_ns = alert.changed_ns if alert.state == CLEARING else now_ns
    return alert_step(alert, False, False, alert.state == PENDING or now_ns - since_ns >= clearing_ns, value, now_ns)
