"""The face of a sink that takes parcels (outlet.pxd): what the Writer calls in place of Sink.write()."""
from libc.stdlib cimport free


cdef class Outlet:
    """A subclass keeps what it is given; this one, which nobody makes, drops it."""

    cdef void accept(self, Parcel* parcel) noexcept nogil:
        free(parcel)
