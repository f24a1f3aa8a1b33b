"""The tap that the pipeline knows: what a recorder overrides. This one hears nothing."""
from libc.stdint cimport int64_t, uint8_t, uint32_t


cdef class Tap:
    """Pipeline.tap; connections that are opened from then on have it."""

    cdef void take(self, uint32_t number, const uint8_t* at, size_t size, int64_t recv_ns) noexcept nogil:
        pass

    def opened(self, provider, section, name):
        """A connection was opened; its number, which comes with its frames."""
        return 0

    def closed(self, number):
        """The connection ended: no frame comes with this number until it is given again."""
