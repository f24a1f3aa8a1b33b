"""What is counted of each connection's name: an owner of memory for lines.pxd."""
from libc.stdint cimport uint32_t

from ingestor.unify.lines cimport LineCounts


cdef class LineTable:
    cdef LineCounts* counts     # by label; moves when a name is added
    cdef uint32_t size

    cdef int add(self) except -1
