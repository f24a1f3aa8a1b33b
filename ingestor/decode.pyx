"""One dialect's decoder for people and tests: frames in, plain records out.

No instruments, no prices, no counters: that is the pipeline's. `Decoder` keeps one connection's state.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memset

from ingestor.providers.provider cimport Provider
from ingestor.records cimport DECODED, FRAME_BYTES_MAX, TOO_LARGE, TRUNCATED, TickBatch
from ingestor.wire.text cimport tick_dict

from ingestor.providers.registry import load
from ingestor.records import STATUS_NAMES


cdef class Decoder:
    """Decode frames of one connection of one dialect."""
    cdef readonly Provider provider
    cdef TickBatch batch
    cdef void* state

    def __cinit__(self, str dialect):
        memset(&self.batch, 0, sizeof(TickBatch))
        self.state = NULL
        self.provider = load(dialect)
        self.reset()

    def __dealloc__(self):
        if self.state != NULL:
            self.provider.state_free(self.state)
        free(self.batch.ticks)
        free(self.batch.scratch)

    def reset(self):
        """Forget the connection's state, as a new connection would."""
        if self.state != NULL:
            self.provider.state_free(self.state)
            self.state = NULL
        if self.provider.state_new != NULL:
            self.state = self.provider.state_new()
            if self.state == NULL:
                raise MemoryError("no memory for the decoder's state")

    def decode(self, const uint8_t[::1] frame not None, int64_t recv_ns=0):
        """(status name, list of records in the NDJSON form)."""
        cdef const uint8_t* at = &frame[0] if frame.shape[0] else <const uint8_t*> b""
        return self._decode(at, frame.shape[0], recv_ns)

    def decode_at(self, uintptr_t address, size_t size, int64_t recv_ns=0):
        """The same for `size` bytes at `address`, which must stay readable during the call."""
        return self._decode(<const uint8_t*> address, size, recv_ns)

    def count_all(self, list frames not None):
        """Decode frames (bytes) without building records; (records, frames that were malformed). For benches."""
        cdef Py_ssize_t i
        cdef bytes frame
        cdef int status
        cdef uint64_t records = 0, malformed = 0
        for i in range(len(frames)):
            frame = frames[i]
            status = TOO_LARGE
            self.batch.count = 0
            if <size_t> len(frame) <= FRAME_BYTES_MAX:
                status = self.provider.decode(<const uint8_t*> <char*> frame, len(frame), self.state, &self.batch)
            if status == DECODED:
                records += self.batch.count
            elif status >= TRUNCATED:
                malformed += 1
        return records, malformed

    @property
    def rounded(self) -> int:
        """Decimals that had more digits than a record holds, since the start."""
        return self.batch.rounded

    cdef tuple _decode(self, const uint8_t* at, size_t size, int64_t recv_ns):
        cdef int status = TOO_LARGE
        cdef size_t i
        cdef list records = []
        self.batch.count = 0
        if size <= FRAME_BYTES_MAX:
            with nogil:
                status = self.provider.decode(at, size, self.state, &self.batch)
        if status == DECODED:
            for i in range(self.batch.count):
                self.batch.ticks[i].ts_recv_ns = recv_ns
                records.append(tick_dict(&self.batch.ticks[i], self.provider.name, self.provider.venue, None))
        return STATUS_NAMES[status], records
