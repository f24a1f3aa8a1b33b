"""The methods that are only asked, in exact fractions, from the pages that pricing.md names."""

from fractions import Fraction
from math import exp


def middle(values):
    """Plain median."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def exact(values):
    return [Fraction(value) for value in values]


def hampel(window, k):
    values = exact(window)
    limit = Fraction(k) * Fraction("1.4826") * middle([abs(value - middle(values)) for value in values])
    return limit, [i for i, value in enumerate(values) if abs(value - middle(values)) > limit]


def huber(x):
    values = exact(x)
    centre = middle(values)
    bound = Fraction("1.5") * Fraction("1.4826") * middle([abs(value - centre) for value in values])
    return centre + sum(max(-bound, min(bound, value - centre)) for value in values) / len(values)


def capped(items, band):
    """Weighted mean of what is clamped around the weighted median: half of the weight on either side."""
    items = [(Fraction(price), Fraction(weight)) for price, weight in items]
    half = sum(weight for _, weight in items) / 2
    low = min(price for price, _ in items if sum(w for p, w in items if p <= price) >= half)
    high = max(price for price, _ in items if sum(w for p, w in items if p >= price) >= half)
    centre, band = (low + high) / 2, Fraction(band)
    return sum(weight * max(centre * (1 - band), min(centre * (1 + band), price)) for price, weight in items) / half / 2


def partitions(trades, count, begin, end):
    """(medians, None for none; their mean)."""
    found = []
    for part in range(count):
        low, high = (begin + Fraction(end - begin) * edge / count for edge in (part, part + 1))
        mine = [(Fraction(price), Fraction(size)) for at, price, size in trades if low <= at < high]
        half = sum(size for _, size in mine) / 2
        found.append(min((p for p, _ in mine if sum(s for q, s in mine if q <= p) >= half), default=None))
    told = [each for each in found if each is not None]
    return found, sum(told) / len(told) if told else None


def rti(bids, asks, spacing, deviation, decay_of):
    """The index; `decay_of(utilised depth)` is lambda."""
    points, step = [], 0
    while True:
        step += 1
        volume = spacing * step
        bid, ask = marginal(bids, volume), marginal(asks, volume)
        if bid is None or ask is None or (points and ask / ((bid + ask) / 2) - 1 > deviation):
            break
        points.append((volume, (bid + ask) / 2))
    decay = decay_of(float(points[-1][0]))
    weights = [exp(-decay * float(volume)) for volume, _ in points]
    return sum(w * float(mid) for w, (_, mid) in zip(weights, points, strict=True)) / sum(weights)


def marginal(levels, volume):
    """The price of the unit that completes `volume`; None: the book is thinner."""
    for price, size in levels:
        volume -= size
        if volume <= 0:
            return price
    return None


def smoothed(samples, tau):
    """EMA weighted by duration, of (value, seconds): each weighs its duration, and fades from when it ended."""
    found = []
    for last in range(len(samples)):
        weights = [dt * exp(-sum(after for _, after in samples[i + 1:last + 1]) / tau)
                   for i, (_, dt) in enumerate(samples[:last + 1])]
        values = (value for value, _ in samples[:last + 1])
        found.append(sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights))
    return found


def kalman(level, variance, growth, observations):
    """Each step as the precision-weighted mean of what was thought and what was seen."""
    level, variance, growth = exact((level, variance, growth))
    for dt, z, noise in observations:
        before = variance + growth * Fraction(dt)
        variance = 1 / (1 / before + 1 / Fraction(noise))
        level = variance * (level / before + Fraction(z) / Fraction(noise))
        yield level, variance


def hour(medians):
    """Coin Metrics' rate of 61 minutes, None for an empty one: it borrows the next, the last the one before."""
    filled = list(medians)
    if filled[-1] is None:
        filled[-1] = next(each for each in reversed(filled) if each is not None)
    for i in range(59, -1, -1):
        filled[i] = filled[i + 1] if filled[i] is None else filled[i]
    weights = [Fraction("0.000526") * i for i in range(59)] + [Fraction("0.05")] * 2
    return sum(w * Fraction(m) for w, m in zip(weights, filled, strict=True)) / sum(weights)
