"""The memory of what is noted of each record."""
cimport cython
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free

from ingestor.watch.latency cimport Latency, latency_init
from ingestor.watch.tops cimport Top


@cython.final
cdef class Vitals:
    """Notes of so many source paths, subscriptions, and (provider, venue, data class)."""

    def __cinit__(self, uint32_t paths, uint32_t subscriptions, uint32_t latencies):
        cdef uint32_t i
        self.paths_count, self.subscriptions_count, self.latencies_count = paths, subscriptions, latencies
        # One more than needed: calloc(0) may be NULL.
        self.heard = <Heard*> calloc(subscriptions + 1, sizeof(Heard))
        self.tops = <Top*> calloc(paths + 1, sizeof(Top))
        self.latencies = <Latency*> calloc(latencies + 1, sizeof(Latency))
        if self.heard == NULL or self.tops == NULL or self.latencies == NULL:
            raise MemoryError(f"no memory for the notes of {paths} source paths")
        for i in range(latencies):
            latency_init(&self.latencies[i])

    def __dealloc__(self):
        free(self.heard)
        free(self.tops)
        free(self.latencies)
