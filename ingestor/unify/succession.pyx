"""Work out who is who in two editions of the tables. Pure: only names are compared, in any thread.

A path is the same while its provider calls it the same, an instrument while its id is, a subscription while
its path is and its channel has the same name.
"""
cimport cython
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc


@cython.final
cdef class Succession:
    """From `old` to `new`, both Tables."""

    def __cinit__(self, old, new):
        rows, rows_before = new.instruments.paths, old.instruments.paths
        path_before = {row.identity: number for number, row in enumerate(rows_before)}
        self.paths_from = [path_before.get(row.identity, -1) for row in rows]
        self.paths_new = [number for number, before in enumerate(self.paths_from) if before < 0]
        sources_from = [
            before if before >= 0 and row.contract == rows_before[before].contract else -1
            for row, before in zip(rows, self.paths_from, strict=True)]
        paths_to = {before: number for number, before in enumerate(self.paths_from) if before >= 0}
        self.paths_gone = [number for number in range(len(rows_before)) if number not in paths_to]
        index, index_before = new.instruments.index, old.instruments.index
        self.instruments_from = [index_before.get(row.id, -1) for row in new.instruments.rows]
        self.instruments_gone = [number for name, number in index_before.items() if name not in index]
        number_of = {named: number for number, named in enumerate(new.subscriptions_named)}
        self.subscriptions_to = [number_of.get((paths_to.get(path), channel), -1)
                                 for path, channel in old.subscriptions_named]
        self.paths = array_of(self.paths_from)
        self.sources = array_of(sources_from)
        self.instruments = array_of(self.instruments_from)
        self.subscriptions = array_of(self.subscriptions_to)

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
