"""Any swaps at any time: what stays is as if the last edition had been in force all along."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.markets import NOW, SECOND, Instrument, Market, With, binance_quote, build
from tests.test_edition import House

#: In each edition: two books of three venues, one of which is converted by the other.
STAYING = [Market("usdt-usd", "binance-spot", name, venue=name.lower()) for name in ("U1", "U2", "U3")] + [
    Market("btc-usdt", "binance-spot", name, venue=name.lower()) for name in ("T1", "T2")] + [
    Market("btc-usd", "binance-spot", "BTCUSD")]
INSTRUMENTS = [
    Instrument("usdt-usd"), Instrument("btc-usdt"), Instrument("btc-usd", priced_with=[With("btc-usdt", "usdt-usd")])]
STAY = {each.id for each in INSTRUMENTS}
#: Come and go.
PASSING = [Market(f"x{number}-usd", "binance-spot", f"X{number}") for number in range(6)]
SYMBOLS = [market.symbol for market in STAYING + PASSING]

editions = st.lists(st.sampled_from(PASSING), unique_by=lambda market: market.symbol).flatmap(
    lambda passing: st.permutations(STAYING + passing))
events = st.one_of(
    st.tuples(st.just("trade"), st.sampled_from(SYMBOLS), st.integers(1, 12), st.integers(990, 1010)),
    st.tuples(st.just("quote"), st.sampled_from(SYMBOLS), st.integers(1, 12), st.integers(990, 1010)),
    st.tuples(st.just("later"), st.integers(0, 40), st.none(), st.none()),
    st.tuples(st.just("swap"), editions, st.none(), st.none()))


def tables(markets):
    """Instruments in the order of the markets: all numbers change from one edition to the next."""
    passing = [Instrument(market.instrument) for market in markets if market.instrument not in STAY]
    half = len(passing) // 2
    return build([*passing[:half], *INSTRUMENTS, *passing[half:]], markets)


def happen(house, what, number, value, now_ns, symbol):
    price = f"{value / 1000:.3f}" if symbol[0] == "U" else f"{value / 10:.1f}"
    if what == "trade":
        house.trades(number, price=price, size=str(number), symbol=symbol, now_ns=now_ns, ms=now_ns // 1_000_000)
    else:
        above = f"{float(price) * 1.0001:.6f}"
        house.binance.feed_bytes(binance_quote(number, price, above, symbol), now_ns)
        house.binance.drained_now(now_ns)


def plain(value):
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def seen(house):
    """All that people see of what stays, the reference version left out."""
    house.pipeline.flush(NOW)
    records = {
        (topic, instrument): [
            {key: plain(value) for key, value in record.items() if key != "reference_version"}
            for record in house.sink.records(topic) if record["instrument"] == instrument]
        for topic in ("trades", "quotes", "fair") for instrument in STAY}
    paths = sorted((path for path in house.pipeline.counters()["paths"] if path["instrument"] in STAY),
                   key=lambda path: path["symbol"])
    fairs = sorted(({key: plain(value) for key, value in fair.items()} for fair in house.pipeline.fairs()
                    if fair["instrument"] in STAY), key=lambda fair: fair["instrument"])
    named, rows = house.pipeline.tables.subscriptions_named, house.pipeline.tables.instruments.paths
    gaps = [missed._replace(subscription=rows[named[missed.subscription][0]].symbol)
            for missed in house.pipeline.tables.drain_gaps()]
    return records, paths, fairs, [gap for gap in gaps if gap.subscription[0] != "X"]


@settings(max_examples=150, deadline=None)
@given(editions, st.lists(events, max_size=40))
def test_what_stays_through_all_swaps_is_as_if_the_last_edition_had_been_in_force_all_along(first, happened):
    swaps = [each[1] for each in happened if each[0] == "swap"]
    order = {market.symbol: place for place, market in enumerate(STAYING)}

    def kept_order(markets):
        """Sources of a book vote in the order of its markets: what stays keeps that, among whatever else."""
        staying = iter(sorted((market for market in markets if market.symbol in order),
                              key=lambda market: order[market.symbol]))
        return [next(staying) if market.symbol in order else market for market in markets]

    swapped, settled = House(tables(kept_order(first))), House(tables(kept_order(swaps[-1] if swaps else first)))
    now_ns, version = NOW, 1
    for what, subject, number, value in happened:
        if what == "later":
            now_ns += subject * SECOND // 4
            for house in (swapped, settled):
                house.pipeline.tick(now_ns)
        elif what == "swap":
            version += 1
            swapped.swap(tables(kept_order(subject)), version, now_ns)
        else:
            for house in (swapped, settled):
                happen(house, what, number, value, now_ns, subject)
    assert seen(swapped) == seen(settled)
