"""Parameters from a mapping, and a Book for Python: to replay what was recorded, and to look inside.

The hot path needs none of the Python here but params_set, at start. The prices are those of
consensus.pxd, which the pipeline runs.
"""
cimport cython

from cpython cimport array
from libc.math cimport NAN
from libc.stdint cimport int64_t, uint32_t

import array
import hashlib

from ingestor.pricing.book cimport DECAYED_VWAP, book_contract
from ingestor.pricing.methods.price cimport book_price
from ingestor.pricing.methods.store cimport Uncounted, store_init, uncounted_add

from ingestor.errors import ConfigError
from ingestor.pricing.parameters import DECAYED_HALF_LIFE_S, METHOD_NAMES, parameters
from ingestor.records import FAIR_STATUS_NAMES

PRINT_NAMES = ("accepted", "outlier", "level_shift", "invalid")


cdef int params_set(Params* params, settings) except -1:
    cdef dict given = parameters(settings)
    params_default(params)
    params.age_max_s = given.get("age_max_s", params.age_max_s)
    params.grace_s = given.get("grace_s", params.age_max_s / 10)
    params.half_life_s = given.get("half_life_s", params.age_max_s / 5)
    params.volume_half_life_s = given.get("volume_half_life_s", params.volume_half_life_s)
    params.deviation_half_life_s = given.get("deviation_half_life_s", params.deviation_half_life_s)
    params.weight_max = given.get("weight_max", params.weight_max)
    params.gate_scale = given.get("gate_scale", params.gate_scale)
    params.gate_min = given.get("gate_min", params.gate_min)
    params.gate_max = given.get("gate_max", params.gate_max)
    params.readmit = given.get("readmit", params.readmit)
    params.sigma = given.get("sigma", params.sigma)
    params.half_width_min = given.get("half_width_min", params.half_width_min)
    params.trade_half_width = given.get("trade_half_width", params.trade_half_width)
    params.spread_max = given.get("spread_max", params.spread_max)
    params.conf_max = given.get("conf_max", params.conf_max)
    params.hold_s = given.get("hold_s", params.hold_s)
    params.conversion_age_max_s = given.get("conversion_age_max_s", params.conversion_age_max_s)
    params.conversion_conf_max = given.get("conversion_conf_max", params.conversion_conf_max)
    params.venues_min = <uint32_t> given.get("venues_min", params.venues_min)
    params.thin = given.get("thin", params.thin) != 0
    params.gate_price = given.get("gate_price", params.gate_price) != 0
    params.fixed_weights = given.get("fixed_weights", params.fixed_weights) != 0
    params_set_method(params, given)
    if params.gate_min > params.gate_max:
        raise ConfigError(f"pricing parameter gate_min is {params.gate_min}, above gate_max {params.gate_max}: "
                          "lower it, or raise gate_max")
    return 0


cdef int params_set_method(Params* params, dict given) except -1:
    """Those of the selectable methods."""
    params.method = <uint32_t> given.get("method", params.method)
    params.publishers_min = <uint32_t> given.get("publishers_min", params.publishers_min)
    params.band = given.get("band", params.band)
    params.partitions = <uint32_t> given.get("partitions", params.partitions)
    params.partition_s = given.get("partition_s", params.partition_s)
    params.orderly_trades = <uint32_t> given.get("orderly_trades", params.orderly_trades)
    params.orderly_sigmas = given.get("orderly_sigmas", params.orderly_sigmas)
    params.switch_share = given.get("switch_share", params.switch_share)
    params.switch_s = given.get("switch_s", params.switch_s)
    params.mark_tau_s = given.get("mark_tau_s", params.mark_tau_s)
    params.mark_bound = given.get("mark_bound", params.mark_bound)
    if params.method == DECAYED_VWAP and "volume_half_life_s" not in given:
        params.volume_half_life_s = DECAYED_HALF_LIFE_S
    return 0


def method_name(settings):
    """The method that these settings select."""
    return METHOD_NAMES[int(parameters(settings).get("method", 0))]


def effective_parameters(settings):
    """Every parameter by name, as a book made with these settings has it; the defaults for an empty mapping."""
    cdef Params params
    params_set(&params, settings)
    return dict(params)


def parameters_hash(settings):
    """What tells two sets of parameters apart in the fair topic: 12 hexadecimal digits over the effective ones."""
    effective = ",".join(f"{name}={float(value)!r}" for name, value in sorted(effective_parameters(settings).items()))
    return hashlib.sha256(effective.encode()).hexdigest()[:12]


cdef object price_or_none(double value):
    return None if value != value else value


@cython.final
cdef class PriceBook:
    """One priced instrument, driven from Python.

    `sources` is a list of (venue, trust, conversion): any hashable venue, a number, and the PriceBook that
    prices the quote currency, or None. `contracts` says for each of them (contract size, inverse). Times are UTC ns, never read from a clock. Not thread-safe.
    For mark_default, `index` is the PriceBook of what the contract is a derivative of, `index_conversion` the one
    that brings it to the contract's quote currency, and `dated` says that the contract ends.
    Raises ConfigError for parameters out of bounds, MemoryError for more than SOURCES_MAX sources.
    """
    cdef Book book
    cdef tuple conversions      # keeps alive what the book borrows

    def __cinit__(self, settings, sources, *, PriceBook index=None, PriceBook index_conversion=None, bint dated=False,
                  contracts=()):
        cdef Params params
        cdef PriceBook other
        cdef uint32_t i
        params_set(&params, settings)
        sources = list(sources)
        venues = list(dict.fromkeys(venue for venue, _, _ in sources))
        if not book_init(&self.book, &params, len(sources), len(venues)) or not store_init(&self.book):
            raise MemoryError(f"{len(sources)} sources: no memory, or more than {SOURCES_MAX}")
        self.conversions = (index, index_conversion, *(conversion for _, _, conversion in sources))
        self.book.dated = dated
        if index is not None:
            self.book.index = &index.book
        if index_conversion is not None:
            self.book.index_conversion = &index_conversion.book
        for i, (venue, trust, conversion) in enumerate(sources):
            other = conversion
            book_source(&self.book, i, venues.index(venue), trust, NULL if other is None else &other.book)
        for i, (contract_size, inverse) in enumerate(contracts):
            book_contract(&self.book, self.known(i), contract_size, inverse)

    def __dealloc__(self):
        book_free(&self.book)

    cdef uint32_t known(self, source) except? 0xFFFFFFFF:
        if not 0 <= source < self.book.sources_count:
            raise IndexError(f"source {source}: this book has {self.book.sources_count}, counted from 0")
        return source

    def quote(self, source, double bid, double ask, int64_t now_ns, *, double bid_size=NAN, double ask_size=NAN,
              event_ns=None):
        """The top of a source's book; NaN for an empty side."""
        book_quote(&self.book, self.known(source), bid, bid_size, ask, ask_size,
                   ABSENT if event_ns is None else event_ns, now_ns)

    def trade(self, source, double price, double size, int64_t now_ns, *, event_ns=None, int told=TOLD_ALONE):
        """A trade; returns what the print filter said of it, one of PRINT_NAMES. `told` is a Telling (updates.pxd)."""
        return PRINT_NAMES[book_trade(&self.book, self.known(source), price, size,
                                      ABSENT if event_ns is None else event_ns, now_ns, told)]

    def alive(self, source, int64_t now_ns):
        """A proof of life of a source's quote channel."""
        book_alive(&self.book, self.known(source), now_ns)

    def evaluate(self, int64_t now_ns):
        """The fair price at `now_ns`: every field of the emitted record, and each source's price and weight."""
        book_price(&self.book, now_ns)
        cdef const Fair* fair = &self.book.fair
        cdef uint32_t i
        return {
            "status": FAIR_STATUS_NAMES[fair.status], "price": price_or_none(fair.price),
            "conf": price_or_none(fair.conf), "q25": price_or_none(fair.q25), "q75": price_or_none(fair.q75),
            "anchor": price_or_none(fair.anchor), "gate": fair.gate, "n": fair.n, "n_used": fair.n_used,
            "venues_used": fair.venues_used, "n_eff": fair.n_eff, "score": fair.score,
            "ts_event_ns": None if fair.ts_event_ns == ABSENT else fair.ts_event_ns, "ts_emit_ns": fair.ts_emit_ns,
            "age_freshest_s": price_or_none(fair.age_freshest_s), "age_oldest_s": price_or_none(fair.age_oldest_s),
            "version": fair.version,
            "flagged": [i for i in range(self.book.sources_count) if book_flagged(&self.book, i)],
            "prices": [price_or_none(self.book.sources[i].price) for i in range(self.book.sources_count)],
            "weights": [self.book.sources[i].weight for i in range(self.book.sources_count)],
        }

    @property
    def sigma(self):
        """The volatility in use, relative per square root of a second."""
        return self.book.variance ** 0.5

    @property
    def uncounted(self):
        """Trades that the method's window could not count, by reason: late, overflowed, unconverted."""
        cdef Uncounted sum
        sum.late = sum.overflowed = sum.unconverted = 0
        uncounted_add(&self.book, &sum)
        return sum

    def replay(self, array.array times_ns not None, array.array sources not None, array.array bids not None,
               array.array asks not None):
        """Quote and evaluate, row by row; return the fair prices as array("d"), NaN where there is none.

        Columns of equal length: int64 "q", uint32 "I", and two of double "d".
        """
        cdef Py_ssize_t i, count = len(times_ns)
        cdef uint32_t number
        if not (times_ns.typecode == "q" and sources.typecode == "I" and bids.typecode == asks.typecode == "d"):
            raise TypeError('replay wants columns of types "q", "I", "d", "d"')
        if not len(sources) == len(bids) == len(asks) == count:
            raise ValueError("replay wants columns of equal length")
        for i in range(count):
            self.known(sources.data.as_uints[i])
        cdef array.array prices = array.clone(bids, count, False)
        for i in range(count):
            number = sources.data.as_uints[i]
            book_quote(&self.book, number, bids.data.as_doubles[i], NAN, asks.data.as_doubles[i], NAN, ABSENT,
                       times_ns.data.as_longlongs[i])
            book_price(&self.book, times_ns.data.as_longlongs[i])
            prices.data.as_doubles[i] = self.book.fair.price
        return prices
