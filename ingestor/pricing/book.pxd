"""The state of one priced instrument: its parameters, its source paths, its venues, its last fair price.

pricing.md 3.1 (parameters) and 3.2 (state per source path). A Book is plain memory: made by book_init,
filled by updates.pxd, read and emitted by consensus.pxd. Nothing here computes a price. Times are UTC
epoch ns, ABSENT when there was none; prices are doubles, in the source's own quote currency unless said.
"""
from libc.math cimport NAN
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ingestor.records cimport ABSENT, Fair, UNAVAILABLE

cdef enum:
    # 17 exchanges of the dialect list direct, and through each of 6 aggregators: 17 + 6 x 17 = 119 paths;
    # twice that for two quote currencies; the next power of two, so that a source is 8 bits of a vote's id.
    SOURCES_MAX = 256
    VOTES_MAX = 3 * SOURCES_MAX     # x - c, x, x + c of each source

cdef enum Method:
    # How a price is made (pricing.md 4). METHOD_NAMES of parameters.py, in this order.
    CONSENSUS_V1 = 0
    PYTH_MEDIAN = 1
    WEIGHTED_MEDIAN = 2
    CAPPED_MEAN = 3
    DECAYED_VWAP = 4
    VWM_PARTITIONS = 5
    PRINCIPAL_MARKET = 6
    CM_REALTIME = 7
    MARK_DEFAULT = 8

cdef extern from *:
    """
    /* Trusts are ratios between sources: beyond these a sum or a share could leave the doubles. */
    #define INGESTOR_TRUST_MIN 1e-100
    #define INGESTOR_TRUST_MAX 1e100
    """
    const double INGESTOR_TRUST_MIN
    const double INGESTOR_TRUST_MAX


cdef struct Params:
    # pricing.md 3.1. Filled by params_default and params_set; parameters.py names the bounds.
    double age_max_s                # A
    double grace_s                  # no decay before it; A/10
    double half_life_s              # h, of the weight beyond grace; A/5
    double volume_half_life_s       # H_V
    double deviation_half_life_s    # H_s, of squared deviations and squared returns
    double weight_max               # cap, of a venue's share
    double gate_scale               # k
    double gate_min                 # g_min, relative
    double gate_max                 # g_max, relative
    double readmit                  # a flagged source returns below readmit x gate
    double sigma                    # first volatility, relative per sqrt(s); 0 stays 0
    double half_width_min           # c_floor, relative
    double trade_half_width         # h_trade, relative
    double spread_max               # relative to the mid
    double conf_max                 # relative; beyond it a price is DISPERSED
    double hold_s                   # how long the last price is repeated
    double conversion_age_max_s
    double conversion_conf_max      # relative
    uint32_t venues_min             # n_min, for status OK
    bint thin                       # A follows each source's own mean interval
    bint gate_price                 # False: fair from all candidates, conf and flags from the gated set (3.8)
    bint fixed_weights              # u = trust x phi: no volumes, no deviations, no split among a venue's paths
    uint32_t method                 # a Method; what follows is of those that name it
    uint32_t publishers_min         # pyth_median
    double band                     # capped_mean, relative
    uint32_t partitions             # vwm_partitions
    uint32_t orderly_trades         # principal_market: a minute of fewer judges no trade
    double partition_s              # vwm_partitions
    double orderly_sigmas           # principal_market
    double switch_share             # principal_market: a rival has so much more volume
    double switch_s                 # principal_market: for so long
    double mark_tau_s               # mark_default
    double mark_bound               # mark_default, relative to the index


cdef struct Book


cdef struct Source:
    # A source path: one provider's view of the instrument at one venue.
    double bid
    double ask
    double bid_size
    double ask_size
    int64_t quote_ns                # received
    int64_t quote_event_ns          # venue's time, never after quote_ns
    double last                     # last accepted trade
    int64_t trade_ns                # received
    int64_t trade_event_ns          # venue's time, never after trade_ns
    int64_t alive_ns                # last proof of life of the quote channel; ABSENT: not sequence-checked
    double trust                    # 0: no vote
    const Book* conversion          # price of the quote currency; NULL: already in the book's currency
    double volume                   # decayed, in units of the book's landmark
    double notional
    double[2] refused               # the last two consecutive refused prints, newest first
    double interval_s               # EW mean between messages; 0 before the second. Kept when Params.thin
    int64_t update_ns               # last message. Kept when Params.thin
    double price                    # x of the last evaluation, converted; NaN: no candidate
    double weight                   # share in the last evaluation, after the cap; 0: no candidate
    uint32_t venue
    uint8_t refused_count           # of `refused`, 0 to 2
    bint flagged                    # outside the gate, and not yet back within readmit x gate
    double contract_size            # of the base, or of the quote when inverse; what a size of 1 is
    bint inverse                    # sizes count in the quote currency


cdef struct Venue:
    double volume                   # of each trade once; where nobody says who told it first, the most of any path
    double square                   # s2: EW squared relative deviation from fair
    int64_t square_ns               # when s2 was updated; ABSENT: s2 is provisional
    double pending_square           # d2 of the last evaluation, learnt by the next later one; NaN: none


cdef struct Held:
    # The last price from fresh sources.
    double price
    double conf
    int64_t at_ns                   # ABSENT: none
    double age_freshest_s
    double age_oldest_s


cdef struct Book:
    Params params
    Fair fair                       # as last emitted
    Held held
    Source* sources
    Venue* venues
    uint16_t* order                 # sources by price: kept, so that sorting again is nearly free
    uint16_t* vote_order            # votes by value; an id is (0, 1 or 2) x SOURCES_MAX + source
    uint32_t sources_count
    uint32_t venues_count
    double variance                 # sigma squared, per second
    double return_price             # where the running return starts
    int64_t return_ns               # ABSENT: none
    int64_t pending_ns              # when the last fresh price, not yet learnt from, was made; ABSENT: none
    int64_t landmark_ns             # volumes count as if weighted at this time; ABSENT before the first trade
    int64_t decay_ns                # the decay factor of this event time is `decay`
    double decay
    void* store                     # a Store of methods/store.pxd; NULL: its method needs none
    const Book* index               # mark_default: what the contract is a derivative of; NULL: none
    const Book* index_conversion    # its quote currency in the contract's; NULL: the same
    bint dated                      # mark_default: the contract ends, so that its basis is no error


cdef inline void params_default(Params* params) noexcept nogil:
    """The defaults of pricing.md 3.1."""
    params.age_max_s = 30
    params.grace_s = params.age_max_s / 10
    params.half_life_s = params.age_max_s / 5
    params.volume_half_life_s = 1800
    params.deviation_half_life_s = 600
    params.weight_max = 0.40
    params.gate_scale = 4
    params.gate_min = 0.005
    params.gate_max = 0.05
    params.readmit = 0.5
    params.sigma = 1e-4
    params.half_width_min = 1e-5
    params.trade_half_width = 5e-4
    params.spread_max = 0.05
    params.conf_max = 0.01
    params.hold_s = 300
    params.conversion_age_max_s = 60
    params.conversion_conf_max = 0.005
    params.venues_min = 3
    params.thin = False
    params.gate_price = True
    params.fixed_weights = False
    params.method = CONSENSUS_V1
    params.publishers_min = 1
    params.band = 0.005
    params.partitions = 12
    params.partition_s = 300
    params.orderly_trades = 5
    params.orderly_sigmas = 3
    params.switch_share = 0.10
    params.switch_s = 900
    params.mark_tau_s = 150
    params.mark_bound = 0.02


cdef inline void fair_clear(Fair* fair) noexcept nogil:
    """No price. `version` and the emission time stay."""
    fair.price = fair.conf = fair.q25 = fair.q75 = fair.anchor = NAN
    fair.gate = fair.n_eff = fair.score = 0
    fair.ts_event_ns = ABSENT
    fair.age_freshest_s = fair.age_oldest_s = NAN
    fair.status = UNAVAILABLE
    fair.n = fair.n_used = fair.venues_used = 0


cdef inline bint book_init(Book* book, const Params* params, uint32_t sources, uint32_t venues) noexcept nogil:
    """Make an empty book. False: no memory, or more than SOURCES_MAX sources; the book is then empty.

    All memory is allocated here, in one block that book_free returns. Each source is given its
    venue by book_source; until then it has no trust, hence no vote.
    """
    cdef uint32_t i
    cdef int which
    memset(book, 0, sizeof(Book))
    book.params = params[0]
    book.variance = params.sigma * params.sigma
    book.held.at_ns = book.return_ns = book.pending_ns = book.landmark_ns = book.decay_ns = ABSENT
    book.fair.ts_emit_ns = ABSENT
    fair_clear(&book.fair)
    if sources > SOURCES_MAX or venues > SOURCES_MAX:
        return False
    book.sources = <Source*> calloc(1, sources * (sizeof(Source) + 4 * sizeof(uint16_t)) + venues * sizeof(Venue) + 1)
    if book.sources == NULL:
        return False
    book.venues = <Venue*> (book.sources + sources)
    book.order = <uint16_t*> (book.venues + venues)
    book.vote_order = book.order + sources
    book.sources_count = sources
    book.venues_count = venues
    for i in range(sources):
        book.sources[i].bid = book.sources[i].ask = book.sources[i].price = NAN
        book.sources[i].quote_ns = book.sources[i].quote_event_ns = ABSENT
        book.sources[i].trade_ns = book.sources[i].trade_event_ns = ABSENT
        book.sources[i].alive_ns = book.sources[i].update_ns = ABSENT
        book.sources[i].contract_size = 1
        book.order[i] = i
        for which in range(3):
            book.vote_order[3 * i + which] = which * SOURCES_MAX + i
    for i in range(venues):
        book.venues[i].square_ns = ABSENT
        book.venues[i].pending_square = NAN
    return True


cdef inline void book_free(Book* book) noexcept nogil:
    """Return the memory. A zeroed or freed book is fine."""
    free(book.sources)
    free(book.store)
    book.store = NULL
    book.sources = NULL
    book.venues = NULL
    book.order = book.vote_order = NULL
    book.sources_count = book.venues_count = 0


cdef inline void book_source(
    Book* book, uint32_t source, uint32_t venue, double trust, const Book* conversion
) noexcept nogil:
    """Say what a source is. `conversion`'s fair price is read at evaluation: borrowed while the book lives.

    A trust that is no positive number gives no vote.
    """
    book.sources[source].venue = venue
    book.sources[source].trust = trust if INGESTOR_TRUST_MIN <= trust <= INGESTOR_TRUST_MAX else 0
    book.sources[source].conversion = conversion


cdef inline void book_contract(Book* book, uint32_t source, double contract_size, bint inverse) noexcept nogil:
    """Say what a size of 1 is: so much of the base, or of the quote when inverse. Not said: 1 of the base."""
    book.sources[source].contract_size = contract_size
    book.sources[source].inverse = inverse


cdef inline bint book_flagged(const Book* book, uint32_t source) noexcept nogil:
    """Whether the source was a candidate of the last evaluation and stood outside its gate."""
    return book.sources[source].flagged and book.sources[source].weight > 0


cdef inline double age_s(int64_t now_ns, int64_t then_ns) noexcept nogil:
    """Seconds since `then_ns`; 0 when it lies in the future. Exact for any two times."""
    if then_ns >= now_ns:
        return 0
    return <double> (<uint64_t> now_ns - <uint64_t> then_ns) / 1e9
