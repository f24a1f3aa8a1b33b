"""How far from the honest price is each way of making one of several, under the same attacks?

`python -m bench.attacks` prints the table of docs/PRICING.md. No time is measured, and nothing is random: six
venues of unequal volume quote 100 within a basis point, half a basis point wide; an attack changes some of them.
A method of ours is asked through `evaluate`, which runs what the pipeline runs; the mean and the VWAP are one line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ingestor.pricing import evaluate

TRUE = 100.0
BASIS_POINTS = 1e4
SLOT_S = 0.4                # Pyth's ages are in slots of Solana


@dataclass(frozen=True)
class Venue:
    """What one venue says. `volume` is the share that it reports."""

    price: float
    volume: float
    half_width: float = TRUE * 5e-5
    age_s: float = 0.0


HONEST = tuple(Venue(TRUE * (1 + offset_bp / BASIS_POINTS), volume) for offset_bp, volume in (
    (0.0, 0.30), (0.4, 0.25), (-0.4, 0.15), (1.0, 0.10), (-1.0, 0.10), (0.2, 0.10)))
Market = tuple[Venue, ...]


def wrong(factor: float, *which: int) -> Market:
    """The honest market, with the price of some venues multiplied."""
    return tuple(replace(venue, price=venue.price * factor) if number in which else venue
                 for number, venue in enumerate(HONEST))


def washed() -> Market:
    """The last venue, wrong by 6 %, reports nine tenths of all volume."""
    return tuple(replace(venue, volume=9.0) if number == 5 else venue
                 for number, venue in enumerate(wrong(1.06, 5)))


def frozen() -> Market:
    """The largest venue has said nothing for a minute, in which all others have come down 1 % to the honest price."""
    return (replace(HONEST[0], price=TRUE * 1.01, age_s=60.0), *HONEST[1:])


#: Two venues of 45 % are the first and the third; three are the second, the fourth and the fifth.
ATTACKS: Mapping[str, Market] = {
    "none": HONEST,
    "1 venue, 10 % of volume, at +6 %": wrong(1.06, 5),
    "1 venue, 30 %, at +6 %": wrong(1.06, 0),
    "2 venues, 45 %, at +6 %": wrong(1.06, 0, 2),
    "3 venues, 45 %, at +6 %": wrong(1.06, 1, 3, 4),
    "3 venues, 45 %, at +0.4 %": wrong(1.004, 1, 3, 4),
    "1 venue, 10 %, at 10⁶ times the price": wrong(1e6, 5),
    "1 venue, 10 %, at 10⁻⁶ times the price": wrong(1e-6, 5),
    "1 venue at +6 % that claims 90 % of volume": washed(),
    "1 venue, 30 %, frozen while the market fell 1 %": frozen(),
}


def mean(market: Market) -> float:
    """Of the prices as they are."""
    return sum(venue.price for venue in market) / len(market)


def vwap(market: Market) -> float:
    """Weighted by the volume that the venues report."""
    return sum(venue.price * venue.volume for venue in market) / sum(venue.volume for venue in market)


def median(market: Market) -> float:
    """Of the prices, one vote a venue."""
    return _price("weighted_median", {}, {"prices": [venue.price for venue in market], "weights": [1] * len(market)})


def weighted_median(market: Market) -> float:
    """By the volume that the venues report."""
    return _price("weighted_median", {}, {
        "prices": [venue.price for venue in market], "weights": [venue.volume for venue in market]})


def cccagg(market: Market) -> float:
    """CryptoCompare's older index: volume times last price, less volume for those who are silent for minutes."""
    total = sum(venue.volume for venue in market)
    return _price("cccagg_legacy", {}, {
        "exchanges": [{"volume_share": venue.volume / total, "last": venue.price, "age_min": venue.age_s / 60}
                      for venue in market],
        "penalty": {">5": 0.8, ">10": 0.6, ">15": 0.4, ">20": 0.2, ">25": 0.01}})


def capped_mean(market: Market) -> float:
    """Deribit's: brought within 0.5 % of the median, then the mean by volume."""
    total = sum(venue.volume for venue in market)
    return float(evaluate("capped_mean", {"band": 0.005}, {
        "items": [{"price": venue.price, "weight": venue.volume / total} for venue in market]})["index"])


def huber(market: Market) -> float:
    """One step from the median, deviations clipped."""
    return _price("huber_one_step", {}, {"x": [venue.price for venue in market], "weights": "equal"})


def pyth(market: Market) -> float:
    """Three votes a venue, none for ages beyond 25 slots."""
    return _price("pyth_median", {"rounding": "none"}, _quotes(market))


def consensus(market: Market) -> float:
    """The default here: volumes as weights, capped, gated."""
    return _price("consensus_v1", {"sigma": 0}, _sources(market))


METHODS: Mapping[str, Callable[[Market], float]] = {
    "mean": mean, "VWAP": vwap, "CCCAGG (old)": cccagg, "capped mean, 0.5 %": capped_mean, "Huber, one step": huber,
    "plain median": median, "volume-weighted median": weighted_median, "Pyth": pyth, "consensus_v1": consensus}
#: Of the two that say how sure they are.
CONFIDENCES: Mapping[str, Callable[[Market], float]] = {
    "Pyth": lambda market: float(evaluate("pyth_median", {"rounding": "none"}, _quotes(market))["conf"]),
    "consensus_v1": lambda market: float(evaluate("consensus_v1", {"sigma": 0}, _sources(market))["conf"])}


def error_bp(method: str, attack: str) -> float:
    """How far the method's price is from the honest one under the attack, basis points."""
    return (METHODS[method](ATTACKS[attack]) / TRUE - 1) * BASIS_POINTS


def table() -> str:
    """Markdown: a row an attack, a column a method."""
    lines = [["attack", *METHODS, *(f"conf of {name}" for name in CONFIDENCES)]]
    lines.append(["---", *["---:"] * (len(METHODS) + len(CONFIDENCES))])
    for name, market in ATTACKS.items():
        lines.append([name, *(_bp(error_bp(method, name)) for method in METHODS),
                      *(_bp(each(market) / TRUE * BASIS_POINTS) for each in CONFIDENCES.values())])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _price(method: str, params: Mapping[str, object], given: Mapping[str, object]) -> float:
    return float(evaluate(method, params, given)["price"])


def _quotes(market: Market) -> Mapping[str, object]:
    return {"quotes": [{"price": venue.price, "conf": venue.half_width, "age_slots": venue.age_s / SLOT_S}
                       for venue in market]}


def _sources(market: Market) -> Mapping[str, object]:
    return {"sources": [
        {"name": f"v{number}", "bid": venue.price - venue.half_width, "ask": venue.price + venue.half_width,
         "q_age": venue.age_s, "base_weight": venue.volume} for number, venue in enumerate(market)]}


def _bp(value: float) -> str:
    """Signs of what rounds to nothing are left out."""
    return f"{value:.2g}" if abs(value) >= 1e5 else f"{round(value, 1) + 0.0:g}"


if __name__ == "__main__":
    print(table())
