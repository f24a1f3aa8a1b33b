"""What is known of a market of several providers goes on over reconnects, two lines of a connection, and new tables."""

from ingestor._core import Pipeline
from ingestor.edition import Edition
from ingestor.wire.writer import Writer
from tests.markets import NOW, Market, build
from tests.unify.arbitrated import COINAPI, KAIKO, MARKETS, V2, Scene, Trade

SETTLED = 10_000        # ms


def swap(scene: Scene, *markets: Market) -> None:
    """Other reference data takes over."""
    names = dict.fromkeys(market.instrument for market in markets)
    aside = Pipeline(build(list(names), markets), Writer(scene.sink, scene.topics, 0, 1, 2))
    Edition(scene.pipeline, aside).swap(NOW)


def test_an_echo_is_known_though_the_tables_were_swapped_in_between():
    scene = Scene(V2, KAIKO)
    for provider in (V2, KAIKO):
        scene.bring(provider, Trade("1"))
    scene.bring(V2, Trade("2"), 5)
    swap(scene, Market("eth-usd", V2, "ETH/USD", venue="kraken"), MARKETS[V2], MARKETS[KAIKO])
    scene.bring(KAIKO, Trade("2"), 25)
    scene.bring(V2, Trade("3"), 30)
    scene.hear(KAIKO, 40)
    scene.pass_time(SETTLED + 30)
    assert scene.counts(KAIKO) == {"echoes": 2, "missing": 1}
    assert scene.counts(V2) == {"first": 3}
    assert scene.delays(KAIKO)[0] == 2


def test_counts_go_on_where_a_provider_joins_the_market_or_leaves_it():
    scene = Scene(V2, KAIKO)
    for provider in (V2, KAIKO):
        scene.bring(provider, Trade("1"))
    swap(scene, MARKETS[COINAPI], MARKETS[V2], MARKETS[KAIKO])
    assert (scene.counts(V2), scene.counts(KAIKO)) == ({"first": 1}, {"echoes": 1})
    scene.connections[COINAPI] = scene.open(COINAPI)
    scene.bring(KAIKO, Trade("2"), 5)
    scene.bring(COINAPI, Trade(), 6)
    swap(scene, MARKETS[V2], MARKETS[KAIKO])
    assert scene.counts(KAIKO) == {"echoes": 1, "first": 1}
    scene.bring(V2, Trade("3"), 7)
    scene.bring(KAIKO, Trade("3"), 8)
    assert scene.counts(KAIKO) == {"echoes": 2, "first": 1}


def test_a_market_that_is_gone_is_arbitrated_no_more_and_may_come_again():
    scene = Scene(V2, KAIKO)
    swap(scene, MARKETS[V2])
    scene.bring(V2, Trade("1"))
    assert scene.pipeline.counters()["arbitration"]["members"] == []
    swap(scene, MARKETS[V2], MARKETS[KAIKO])
    for provider in (V2, KAIKO):
        scene.bring(provider, Trade("2"))
    assert scene.counts(KAIKO) == {"echoes": 1}


def test_a_connection_that_closes_after_a_swap_leaves_the_new_tables():
    scene = Scene(V2, KAIKO)
    for provider in (V2, KAIKO):
        scene.bring(provider, Trade("1"))
    swap(scene, MARKETS[V2], MARKETS[KAIKO])
    scene.connections.pop(KAIKO).close()
    scene.bring(V2, Trade("2"), 100)
    scene.pass_time(SETTLED + 100)
    assert scene.counts(KAIKO) == {"echoes": 1, "absent": 1}


def test_a_provider_is_there_while_one_of_its_two_lines_is():
    scene = Scene(KAIKO, V2)
    first, second = (scene.open(V2, f"c1/{line}") for line in "ab")
    scene.connections[V2] = first
    scene.bring(V2, Trade("1"))
    scene.bring(KAIKO, Trade("1"), 1)
    scene.connections[V2] = second
    scene.bring(V2, Trade("1"), 2)          # a copy: not its own repeat, and no echo
    scene.bring(V2, Trade("2"), 3)
    first.close()
    scene.bring(KAIKO, Trade("3"), 4)
    scene.hear(V2, 5)
    scene.pass_time(SETTLED + 5)
    assert scene.counts(V2) == {"first": 2, "missing": 1}
