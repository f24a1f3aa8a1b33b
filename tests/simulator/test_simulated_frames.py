"""What a simulated provider writes decodes to what happened, digit for digit."""

import pytest
from conversing import DEMO, decode, dialect_of, engine, happenings, plain

from ingestor.decode import Decoder
from ingestor.simulator.dialects.dialect import Conversation
from ingestor.simulator.engine import QUOTE, REFERENCE, TRADES
from ingestor.simulator.market import REFERENCE_DIGITS

BY_ID = ("binance-spot", "binance-usdm", "binance-coinm", "kraken-v2", "kraken-futures", "deribit")
BY_NOTHING = ("coinapi", "bitmex")      # coinapi counts a connection's; elsewhere the sequence itself
TIMELESS = {("binance-spot", "bookTicker"), ("kraken-futures", "ticker_lite")}
SIZELESS = {("kraken-futures", "ticker_lite")}
UNSEQUENCED = {("kraken-v2", "ticker"), ("okx-v5", "tickers"), ("kraken-futures", "ticker"),
               ("kraken-futures", "ticker_lite"), ("deribit", "quote"), ("deribit", "ticker"), ("bitmex", "quote")}


def rendered(name, kind):
    """(market, payload, channel, frames) of every happening of a kind, through every channel."""
    running = engine()
    dialect, talk = dialect_of(name, running), Conversation("")
    for market, happened, payload in happenings(running, 1.5):
        if market.spec.dialect == name and happened == kind:
            for channel, render in dialect.renderers[kind].items():
                yield dialect, market, payload, channel, render(market, payload, talk)


@pytest.mark.parametrize("name", DEMO)
def test_every_trade_decodes_to_the_trade_that_happened(name):
    seen = 0
    for dialect, market, trades, channel, frames in rendered(name, TRADES):
        records = [record for frame in frames for record in decode(name, frame)]
        assert len(records) == len(trades)
        for record, trade in zip(records, trades, strict=True):
            sequence = trade.id if name in BY_ID else trade.sequence
            assert record["symbol"] == market.spec.symbol
            assert record["id"] == dialect.trade_id(market, trade)
            assert (record["price"], record["size"]) == (
                plain(trade.price, market.spec.price_digits), plain(trade.size, market.spec.size_digits))
            assert (record["side"], record["ts_event_ns"]) == (trade.side, trade.ts_ns)
            assert record["snapshot"] is False
            assert name in BY_NOTHING or record["seq"] == sequence, channel
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("name", DEMO)
def test_every_quote_decodes_to_the_quote_that_happened(name):
    seen = 0
    for _, market, quote, channel, frames in rendered(name, QUOTE):
        [record] = [record for frame in frames for record in decode(name, frame) if record["kind"] == "quote"]
        digits, sizes = market.spec.price_digits, market.spec.size_digits
        assert [record["bid"], record["ask"]] == [plain(quote.bid, digits), plain(quote.ask, digits)]
        assert [record["bid_size"], record["ask_size"]] == ([None, None] if (name, channel) in SIZELESS else [
            plain(quote.bid_size, sizes), plain(quote.ask_size, sizes)])
        assert record["ts_event_ns"] == (None if (name, channel) in TIMELESS else quote.ts_ns)
        if name != "coinapi":
            assert record["seq"] == (None if (name, channel) in UNSEQUENCED else quote.sequence)
        seen += 1
    assert seen > 20


@pytest.mark.parametrize("name", ["binance-usdm", "okx-v5", "bybit-v5"])
def test_mark_index_and_funding_decode_to_the_reference_that_happened(name):
    kinds = set()
    for _, market, reference, _, frames in rendered(name, REFERENCE):
        for record in (record for frame in frames for record in decode(name, frame)):
            expected = {
                "mark": plain(reference.mark_price, REFERENCE_DIGITS),
                "index": plain(reference.index_price, REFERENCE_DIGITS),
                "funding": plain(reference.funding, REFERENCE_DIGITS), "next_funding_ns": reference.next_funding_ns}
            found = {key: record[key] for key in expected if key in record}
            assert found == {key: expected[key] for key in found}
            assert (record["symbol"], record["ts_event_ns"]) == (market.spec.symbol, reference.ts_ns)
            kinds |= set(found)
    assert {"mark", "index"} & kinds


def test_bybits_ticker_is_whole_on_subscribing_and_then_carries_only_what_moves():
    running = engine()
    dialect, talk = dialect_of("bybit-v5", running), Conversation("linear")
    [_, snapshot] = dialect.hear(talk, b'{"req_id":"1","op":"subscribe","args":["tickers.BTCUSDT"]}')
    [whole] = decode("bybit-v5", snapshot)
    assert whole["snapshot"] is True
    assert {"mark", "index", "funding", "next_funding_ns"} <= whole.keys()
    market = dialect.markets["linear", "BTCUSDT"]
    [delta] = dialect.renderers[REFERENCE]["tickers"](market, market.reference(running.now_ns), None)
    [moved] = decode("bybit-v5", delta)
    assert (moved["snapshot"], "funding" in moved) == (False, False)


def test_spot_and_linear_of_bybit_write_the_same_trade_with_keys_in_another_order():
    running = engine()
    dialect = dialect_of("bybit-v5", running)
    render = dialect.renderers[TRADES]["publicTrade"]
    frames = {section: render(dialect.markets[section, "BTCUSDT"], dialect.markets[section, "BTCUSDT"].trade(
        running.now_ns), None)[0] for section in ("spot", "linear")}
    assert frames["spot"].index(b'"i":') < frames["spot"].index(b'"T":') < frames["spot"].index(b'"s":')
    assert frames["linear"].index(b'"T":') < frames["linear"].index(b'"s":') < frames["linear"].index(b'"i":')
    assert (b'"L":' in frames["linear"], b'"L":' in frames["spot"]) == (True, False)


def test_coinapis_sequence_counts_each_connection_and_type_from_one():
    running = engine()
    dialect = dialect_of("coinapi", running)
    market = next(iter(dialect.markets.values()))
    first, second = Conversation(""), Conversation("")
    sequences = []
    for talk in (first, first, second):
        [frame] = dialect.renderers[TRADES]["trade"](market, market.trade(running.now_ns), talk)
        sequences.append(decode("coinapi", frame)[0]["seq"])
    [frame] = dialect.renderers[QUOTE]["quote"](market, market.requote(running.now_ns), first)
    assert [*sequences, decode("coinapi", frame)[0]["seq"]] == [1, 2, 1, 1]


def test_kaikos_trades_and_each_side_of_its_quotes_decode_to_what_happened():
    from ingestor.simulator.kaiko_messages import side_message, trade_message

    running, decoder = engine(), Decoder("kaiko")
    seen = {"trades": 0, "quotes": 0}
    for market, kind, payload in happenings(running, 3.0):
        if market.spec.dialect != "kaiko":
            continue
        digits, sizes = market.spec.price_digits, market.spec.size_digits
        for trade in payload if kind == TRADES else ():
            _, [record] = decoder.decode(b"T" + trade_message(market, trade))
            assert (record["symbol"], record["venue"], record["id"]) == (
                market.spec.symbol, market.spec.venue_code, str(trade.id))
            assert (record["side"], record["price"], record["size"], record["ts_event_ns"]) == (
                trade.side, plain(trade.price, digits), plain(trade.size, sizes), trade.ts_ns)
            seen["trades"] += 1
        if kind == QUOTE:
            _, [bid] = decoder.decode(b"M" + side_message(market, payload, is_bid=True))
            _, [ask] = decoder.decode(b"M" + side_message(market, payload, is_bid=False))
            assert (bid["bid"], bid["bid_size"], bid["ask"]) == (
                plain(payload.bid, digits), plain(payload.bid_size, sizes), None)
            assert (ask["ask"], ask["ask_size"], ask["bid"]) == (
                plain(payload.ask, digits), plain(payload.ask_size, sizes), None)
            seen["quotes"] += 1
    assert min(seen.values()) > 20
