"""The price of a Book by the method of its parameters. consensus_v1, the default, is consensus.pxd."""
from libc.stdint cimport int64_t

from ingestor.pricing.book cimport (
    Book, CAPPED_MEAN, CM_REALTIME, CONSENSUS_V1, DECAYED_VWAP, MARK_DEFAULT, PRINCIPAL_MARKET, PYTH_MEDIAN,
    VWM_PARTITIONS, WEIGHTED_MEDIAN,
)
from ingestor.pricing.consensus cimport book_evaluate, forget, hold, learn
from ingestor.pricing.methods.mark cimport price_mark
from ingestor.pricing.methods.quotes cimport quote_capped, quote_median, quote_pyth
from ingestor.pricing.methods.trades cimport trade_decayed, trade_partitions, trade_principal, trade_realtime
from ingestor.records cimport ABSENT


cdef inline int book_price(Book* book, int64_t now_ns) noexcept nogil:
    """The fair price at `now_ns`: fill book.fair, return its FairStatus. Twice at one time gives the same twice.

    A method without a price repeats the last one as consensus_v1 does: HELD, then UNAVAILABLE.
    """
    cdef int status
    if book.params.method == CONSENSUS_V1:
        return book_evaluate(book, now_ns)
    if book.pending_ns != ABSENT:
        if now_ns > book.pending_ns:
            learn(book)
        else:
            forget(book)
    book.fair.version += 1
    book.fair.ts_emit_ns = now_ns
    status = by_method(book, now_ns)
    return hold(book, now_ns) if status < 0 else status


cdef inline int by_method(Book* book, int64_t now_ns) noexcept nogil:
    """-1: no price."""
    if book.params.method == PYTH_MEDIAN:
        return quote_pyth(book, now_ns)
    if book.params.method == WEIGHTED_MEDIAN:
        return quote_median(book, now_ns)
    if book.params.method == CAPPED_MEAN:
        return quote_capped(book, now_ns)
    if book.params.method == DECAYED_VWAP:
        return trade_decayed(book, now_ns)
    if book.params.method == VWM_PARTITIONS:
        return trade_partitions(book, now_ns)
    if book.params.method == PRINCIPAL_MARKET:
        return trade_principal(book, now_ns)
    if book.params.method == CM_REALTIME:
        return trade_realtime(book, now_ns)
    return price_mark(book, now_ns)
