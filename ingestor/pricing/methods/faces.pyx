"""evaluate() of the methods that also run in the stream, over the same C code."""
from libc.math cimport NAN
from libc.stdint cimport uint16_t, uint32_t
from libc.stdlib cimport free, malloc

from ingestor.pricing.book cimport SOURCES_MAX
from ingestor.pricing.methods.basis cimport Basis, basis_mean, basis_note, clamped, mark_of, median3
from ingestor.pricing.methods.partition cimport PARTITION_TRADES_MAX, PARTITIONS_MAX, Print, volume_median
from ingestor.pricing.methods.quotes cimport capped_mean
from ingestor.pricing.quantiles cimport sort_order, weighted_median

from ingestor.errors import ConfigError
from ingestor.pricing import inputs


def capped_mean_of(params, given):
    """`index` of `items` (price, weight), each brought within `band` of the weighted median; `capped` in their order."""
    cdef double[SOURCES_MAX] keys, values, weights
    cdef uint16_t[SOURCES_MAX] order
    cdef double total = 0, median
    cdef uint32_t i, count = 0
    where = "capped_mean: input"
    inputs.allowed(params, ("band",), "capped_mean: params")
    band = inputs.share(params.get("band", 0.005), "capped_mean: params.band")
    rows = inputs.items(given, "items", where)
    if not 1 <= len(rows) <= SOURCES_MAX or band > 1:
        raise ConfigError(f"{where} has {len(rows)} items and a band of {band}: give 1 to {SOURCES_MAX}, and at most 1")
    shares = []
    for i, row in enumerate(rows):
        item = inputs.mapping(row, f"{where}.items[{i}]")
        keys[i], order[i] = inputs.field(item, "price", f"{where}.items[{i}]", inputs.positive), i
        shares.append(inputs.field(item, "weight", f"{where}.items[{i}]", inputs.positive))
        total += shares[i]
        count += 1
    sort_order(order, keys, values, count)
    for i in range(count):
        weights[i] = shares[order[i]]
    index = capped_mean(values, weights, count, total, band, &median)
    capped = [0.0] * count
    for i in range(count):
        capped[order[i]] = values[i]
    return {"median": median, "capped": capped, "index": index}


cdef list smoothed(Basis* basis, rows, double tau_s, str where):
    """The EMA after each of the samples `basis`, each standing for the `dt` seconds before it."""
    cdef double duration
    found = []
    for i, row in enumerate(rows):
        sample = inputs.mapping(row, f"{where}[{i}]")
        duration = inputs.field(sample, "dt", f"{where}[{i}]", inputs.positive)
        basis_note(basis, inputs.field(sample, "basis", f"{where}[{i}]", inputs.finite), duration, duration, tau_s)
        found.append(basis_mean(basis))
    return found


cdef double time_constant(params, str method) except? -1:
    inputs.allowed(params, ("tau_s",), f"{method}: params")
    return inputs.positive(params.get("tau_s", 150), f"{method}: params.tau_s")


def ema_duration(params, given):
    """`ema` after each of the `samples` (basis, dt), weighted by duration, time constant `tau_s`."""
    cdef Basis basis
    basis.num = basis.den = basis.square = 0
    tau_s = time_constant(params, "ema_duration")
    return {"ema": smoothed(&basis, inputs.items(given, "samples", "ema_duration: input"), tau_s,
                            "ema_duration: input.samples")}


def mark_default(params, given):
    """The mark of a perpetual: `ema` of the basis, m1, m2, m3 and `mark`; what is not given is null.

    `index`, `basis_samples`, `bid`, `ask`, `last`, `peer_mids` (equal weights), `bound` (0.02), `dated` (false).
    """
    cdef Basis basis
    cdef double ema = NAN, m1 = NAN, m2 = NAN, m3 = NAN, mark
    where = "mark_default: input"
    basis.num = basis.den = basis.square = 0
    tau_s = time_constant(params, "mark_default")
    index = inputs.field(given, "index", where, inputs.positive)
    bound = inputs.positive(given.get("bound", 0.02), f"{where}.bound")
    dated = given.get("dated", False)
    if not isinstance(dated, bool):
        raise ConfigError(f"{where}.dated is {dated!r}: give true or false")
    if given.get("basis_samples"):
        smoothed(&basis, inputs.items(given, "basis_samples", where), tau_s, f"{where}.basis_samples")
        ema = basis_mean(&basis)
        m1 = index + (ema if dated else clamped(ema, 0, bound * index))
    if given.get("bid") is not None or given.get("ask") is not None:
        m2 = own_price(given, where)
    if given.get("peer_mids"):
        m3 = plain_median(inputs.several(given, "peer_mids", where, inputs.positive, SOURCES_MAX))
    mark = mark_of(index, ema, m2, m3, bound, dated)
    return {"ema": some(ema), "m1": some(m1), "m2": some(m2), "m3": some(m3), "mark": mark}


cdef object some(double value):
    return None if value != value else value


cdef double own_price(given, str where) except? -1:
    """Median of bid, ask and last; the middle when there is no last."""
    bid, ask = (inputs.field(given, key, where, inputs.positive) for key in ("bid", "ask"))
    if bid > ask:
        raise ConfigError(f"{where} has bid {bid:g} above ask {ask:g}: give a book that is not crossed, or none")
    if given.get("last") is None:
        return 0.5 * (bid + ask)
    return median3(bid, ask, inputs.positive(given["last"], f"{where}.last"))


cdef double plain_median(list mids) except? -1:
    cdef double[SOURCES_MAX] values, weights
    cdef uint32_t i
    for i, mid in enumerate(sorted(mids)):
        values[i], weights[i] = mid, 1
    return weighted_median(values, weights, <uint32_t> len(mids), <double> len(mids))


def vwm_partitions(params, given):
    """`partitions`: volume-weighted median of each equal part of [t0, t1), null without trades; their mean is `rate`.

    `trades` (t, price, size) in any order; those outside are not counted. `rate` is null when there is none.
    """
    cdef Print* prints
    where = "vwm_partitions: input"
    inputs.allowed(params, ("partitions",), "vwm_partitions: params")
    parts = inputs.positive(params.get("partitions", 12), "vwm_partitions: params.partitions")
    if parts != int(parts) or parts > PARTITIONS_MAX:
        raise ConfigError(f"vwm_partitions: params.partitions is {parts:g}: give a whole number to {PARTITIONS_MAX}")
    begin, end = (inputs.field(given, key, where, inputs.finite) for key in ("t0", "t1"))
    rows = inputs.items(given, "trades", where)
    if not begin < end or len(rows) > PARTITION_TRADES_MAX:
        raise ConfigError(f"{where} has {len(rows)} trades from {begin:g} to {end:g}: give at most "
                          f"{PARTITION_TRADES_MAX}, and a t1 after t0")
    pools = [[] for _ in range(int(parts))]
    for i, row in enumerate(rows):
        trade = inputs.mapping(row, f"{where}.trades[{i}]")
        at = inputs.field(trade, "t", f"{where}.trades[{i}]", inputs.finite)
        price, size = (inputs.field(trade, key, f"{where}.trades[{i}]", inputs.positive) for key in ("price", "size"))
        if begin <= at < end:
            pools[min(int((at - begin) / (end - begin) * parts), int(parts) - 1)].append((price, size))
    prints = <Print*> malloc((len(rows) + 1) * sizeof(Print))
    if prints == NULL:
        raise MemoryError(f"no memory for {len(rows)} trades")
    try:
        medians = [median_of(prints, pool) for pool in pools]
    finally:
        free(prints)
    told = [each for each in medians if each is not None]
    return {"partitions": medians, "rate": sum(told) / len(told) if told else None}


cdef object median_of(Print* prints, list pool):
    cdef uint32_t i
    for i, (price, size) in enumerate(pool):
        prints[i].price, prints[i].size = price, size
    return volume_median(prints, <uint32_t> len(pool)) if pool else None
