"""vwm_partitions: volume-weighted medians of equal partitions of time, and their mean (pricing.md 1.1, 4).

The pooled trades of the running partition are kept; when it ends, its median is, and they go. The price is the
equal mean of the medians of the last K partitions that have ended; those without trades leave it.
Source: https://docs.cfbenchmarks.com/CME%20CF%20Reference%20Rates%20Methodology.pdf (rule), read 2026-11.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport qsort

cdef enum:
    PARTITIONS_MAX = 128            # two hours of minutes
    # 218 trades a second over 5 minutes, more than any market has held so long; 1 MiB an instrument.
    PARTITION_TRADES_MAX = 65536


cdef struct Print:
    double price
    double size


cdef struct Partition:
    int64_t number                  # of the running one: event time / its length; the epoch's is 0
    uint32_t count
    uint64_t overflowed             # trades beyond PARTITION_TRADES_MAX of one partition
    uint64_t late                   # trades of a partition that had ended
    double[PARTITIONS_MAX] medians  # by number modulo PARTITIONS_MAX
    int64_t[PARTITIONS_MAX] numbers  # whose median it is
    int64_t newest_ns               # venue's time of the newest counted trade
    Print[PARTITION_TRADES_MAX] trades


cdef inline int by_price(const void* a, const void* b) noexcept nogil:
    cdef double first = (<const Print*> a).price, second = (<const Print*> b).price
    return (first > second) - (first < second)


cdef inline double volume_median(Print* trades, uint32_t count) noexcept nogil:
    """The lowest price at which the cumulative size reaches half; `trades`, at least one, are sorted."""
    cdef double total = 0, below = 0
    cdef uint32_t i
    qsort(trades, count, sizeof(Print), by_price)
    for i in range(count):
        total += trades[i].size
    for i in range(count):
        below += trades[i].size
        if below >= total * (0.5 - 1e-12):
            return trades[i].price
    return trades[count - 1].price


cdef inline void partition_begin(Partition* part) noexcept nogil:
    """Empty: calloc's zeros would be partitions of 1970."""
    cdef uint32_t i
    part.number = -1
    for i in range(PARTITIONS_MAX):
        part.numbers[i] = -1


cdef inline void partition_follow(Partition* part, int64_t number) noexcept nogil:
    """Time has come to partition `number`: end the one before it."""
    cdef uint32_t slot
    if number <= part.number:
        return
    if part.count:
        slot = part.number % PARTITIONS_MAX
        part.medians[slot] = volume_median(part.trades, part.count)
        part.numbers[slot] = part.number
        part.count = 0
    part.number = number


cdef inline void partition_add(Partition* part, int64_t number, double price, double size,
                               int64_t event_ns) noexcept nogil:
    """A trade of partition `number`."""
    partition_follow(part, number)
    if number < part.number:
        part.late += 1
    elif part.count == PARTITION_TRADES_MAX:
        part.overflowed += 1
    else:
        part.trades[part.count].price, part.trades[part.count].size = price, size
        part.count += 1
        part.newest_ns = max(part.newest_ns, event_ns)


cdef inline uint32_t partition_mean(const Partition* part, uint32_t partitions, double* mean,
                                    double* square) noexcept nogil:
    """Mean of the medians of the last `partitions` that have ended, and their mean squared deviation; how many."""
    cdef uint32_t back, slot, count = 0
    cdef int64_t number
    mean[0] = square[0] = 0
    for back in range(1, partitions + 1):
        number = part.number - back
        if number < 0:
            break
        slot = number % PARTITIONS_MAX
        if part.numbers[slot] == number:
            count += 1
            mean[0] += part.medians[slot]
    if count:
        mean[0] /= count
    for back in range(1, partitions + 1 if count else 1):
        number = part.number - back
        slot = number % PARTITIONS_MAX if number >= 0 else 0
        if number >= 0 and part.numbers[slot] == number:
            square[0] += (part.medians[slot] - mean[0]) * (part.medians[slot] - mean[0]) / count
    return count
