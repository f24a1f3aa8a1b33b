"""Methods of the specification by name, over the same C code that the pipeline runs.

A method takes a vector's `params` and `input` (pricing.md part 5) and returns the keys of its `expected`.
Only what is really served stands in METHODS.
"""
from libc.math cimport INFINITY, NAN, floor, rint
from libc.stdint cimport int64_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free

from ingestor.pricing.book cimport (
    Book, Params, SOURCES_MAX, book_flagged, book_free, book_init, book_source, params_default,
)
from ingestor.pricing.candidates cimport Limits, staleness
from ingestor.pricing.consensus cimport book_evaluate, params_set
from ingestor.pricing.convert cimport Rate, converted_conf
from ingestor.pricing.methods.quotes cimport pyth_votes
from ingestor.pricing.quantiles cimport Quartiles, sort_order, weighted_median
from ingestor.pricing.updates cimport add_volume, book_quote, half_lives_since
from ingestor.records cimport ABSENT, HELD, UNAVAILABLE

from ingestor.errors import ConfigError
from ingestor.pricing import inputs
from ingestor.pricing.discrepancy import discrepancy
from ingestor.pricing.methods import clamps, coin_metrics, estimators, exchange_marks, faces
from ingestor.pricing.methods.book_rti import book_rti
from ingestor.pricing.methods.cccagg import cccagg_legacy
from ingestor.pricing.methods.info_share import info_share
from ingestor.pricing.parameters import parameters
from ingestor.records import FAIR_STATUS_NAMES

cdef enum:
    NOW_NS = 0          # every evaluation is made then; ages count back from it


cdef int64_t ago_ns(double age):
    """When it was so many seconds ago."""
    return NOW_NS - <int64_t> (age * 1e9 + 0.5)


cdef double scaled(double value, double scale):
    """Exactly, for a decimal that the scale makes an integer."""
    return value if scale == 1 else rint(value * scale)


def consensus_v1(params, given):
    """The default fair price, whole: `base_weight` stands for trust x (volume + inverse variance) / 2.

    Decimal text is scaled to integers on the way in and back on the way out: the method has no scale of
    its own (pricing.md P4), and what is exact in the text stays exact.
    """
    cdef Params set_
    cdef Book book
    cdef Book* conversions
    cdef uint32_t i
    cdef double scale, rate_scale
    where = "consensus_v1: input"
    params_set(&set_, {"fixed_weights": True, **params})
    rows, last = inputs.sources(given, where), inputs.last_price(given, where)
    names = [row.name for row in rows]
    flagged = inputs.names(given, "previously_flagged", names, where)
    if len(rows) > SOURCES_MAX:
        raise ConfigError(f"{where} has {len(rows)} sources: give at most {SOURCES_MAX}")
    scale, rate_scale = inputs.exact_scales(given)
    venues = list(dict.fromkeys(row.venue for row in rows))
    conversions = <Book*> calloc(len(rows) + 1, sizeof(Book))
    if conversions == NULL or not book_init(&book, &set_, len(rows), len(venues)):
        free(conversions)
        raise MemoryError(f"no memory for {len(rows)} sources")
    try:
        for i, row in enumerate(rows):
            book_source(&book, i, venues.index(row.venue), row.weight,
                        NULL if row.conversion == inputs.OWN else &conversions[i])
            fill_conversion(&conversions[i], row.conversion, rate_scale)
            fill_source(&book, i, row, scale * rate_scale if row.conversion == inputs.OWN else scale)
        scale *= rate_scale
        for i in flagged:
            book.sources[i].flagged = True
        if last is not None:
            book.held.price, book.held.conf = scaled(last.price, scale), scaled(last.conf, scale)
            book.held.at_ns = ago_ns(last.age_s)
        book_evaluate(&book, NOW_NS)
        return described(&book, names, scale)
    finally:
        book_free(&book)
        free(conversions)


cdef int fill_source(Book* book, uint32_t source, row, double scale) except -1:
    """Its quote, and its last accepted trade: past the print filter."""
    book_quote(book, source, scaled(row.bid, scale), NAN, scaled(row.ask, scale), NAN, ABSENT,
               ago_ns(row.quote_age_s))
    if 0 < row.last < INFINITY:
        book.sources[source].last = scaled(row.last, scale)
        book.sources[source].trade_ns = ago_ns(row.trade_age_s)
    return 0


cdef int fill_conversion(Book* book, given, double scale) except -1:
    """As if the quote currency's book had just been evaluated so."""
    book.fair.status = UNAVAILABLE
    if isinstance(given, inputs.Conversion):
        if given.status not in FAIR_STATUS_NAMES:
            raise ConfigError(f"consensus_v1: a conversion has status {given.status!r}: "
                              f"use one of {', '.join(FAIR_STATUS_NAMES)}")
        book.fair.status = FAIR_STATUS_NAMES.index(given.status)
        book.fair.price, book.fair.conf = scaled(given.rate, scale), scaled(given.conf, scale)
        book.fair.ts_emit_ns = ago_ns(given.age_s)
    return 0


cdef dict described(const Book* book, list names, double scale):
    """The keys of a vector's `expected`: fewer when no source was fresh."""
    cdef uint32_t i
    cdef dict found = {"status": FAIR_STATUS_NAMES[book.fair.status], "price": book.fair.price / scale,
                       "conf": book.fair.conf / scale, "n": book.fair.n}
    if book.fair.status == UNAVAILABLE:
        found["price"] = found["conf"] = None
    if book.fair.status != UNAVAILABLE and book.fair.status != HELD:
        found.update(
            M0=book.fair.anchor / scale, gate=book.fair.gate, n_used=book.fair.n_used, venues_used=book.fair.venues_used,
            n_eff=book.fair.n_eff, flagged=[names[i] for i in range(len(names)) if book_flagged(book, i)],
            weights={names[i]: book.sources[i].weight for i in range(len(names)) if book.sources[i].weight > 0})
    return found


def weighted_median_of(params, given):
    """The symmetric weighted median of `prices` with `weights`."""
    cdef double[SOURCES_MAX] keys, values, sorted_weights
    cdef uint16_t[SOURCES_MAX] order
    cdef double total = 0
    cdef uint32_t i, count = 0
    where = "weighted_median: input"
    inputs.allowed(params, (), "weighted_median: params")
    prices, weights = inputs.reals(given, "prices", where), inputs.reals(given, "weights", where)
    if len(prices) != len(weights) or not 0 < len(prices) <= SOURCES_MAX:
        raise ConfigError(f"{where} has {len(prices)} prices and {len(weights)} weights: give one weight a price, "
                          f"1 to {SOURCES_MAX} of them")
    for price, weight in zip(prices, weights):
        if not -INFINITY < price < INFINITY or not 0 <= weight < INFINITY:
            raise ConfigError(f"{where} has price {price} of weight {weight}: give finite ones, no weight below 0")
        if weight > 0:
            keys[count], order[count] = price, count
            count += 1
            total += weight
    if not 0 < total < INFINITY:
        raise ConfigError(f"{where} has weights of sum {total}: give a positive one")
    weights = [weight for weight in weights if weight > 0]
    sort_order(order, keys, values, count)
    for i in range(count):
        sorted_weights[i] = weights[order[i]]
    return {"price": weighted_median(values, sorted_weights, count, total)}


def pyth_median(params, given):
    """Pyth's aggregate of integer quotes: three equal votes each, no gate (pricing.md 1.6)."""
    cdef double[SOURCES_MAX] prices, confs, weights
    cdef uint32_t count = 0
    cdef Quartiles found
    where = "pyth_median: input"
    inputs.allowed(params, ("max_age_slots", "min_publishers", "rounding", "zero_conf"), "pyth_median: params")
    age_max = inputs.real(params.get("max_age_slots", 25), "pyth_median: params.max_age_slots")
    least = inputs.real(params.get("min_publishers", 1), "pyth_median: params.min_publishers")
    rounding = params.get("rounding", "floor")
    if not isinstance(rounding, str) or not rounding.startswith(("floor", "none")):
        raise ConfigError(f"pyth_median: params.rounding is {rounding!r}: use floor or none")
    quotes = inputs.items(given, "quotes", where)
    if len(quotes) > SOURCES_MAX:
        raise ConfigError(f"{where} has {len(quotes)} quotes: give at most {SOURCES_MAX}")
    for number, quote in enumerate(quotes):
        place = f"{where}.quotes[{number}]"
        quote = inputs.mapping(quote, place)
        price, conf = (inputs.real(inputs.needed(quote, key, place), f"{place}.{key}") for key in ("price", "conf"))
        if not abs(price) + abs(conf) < 2 ** 52:
            raise ConfigError(f"{place} is {dict(quote)!r}: give a price and conf that doubles hold exactly")
        if conf > 0 and inputs.real(quote.get("age_slots", 0), f"{place}.age_slots") <= age_max:
            prices[count], confs[count], weights[count] = price, conf, 1
            count += 1
    if count < max(least, 1):
        return {"status": "UNKNOWN", "price": None, "conf": None}
    found = pyth_votes(prices, confs, weights, count, count)
    if rounding.startswith("floor"):
        price = int(floor(found.median))
        return {"status": "OK", "price": price, "conf": int(max(price - found.q25, found.q75 - price))}
    return {"status": "OK", "price": found.median, "conf": max(found.median - found.q25, found.q75 - found.median)}


def staleness_of(params, given):
    """phi of each of `ages`, seconds, for the maximum age `A`."""
    cdef Limits limits
    inputs.allowed(params, (), "staleness: params")
    checked = parameters({"A": inputs.needed(given, "A", "staleness: input")})
    limits.age_max_s = checked["age_max_s"]
    limits.grace_s, limits.half_life_s = limits.age_max_s / 10, limits.age_max_s / 5
    return {"phi": [staleness(inputs.age(age, f"staleness: input.ages[{i}]"), &limits)
                    for i, age in enumerate(inputs.items(given, "ages", "staleness: input"))]}


def decayed_vwap(params, given):
    """Decayed notional N, volume V and N/V of each named list of [time_s, price, size], at its newest time."""
    inputs.allowed(params, ("half_life_s",), "decayed_vwap: params")
    half_life_s = parameters({"H_V": params.get("half_life_s", 60)})["volume_half_life_s"]
    return {name: decayed(inputs.items(given, name, "decayed_vwap: input"), half_life_s,
                          f"decayed_vwap: input.{name}") for name in given}


cdef dict decayed(trades, double half_life_s, str where):
    cdef Book book
    cdef Params params
    cdef int64_t event_ns, newest_ns = ABSENT
    cdef double scale
    params_default(&params)
    params.volume_half_life_s = half_life_s
    rows = []
    for i, trade in enumerate(trades):
        row = inputs.reals({"trade": trade}, "trade", f"{where}[{i}]")
        if len(row) != 3 or not (abs(row[0]) <= inputs.AGE_MAX_S and 0 < row[1] < INFINITY and 0 < row[2] < INFINITY):
            raise ConfigError(f"{where}[{i}] is {trade!r}: give [time in seconds, price, size], both positive")
        rows.append((<int64_t> (row[0] * 1e9), row[1], row[2]))
    if not rows:
        raise ConfigError(f"{where} is empty: give at least one trade")
    if not book_init(&book, &params, 1, 1):
        raise MemoryError("no memory for one source")
    try:
        for event_ns, price, size in rows:
            if book.landmark_ns == ABSENT:
                book.landmark_ns = event_ns
            add_volume(&book, book.sources, price, size, event_ns, False)
            newest_ns = max(newest_ns, event_ns)
        scale = 2.0 ** -half_lives_since(&book, newest_ns)
        return {"N": book.sources.notional * scale, "V": book.sources.volume * scale,
                "price": book.sources.notional / book.sources.volume}
    finally:
        book_free(&book)


def convert(params, given):
    """A price in another currency, and its conf when `conf` (and the rate's own, `rate_conf`) is given."""
    cdef Rate rate
    where = "convert: input"
    inputs.allowed(params, (), "convert: params")
    price = inputs.real(inputs.needed(given, "price", where), f"{where}.price")
    rate.price = inputs.real(inputs.needed(given, "rate", where), f"{where}.rate")
    if not (0 < price < INFINITY and 0 < rate.price < INFINITY):
        raise ConfigError(f"{where} has price {price} and rate {rate.price}: give positive ones")
    pair, rate_pair = given.get("pair"), given.get("rate_pair")
    if pair is not None and rate_pair is not None and str(pair).rpartition("/")[2] != str(rate_pair).partition("/")[0]:
        raise ConfigError(f"{where} converts {pair} with {rate_pair}: give a rate of the currency it is quoted in")
    found = {"price": price * rate.price}
    if given.get("conf") is not None:
        rate.conf = inputs.real(given.get("rate_conf", 0), f"{where}.rate_conf")
        found["conf"] = converted_conf(price, inputs.real(given["conf"], f"{where}.conf"), rate)
    return found


METHODS = {
    "consensus_v1": consensus_v1,
    "weighted_median": weighted_median_of,
    "pyth_median": pyth_median,
    "capped_mean": faces.capped_mean_of,
    "decayed_vwap": decayed_vwap,
    "vwm_partitions": faces.vwm_partitions,
    "mark_default": faces.mark_default,
    "ema_duration": faces.ema_duration,
    "staleness": staleness_of,
    "convert": convert,
    "provider_discrepancy": discrepancy,
    "book_rti": book_rti,
    "mean_interval": coin_metrics.mean_interval,
    "cm_hourly": coin_metrics.cm_hourly,
    "cccagg_legacy": cccagg_legacy,
    "clamp_to_median": clamps.clamp_to_median,
    "clamp_last": clamps.clamp_last,
    "mark_binance": exchange_marks.mark_binance,
    "mark_bitmex": exchange_marks.mark_bitmex,
    "weighted_mid": estimators.weighted_mid,
    "hampel": estimators.hampel,
    "huber_one_step": estimators.huber_one_step,
    "kalman_level": estimators.kalman_level,
    "info_share": info_share,
}
