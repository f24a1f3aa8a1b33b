"""The tables of one version of the instruments: symbols, source paths, subscriptions, latencies."""
from libc.stdint cimport uint32_t

from ingestor.unify.arbitration_table cimport Arbitration
from ingestor.unify.gaps cimport GapList
from ingestor.unify.histogram cimport Histogram
from ingestor.unify.path cimport Path, SubscriptionState
from ingestor.unify.succession cimport Succession
from ingestor.unify.symbols cimport SymbolTable
from ingestor.watch.vitals cimport Vitals


cdef class Tables:
    """Owner of what room 3 reads and counts. Built whole; its arrays never move while it lives."""
    cdef readonly object instruments        # Instruments
    cdef readonly dict provider_numbers     # provider name -> number, for the symbol table
    cdef readonly list subscriptions_named  # (path, channel name), by subscription

    cdef SymbolTable symbols
    cdef Path* paths
    cdef SubscriptionState* subscriptions
    cdef GapList gaps                       # what was missed since drain_gaps()
    cdef Histogram* latencies               # exchange to receive, one a (provider, venue, data class)
    cdef list latency_labels
    cdef uint32_t paths_count
    cdef uint32_t subscriptions_count

    cdef dict retired                       # identity of a path that is gone -> record sequences, by channel
    cdef readonly Vitals vitals             # what is noted for those who judge: by path, subscription, latency
    cdef readonly Arbitration arbitration   # of the markets that several providers bring

    cdef int _add(self, uint32_t number, row, uint32_t latency, channels) except -1
    cdef int _place(self, Path* path, place) except -1
    cdef int _vote(self) except -1
    cdef uint32_t _end(self, uint32_t path) noexcept nogil
    # One line for each array beside the paths: a path keeps what is remembered of it when the tables are swapped.
    cdef void _carry_path(self, Tables old, uint32_t before, uint32_t now) noexcept nogil
    cdef int _retire(self, Tables old, uint32_t number) except -1
    cdef int _return(self, uint32_t number) except -1
    cdef int _carry_gaps(self, Tables old, Succession edition) except -1
