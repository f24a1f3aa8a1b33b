"""Whatever frames come: they are read back byte by byte, and a log cut anywhere gives a beginning of them."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestor.rawlog.block import Block
from ingestor.rawlog.layout import HEADER_BYTES, Kind, records
from ingestor.rawlog.reader import RawLog, read_segment
from tests.rawlog.logs import ROW, T0, payloads, write

FRAMES = st.lists(st.tuples(
    st.integers(0, (1 << 16) - 2), st.integers(-(1 << 63), (1 << 63) - 1), st.binary(max_size=300)), max_size=8)


@settings(max_examples=100, deadline=None)
@given(blocks=st.lists(FRAMES, min_size=1, max_size=4), share=st.floats(0, 1), level=st.integers(1, 9))
def test_a_log_gives_back_what_was_put_in_and_cut_anywhere_a_beginning_of_it(blocks, share, level):
    made, sent = [], []
    for frames in blocks:
        block = Block()
        block.add(Kind.TABLE, 0, T0, json.dumps([ROW]).encode())
        for connection, recv_ns, payload in frames:
            block.add(Kind.FRAME, connection, recv_ns, payload)
        made.append(block)
        sent.append([(Kind.FRAME, *frame) for frame in frames])
    with TemporaryDirectory() as folder:
        path, = write(Path(folder), *made, level=level, segment_s=1e12)
        found = [records(raw)[1:] for raw in RawLog(path).blocks()]
        assert found == sent
        for block, entry in zip(made, read_segment(path).entries, strict=True):
            assert (entry.head.raw_bytes, entry.head.frames) == (len(block), block.frames)
            assert (entry.head.first_ns, entry.head.last_ns) == (block.first_ns, block.last_ns)
        whole = path.read_bytes()
        path.write_bytes(whole[:HEADER_BYTES + int(share * (len(whole) - HEADER_BYTES))])
        flat = [payload for frames in sent for *_, payload in frames]
        beginning = payloads(path)
        assert beginning == flat[:len(beginning)]
