"""A long loop that needs the GIL lets other threads have it now and then: tables are built beside a running loop."""

cdef enum:
    ROWS_BETWEEN = 128      # about half a millisecond of building


cdef inline void let_others_go_on(Py_ssize_t row) noexcept:
    if row % ROWS_BETWEEN == 0:
        with nogil:
            pass
