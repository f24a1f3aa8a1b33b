"""The player: bursts and timers by receive times alone, connections as they were, and records that nobody wrote."""

import json

import pytest

from ingestor._core import Pipeline
from ingestor.errors import IngestorError
from ingestor.providers.registry import load
from ingestor.rawlog.layout import Kind, pack_record
from ingestor.rawlog.player import Player
from tests.markets import NOW, SECOND, binance_quote, binance_trade, btc

MS = 1_000_000
ROW = [0, "1-1", "binance-spot", "", "c0"]
OTHER = [1, "1-2", "kraken-v2", "", "c1"]
DIALECTS = {name: load(name) for name in ("binance-spot", "kraken-v2")}


class Polls(list):
    """The log's times at which the sink was polled."""

    def __call__(self) -> None:
        self.append(self.player.now_ns)


def playing(**options) -> tuple[Player, Pipeline]:
    pipeline = Pipeline(btc(), None, fair_every_ms=options.pop("fair_every_ms", 0))
    return Player(pipeline, DIALECTS, **options), pipeline


def polled(**options) -> tuple[Player, Polls]:
    polls = Polls()
    player, _ = playing(on_poll=polls, **options)
    polls.player = player
    return player, polls


def table(*rows) -> bytes:
    return pack_record(Kind.TABLE, 0, NOW, json.dumps(rows).encode())


def frame(recv_ns: int, payload: bytes = b"{}", connection: int = 0) -> bytes:
    return pack_record(Kind.FRAME, connection, recv_ns, payload)


def quotes(count: int, at_ns: int = NOW, first: int = 1) -> bytes:
    return b"".join(frame(at_ns, binance_quote(first + i, bid=f"{100 + i}")) for i in range(count))


def evaluations(*parts: bytes) -> int:
    player, pipeline = playing()
    player.play(table(ROW) + b"".join(parts))
    player.finish()
    return pipeline.counters()["evaluations"]


def test_frames_of_one_time_and_connection_are_a_burst_with_one_evaluation():
    assert evaluations(quotes(3)) == 1
    assert evaluations(quotes(1), quotes(1, NOW + 1, 2), quotes(1, NOW + 2, 3)) == 3


def test_a_burst_has_a_boundary_after_each_64_frames():
    assert evaluations(quotes(64)) == 1
    assert evaluations(quotes(65)) == 2


def test_a_blocks_end_is_no_boundary_but_the_logs_end_is_one():
    player, pipeline = playing()
    player.play(table(ROW) + quotes(2))
    player.play(table(ROW) + quotes(2, first=3))
    assert pipeline.counters()["evaluations"] == 0
    player.finish()
    assert pipeline.counters()["evaluations"] == 1


def test_where_a_log_is_cut_into_blocks_and_calls_changes_nothing():
    records = [quotes(1, NOW + i * 7 * MS, i + 1) for i in range(50)]
    whole, pieces = playing(), playing()
    whole[0].play(table(ROW) + b"".join(records))
    at_ns, player = NOW, pieces[0]
    for record in records:
        block, at = table(ROW) + record, 0
        while (at := player.play(block, at, at_ns)) < len(block):
            assert player.next_ns(block, at) > at_ns
            player.advance(at_ns)
            at_ns += 3 * MS
    for each, _ in (whole, pieces):
        each.finish()
    assert whole[1].counters() == pieces[1].counters()
    assert whole[1].fairs() == pieces[1].fairs()


def test_timers_run_at_multiples_of_the_tick_that_receive_times_pass_and_the_sink_each_50_ms():
    player, polls = polled(tick_every_ms=10)
    player.play(table(ROW) + frame(NOW + 3 * MS) + frame(NOW + 125 * MS))
    assert polls == [NOW + 10 * MS, NOW + 60 * MS, NOW + 110 * MS]


def test_in_a_quiet_log_ticks_become_one_a_second_and_after_an_hour_none():
    player, polls = polled(tick_every_ms=50)
    player.play(table(ROW) + frame(NOW) + frame(NOW + 1_000_000 * SECOND) + frame(NOW + 1_000_000 * SECOND + 70 * MS))
    busy, quiet, again = 200, 3590, 1
    assert len(polls) == busy + quiet + again
    assert polls[busy] - polls[busy - 1] == SECOND
    assert polls[-1] == NOW + 1_000_000 * SECOND + 50 * MS


def test_a_clock_that_steps_back_is_followed_and_a_small_step_is_none():
    player, polls = polled(tick_every_ms=50)
    player.play(table(ROW) + frame(NOW) + frame(NOW + 60 * MS) + frame(NOW + 40 * MS) + frame(NOW + 101 * MS))
    assert polls == [NOW + 50 * MS, NOW + 100 * MS]
    player.play(frame(NOW - 100 * SECOND) + frame(NOW - 100 * SECOND + 55 * MS))
    assert polls[2:] == [NOW - 100 * SECOND + 50 * MS]


def test_a_quiet_price_ages_by_the_logs_time():
    player, pipeline = playing()
    player.play(table(ROW) + quotes(1) + frame(NOW + 40 * SECOND))
    assert pipeline.fairs()[0]["status"] == "HELD"


def test_connections_keep_their_names_and_a_table_that_says_the_same_opens_nothing():
    player, pipeline = playing()
    for _ in range(2):
        player.play(table(ROW, OTHER) + frame(NOW, binance_trade()) + frame(NOW, b"{}", 1))
    player.finish()
    named = [(row["provider"], row["name"], row["frames"]) for row in pipeline.counters()["connections"]]
    assert named == [("binance-spot", "c0", 2), ("kraken-v2", "c1", 2)]
    assert player.connections == 2


def test_an_opening_in_place_of_an_open_connection_is_a_new_one():
    player, pipeline = playing()
    opened = pack_record(Kind.OPENED, 0, NOW, json.dumps([0, "1-3", "binance-spot", "", "c2"]).encode())
    player.play(table(ROW) + frame(NOW) + opened + frame(NOW) + pack_record(Kind.CLOSED, 0, NOW, b"") + frame(NOW))
    assert [row["frames"] for row in pipeline.counters()["connections"]] == [1, 1]
    assert (player.frames, player.strays, player.connections) == (3, 1, 2)


def test_a_table_closes_what_it_does_not_name_and_reopens_what_has_another_id():
    player, _ = playing()
    player.play(table(ROW, OTHER))
    player.play(table([0, "2-1", "binance-spot", "", "c0"]) + frame(NOW, b"{}", 1))
    assert (player.connections, player.strays) == (3, 1)


def test_frames_that_the_recorder_lost_are_counted():
    player, _ = playing()
    player.play(table(ROW) + pack_record(Kind.LOST, 0, NOW, (5).to_bytes(8, "little") + (70).to_bytes(8, "little")))
    assert (player.lost_frames, player.lost_bytes) == (5, 70)


def test_an_unknown_provider_is_told_by_name():
    player, _ = playing()
    with pytest.raises(IngestorError, match="provider 'binance-moon', which this version does not know"):
        player.play(table([0, "1-1", "binance-moon", "", "c0"]))


@pytest.mark.parametrize("record", [
    pack_record(Kind.TABLE, 0, NOW, b"no json"), pack_record(Kind.TABLE, 0, NOW, b"{}"),
    pack_record(Kind.TABLE, 0, NOW, b"[1]"), pack_record(Kind.TABLE, 0, NOW, b"[[0]]"),
    pack_record(Kind.TABLE, 0, NOW, b"[" * 100_000),
    pack_record(Kind.OPENED, 0, NOW, b"[0, 1, 2]"), pack_record(Kind.OPENED, 0, NOW, b"null"),
    table([65535, "1", "binance-spot", "", "c0"]), table([-1, "1", "binance-spot", "", "c0"]),
    table([1 << 70, "1", "binance-spot", "", "c0"]), table(["0", "1", "binance-spot", "", "c0"]),
    table([0, "1", "binance-spot", 5, "c0"]), table([0.5, "1", "binance-spot", "", "c0"]), table([[], 1, [], "", ""]),
    table([0, "1", {}, "", "c0"]), pack_record(Kind.FRAME, 0, -1, b""), pack_record(Kind.FRAME, 0, (1 << 62) + 1, b""),
    pack_record(9, 0, NOW, b"")])  # type: ignore[arg-type]
def test_a_record_that_nobody_wrote_is_one_line(record):
    player, _ = playing()
    with pytest.raises(IngestorError, match=r"^a raw log's "):
        player.play(record)


def test_a_block_cut_inside_a_record_is_an_error_and_nothing_is_read_beyond_it():
    whole = table(ROW) + frame(NOW, b"0123456789")
    for size in range(1, len(whole)):
        if size == len(table(ROW)):
            continue
        player, _ = playing()
        with pytest.raises(IngestorError, match="ends inside a record"):
            player.play(whole[:size])
    assert playing()[0].play(b"") == 0


def test_what_the_recorder_wrote_plays_back_to_the_same_prices():
    from ingestor.rawlog.recorder import Recorder
    from tests.rawlog.test_recorder import FakeDisk

    class Bytes(FakeDisk):
        def put(self, block) -> None:
            self.blocks.append(bytes(block))

    live, disk = Pipeline(btc(), None), Bytes()
    live.tap = recorder = Recorder(disk, session_ns=1)
    for name in ("c0", "c1"):
        connection = live.open(load("binance-spot"), "", name)
        for number in range(100):
            connection.feed_bytes(binance_quote(number + 1, bid=f"{100 + number}"), NOW + number * MS)
            connection.drained_now()
        connection.close()
    recorder.finish()
    player, pipeline = playing(tick_every_ms=1000)
    for block in disk.blocks:
        player.play(block)
    player.finish()
    assert pipeline.counters()["paths"] == live.counters()["paths"]
    assert pipeline.fairs()[0]["price"] == live.fairs()[0]["price"]
