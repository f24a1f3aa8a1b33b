"""Who is who in two editions of the tables, as arrays; heirs.py works it out. Made in any thread."""
cimport cython
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc

from ingestor.unify.heirs import heirs


@cython.final
cdef class Succession:
    """From `old` to `new`, both Tables."""

    def __cinit__(self, old, new):
        found = heirs(old, new)
        self.paths_from, self.instruments_from = found.paths_from, found.instruments_from
        self.subscriptions_to, self.paths_new = found.subscriptions_to, found.paths_new
        self.paths_gone, self.instruments_gone = found.paths_gone, found.instruments_gone
        self.paths = array_of(found.paths_from)
        self.sources = array_of(found.sources_from)
        self.instruments = array_of(found.instruments_from)
        self.subscriptions = array_of(found.subscriptions_to)

    def __dealloc__(self):
        free(self.paths)
        free(self.sources)
        free(self.instruments)
        free(self.subscriptions)


cdef int32_t* array_of(list numbers) except NULL:
    cdef int32_t* rows = <int32_t*> malloc((len(numbers) + 1) * sizeof(int32_t))
    cdef Py_ssize_t i
    if rows == NULL:
        raise MemoryError(f"no memory for {len(numbers)} rows of a succession")
    for i in range(len(numbers)):
        rows[i] = numbers[i]
    return rows
