"""The null sink."""

from ingestor.settings import SinkSettings
from ingestor.sinks import open_sink
from ingestor.wire.plain import write_record
from tests.wire.kept import NOW, trade, writer_into


def test_it_counts_what_it_drops_in_the_topics_own_form():
    sink = open_sink(SinkSettings(kind="null"), {}, "", 0, 0)
    writer = writer_into(sink, "record")
    write_record(writer, 0, trade(), 7)
    writer.flush_now(NOW)
    stats = sink.stats()
    assert (stats.topics["trades"].produced, stats.topics["trades"].delivered, stats.queue_messages) == (7, 7, 0)
    assert sum(stats.receive_to_ack["counts"]) == 7
    assert (sink.full, sink.ready, sink.close(0)) == (False, True, 0)
