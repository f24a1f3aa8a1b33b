"""Who is who in two editions of the tables: numbers change from one to the next, names don't."""
from libc.stdint cimport int32_t


cdef class Succession:
    """Each list is also an array, for who carries thousands of rows between two batches; -1: nobody."""
    cdef readonly list paths_from           # new path -> old path
    cdef readonly list instruments_from     # new instrument -> old instrument
    cdef readonly list subscriptions_to     # old subscription -> new subscription
    cdef readonly list paths_new            # new paths that had no old one
    cdef readonly list paths_gone           # old paths that have no new one
    cdef readonly list instruments_gone     # old instruments that have no new one
    cdef int32_t* paths
    cdef int32_t* sources                   # as paths, but -1 too where the contract is another: volumes don't go on
    cdef int32_t* instruments
    cdef int32_t* subscriptions
