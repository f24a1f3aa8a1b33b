"""Arbitration against its slow twin, through whole pipelines: any interleaving, loss, delay and contradiction."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.markets import NOW, SECOND
from tests.reference.arbitration import Line, Market
from tests.unify.arbitrated import EXCHANGE, KAIKO, MS, PROVIDERS, V1, V2, Scene, Trade, values

# Few prices and sizes, so that prints alike are common; times within, at and beyond the tolerance, and absurd ones.
TRADE = st.builds(
    Trade, id=st.sampled_from(list("12345678")), price=st.sampled_from(["100.5", "100.50", "101"]),
    size=st.sampled_from(["0.25", "0.1", "1e-7"]), side=st.sampled_from(["buy", "sell"]),
    at_ns=st.sampled_from([NOW, NOW + 5 * MS, NOW + SECOND, NOW + SECOND + MS, NOW + 900 * SECOND, SECOND, None]))
PROVIDER = st.sampled_from(PROVIDERS)
STEP = st.one_of(
    st.tuples(st.just("bring"), PROVIDER, TRADE), st.tuples(st.just("bring"), PROVIDER, TRADE),
    st.tuples(st.just("all"), st.permutations(PROVIDERS), TRADE),
    st.tuples(st.just("hear"), PROVIDER, st.none()), st.tuples(st.just("reopen"), PROVIDER, st.none()),
    st.tuples(st.just("close"), PROVIDER, st.none()), st.tuples(st.just("pass"), st.none(), st.none()),
    st.tuples(st.just("snapshot"), st.just(V2), TRADE), st.tuples(st.just("replay"), st.sampled_from([V2, V1]), TRADE))
STEPS = st.lists(st.tuples(STEP, st.sampled_from([0, 1, 40, 999, 1000, 4000, 9999, 10_000])), max_size=60)


class Both:
    """A scene and its twin, told the same."""

    def __init__(self) -> None:
        self.scene, self.twin = Scene(*PROVIDERS), Market(PROVIDERS)
        self.lines = {name: Line() for name in PROVIDERS}
        self.seen: set[tuple[str, str]] = set()
        self.flags: list[tuple[str, bool]] = []
        self.swept_ms: int | None = None

    def bring(self, name: str, trade: Trade, ms: int, how: str) -> None:
        if name not in self.scene.connections:
            return
        id = trade.id if name in EXCHANGE else None
        live = how == "bring"
        if how == "replay":
            self.scene.replay(name, trade, ms)
        else:
            self.scene.bring(name, trade, ms, snapshot=how == "snapshot")
            self.lines[name].heard_ns = NOW + ms * MS
        if id is not None:
            if (name, id) in self.seen:     # the provider's own repeat goes no further
                return
            self.seen.add((name, id))
        price, size = values(trade)
        echo = self.twin.trade(name, self.lines[name], id, price, size, trade.at_ns, trade.side, NOW + ms * MS, live)
        self.flags.append((name, echo))

    def do(self, what: str, who, trade: Trade | None, ms: int) -> None:
        connections = self.scene.connections
        if what == "all":
            for name in who:
                self.bring(name, trade, ms, "bring")
        elif what == "pass":
            self.scene.pass_time(ms)
            if self.swept_ms is None or ms - self.swept_ms >= 1000:
                self.twin.settle(NOW + ms * MS)
                self.swept_ms = ms
        elif what == "hear":
            if who in connections:
                self.scene.hear(who, ms)
                self.lines[who].heard_ns = NOW + ms * MS
        elif what in ("close", "reopen"):
            if who in connections:
                connections.pop(who).close()
                self.twin.leave(who, self.lines[who])
            if what == "reopen":
                connections[who], self.lines[who] = self.scene.open(who), Line()
        else:
            self.bring(who, trade, ms, what)

    def check(self) -> None:
        for name in PROVIDERS:
            member = self.twin.members[name]
            assert self.scene.counts(name) == member.counts
            count, seconds = self.scene.delays(name)
            assert (count, round(seconds * 1e9)) == (len(member.delays_ns), sum(member.delays_ns))
        assert self.scene.pipeline.counters()["arbitration"]["forgotten"] == self.twin.forgotten
        assert self.scene.echoes() == self.flags


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_all_counters_and_flags_are_those_of_the_twin(steps):
    both, ms = Both(), 0
    for (what, who, trade), after_ms in steps:
        ms += after_ms
        both.do(what, who, trade, ms)
    both.check()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([V2, KAIKO, V1]), st.integers(1, 400), st.integers(0, 30)),
                min_size=150, max_size=400))
def test_they_are_when_the_room_grows_and_is_used_again_too(steps):
    both, ms = Both(), 0
    for name, id, after_ms in steps:
        ms += after_ms * after_ms
        both.do("bring", name, Trade(str(id), size=f"0.{id:04}", at_ns=NOW + id * MS), ms)
    both.check()
