"""Frames of ours. RFC 9113, section 4."""
from libc.stdint cimport int64_t, uint32_t


cdef inline bytes number(int64_t value, int size=4):
    return (<object> value).to_bytes(size, "big")


cdef inline bytes frame(int type, int flags, uint32_t stream, payload):
    return b"%b%b%b%b" % (number(len(payload), 3), bytes((type, flags)), number(stream), payload)
