"""The Python face of the frame reader, for tests and fuzzing: bytes in any cutting, events out."""
cimport cython
from libc.stdint cimport uint8_t

from ingestor.feeds.http2_frames cimport Event, Reader, reader_init, reader_next


@cython.final
cdef class FrameReader:
    """Keeps what is not whole, at most one frame, as the door's buffer does."""
    cdef Reader reader
    cdef bytearray kept

    def __cinit__(self):
        reader_init(&self.reader)
        self.kept = bytearray()

    def feed(self, bytes data not None):
        """Read on; return events as (type, stream, ends, content, flow, number, last). See `fault` when they stop."""
        cdef Event event
        cdef bint news = True
        cdef size_t done = 0
        cdef uint8_t[::1] view
        events = []
        self.kept += data
        if not self.kept:
            return events
        view = self.kept
        while news and done < <size_t> view.shape[0]:
            done += reader_next(&self.reader, &view[done], <size_t> view.shape[0] - done, &event, &news)
            if news:
                events.append((event.type, event.stream, bool(event.ends), (<char*> event.at)[:event.size], event.flow,
                               event.number, event.last))
        view = None
        del self.kept[:done]
        return events

    def calm(self):
        """A second has passed."""
        self.reader.idle = 0

    @property
    def fault(self):
        """The number of what was broken, 0 for nothing; see http2_faults.py."""
        return self.reader.fault

    @property
    def waiting(self):
        """Bytes kept; less than a frame, until a fault ends the reading."""
        return len(self.kept)

    @property
    def settings(self):
        """What the peer allows: header table bytes, streams, window of a stream, payload of a frame."""
        return {"table_size": self.reader.table_size, "streams_max": self.reader.streams_max,
                "window": self.reader.window, "payload_max": self.reader.payload_max}
