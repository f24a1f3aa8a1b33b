"""The lines that people read: the FIXED form, from the bytes that machines get."""

import json
import os
from decimal import Decimal

import pytest

from ingestor.errors import SinkError
from ingestor.settings import NdjsonSettings, SinkSettings
from ingestor.sinks import open_sink
from ingestor.sinks.ndjson import NdjsonSink
from ingestor.wire.plain import write_fair, write_record
from tests.sinks.clocks import Clock
from tests.wire.kept import NOW, quote, trade, writer_into

COMMON = {"provider": "provider1", "venue": "venue1", "symbol": "I0USD", "instrument": "i0-usd", "ts_event_ns": None,
          "ts_recv_ns": NOW, "seq": None, "snapshot": False}


def lines_of(tmp_path, *taken):
    """The lines of records, each a pair of a function and its arguments after the writer."""
    sink = NdjsonSink(tmp_path / "out.ndjson")
    writer = writer_into(sink)
    for function, *arguments in taken:
        function(writer, *arguments)
    writer.flush_now(NOW)
    assert sink.close(0) == 0
    return [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()]


def test_a_trade_has_its_line(tmp_path):
    record = trade(id="t-1", side="sell", price=(1234500, -4), size=(7, 3), ts_event_ns=5, sequence=9, flags=1)
    assert lines_of(tmp_path, (write_record, 1, record)) == [{
        **COMMON, "kind": "trade", "ts_event_ns": 5, "seq": 9, "snapshot": True, "id": "t-1", "side": "sell",
        "price": "123.45", "size": "7000"}]


def test_a_quote_has_its_line_and_an_absent_side_is_null(tmp_path):
    record = quote(bid=None, bid_size=None, ask=(1, -18), ask_size=(0, -5))
    assert lines_of(tmp_path, (write_record, 1, record)) == [{
        **COMMON, "kind": "quote", "bid": None, "bid_size": None, "ask": "0.000000000000000001", "ask_size": "0"}]


def test_a_bar_has_its_line(tmp_path):
    record = {"kind": "bar", "ts_recv_ns": NOW, "open": (1, 0), "close": (-25, -1), "count": 12, "start_ns": 1,
              "end_ns": 2}
    assert lines_of(tmp_path, (write_record, 1, record)) == [{
        **COMMON, "kind": "bar", "open": "1", "high": None, "low": None, "close": "-2.5", "volume": None, "vwap": None,
        "count": 12, "start_ns": 1, "end_ns": 2}]


def test_a_reference_tells_only_what_was_sent(tmp_path):
    record = {"kind": "reference", "ts_recv_ns": NOW, "mark": (100, 0), "funding": (-1, -4), "next_funding_ns": 77}
    assert lines_of(tmp_path, (write_record, 1, record)) == [{
        **COMMON, "kind": "reference", "mark": "100", "funding": "-0.0001", "next_funding_ns": 77}]


def test_a_fair_price_has_its_line(tmp_path):
    [line] = lines_of(tmp_path, (write_fair, 0, {"price": 1.5, "status": "SINGLE", "n": 1, "ts_emit_ns": NOW}, [0]))
    assert (line["kind"], line["instrument"], line["price"], line["status"], line["flagged"]) == (
        "fair", "i0-usd", 1.5, "SINGLE", ["provider0/venue0/I0USD"])


def test_text_beyond_ascii_stays_as_it_is(tmp_path):
    lines_of(tmp_path, (write_record, 1, trade(id="ключ")))
    assert "ключ" in (tmp_path / "out.ndjson").read_text()


@pytest.mark.parametrize(
    "value", [(1, 0), (10, 0), (1000, -3), (-1, -18), (123456789012345678, -18), (-100, 1), (0, 0)])
def test_decimals_are_plain_and_equal_to_what_was_sent(tmp_path, value):
    [line] = lines_of(tmp_path, (write_record, 1, trade(price=value)))
    assert Decimal(line["price"]) == Decimal(value[0]).scaleb(value[1])
    assert "E" not in line["price"]
    assert not ("." in line["price"] and line["price"].endswith("0"))


def test_lines_are_appended_to_what_the_file_holds(tmp_path):
    lines_of(tmp_path, (write_record, 1, trade()))
    assert len(lines_of(tmp_path, (write_record, 1, trade()))) == 2


def test_without_a_file_lines_go_to_standard_output(capfd):
    sink = open_sink(SinkSettings(kind="ndjson", ndjson=NdjsonSettings()), {}, "", 0, 0)
    writer = writer_into(sink)
    write_record(writer, 0, trade())
    writer.flush_now(NOW)
    sink.close(0)
    assert json.loads(capfd.readouterr().out)["price"] == "123.45"


def test_what_a_pipe_does_not_take_now_waits_in_order(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    clock = Clock()
    sink = NdjsonSink(fifo, monotonic_s=clock)
    os.set_blocking(sink._file, False)
    writer = writer_into(sink, records_max=100)
    write_record(writer, 0, trade(record_sequence=1, id="x" * 200), 2000)
    writer.flush_now(NOW)
    sink.poll()
    assert not sink.ready
    assert "records wait in memory" in sink.reason
    read = b""
    while sink.stats().queue_messages or read.count(b"\n") < 2000:
        read += os.read(reader, 1 << 16)
        clock.advance(2)
        sink.poll()
    assert sink.ready
    assert [json.loads(line)["id"] for line in read.splitlines()] == ["x" * 200] * 2000
    os.close(reader)
    sink.close(0)


def test_a_reader_that_went_away_ends_it(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink = NdjsonSink(fifo)
    os.close(reader)
    writer = writer_into(sink)
    write_record(writer, 0, trade())
    writer.flush_now(NOW)
    with pytest.raises(SinkError, match="was closed by its reader"):
        sink.poll()
    assert sink.close(0) == 1


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(SinkError, match=r"sink\.ndjson\.path: can't write to .*: Is a directory"):
        NdjsonSink(tmp_path)
