"""How much of a path's records is faulty: shares over a fading while, from counters that only rise."""
from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    /* Faults that must be left of the while. One alone counts for a gap, and is forgotten with the while (1/e). */
    #define INGESTOR_MISSING_MIN 0.37
    #define INGESTOR_FAULTS_MIN 2.5     /* of the others two never count, */
    #define INGESTOR_RECORDS_MIN 100.0  /* nor any share of fewer records */
    """
    const double INGESTOR_MISSING_MIN
    const double INGESTOR_FAULTS_MIN
    const double INGESTOR_RECORDS_MIN

cdef enum Fault:
    FAULT_MISSING = 0       # numbers that the provider left out, of trades
    FAULT_DUPLICATE = 1     # trades whose id had come before, of trades
    FAULT_LATE = 2          # records older than what had come, of records
    FAULT_OUTLIER = 3       # trades that the print filter refused, of trades
    FAULTS = 4


cdef struct Counters:
    # As the path counts them, from its start.
    uint64_t records
    uint64_t trades
    uint64_t[FAULTS] faults


cdef struct Shares:
    # Zeroed memory: nothing yet. Differences are taken modulo 2^32, which no second reaches.
    uint32_t records_seen
    uint32_t trades_seen
    uint32_t[FAULTS] seen
    float records
    float trades
    float[FAULTS] faults


cdef inline void shares_second(Shares* of, const Counters* now, float keep) noexcept nogil:
    """One sweep; `keep` is how much of the past is left after it."""
    cdef int fault
    of.records = of.records * keep + (<uint32_t> now.records - of.records_seen)
    of.trades = of.trades * keep + (<uint32_t> now.trades - of.trades_seen)
    of.records_seen, of.trades_seen = <uint32_t> now.records, <uint32_t> now.trades
    for fault in range(FAULTS):
        of.faults[fault] = of.faults[fault] * keep + (<uint32_t> now.faults[fault] - of.seen[fault])
        of.seen[fault] = <uint32_t> now.faults[fault]


cdef inline void shares_fade(Shares* of, float keep) noexcept nogil:
    """A sweep in which nothing came."""
    cdef int fault
    of.records *= keep
    of.trades *= keep
    for fault in range(FAULTS):
        of.faults[fault] *= keep


cdef inline double fault_share(const Shares* of, int fault) noexcept nogil:
    """Of all that came or should have; 0 while there are too few faults to speak of."""
    cdef double faults = of.faults[fault], all = of.trades
    if fault == FAULT_LATE:
        all = of.records
    elif fault != FAULT_OUTLIER:        # neither is among the trades
        all += faults
    if fault == FAULT_MISSING:
        return faults / all if faults >= INGESTOR_MISSING_MIN else 0
    return faults / all if faults >= INGESTOR_FAULTS_MIN and all >= INGESTOR_RECORDS_MIN else 0
