"""Fills the blocks of a raw log: a copy of each frame behind its 16 bytes, without a Python object."""
cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from ingestor.rawlog.record cimport FRAME, RECORD_BYTES, RecordHead

cdef extern from *:
    """
    #include <assert.h>
    #include <stdint.h>
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "the records of a raw log are little-endian: convert them here before building for this machine"
    #endif
    static_assert(sizeof(struct { int64_t a; uint32_t b; uint16_t c; uint8_t d, e; }) == 16, "RecordHead is 16 bytes");
    """


@cython.final
cdef class Block:
    """Read by the buffer protocol; nothing may be appended meanwhile. `capacity` bytes are taken at once."""

    def __cinit__(self, size_t capacity=0):
        if capacity and not self.grow(capacity):
            raise MemoryError(f"no memory for a block of {capacity} bytes")

    def __dealloc__(self):
        free(self.bytes)

    def __len__(self):
        return self.used

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.bytes, self.used, 1, flags)

    cdef bint append(self, int kind, uint32_t connection, const uint8_t* at, size_t size, int64_t recv_ns) noexcept nogil:
        cdef RecordHead head
        cdef size_t needed = self.used + RECORD_BYTES + size
        if needed > self.capacity and not self.grow(2 * needed):
            return False
        head.recv_ns = recv_ns
        head.size = <uint32_t> size
        head.connection = <uint16_t> connection
        head.kind = <uint8_t> kind
        head.zero = 0
        memcpy(self.bytes + self.used, &head, RECORD_BYTES)
        if size:
            memcpy(self.bytes + self.used + RECORD_BYTES, at, size)
        self.used = needed
        self.records += 1
        if kind == FRAME:
            if self.frames == 0 or recv_ns < self.first_ns:
                self.first_ns = recv_ns
            if self.frames == 0 or recv_ns > self.last_ns:
                self.last_ns = recv_ns
            self.frames += 1
        return True

    cdef bint grow(self, size_t capacity) noexcept nogil:
        cdef void* grown = realloc(self.bytes, capacity)
        if grown == NULL:
            return False
        self.bytes = <uint8_t*> grown
        self.capacity = capacity
        return True

    def add(self, int kind, uint16_t connection, int64_t recv_ns, bytes payload not None):
        """Append one record. Raises MemoryError."""
        if not self.append(kind, connection, <const uint8_t*> <char*> payload, len(payload), recv_ns):
            raise MemoryError(f"no memory for a record of {len(payload)} bytes")
