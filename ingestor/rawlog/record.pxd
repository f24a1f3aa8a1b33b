"""A record of a raw log, as layout.py describes it: 16 bytes, and its payload behind them."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

cdef enum RecordKind:
    FRAME = 1
    OPENED = 2
    CLOSED = 3
    TABLE = 4
    LOST = 5

cdef enum:
    RECORD_BYTES = 16           # sizeof(RecordHead), asserted in block.pyx
    NUMBER_NONE = 65535         # a connection that has no number, as there were none left


cdef struct RecordHead:
    int64_t recv_ns
    uint32_t size               # of the payload
    uint16_t connection
    uint8_t kind                # RecordKind
    uint8_t zero
