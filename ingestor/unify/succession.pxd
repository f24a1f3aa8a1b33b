"""Who is who in two editions of the tables: numbers change from one to the next, names don't."""
from libc.stdint cimport int32_t


cdef class Succession:
    """The lists of heirs.py, and those as arrays that carry thousands of rows between two batches."""
    cdef readonly list paths_from
    cdef readonly list instruments_from
    cdef readonly list subscriptions_to
    cdef readonly list paths_new
    cdef readonly list paths_gone
    cdef readonly list instruments_gone
    cdef int32_t* paths             # paths_from
    cdef int32_t* sources           # sources_from
    cdef int32_t* instruments       # instruments_from
    cdef int32_t* subscriptions     # subscriptions_to
