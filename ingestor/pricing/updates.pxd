"""What a message changes in a Book: quotes, trades with the print filter, proofs of life.

Each is O(1), allocates nothing, and takes any double: what can't be a price leaves the state without
one, and never raises. pricing.md 1.8 (decayed volume), 3.3 (quotes), 3.4 (trades).
"""
from libc.math cimport INFINITY, exp2, fabs
from libc.stdint cimport int64_t, uint32_t

from ingestor.pricing.book cimport Book, Source, Venue, age_s
from ingestor.pricing.convert cimport Rate, rate_of
from ingestor.pricing.methods.store cimport store_trade
from ingestor.pricing.quantiles cimport INGESTOR_SLACK
from ingestor.records cimport ABSENT, DEGRADED, OK

cdef enum Print:
    PRINT_ACCEPTED = 0
    PRINT_OUTLIER = 1       # refused by the print filter: moves no price, adds no volume
    PRINT_LEVEL_SHIFT = 2   # accepted, as the third refused in a row within the limit of one another
    PRINT_INVALID = 3       # no price or no size: ignored

cdef enum Telling:          # who else tells this trade of the venue
    TOLD_ALONE = 0          # not known: the venue's volume is the most that any of its paths has told
    TOLD_FIRST = 1          # the first of several paths: it adds to the venue's volume
    TOLD_AGAIN = 2          # another path has told it before: no volume

cdef enum:
    INTERVAL_SAMPLES = 16   # the mean interval forgets at this rate, a message

cdef extern from *:
    """
    /* What the wire can carry: 38 digits, 18 of them after the point. Beyond is no price and no size. */
    #define INGESTOR_PRICE_MIN 1e-18
    #define INGESTOR_PRICE_MAX 1e20
    /* The print filter is never narrower than this (pricing.md 3.4). */
    #define INGESTOR_PRINT_LIMIT 0.01
    /* Half-lives until volumes are scaled down. 2^512 of 1e20 prices and sizes is far from overflow. */
    #define INGESTOR_HALF_LIVES_MAX 512.0
    """
    const double INGESTOR_PRICE_MIN
    const double INGESTOR_PRICE_MAX
    const double INGESTOR_PRINT_LIMIT
    const double INGESTOR_HALF_LIVES_MAX


cdef inline int64_t venue_time(int64_t ts_event_ns, int64_t now_ns) noexcept nogil:
    """The venue's time, no later than ours: a clock that runs ahead must not make later messages late."""
    return now_ns if ts_event_ns > now_ns else ts_event_ns


cdef inline bint same(double a, double b) noexcept nogil:
    """Equal, or both NaN."""
    return a == b or (a != a and b != b)


cdef inline void measure_interval(Source* path, int64_t now_ns) noexcept nogil:
    cdef double interval
    if path.update_ns != ABSENT:
        interval = age_s(now_ns, path.update_ns)
        path.interval_s = (path.interval_s + (interval - path.interval_s) / INTERVAL_SAMPLES
                           if path.interval_s > 0 else interval)
    path.update_ns = now_ns


cdef inline void book_alive(Book* book, uint32_t source, int64_t now_ns) noexcept nogil:
    """Proof that the quote channel lives (message, heartbeat) and that its sequence has no gap.

    The first call makes the source sequence-checked: from then on its quote's age counts from the last
    proof, and the quote itself may be ten times as old.
    """
    if book.sources[source].alive_ns < now_ns:
        book.sources[source].alive_ns = now_ns


cdef inline void book_quote(
    Book* book, uint32_t source, double bid, double bid_size, double ask, double ask_size, int64_t ts_event_ns,
    int64_t now_ns
) noexcept nogil:
    """The top of the source's book, whole: NaN is an empty side. Whether it is usable, evaluation decides.

    A repeat (same venue time, same top) and a step back in venue time only prove life.
    """
    cdef Source* path = &book.sources[source]
    cdef int64_t event_ns = venue_time(ts_event_ns, now_ns)
    if path.alive_ns != ABSENT:
        book_alive(book, source, now_ns)
    if event_ns != ABSENT and path.quote_event_ns != ABSENT:
        if event_ns < path.quote_event_ns:
            return
        if (event_ns == path.quote_event_ns and same(bid, path.bid) and same(ask, path.ask)
                and same(bid_size, path.bid_size) and same(ask_size, path.ask_size)):
            return
    path.bid = bid
    path.ask = ask
    path.bid_size = bid_size
    path.ask_size = ask_size
    path.quote_ns = now_ns
    path.quote_event_ns = event_ns
    if book.params.thin:
        measure_interval(path, now_ns)


cdef inline double base_size(const Source* path, double price, double size) noexcept nogil:
    """A size in units of the base, whatever the venue counts in: so volumes of different contracts compare.

    No more than a size may be, so that no contract makes a sum overflow.
    """
    size *= path.contract_size
    return min(size / price if path.inverse else size, INGESTOR_PRICE_MAX)


cdef inline int book_trade(
    Book* book, uint32_t source, double price, double size, int64_t ts_event_ns, int64_t now_ns, int told
) noexcept nogil:
    """A trade in the source's own quote currency, `size` in its contracts; returns a Print. `told` is a Telling.

    A late one (venue time before the last accepted trade's) adds volume and moves no price.
    """
    cdef Source* path = &book.sources[source]
    cdef int64_t event_ns = venue_time(ts_event_ns, now_ns)
    cdef int verdict
    if not (INGESTOR_PRICE_MIN <= price <= INGESTOR_PRICE_MAX and 0 < size <= INGESTOR_PRICE_MAX):
        return PRINT_INVALID
    if book.params.thin:
        measure_interval(path, now_ns)
    verdict = print_filter(book, path, price, now_ns)
    if verdict == PRINT_OUTLIER:
        return verdict
    if book.landmark_ns == ABSENT:
        book.landmark_ns = now_ns
    size = base_size(path, price, size)
    add_volume(book, path, price, size, now_ns if event_ns == ABSENT else event_ns, told == TOLD_FIRST)
    if book.store != NULL and told != TOLD_AGAIN:
        store_trade(book, source, price, size, now_ns if event_ns == ABSENT else event_ns, now_ns)
    if event_ns == ABSENT or path.trade_event_ns == ABSENT or event_ns >= path.trade_event_ns:
        path.last = price
        path.trade_ns = now_ns
        path.trade_event_ns = event_ns
    return verdict


cdef inline int print_filter(Book* book, Source* path, double price, int64_t now_ns) noexcept nogil:
    """pricing.md 3.4.2: against the fair price when it is OK or DEGRADED, else against the path's own last.

    A path's first print has nothing to be compared with, and passes. The reference is brought to the
    path's quote currency; without a rate it is the path's own last.
    """
    cdef double limit = book.fair.gate if book.fair.gate > INGESTOR_PRINT_LIMIT else INGESTOR_PRINT_LIMIT
    cdef double reference = path.last, low, high
    cdef Rate rate
    if book.fair.status == OK or book.fair.status == DEGRADED:
        if path.conversion == NULL:
            reference = book.fair.price
        else:
            rate = rate_of(path.conversion, &book.params, now_ns)
            if rate.usable:
                reference = book.fair.price / rate.price
    limit += INGESTOR_SLACK
    if reference == 0 or fabs(price / reference - 1) <= limit:
        path.refused_count = 0
        return PRINT_ACCEPTED
    if path.refused_count == 2:
        low = min(price, min(path.refused[0], path.refused[1]))
        high = max(price, max(path.refused[0], path.refused[1]))
    else:
        low, high = price, INFINITY
        path.refused_count += 1
    path.refused[1] = path.refused[0]
    path.refused[0] = price
    return PRINT_LEVEL_SHIFT if high / low - 1 <= limit else PRINT_OUTLIER


cdef inline void add_volume(Book* book, Source* path, double price, double size, int64_t event_ns,
                            bint first) noexcept nogil:
    """Count a trade as if at the landmark: size x 2^((event - landmark) / H).

    `first` adds it to its venue's, too; that is never less than what one of its paths has told alone.

    The ratio of two such sums is that of the sums decayed to any one time, so nothing decays between
    trades and the order of arrival has no say (pricing.md 1.8).
    """
    cdef double half_lives
    cdef Venue* venue = &book.venues[path.venue]
    if book.decay_ns != event_ns:
        half_lives = half_lives_since(book, event_ns)
        if half_lives > INGESTOR_HALF_LIVES_MAX:
            move_landmark(book, half_lives, event_ns)
            half_lives = 0
        book.decay = exp2(half_lives)
        book.decay_ns = event_ns
    path.volume += size * book.decay
    path.notional += price * size * book.decay
    if first:
        venue.volume += size * book.decay
    if path.volume > venue.volume:
        venue.volume = path.volume


cdef inline double half_lives_since(const Book* book, int64_t event_ns) noexcept nogil:
    """From the landmark to `event_ns`, negative when before it."""
    return ((age_s(event_ns, book.landmark_ns) - age_s(book.landmark_ns, event_ns))
            / book.params.volume_half_life_s)


cdef inline void move_landmark(Book* book, double half_lives, int64_t event_ns) noexcept nogil:
    """Bring the landmark to `event_ns`, so that no sum can overflow. O(sources), once in days."""
    cdef double scale = exp2(-half_lives)
    cdef uint32_t i
    for i in range(book.sources_count):
        book.sources[i].volume *= scale
        book.sources[i].notional *= scale
    for i in range(book.venues_count):
        book.venues[i].volume *= scale
    book.landmark_ns = event_ns
