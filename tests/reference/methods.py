"""The selectable methods in plain Python, from pricing.md 4 and the pages it names: whole, from all trades, each time.

Quotes, the print filter, conversions and holding are those of the slow consensus. Where the text leaves something
open, the choice stands here too:

* a venue weighs what its most trusted voting path is trusted, split over its paths by trust;
* the hour is the running minute of the venue's clock and the 59 before it;
* a trade is judged orderly as it comes, with those of its minute so far; its reference is the hour before the hour;
* a basis is sampled when a second has passed, and stands for at most A seconds.
"""

from copy import deepcopy
from math import exp, inf, isfinite, sqrt

from tests.reference.consensus import EPS, Reference, median, q_dn, q_up, seconds

MINUTE = 60_000_000_000
SURE = ("OK", "DEGRADED", "SINGLE")
MORE = {"publishers_min": 1, "band": 0.005, "partitions": 12, "partition_s": 300.0, "orderly_trades": 5,
        "orderly_sigmas": 3.0, "switch_share": 0.1, "switch_s": 900.0, "mark_tau_s": 150.0, "mark_bound": 0.02}


class Selectable(Reference):
    """A slow book priced by the method of its settings."""

    def __init__(self, settings, sources, *, index=None, index_conversion=None, dated=False):
        super().__init__({**MORE, **settings}, sources)
        if self.p["method"] == "decayed_vwap":
            self.p["H_V"] = settings.get("H_V", 60.0)
        self.index, self.index_conversion, self.dated = index, index_conversion, dated
        self.tape = []          # (event, source, price, converted, size), in order of arrival
        self.orderly = []       # of each of them
        self.prints = []        # (event, source, price, size), whether there was a rate or not
        self.principal = self.rival = None
        self.basis = []         # (time, sample, how long it stands)
        self.span, self.newest, self.timely = int(self.p["partition_s"] * 1e9), -1, []

    def trade(self, i, price, size, now, event=None):
        verdict = super().trade(i, price, size, now, event)
        rate = self.rate(self.sources[i], now)
        if verdict in ("accepted", "level_shift"):
            self.prints.append((now if event is None else min(event, now), i, price, size))
        if verdict in ("accepted", "level_shift") and self.sources[i].trust and rate:
            self.tape.append((now if event is None else min(event, now), i, price, price * rate[0], size))
            self.orderly.append(self.judged(self.tape[-1]))
            number = self.tape[-1][0] // self.span
            self.newest = max(self.newest, number)
            if number == self.newest:       # else its partition had ended
                self.timely.append((number, price * rate[0], size))
        return verdict

    def evaluate(self, now):
        self.version += 1
        if self.taught_at is not None and now <= self.taught_at:
            self.known = deepcopy(self.before)
        self.before, self.taught_at = deepcopy(self.known), now
        found = getattr(self, self.p["method"])(now)
        if found is None:
            self.fair = {**self.hold(now), "version": self.version, "ts_emit_ns": now}
            return self.fair
        votes, price, conf, more = found
        used = [vote for vote in votes if vote["weight"] > 0]
        total = sum(vote["weight"] for vote in votes)
        conf = max(conf, self.p["c_floor"] * price)
        venues = len({vote["venue"] for vote in used})
        n_eff = total ** 2 / sum(vote["weight"] ** 2 for vote in used) if used else 0.0
        self.fair = {
            "status": self.status(price, conf, venues), "price": price, "conf": conf, "q25": price - conf,
            "q75": price + conf, "anchor": price, "gate": 0.0, "n": len(votes), "n_used": len(used),
            "venues_used": venues, "n_eff": n_eff, "flagged": [], "version": self.version, "ts_emit_ns": now,
            "score": min(1, n_eff / 3) / (1 + conf / (price * 0.001)),
            "age_freshest_s": min((vote["age"] for vote in used), default=None),
            "age_oldest_s": max((vote["age"] for vote in used), default=None),
            "ts_event_ns": max((vote["event"] for vote in used if vote["event"] is not None), default=None),
            "weights": [0.0] * len(self.sources), "prices": [None] * len(self.sources), **more}
        for vote in votes:
            self.fair["weights"][vote["source"]] = vote["weight"] / total
            self.fair["prices"][vote["source"]] = vote["x"]
        self.held = {**self.fair, "at": now}
        self.learn({}, price, now)
        return self.fair

    def status(self, price, conf, venues):
        if conf > (self.p["conf_max"] + EPS) * price:
            return "DISPERSED"
        return "OK" if venues >= self.p["n_min"] else "DEGRADED" if venues >= 2 else "SINGLE"

    # What each source says now.

    def ballot(self, now):
        votes = [{"source": i, **row} for i, row in self.candidates(now).items()]
        return self.by_trust(votes)

    def by_trust(self, votes):
        for vote in votes:
            mine = [self.sources[other["source"]].trust for other in votes if other["venue"] == vote["venue"]]
            vote["weight"] = max(mine) * self.sources[vote["source"]].trust / sum(mine)
        return votes

    def quartiled(self, votes, pairs):
        price, q25, q75 = median(pairs), q_up(pairs, 0.25), q_dn(pairs, 0.75)
        return votes, price, max(price - q25, q75 - price), {"q25": min(price, q25), "q75": max(price, q75)}

    def pyth_median(self, now):
        votes = self.ballot(now)
        if not votes or len(votes) < self.p["publishers_min"]:
            return None
        return self.quartiled(votes, [(vote["x"] + side * vote["c"], vote["weight"])
                                      for vote in votes for side in (-1, 0, 1)])

    def weighted_median(self, now):
        votes = self.ballot(now)
        return self.quartiled(votes, [(vote["x"], vote["weight"]) for vote in votes]) if votes else None

    def capped_mean(self, now):
        votes = self.ballot(now)
        if not votes:
            return None
        middle, band = median([(vote["x"], vote["weight"]) for vote in votes]), self.p["band"]
        total = sum(vote["weight"] for vote in votes)
        capped = [min(max(vote["x"], middle * (1 - band)), middle * (1 + band)) for vote in votes]
        price = sum(vote["weight"] * x for vote, x in zip(votes, capped, strict=True)) / total
        return votes, price, self.spread(votes, price), {"anchor": middle, "gate": band}

    def spread(self, votes, price):
        total = sum(vote["weight"] for vote in votes)
        return sqrt(sum(vote["weight"] * (vote["x"] - price) ** 2 for vote in votes) / total)

    # What was traded.

    def vote(self, i, price, event, age, now):
        rate = self.rate(self.sources[i], now)
        if not self.sources[i].trust or rate is None or not price:
            return None
        return {"source": i, "venue": self.sources[i].venue, "x": price * rate[0], "age": age, "event": event,
                "weight": 0.0, "c": self.p["h_trade"] * price * rate[0]}

    def decayed_vwap(self, now):
        """Tests give it one path a venue."""
        votes = []
        for i, source in enumerate(self.sources):
            if source.trade is None or seconds(now, source.trade[1]) > self.p["A"]:
                continue
            mine = [(2 ** ((event - now) / 1e9 / self.p["H_V"]) * size, price)
                    for event, number, price, size in self.prints if number == i]
            total = sum(size for size, _ in mine)
            vote = self.vote(i, sum(size * price for size, price in mine) / total, source.trade[2],
                             seconds(now, source.trade[1]), now)
            if vote:
                votes.append({**vote, "weight": total})
        if not votes:
            return None
        self.cap(votes)
        price = sum(vote["weight"] * vote["x"] for vote in votes)
        return votes, price, self.spread(votes, price), {}

    def cap(self, votes):
        total, limit, pinned = sum(vote["weight"] for vote in votes), max(self.p["cap"], 1 / len(votes)), []
        for vote in votes:
            vote["weight"] /= total
        while over := [vote for vote in votes if vote not in pinned and vote["weight"] > limit * (1 + EPS)]:
            for vote in over:
                vote["weight"] = limit
            pinned += over
            free = [vote for vote in votes if vote not in pinned]
            left, sums = 1 - limit * len(pinned), sum(vote["weight"] for vote in free)
            for vote in free:
                vote["weight"] *= left / sums

    def vwm_partitions(self, now):
        self.newest = max(self.newest, now // self.span)
        votes = [self.vote(i, source.trade[0], source.trade[2], seconds(now, source.trade[1]), now)
                 for i, source in enumerate(self.sources)
                 if source.trade
                 and seconds(now, source.trade[1]) <= (self.p["partitions"] + 1) * self.p["partition_s"]]
        votes = self.by_trust([vote for vote in votes if vote])
        medians = []
        for back in range(1, self.p["partitions"] + 1):
            ended = now // self.span - back
            pool = sorted((price, size) for number, price, size in self.timely if number == ended)
            half, below = sum(size for _, size in pool) / 2, 0.0
            for price, size in pool:
                below += size
                if below >= half * (1 - 1e-12):
                    medians.append(price)
                    break
        if not votes or not medians:
            return None
        price = sum(medians) / len(medians)
        return votes, price, sqrt(sum((each - price) ** 2 for each in medians) / len(medians)), {}

    def hour(self, venue, now):
        first = now // MINUTE - 59
        return [(event, converted, size, orderly) for (event, i, _, converted, size), orderly
                in zip(self.tape, self.orderly, strict=True)
                if self.sources[i].venue == venue and first <= event // MINUTE <= now // MINUTE]

    def judged(self, trade):
        event, i, _, converted, _ = trade
        mine = [(at, price) for at, number, _, price, _ in self.tape
                if self.sources[number].venue == self.sources[i].venue]
        minute = [price for at, price in mine if at // MINUTE == event // MINUTE]
        reference = [price for at, price in mine if -120 <= at // MINUTE - event // MINUTE <= -61]
        if len(minute) < self.p["orderly_trades"] or len(reference) < 2:
            return True
        mean = sum(reference) / len(reference)
        variance = sum((price - mean) ** 2 for price in reference) / len(reference)
        if variance / self.tape[0][3] ** 2 <= 1e-16:
            return True
        return abs(converted - sum(minute) / len(minute)) <= self.p["orderly_sigmas"] * sqrt(variance)

    def last(self, venue, now, orderly=False):
        """A vote for the venue's last trade, by its own clock; the later come of two of one time."""
        mine = [(event, n, i, price) for n, ((event, i, price, _, _), good) in
                enumerate(zip(self.tape, self.orderly, strict=True))
                if self.sources[i].venue == venue and (good or not orderly)]
        if not mine:
            return None
        event, _, i, price = max(mine)
        return self.vote(i, price, event, seconds(now, event), now)

    def markets(self, now):
        """(vote, trades of the hour) of each venue with any."""
        found = [(self.last(venue, now), self.hour(venue, now))
                 for venue in dict.fromkeys(source.venue for source in self.sources)]
        return [(vote, trades) for vote, trades in found if vote and trades]

    def cm_realtime(self, now):
        markets = self.markets(now)
        if not markets:
            return None
        silence = 100 * interval([event for _, trades in markets for event, *_ in trades])
        kept = [(vote, trades) for vote, trades in markets if vote["age"] <= silence] or markets
        pooled = [price for _, trades in kept for _, price, _, _ in trades]
        mean, base = sum(pooled) / len(pooled), self.tape[0][3]
        volume = sum(size for _, trades in kept for _, _, size, _ in trades)
        inverses = []
        for _, trades in kept:
            variance = sum((price - mean) ** 2 for _, price, _, _ in trades) / len(trades) / base ** 2
            active = len({event // MINUTE for event, *_ in trades}) / 60
            inverses.append(active / variance if len(trades) > 1 and variance > 1e-16 else 0.0)
        for (vote, trades), inverse in zip(kept, inverses, strict=True):
            vote["weight"] = sum(size for _, _, size, _ in trades) / volume
            if sum(inverses):
                vote["weight"] = (vote["weight"] + inverse / sum(inverses)) / 2
        return self.quartiled([vote for vote, _ in markets], [(vote["x"], vote["weight"]) for vote, _ in kept])

    def principal_market(self, now):
        active = {}
        for vote, trades in self.markets(now):
            silence = vote["age"]
            gone = silence > 60 and (silence > 600 or silence > 100 * interval([event for event, *_ in trades]))
            volume = sum(size for _, _, size, orderly in trades if orderly)
            said = self.last(vote["venue"], now, orderly=True)
            if not gone and volume > 0 and said:
                active[vote["venue"]] = (volume, said)
        if not active:
            return None
        order = list(dict.fromkeys(source.venue for source in self.sources))
        best = max(active, key=lambda venue: (active[venue][0], -order.index(venue)))
        if self.principal not in active:
            self.principal, self.rival = best, None
        elif best != self.principal and active[best][0] > active[self.principal][0] * (1 + self.p["switch_share"]):
            if self.rival is None or self.rival[0] != best:
                self.rival = (best, now)
            if seconds(now, self.rival[1]) >= self.p["switch_s"]:
                self.principal, self.rival = best, None
        else:
            self.rival = None
        chosen = active[self.principal][1]
        chosen["weight"] = 1.0
        conf = max(chosen["c"], self.p["c_floor"] * chosen["x"])
        return [said for _, said in active.values()], chosen["x"], conf, {
            "status": self.status(chosen["x"], conf, len(active))}

    # Marks.

    def own_book(self, source, now):
        """Bid and ask while they are fresh and sane."""
        if source.quote is None:
            return None
        bid, ask = source.quote[:2]
        current = max(source.quote[4], source.alive or source.quote[4])
        sane = isfinite(bid) and isfinite(ask) and 0 < bid <= ask
        sane = sane and ask - bid <= self.p["max_spread"] * (bid + ask) / 2
        return (bid, ask) if sane and seconds(now, current) <= self.p["A"] else None

    def mark_default(self, now):
        votes = self.ballot(now)
        fair = self.index.fair if self.index else {"status": "UNAVAILABLE"}
        if fair["status"] not in SURE or seconds(now, fair["ts_emit_ns"]) > self.p["fx_age_max"]:
            return None
        index, index_conf = fair["price"], fair["conf"]
        first = self.sources[0].venue if self.sources else None
        own, peers = [], []
        for vote in votes:
            book = self.own_book(self.sources[vote["source"]], now)
            if book:
                trade = self.sources[vote["source"]].trade
                middle = sorted((*book, trade[0]))[1] if trade else sum(book) / 2
                middle *= self.rate(self.sources[vote["source"]], now)[0]
                (own if vote["venue"] == first else peers).append((vote["x"], middle, vote["weight"]))
        if own and (not self.basis or seconds(now, self.basis[-1][0]) >= 1):
            centre = self.smoothed(now) if self.dated and self.basis else None if self.dated else 0.0
            sample, width = median([(x, w) for x, _, w in own]) - index, self.p["mark_bound"] * index
            if centre is not None:
                sample = min(max(sample, centre - width), centre + width)
            stands = min(seconds(now, self.basis[-1][0]), self.p["A"]) if self.basis else 1.0
            self.basis.append((now, sample, stands))
        width, e, centre = self.p["mark_bound"] * index, None, index
        if self.basis and seconds(now, self.basis[-1][0]) <= self.p["mark_tau_s"]:
            e = self.smoothed(now)
            centre = index + e if self.dated else index
        said = [] if e is None else [index + (e if self.dated else min(max(e, -width), width))]
        said += [median([(middle, w) for _, middle, w in own])] if own else []
        said += [median([(x, w) for x, _, w in peers])] if peers else []
        if len(said) == 3:
            mark = sorted(said)[1]
        else:
            mark = min(said, key=lambda each: abs(each - index), default=index)
        if not (self.dated and e is None):
            mark = min(max(mark, centre - width), centre + width)
        conf = sqrt(index_conf ** 2 + (self.basis_variance(now) if e is not None else 0))
        status = fair["status"] if len(said) == 3 else max(fair["status"], "DEGRADED", key=SURE.index)
        if max(conf, self.p["c_floor"] * mark) > (self.p["conf_max"] + EPS) * mark:
            status = "DISPERSED"
        more = {"status": status, "anchor": index, "gate": self.p["mark_bound"]}
        if not votes:
            more |= {key: fair[key] for key in ("age_freshest_s", "age_oldest_s", "ts_event_ns")}
            more["score"] = 0.0
        return votes, mark, conf, more

    def weights_of_basis(self, now):
        return [(sample, stands * exp(-seconds(now, at) / self.p["mark_tau_s"])) for at, sample, stands in self.basis]

    def smoothed(self, now):
        weighed = self.weights_of_basis(now)
        return sum(sample * weight for sample, weight in weighed) / sum(weight for _, weight in weighed)

    def basis_variance(self, now):
        mean, weighed = self.smoothed(now), self.weights_of_basis(now)
        return sum(weight * (sample - mean) ** 2 for sample, weight in weighed) / sum(weight for _, weight in weighed)


def interval(times):
    """Mean seconds between trades."""
    return (max(times) - min(times)) / 1e9 / (len(times) - 1) if len(times) > 1 else inf
