"""What a method remembers beyond the Book: one block, made only for the methods that need one.

principal_market and cm_realtime keep minutes (about 8 KiB a venue), vwm_partitions the trades of one partition
(1 MiB an instrument), mark_default a basis. Everything else a method needs stands in the Book.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc

from ingestor.pricing.book cimport (
    Book, CM_REALTIME, MARK_DEFAULT, PRINCIPAL_MARKET, Source, VWM_PARTITIONS,
)
from ingestor.pricing.convert cimport Rate, rate_of
from ingestor.pricing.methods.basis cimport Basis
from ingestor.pricing.methods.minutes cimport Market, Window, market_trade
from ingestor.pricing.methods.partition cimport Partition, partition_add, partition_begin
from ingestor.records cimport ABSENT


cdef struct Store:
    Basis basis
    Window window
    uint64_t unconverted            # trades without a rate to the book's currency
    uint32_t markets_count
    Market* markets                 # by venue; NULL: none
    Partition* partition            # NULL: none


cdef inline bint store_init(Book* book) noexcept nogil:
    """Make what its method needs; False: no memory. book_free returns it."""
    cdef uint32_t method = book.params.method
    cdef uint32_t markets = book.venues_count if method == PRINCIPAL_MARKET or method == CM_REALTIME else 0
    cdef size_t size = sizeof(Store) + markets * sizeof(Market)
    cdef Store* store
    if method == VWM_PARTITIONS:
        size += sizeof(Partition)
    elif markets == 0 and method != MARK_DEFAULT:
        return True
    store = <Store*> calloc(1, size)
    book.store = store
    if store == NULL:
        return False
    store.window.rival_ns = store.basis.at_ns = ABSENT
    store.markets_count = markets
    if markets:
        store.markets = <Market*> (store + 1)
    if method == VWM_PARTITIONS:
        store.partition = <Partition*> (store + 1)
        partition_begin(store.partition)
    return True


cdef struct Uncounted:
    # Trades that a method's store could not take.
    uint64_t late                   # their minute or partition had ended
    uint64_t overflowed             # their partition was full
    uint64_t unconverted            # no rate to the book's currency


cdef inline void uncounted_add(const Book* book, Uncounted* sum) noexcept nogil:
    cdef const Store* store = <const Store*> book.store
    if store == NULL:
        return
    sum.unconverted += store.unconverted
    sum.late += store.window.late
    if store.partition != NULL:
        sum.late += store.partition.late
        sum.overflowed += store.partition.overflowed


cdef inline int64_t partition_of(const Book* book, int64_t at_ns) noexcept nogil:
    return at_ns // <int64_t> (book.params.partition_s * 1e9)


cdef inline void store_trade(Book* book, uint32_t source, double price, double size, int64_t event_ns,
                             int64_t now_ns) noexcept nogil:
    """An accepted trade that no other path had brought, `event_ns` not after `now_ns`. O(1)."""
    cdef Store* store = <Store*> book.store
    cdef Source* path = &book.sources[source]
    cdef double converted = price
    cdef Rate rate
    if (store.markets == NULL and store.partition == NULL) or path.trust == 0:
        return
    if path.conversion != NULL:
        rate = rate_of(path.conversion, &book.params, now_ns)
        if not rate.usable:
            store.unconverted += 1
            return
        converted *= rate.price
    event_ns = max(event_ns, 0)
    if store.partition != NULL:
        partition_add(store.partition, partition_of(book, event_ns), converted, size, event_ns)
    else:
        market_trade(&store.window, &store.markets[path.venue], source, price, converted, size, event_ns,
                     book.params.orderly_sigmas, book.params.orderly_trades)


cdef inline void store_carry(Book* book, Book* old, void* fresh, const int32_t* source_from,
                             const int32_t* venue_from) noexcept nogil:
    """Let `book`, whose own store is `fresh`, go on with what `old` remembers, as far as it is still that.

    What is not taken over goes back to `old`, whose end frees it. What could not be counted is not counted again.
    """
    cdef Store* before = <Store*> old.store
    cdef Store* now = <Store*> fresh
    cdef uint32_t i
    book.store = fresh
    if (before == NULL or now == NULL or old.params.method != book.params.method
            or old.params.partition_s != book.params.partition_s):
        return
    if now.partition != NULL:
        before.unconverted = before.partition.late = before.partition.overflowed = 0
        book.store, old.store = before, fresh
        return
    if book.venues_count and venue_from[0] == 0:    # the contract's own venue is the same
        now.basis = before.basis
    if now.markets == NULL:
        return
    now.window = before.window
    now.window.late = 0
    now.window.has_principal, now.window.rival_ns = False, ABSENT
    for i in range(book.venues_count):
        if venue_from[i] < 0:
            continue
        now.markets[i] = before.markets[venue_from[i]]
        follow_source(book, source_from, &now.markets[i].last, &now.markets[i].last_source)
        follow_source(book, source_from, &now.markets[i].orderly, &now.markets[i].orderly_source)
        if before.window.has_principal and before.window.principal == <uint32_t> venue_from[i]:
            now.window.principal, now.window.has_principal = i, True


cdef inline void follow_source(const Book* book, const int32_t* source_from, double* price,
                               uint32_t* source) noexcept nogil:
    """Give a remembered price the new number of its source; without one it has no currency, and is forgotten."""
    cdef uint32_t i
    for i in range(book.sources_count):
        if source_from[i] == <int32_t> source[0]:
            source[0] = i
            return
    price[0] = 0
    source[0] = 0
