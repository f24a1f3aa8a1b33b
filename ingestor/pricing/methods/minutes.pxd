"""What the markets of an instrument traded in each minute of the last two hours: for cm_realtime, principal_market.

A market here is a venue. Sums are kept by minute of the venue's clock, 128 of them, so a trade costs O(1), whatever
the order of arrival, and nothing overflows. The window is the running minute and the 59 before it. Sums of the 59
are computed once a minute.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    MINUTES_MAX = 128               # the window's 60, the reference's 60 before it, and a power of two
    WINDOW_MINUTES = 60
cdef extern from *:
    """
    #define INGESTOR_MINUTE_NS INT64_C(60000000000)
    #define INGESTOR_VARIANCE_MIN 1e-16     /* of relative distances: less is rounding, no variance */
    """
    const int64_t INGESTOR_MINUTE_NS
    const double INGESTOR_VARIANCE_MIN


cdef struct Minute:
    int64_t number                  # since the epoch
    uint64_t count
    double volume
    double orderly                  # volume of orderly trades
    double sum                      # of relative distances from the window's base price
    double square                   # of their squares
    int64_t first_ns
    int64_t last_ns


cdef struct Sums:
    # Of minutes.
    uint64_t count
    uint32_t minutes                # with trades
    double volume
    double orderly
    double sum
    double square
    int64_t first_ns
    int64_t last_ns


cdef struct Market:
    Minute[MINUTES_MAX] minutes     # by number modulo MINUTES_MAX
    Sums past                       # of the 59 minutes before minute past_number
    int64_t past_number             # -1: to be computed
    Sums reference                  # of the hour that ended an hour before minute reference_number
    int64_t reference_number
    double last                     # last trade, in its source's own currency; 0: none
    int64_t last_ns                 # venue's time
    uint32_t last_source
    double orderly                  # last orderly trade, likewise
    int64_t orderly_ns
    uint32_t orderly_source


cdef struct Window:
    double base                     # the first price; distances are relative to it
    int64_t number                  # of the newest minute; trades 128 minutes older are late
    uint64_t late
    uint32_t principal              # venue, of principal_market
    bint has_principal
    uint32_t rival                  # venue that has more volume, enough of it for a switch
    int64_t rival_ns                # since then; ABSENT: none


cdef inline void sums_add(Sums* sums, const Minute* minute) noexcept nogil:
    if minute.count == 0:
        return
    if sums.count == 0 or minute.first_ns < sums.first_ns:
        sums.first_ns = minute.first_ns
    if sums.count == 0 or minute.last_ns > sums.last_ns:
        sums.last_ns = minute.last_ns
    sums.count += minute.count
    sums.minutes += 1
    sums.volume += minute.volume
    sums.orderly += minute.orderly
    sums.sum += minute.sum
    sums.square += minute.square


cdef inline Sums sums_of(const Market* market, int64_t first, int64_t last) noexcept nogil:
    """Of minutes `first` to `last`."""
    cdef Sums sums
    cdef const Minute* minute
    cdef int64_t number
    sums.count, sums.minutes, sums.first_ns, sums.last_ns = 0, 0, 0, 0
    sums.volume = sums.orderly = sums.sum = sums.square = 0
    for number in range(max(first, 0), last + 1):
        minute = &market.minutes[number % MINUTES_MAX]
        if minute.number == number:
            sums_add(&sums, minute)
    return sums


cdef inline Sums window_sums(Market* market, int64_t number) noexcept nogil:
    """Of minute `number` and the 59 before it."""
    cdef Sums sums
    cdef const Minute* minute = &market.minutes[number % MINUTES_MAX]
    if market.past_number != number:
        market.past = sums_of(market, number - WINDOW_MINUTES + 1, number - 1)
        market.past_number = number
    sums = market.past
    if minute.number == number:
        sums_add(&sums, minute)
    return sums


cdef inline bint is_orderly(Market* market, const Minute* minute, double distance, double sigmas,
                            uint32_t trades) noexcept nogil:
    """Not more than `sigmas` reference deviations from the mean of its minute, if that has `trades` of them.

    The reference is the hour that ended 60 minutes ago; without one, or before the minute has its trades, all is
    orderly. A trade is judged as it comes, with those of its minute so far, itself included.
    """
    cdef double mean, variance
    if minute.count < trades:
        return True
    if market.reference_number != minute.number:
        market.reference = sums_of(market, minute.number - 2 * WINDOW_MINUTES, minute.number - WINDOW_MINUTES - 1)
        market.reference_number = minute.number
    if market.reference.count < 2:
        return True
    mean = market.reference.sum / market.reference.count
    variance = market.reference.square / market.reference.count - mean * mean
    if not variance > INGESTOR_VARIANCE_MIN:
        return True
    mean = minute.sum / minute.count
    return (distance - mean) * (distance - mean) <= sigmas * sigmas * variance


cdef inline void market_trade(
    Window* window, Market* market, uint32_t source, double price, double converted, double size, int64_t event_ns,
    double sigmas, uint32_t trades
) noexcept nogil:
    """A trade at `event_ns` >= 0; `converted` is its price in the book's currency."""
    cdef int64_t number = event_ns // INGESTOR_MINUTE_NS
    cdef Minute* minute = &market.minutes[number % MINUTES_MAX]
    cdef double distance
    if window.base == 0:
        window.base = converted
    window.number = max(window.number, number)
    if number <= window.number - MINUTES_MAX or minute.number > number:
        window.late += 1
        return
    if minute.number != number:
        minute.number, minute.count, minute.first_ns, minute.last_ns = number, 0, event_ns, event_ns
        minute.volume = minute.orderly = minute.sum = minute.square = 0
    if number < market.past_number:
        market.past_number = -1
    distance = converted / window.base - 1
    minute.count += 1
    minute.volume += size
    minute.sum += distance
    minute.square += distance * distance
    minute.first_ns, minute.last_ns = min(minute.first_ns, event_ns), max(minute.last_ns, event_ns)
    if event_ns >= market.last_ns:
        market.last, market.last_ns, market.last_source = price, event_ns, source
    if is_orderly(market, minute, distance, sigmas, trades):
        minute.orderly += size
        if event_ns >= market.orderly_ns:
            market.orderly, market.orderly_ns, market.orderly_source = price, event_ns, source
