"""Methods over trades: decayed_vwap, vwm_partitions, principal_market, cm_realtime (pricing.md 1.1, 1.2, 1.8 and 4)."""
from libc.math cimport INFINITY, sqrt
from libc.stdint cimport int64_t, uint32_t

from ingestor.pricing.book cimport Book, SOURCES_MAX, Source, age_s
from ingestor.pricing.convert cimport Rate
from ingestor.pricing.methods.ballot cimport (
    Ballot, Vote, cast_vote, clear_votes, say, share_by_trust, source_rate, spread_of, status_of,
)
from ingestor.pricing.methods.minutes cimport (
    INGESTOR_MINUTE_NS, INGESTOR_VARIANCE_MIN, Market, Sums, WINDOW_MINUTES, Window, window_sums,
)
from ingestor.pricing.methods.partition cimport partition_follow, partition_mean
from ingestor.pricing.methods.store cimport Store, partition_of
from ingestor.pricing.quantiles cimport INGESTOR_SLACK, Quartiles, quartiles
from ingestor.records cimport ABSENT

cdef extern from *:
    """
    #define INGESTOR_INACTIVE_INTERVALS 100.0   /* a market silent for so many mean intervals is inactive */
    #define INGESTOR_ACTIVE_S 60.0              /* a market that traded within it is active whatever its interval */
    #define INGESTOR_INACTIVE_S 600.0           /* one that did not trade within it is not, whatever its interval */
    """
    const double INGESTOR_INACTIVE_INTERVALS
    const double INGESTOR_ACTIVE_S
    const double INGESTOR_INACTIVE_S


cdef inline bint trade_vote(const Book* book, uint32_t source, double price, int64_t event_ns, double age,
                            int64_t now_ns, Vote* vote) noexcept nogil:
    """A vote for `price`, in the source's own currency; False: it has no say, or there is no rate."""
    cdef const Source* path = &book.sources[source]
    cdef Rate rate
    if path.trust == 0 or not price > 0:
        return False
    rate = source_rate(book, path, now_ns)
    vote.x, vote.c = price * rate.price, book.params.trade_half_width * price * rate.price
    vote.weight, vote.age_s, vote.event_ns = 0, age, event_ns
    vote.source, vote.venue = source, path.venue
    return rate.usable


cdef inline void cap_shares(Ballot* ballot, double limit) noexcept nogil:
    """Weights to shares, none above max(limit, 1/n); what is cut goes to the others in proportion."""
    cdef bint[SOURCES_MAX] pinned
    cdef double total = 0, free, left
    cdef uint32_t i
    cdef bint more = True
    limit = max(limit, 1.0 / ballot.count)
    for i in range(ballot.count):
        total += ballot.votes[i].weight
        pinned[i] = False
    for i in range(ballot.count):
        ballot.votes[i].weight /= total
    while more:
        more = False
        free, left = 0, 1
        for i in range(ballot.count):
            if not pinned[i] and ballot.votes[i].weight > limit * (1 + INGESTOR_SLACK):
                pinned[i] = more = True
                ballot.votes[i].weight = limit
            if pinned[i]:
                left -= limit
            else:
                free += ballot.votes[i].weight
        for i in range(ballot.count):
            if more and not pinned[i] and free > 0:
                ballot.votes[i].weight *= left / free


cdef inline int trade_decayed(Book* book, int64_t now_ns) noexcept nogil:
    """decayed_vwap: N/V of each venue that traded within age_max_s, weighed by its volume, at most weight_max.

    Half-life volume_half_life_s. -1: no venue has.
    """
    cdef double[SOURCES_MAX] notionals, volumes
    cdef Vote[SOURCES_MAX] votes
    cdef Ballot ballot
    cdef Vote vote
    cdef Source* path
    cdef double price, age
    cdef uint32_t i
    clear_votes(book)
    ballot.count = 0
    for i in range(book.venues_count):
        notionals[i] = volumes[i] = 0
        votes[i].age_s = INFINITY
    for i in range(book.sources_count):
        path = &book.sources[i]
        if path.trade_ns == ABSENT or not path.volume > 0:
            continue
        age = age_s(now_ns, path.trade_ns)
        if age > book.params.age_max_s or not trade_vote(book, i, path.notional / path.volume, path.trade_event_ns, age,
                                                         now_ns, &vote):
            continue
        notionals[path.venue] += vote.x * path.volume
        volumes[path.venue] += path.volume
        if age < votes[path.venue].age_s:
            votes[path.venue] = vote
    for i in range(book.venues_count):
        if volumes[i] > 0 and book.venues[i].volume > 0:
            votes[i].x = notionals[i] / volumes[i]
            votes[i].weight = book.venues[i].volume
            cast_vote(&ballot, votes[i])
    if ballot.count == 0:
        return -1
    cap_shares(&ballot, book.params.weight_max)
    price = 0
    for i in range(ballot.count):
        price += ballot.votes[i].weight * ballot.votes[i].x
    return say(book, &ballot, price, spread_of(&ballot, price, 1), now_ns)


cdef inline int trade_partitions(Book* book, int64_t now_ns) noexcept nogil:
    """vwm_partitions: n counts the sources that traded in its time. -1: no partition of it has trades."""
    cdef Store* store = <Store*> book.store
    cdef Ballot ballot
    cdef Vote vote
    cdef Source* path
    cdef double price, square, age
    cdef uint32_t i
    clear_votes(book)
    partition_follow(store.partition, partition_of(book, max(now_ns, 0)))
    ballot.count = 0
    for i in range(book.sources_count):
        path = &book.sources[i]
        if path.trade_ns == ABSENT:
            continue
        age = age_s(now_ns, path.trade_ns)
        if (age <= (book.params.partitions + 1) * book.params.partition_s
                and trade_vote(book, i, path.last, path.trade_event_ns, age, now_ns, &vote)):
            cast_vote(&ballot, vote)
    if ballot.count == 0 or partition_mean(store.partition, book.params.partitions, &price, &square) == 0:
        return -1
    share_by_trust(book, &ballot)
    return say(book, &ballot, price, sqrt(square), now_ns)


cdef inline double mean_interval(const Sums* sums) noexcept nogil:
    """Seconds between trades; infinite before the second."""
    if sums.count < 2:
        return INFINITY
    return age_s(sums.last_ns, sums.first_ns) / (sums.count - 1)


cdef inline void pool(Sums* all, const Sums* one) noexcept nogil:
    if one.count == 0:
        return
    all.first_ns = one.first_ns if all.count == 0 else min(all.first_ns, one.first_ns)
    all.last_ns = one.last_ns if all.count == 0 else max(all.last_ns, one.last_ns)
    all.count += one.count
    all.volume += one.volume
    all.sum += one.sum


cdef inline int trade_realtime(Book* book, int64_t now_ns) noexcept nogil:
    """cm_realtime: weighted median of the markets' last trades. -1: none has traded within the hour.

    Source: github:coinmetrics/product-docs, docs/market-data/methodologies/coin-metrics-prices-methodology.md, v1.24,
    read 2026-11.
    """
    cdef Store* store = <Store*> book.store
    cdef Sums[SOURCES_MAX] sums
    cdef double[SOURCES_MAX] inverses, values, weights
    cdef Sums pooled
    cdef Ballot ballot
    cdef Quartiles found
    cdef double silence, inverse = 0, mean
    cdef uint32_t i, venue, active = 0
    cdef int status
    gather_markets(book, store, sums, &ballot, now_ns)
    if ballot.count == 0:
        return -1
    pooled.count = 0
    pooled.volume = pooled.sum = 0
    for i in range(ballot.count):
        pool(&pooled, &sums[ballot.votes[i].venue])
    silence = INGESTOR_INACTIVE_INTERVALS * mean_interval(&pooled)
    for i in range(ballot.count):
        active += ballot.votes[i].age_s <= silence
    pooled.count = 0
    pooled.volume = pooled.sum = 0
    for i in range(ballot.count):
        if active == 0 or ballot.votes[i].age_s <= silence:
            pool(&pooled, &sums[ballot.votes[i].venue])
    mean = pooled.sum / pooled.count
    for i in range(ballot.count):
        venue = ballot.votes[i].venue
        inverses[i] = 0
        if active == 0 or ballot.votes[i].age_s <= silence:
            inverses[i] = inverse_variance(&sums[venue], mean)
            ballot.votes[i].weight = sums[venue].volume / pooled.volume
        inverse += inverses[i]
    for i in range(ballot.count):
        if inverse > 0:
            ballot.votes[i].weight = 0.5 * (ballot.votes[i].weight + inverses[i] / inverse)
        values[i], weights[i] = ballot.votes[i].x, ballot.votes[i].weight
    found = quartiles(values, weights, ballot.count, 1)
    status = say(book, &ballot, found.median, max(found.median - found.q25, found.q75 - found.median), now_ns)
    book.fair.q25, book.fair.q75 = min(found.q25, found.median), max(found.q75, found.median)
    return status


cdef inline double inverse_variance(const Sums* sums, double mean) noexcept nogil:
    """Of a market's trades about the pooled mean, less for each minute of the hour without a trade; undefined is 0."""
    cdef double variance = sums.square / sums.count - 2 * mean * sums.sum / sums.count + mean * mean
    if sums.count < 2 or not variance > INGESTOR_VARIANCE_MIN:
        return 0
    return sums.minutes / (<double> WINDOW_MINUTES) / variance


cdef inline void gather_markets(Book* book, Store* store, Sums* sums, Ballot* ballot, int64_t now_ns) noexcept nogil:
    """A vote for the last trade of each venue that traded within the hour, and its sums."""
    cdef int64_t number = max(now_ns, 0) // INGESTOR_MINUTE_NS
    cdef Market* market
    cdef Vote vote
    cdef uint32_t i
    clear_votes(book)
    ballot.count = 0
    for i in range(book.venues_count):
        market = &store.markets[i]
        sums[i] = window_sums(market, number)
        if sums[i].count and trade_vote(book, market.last_source, market.last, market.last_ns,
                                        age_s(now_ns, market.last_ns), now_ns, &vote):
            cast_vote(ballot, vote)


cdef inline int trade_principal(Book* book, int64_t now_ns) noexcept nogil:
    """principal_market: the last orderly trade of the active venue with the most orderly volume. -1: none is active.

    A rival takes its place at once when it is inactive, else after switch_s with switch_share more volume. The
    status counts the active venues. Source: as cm_realtime; the hysteresis is pricing.md 4.
    """
    cdef Store* store = <Store*> book.store
    cdef Window* window = &store.window
    cdef Sums[SOURCES_MAX] sums
    cdef Ballot markets, ballot
    cdef Market* market
    cdef Vote vote
    cdef double silence, best_volume = 0
    cdef uint32_t i, venue, best = 0
    cdef bint present = False
    gather_markets(book, store, sums, &markets, now_ns)
    clear_votes(book)
    ballot.count = 0
    for i in range(markets.count):
        venue = markets.votes[i].venue
        market = &store.markets[venue]
        silence = markets.votes[i].age_s
        if (silence > INGESTOR_ACTIVE_S
                and silence > min(INGESTOR_INACTIVE_S, INGESTOR_INACTIVE_INTERVALS * mean_interval(&sums[venue]))):
            continue
        if not sums[venue].orderly > 0 or not trade_vote(
                book, market.orderly_source, market.orderly, market.orderly_ns, age_s(now_ns, market.orderly_ns),
                now_ns, &vote):
            continue
        cast_vote(&ballot, vote)
        present |= window.has_principal and venue == window.principal
        if sums[venue].orderly > best_volume or (sums[venue].orderly == best_volume and venue < best):
            best, best_volume = venue, sums[venue].orderly
    if ballot.count == 0:
        return -1
    choose_principal(book, window, best, best_volume, present, sums[window.principal].orderly, now_ns)
    for i in range(ballot.count):
        ballot.votes[i].weight = ballot.votes[i].venue == window.principal
        if ballot.votes[i].weight:
            vote = ballot.votes[i]
    say(book, &ballot, vote.x, vote.c, now_ns)
    book.fair.status = status_of(book, ballot.count)
    return book.fair.status


cdef inline void choose_principal(Book* book, Window* window, uint32_t best, double best_volume, bint present,
                                  double volume, int64_t now_ns) noexcept nogil:
    """`present`: the principal of before is still active, with `volume`."""
    if present and (best == window.principal or not best_volume > volume * (1 + book.params.switch_share)):
        window.rival_ns = ABSENT
        return
    if present:
        if window.rival_ns == ABSENT or window.rival != best:
            window.rival, window.rival_ns = best, now_ns
        if age_s(now_ns, window.rival_ns) < book.params.switch_s:
            return
    window.principal, window.has_principal, window.rival_ns = best, True, ABSENT
