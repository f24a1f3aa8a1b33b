"""A sheet of ready frames whose numbers and times are overwritten in place: what blast sends.

Rendering a frame costs microseconds, stamping one some nanoseconds. A mark is a place in the sheet
where the next number of a series stands, in as many digits as were rendered, or the present time.
"""
cimport cython

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ingestor.errors import InternalError

cdef enum:
    TIME = 0xFFFF           # a mark of no series: the time text
    SERIES_MAX = TIME       # one or two a market


cdef struct Mark:
    uint32_t at             # in the sheet
    uint16_t series         # index of the number, or TIME
    uint8_t width           # digits
    uint8_t last            # the number rises after this mark


@cython.final
cdef class Sheet:
    """Frames one after the other. `stamp` a range of them, then send `view(range)`.

    `frames` are bytes; `marks` holds for each frame a list of (offset, width, series, last) in rising
    order of offset, series -1 for the time.
    """
    cdef bytearray buffer
    cdef uint8_t* at
    cdef Mark* marks
    cdef uint32_t* starts       # of each frame in the buffer, and the end of the last
    cdef uint32_t* first_mark   # of each frame, and the number of all
    cdef readonly uint32_t count

    def __cinit__(self, list frames not None, list marks not None):
        cdef uint32_t i, k = 0, place = 0
        self.buffer = bytearray().join(frames)
        self.at = self.buffer
        self.count = len(frames)
        self.marks = <Mark*> PyMem_Malloc(max(1, sum(len(each) for each in marks)) * sizeof(Mark))
        self.starts = <uint32_t*> PyMem_Malloc((self.count + 1) * sizeof(uint32_t))
        self.first_mark = <uint32_t*> PyMem_Malloc((self.count + 1) * sizeof(uint32_t))
        if self.marks == NULL or self.starts == NULL or self.first_mark == NULL:
            raise MemoryError("no memory for a sheet of frames")
        for i in range(self.count):
            self.starts[i] = place
            self.first_mark[i] = k
            size = len(frames[i])
            for offset, width, series, last in marks[i]:
                if not (0 <= offset and offset + width <= size and -1 <= series < SERIES_MAX and 0 < width < 64):
                    raise InternalError(f"a mark outside of its frame: {offset}+{width} of {size} bytes")
                self.marks[k] = Mark(at=place + <uint32_t> offset, series=<uint16_t> (TIME if series < 0 else series),
                                     width=<uint8_t> width, last=<uint8_t> (1 if last else 0))
                k += 1
            place += <uint32_t> size
        self.starts[self.count] = place
        self.first_mark[self.count] = k

    def __dealloc__(self):
        PyMem_Free(self.marks)
        PyMem_Free(self.starts)
        PyMem_Free(self.first_mark)

    def stamp(self, uint32_t first, uint32_t count, uint64_t[::1] numbers not None, bytes time_text not None):
        """Write the next numbers and the time into `count` frames from `first`; `numbers` go on counting.

        `time_text` must be as long as the rendered one. Raises InternalError for what does not fit.
        """
        cdef const uint8_t* time_at = time_text
        cdef size_t time_size = len(time_text), i
        cdef Mark* mark
        if first + count > self.count or first + count < first:
            raise InternalError(f"frames {first}+{count} of {self.count}")
        for i in range(self.first_mark[first], self.first_mark[first + count]):
            mark = &self.marks[i]
            if (mark.width != time_size) if mark.series == TIME else (mark.series >= numbers.shape[0]):
                raise InternalError("a mark that does not fit the time or the numbers given")
        with nogil:
            for i in range(self.first_mark[first], self.first_mark[first + count]):
                mark = &self.marks[i]
                if mark.series == TIME:
                    memcpy(self.at + mark.at, time_at, time_size)
                else:
                    write_number(self.at + mark.at, mark.width, numbers[mark.series])
                    if mark.last:
                        numbers[mark.series] += 1

    def view(self, uint32_t first, uint32_t count):
        """The bytes of `count` frames from `first`: a view that the next stamp() changes."""
        if first + count > self.count or first + count < first:
            raise InternalError(f"frames {first}+{count} of {self.count}")
        return memoryview(self.buffer)[self.starts[first]:self.starts[first + count]]


cdef inline void write_number(uint8_t* at, int width, uint64_t number) noexcept nogil:
    """Exactly `width` digits; higher ones are lost."""
    while width:
        width -= 1
        at[width] = <uint8_t> (48 + number % 10)
        number //= 10
