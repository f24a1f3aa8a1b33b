"""A block being filled: the raw bytes of its records, and what its head will say of them."""
from libc.stdint cimport int64_t, uint8_t, uint32_t


cdef class Block:
    """Owner of its memory. Filled by one thread, then read by another; never both."""
    cdef uint8_t* bytes
    cdef size_t used
    cdef size_t capacity
    cdef readonly uint32_t records
    cdef readonly uint32_t frames
    cdef readonly int64_t first_ns      # of frames; 0 when there is none
    cdef readonly int64_t last_ns

    # False: no memory, nothing was changed. `at` is copied.
    cdef bint append(self, int kind, uint32_t connection, const uint8_t* at, size_t size, int64_t recv_ns) noexcept nogil
    cdef bint grow(self, size_t capacity) noexcept nogil
