"""What is counted of each connection's name: which line of a redundant one brings the records first."""
cimport cython
from libc.stdint cimport INT64_MAX, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from ingestor.unify.histogram cimport histogram_dict
from ingestor.unify.lines cimport LINE_A, LINE_B, ONLY_LINE, LineCounts

LINES = {"a": <int> LINE_A, "b": <int> LINE_B}


def line_of(str name not None):
    """(place, line) of a connection's name: the feeds end those of a redundant one with /a and /b."""
    place, slash, end = name.rpartition("/")
    return (place, LINES[end]) if slash and end in LINES else (name, <int> ONLY_LINE)


@cython.final
cdef class LineTable:
    """Rows in the order of the names."""

    def __dealloc__(self):
        free(self.counts)

    cdef int add(self) except -1:
        """A row for one more name."""
        cdef LineCounts* counts = <LineCounts*> realloc(self.counts, (self.size + 1) * sizeof(LineCounts))
        if counts == NULL:
            raise MemoryError("no memory for the counts of a connection")
        memset(&counts[self.size], 0, sizeof(LineCounts))
        counts[self.size].ended_ns = INT64_MAX
        self.counts = counts
        self.size += 1
        return 0

    def counters(self, uint32_t label, str name not None):
        """Records first brought, copies brought, and how far behind those were; of an only line, nothing."""
        cdef const LineCounts* row = &self.counts[label]
        if not line_of(name)[1]:
            return {}
        return {"first": row.first, "copies": row.copies, "behind": histogram_dict(&row.behind)}
