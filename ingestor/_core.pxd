"""The corridor's face towards the doors: one Connection a socket, one Pipeline a shard."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.providers.provider cimport Provider


cdef class Connection:
    """One socket's way into the pipeline: its decoder state, its symbol scope, its counters."""
    cdef readonly Pipeline pipeline
    cdef readonly Provider provider

    # Decode, unify, price and encode one frame. `at` is borrowed until return. Returns a DecodeStatus.
    cdef int feed(self, const uint8_t* at, size_t size, int64_t recv_ns) noexcept nogil
    # The socket buffer is drained: evaluate dirty instruments, hand full or lingering batches to the sink.
    cdef int drained(self, int64_t now_ns) except -1


cdef class Pipeline:
    """Rooms 2 to 5 of one shard, and the batch boundary."""
    cdef int boundary(self, int64_t now_ns) except -1
