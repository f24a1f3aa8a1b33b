"""consensus_v1 in plain Python, written from the specification (pricing.md parts 1.8, 2 and 3).

Slow on purpose and from scratch each time: sorts everything, decays everything, keeps no order and no
scratch. The compiled one must agree. Where the text leaves something open, the choice stands here too:

* s2 and sigma learn from an emitted price only once time has moved on (evaluating twice is once);
* a venue that joins starts with the largest s2 among the venues present, at most g_min squared;
* s2 takes the weighted mean over a venue's unflagged paths (all, if all are flagged), each at most g_max squared;
* a venue's volume is the largest that any of its paths has seen, its trust that of its best fresh path;
* returns are taken over a second or more, and count at most 4 sigma;
* "three consecutive prints within the limit of one another" slides over the refused prints.
"""

from copy import deepcopy
from math import inf, isfinite, nan, sqrt

DEFAULTS = {
    "A": 30.0, "thin": False, "H_V": 1800.0, "H_s": 600.0, "cap": 0.40, "k": 4.0, "g_min": 0.005, "g_max": 0.05,
    "readmit": 0.5, "n_min": 3, "sigma": 1e-4, "c_floor": 1e-5, "h_trade": 5e-4, "max_spread": 0.05, "conf_max": 0.01,
    "hold": 300.0, "fx_age_max": 60.0, "fx_conf_max": 0.005, "gate_price": True, "fixed_weights": False,
}
EPS = 1e-12


def q_up(pairs, p):
    """min{x_k : C_k > pW} of (value, weight) pairs."""
    total, below = sum(w for _, w in pairs), 0.0
    for x, w in sorted(pairs):
        below += w
        if below > p * total + EPS * total:
            return x
    raise AssertionError("no weight")


def q_dn(pairs, p):
    """max{x_k : W - C_(k-1) > (1-p)W}: Q_up seen from above."""
    return -q_up([(-x, w) for x, w in pairs], 1 - p)


def median(pairs):
    return (q_up(pairs, 0.5) + q_dn(pairs, 0.5)) / 2


def price_like(value):
    return isfinite(value) and 1e-18 <= value <= 1e20


def seconds(now, then):
    return max(0, now - then) / 1e9


class Source:
    """One path: (venue, trust, conversion), then what it said."""

    def __init__(self, venue, trust, conversion):
        self.venue, self.conversion = venue, conversion
        self.trust = trust if isfinite(trust) and trust > 0 else 0.0
        self.quote = None           # (bid, ask, bid_size, ask_size, received, event)
        self.trade = None           # (price, received, event)
        self.alive = None
        self.trades = []            # (event, size in the base): every accepted one
        self.contract = (1, False)  # what a size of 1 is; whether in the quote currency
        self.refused = []
        self.intervals = None       # EW mean
        self.updated = None
        self.flagged = False


class Reference:
    """A book with the events of PriceBook."""

    def __init__(self, settings, sources, contracts=()):
        self.p = {**DEFAULTS, **settings}
        self.p.setdefault("grace", self.p["A"] / 10)
        self.p.setdefault("h", self.p["A"] / 5)
        self.sources = [Source(*source) for source in sources]
        for source, contract in zip(self.sources, contracts, strict=False):
            source.contract = contract
        self.fair = {"status": "UNAVAILABLE", "gate": 0.0}
        self.held = None
        self.version = 0
        self.known = {"s2": {}, "s2_at": {}, "variance": self.p["sigma"] ** 2, "return": None}
        self.before = deepcopy(self.known)      # as it was before the last emission taught anything
        self.taught_at = None

    # Messages.

    def touched(self, source, now):
        if source.updated is not None:
            gap = seconds(now, source.updated)
            source.intervals = gap if not source.intervals else source.intervals + (gap - source.intervals) / 16
        source.updated = now

    def alive(self, i, now):
        self.sources[i].alive = max(now, self.sources[i].alive or now)

    def quote(self, i, bid, ask, now, bid_size=nan, ask_size=nan, event=None):
        source, event = self.sources[i], None if event is None else min(event, now)
        if source.alive is not None:
            self.alive(i, now)
        if source.quote and event is not None and source.quote[5] is not None:
            if event < source.quote[5]:
                return
            top = repr((bid, ask, bid_size, ask_size))
            if event == source.quote[5] and top == repr(source.quote[:4]):
                return
        source.quote = (bid, ask, bid_size, ask_size, now, event)
        self.touched(source, now)

    def trade(self, i, price, size, now, event=None):
        source, event = self.sources[i], None if event is None else min(event, now)
        if not (price_like(price) and isfinite(size) and 0 < size <= 1e20):
            return "invalid"
        self.touched(source, now)
        verdict = self.print_filter(source, price, now)
        if verdict != "outlier":
            contract, inverse = source.contract
            base = size * contract / price if inverse else size * contract
            source.trades.append((now if event is None else event, min(base, 1e20)))
            if event is None or not source.trade or source.trade[2] is None or event >= source.trade[2]:
                source.trade = (price, now, event)
        return verdict

    def print_filter(self, source, price, now):
        limit = max(self.fair["gate"], 0.01) + EPS
        ref = source.trade[0] if source.trade else None
        if self.fair["status"] in ("OK", "DEGRADED"):
            rate = self.rate(source, now)
            if rate:
                ref = self.fair["price"] / rate[0]
        if ref is None or abs(price / ref - 1) <= limit:
            source.refused = []
            return "accepted"
        source.refused = [*source.refused, price][-3:]
        if len(source.refused) == 3 and max(source.refused) / min(source.refused) - 1 <= limit:
            return "level_shift"
        return "outlier"

    # Evaluation.

    def rate(self, source, now):
        """(R, c_R), (1, 0) in own currency, None when there is none."""
        if source.conversion is None:
            return 1.0, 0.0
        fair = source.conversion.fair
        if (fair["status"] in ("OK", "DEGRADED") and seconds(now, fair["ts_emit_ns"]) <= self.p["fx_age_max"]
                and fair["conf"] <= (self.p["fx_conf_max"] + EPS) * fair["price"]):
            return fair["price"], fair["conf"]
        return None

    def limits(self, source):
        if self.p["thin"] and source.intervals:
            oldest = min(max(100 * source.intervals, 10.0), 600.0)
            return oldest, oldest / 10, oldest / 5
        return self.p["A"], self.p["grace"], self.p["h"]

    def spoken(self, source, now):
        """Step 1: (x, h, age, event) in the source's currency, or None."""
        oldest = self.limits(source)[0]
        trade_age = seconds(now, source.trade[1]) if source.trade else inf
        if source.quote:
            bid, ask, _, _, received, event = source.quote
            mid, current = (bid + ask) / 2, max(received, source.alive or received)
            age = seconds(now, current)
            if (price_like(bid) and price_like(ask) and bid <= ask and ask - bid <= (self.p["max_spread"] + EPS) * mid
                    and age <= oldest and (current == received or seconds(now, received) <= 10 * oldest)):
                if trade_age < age and not bid <= source.trade[0] <= ask:
                    return (bid if source.trade[0] < bid else ask), (ask - bid) / 2, trade_age, source.trade[2]
                return mid, (ask - bid) / 2, age, event
        if trade_age <= oldest:
            return source.trade[0], self.p["h_trade"] * source.trade[0], trade_age, source.trade[2]
        return None

    def candidates(self, now):
        """Steps 1 to 3: rows by source number."""
        rows = {}
        for i, source in enumerate(self.sources):
            rate, said = self.rate(source, now), self.spoken(source, now)
            if source.trust == 0 or rate is None or said is None:
                continue
            x, h, age, event = said
            c = max(sqrt(h * h + self.known["variance"] * x * x * age), self.p["c_floor"] * x)
            _, grace, half_life = self.limits(source)
            rows[i] = {
                "x": x * rate[0], "c": sqrt((c * rate[0]) ** 2 + (x * rate[1]) ** 2), "age": age, "event": event,
                "venue": source.venue, "flagged": source.flagged, "trust": source.trust,
                "phi": 1.0 if age <= grace else 2 ** ((grace - age) / half_life)}
        return rows

    def volume(self, venue, now):
        return max(sum(size * 2 ** ((event - now) / 1e9 / self.p["H_V"]) for event, size in source.trades)
                   for source in self.sources if source.venue == venue)

    def weigh(self, rows, now):
        """Steps 4 and 5: row["w"]."""
        venues = {row["venue"] for row in rows.values()}
        paths = {venue: [row for row in rows.values() if row["venue"] == venue] for venue in venues}
        known = [self.known["s2"][venue] for venue in venues if venue in self.known["s2"]]
        joining = min(max(known, default=0.0), self.p["g_min"] ** 2)
        self.joining = {venue: self.known["s2"].get(venue, joining) for venue in venues}
        inverse = {venue: 1 / (self.joining[venue] + 1e-8) for venue in venues}
        volume = {venue: self.volume(venue, now) for venue in venues}
        share = {venue: inverse[venue] / sum(inverse.values()) for venue in venues}
        if any(volume.values()):
            share = {venue: (volume[venue] / sum(volume.values()) + share[venue]) / 2 for venue in venues}
        for venue, mine in paths.items():
            for row in mine:
                split = row["trust"] / sum(other["trust"] for other in mine)
                row["u"] = max(other["trust"] for other in mine) * share[venue] * split * row["phi"]
                if self.p["fixed_weights"]:
                    row["u"] = row["trust"] * row["phi"]
        total = sum(row["u"] for row in rows.values())
        w = {venue: sum(row["u"] for row in mine) / total for venue, mine in paths.items()}
        limit, pinned = max(self.p["cap"], 1 / len(venues)), set()
        while over := {venue for venue in venues - pinned if w[venue] > limit * (1 + EPS)}:
            pinned |= over
            free = sum(w[venue] for venue in venues - pinned)
            for venue in venues:
                w[venue] = limit if venue in pinned else w[venue] * (1 - limit * len(pinned)) / free
        for venue, mine in paths.items():
            for row in mine:
                row["w"] = w[venue] * row["u"] / sum(other["u"] for other in mine)

    def gate(self, rows):
        """Steps 6 and 7: anchor, G, and whether the unflagged are too few; sets row["flagged"]."""
        anchor = median([(row["x"], row["w"]) for row in rows.values()])
        s = 1.4826 * median([(abs(row["x"] - anchor), row["w"]) for row in rows.values()])
        g = min(self.p["g_max"], max(self.p["g_min"], self.p["k"] * s / anchor))
        for i, row in rows.items():
            deviation = abs(row["x"] / anchor - 1)
            flagged = deviation >= self.p["readmit"] * g - EPS if row["flagged"] else deviation > g + EPS
            row["flagged"] = self.sources[i].flagged = flagged
        return anchor, g, sum(row["w"] for row in rows.values() if not row["flagged"]) < 0.5 - EPS

    def evaluate(self, now):
        self.version += 1
        if self.taught_at is not None and now <= self.taught_at:
            self.known = deepcopy(self.before)
        self.before, self.taught_at = deepcopy(self.known), now
        rows = self.candidates(now)
        if not rows:
            self.fair = {**self.hold(now), "version": self.version, "ts_emit_ns": now}
            return self.fair
        self.weigh(rows, now)
        anchor, g, dispersed = self.gate(rows)
        used = [row for row in rows.values() if dispersed or not row["flagged"]]
        votes = [(row["x"] + side * row["c"], row["w"]) for row in used for side in (-1, 0, 1)]
        price = median(votes)
        if not self.p["gate_price"]:
            price = median([(row["x"] + side * row["c"], row["w"]) for row in rows.values() for side in (-1, 0, 1)])
        conf = max(price - q_up(votes, 0.25), q_dn(votes, 0.75) - price)
        venues, n_eff = {row["venue"] for row in used}, sum(r["w"] for r in used) ** 2 / sum(r["w"] ** 2 for r in used)
        status = "OK" if len(venues) >= self.p["n_min"] else "DEGRADED" if len(venues) >= 2 else "SINGLE"
        if dispersed or conf > (self.p["conf_max"] + EPS) * price:
            status = "DISPERSED"
        self.fair = {
            "status": status, "price": price, "conf": conf, "q25": min(price, q_up(votes, 0.25)),
            "q75": max(price, q_dn(votes, 0.75)), "anchor": anchor, "gate": g, "n": len(rows), "n_used": len(used),
            "venues_used": len(venues), "n_eff": n_eff, "version": self.version, "ts_emit_ns": now,
            "score": min(1, n_eff / 3) * (1 - sum(row["w"] for row in rows.values() if row["flagged"]))
            / (1 + conf / (price * 0.001)),
            "ts_event_ns": max((row["event"] for row in used if row["event"] is not None), default=None),
            "age_freshest_s": min(row["age"] for row in used), "age_oldest_s": max(row["age"] for row in used),
            "flagged": [i for i, row in rows.items() if row["flagged"]],
            "weights": [rows[i]["w"] if i in rows else 0.0 for i in range(len(self.sources))],
            "prices": [rows[i]["x"] if i in rows else None for i in range(len(self.sources))],
        }
        self.held = {**self.fair, "at": now}
        self.learn(rows, price, now)
        return self.fair

    def hold(self, now):
        """3.6."""
        none = {"n": 0, "n_used": 0, "venues_used": 0, "n_eff": 0.0, "score": 0.0, "flagged": [],
                "weights": [0.0] * len(self.sources), "prices": [None] * len(self.sources)}
        age = seconds(now, self.held["at"]) if self.held else inf
        if age > self.p["hold"]:
            self.held = None
            unknown = ("price", "conf", "q25", "q75", "anchor", "ts_event_ns", "age_freshest_s", "age_oldest_s")
            return {**dict.fromkeys(unknown), **none, "status": "UNAVAILABLE", "gate": 0.0}
        price = self.held["price"]
        conf = sqrt(self.held["conf"] ** 2 + self.known["variance"] * price * price * age)
        return {**self.held, **none, "status": "HELD", "price": price, "conf": conf, "q25": price - conf,
                "q75": price + conf, "age_freshest_s": self.held["age_freshest_s"] + age,
                "age_oldest_s": self.held["age_oldest_s"] + age}

    def learn(self, rows, price, now):
        """Step 10."""
        known = self.known
        for venue in set() if self.p["fixed_weights"] else {row["venue"] for row in rows.values()}:
            mine = [row for row in rows.values() if row["venue"] == venue]
            mine = [row for row in mine if not row["flagged"]] or mine
            d2 = (sum(row["w"] * min((row["x"] / price - 1) ** 2, self.p["g_max"] ** 2) for row in mine)
                  / sum(row["w"] for row in mine))
            if venue in known["s2"]:
                left = 2 ** (-seconds(now, known["s2_at"][venue]) / self.p["H_s"])
                known["s2"][venue] = known["s2"][venue] * left + d2 * (1 - left)
            else:
                known["s2"][venue] = self.joining[venue]
            known["s2_at"][venue] = now
        if known["return"] is None:
            known["return"] = (price, now)
        elif (dt := seconds(now, known["return"][1])) >= 1:
            rate = (price / known["return"][0] - 1) ** 2 / dt
            left = 2 ** (-dt / self.p["H_s"])
            rate = min(rate, 16 * max(known["variance"], self.p["sigma"] ** 2))
            known["variance"] = known["variance"] * left + rate * (1 - left)
            known["return"] = (price, now)
