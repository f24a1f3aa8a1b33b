"""What sees each frame before it is decoded: the recorder of a raw log."""
from libc.stdint cimport int64_t, uint8_t, uint32_t


cdef class Tap:
    """On the loop's thread; never raises from take()."""

    # A frame of the connection that opened() gave `number`. `at` is borrowed until return.
    cdef void take(self, uint32_t number, const uint8_t* at, size_t size, int64_t recv_ns) noexcept nogil
