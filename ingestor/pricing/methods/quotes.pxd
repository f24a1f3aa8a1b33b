"""Methods over what each source says now: pyth_median, weighted_median, capped_mean (pricing.md 4)."""
from libc.stdint cimport int64_t, uint16_t, uint32_t

from ingestor.pricing.book cimport Book, SOURCES_MAX, VOTES_MAX
from ingestor.pricing.methods.ballot cimport Ballot, gather, say, share_by_trust, spread_of
from ingestor.pricing.quantiles cimport Quartiles, quartiles, sort_order, weighted_median


cdef inline double capped_mean(
    double* values, const double* weights, uint32_t count, double total, double band, double* median
) noexcept nogil:
    """Weighted mean of sorted values > 0, each brought within `band`, relative, of their weighted median. O(n).

    `values` become the capped ones. Sources: Deribit (0.5 %),
    https://support.deribit.com/hc/en-us/articles/25944739377309-Index-Prices; FTX (30 bp),
    https://twitter.com/SBF_FTX/status/1184805663693688832; read 2026-11.
    """
    cdef double sum = 0
    cdef uint32_t i
    median[0] = weighted_median(values, weights, count, total)
    for i in range(count):
        values[i] = min(max(values[i], median[0] * (1 - band)), median[0] * (1 + band))
        sum += weights[i] / total * values[i]
    return sum


cdef inline Quartiles pyth_votes(
    const double* prices, const double* confs, const double* weights, uint32_t count, double total
) noexcept nogil:
    """Quartiles of the votes x - c, x, x + c of each publisher, all of its weight (pricing.md 1.6). O(n log n).

    Source: github:pyth-network/pyth-client, commit 25dd347e, program/c/src/oracle/upd_aggregate.h, read 2026-11.
    """
    cdef double[VOTES_MAX] keys, values, shares
    cdef uint16_t[VOTES_MAX] order
    cdef uint32_t i
    for i in range(count):
        keys[i], keys[count + i], keys[2 * count + i] = prices[i] - confs[i], prices[i], prices[i] + confs[i]
    for i in range(3 * count):
        order[i] = i
    sort_order(order, keys, values, 3 * count)
    for i in range(3 * count):
        shares[i] = weights[order[i] % count]
    return quartiles(values, shares, 3 * count, 3 * total)


cdef inline int quote_pyth(Book* book, int64_t now_ns) noexcept nogil:
    """pyth_median: a source is a publisher, its half-width its confidence. -1: fewer than publishers_min."""
    cdef Ballot ballot
    cdef Quartiles found
    cdef double[SOURCES_MAX] prices, confs, weights
    cdef double total, anchor
    cdef uint32_t i
    cdef int status
    gather(book, &ballot, now_ns)
    if ballot.count == 0 or ballot.count < book.params.publishers_min:
        return -1
    total = share_by_trust(book, &ballot)
    anchor = ballot.votes[ballot.count // 2].x
    for i in range(ballot.count):       # as distances, so that a confidence of a millionth keeps its digits
        prices[i], confs[i] = ballot.votes[i].x - anchor, ballot.votes[i].c
        weights[i] = ballot.votes[i].weight
    found = pyth_votes(prices, confs, weights, ballot.count, total)
    status = say(book, &ballot, anchor + found.median,
                 max(found.median - found.q25, found.q75 - found.median), now_ns)
    book.fair.q25, book.fair.q75 = anchor + min(found.q25, found.median), anchor + max(found.q75, found.median)
    return status


cdef inline int quote_median(Book* book, int64_t now_ns) noexcept nogil:
    """weighted_median: each venue's trust is its fixed weight. -1: no source has a price.

    Source: https://hyperliquid.gitbook.io/hyperliquid-docs/hypercore/oracle, read 2026-11.
    """
    cdef Ballot ballot
    cdef Quartiles found
    cdef double[SOURCES_MAX] values, weights
    cdef double total
    cdef uint32_t i
    cdef int status
    gather(book, &ballot, now_ns)
    if ballot.count == 0:
        return -1
    total = share_by_trust(book, &ballot)
    for i in range(ballot.count):
        values[i], weights[i] = ballot.votes[i].x, ballot.votes[i].weight
    found = quartiles(values, weights, ballot.count, total)
    status = say(book, &ballot, found.median, max(found.median - found.q25, found.q75 - found.median), now_ns)
    book.fair.q25, book.fair.q75 = min(found.q25, found.median), max(found.q75, found.median)
    return status


cdef inline int quote_capped(Book* book, int64_t now_ns) noexcept nogil:
    """capped_mean: conf is the spread of what the sources said, before it was capped. -1: no source has a price."""
    cdef Ballot ballot
    cdef double[SOURCES_MAX] values, weights
    cdef double total, median, price
    cdef uint32_t i
    cdef int status
    gather(book, &ballot, now_ns)
    if ballot.count == 0:
        return -1
    total = share_by_trust(book, &ballot)
    for i in range(ballot.count):
        values[i], weights[i] = ballot.votes[i].x, ballot.votes[i].weight
    price = capped_mean(values, weights, ballot.count, total, book.params.band, &median)
    status = say(book, &ballot, price, spread_of(&ballot, price, total), now_ns)
    book.fair.anchor, book.fair.gate = median, book.params.band
    return status
