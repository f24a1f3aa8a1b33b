"""How a batch leaves without a Python object: as a parcel, one piece of memory that changes hands.

A sink that takes parcels offers an Outlet; the Writer composes its messages right into them.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport malloc
from libc.string cimport memcpy


cdef struct Parcel:
    # Messages of one topic and key, in order. Whoever holds it frees it with free().
    Parcel* before          # in the holder's list
    Parcel* after
    uint64_t number         # in the order they came
    int64_t records
    int64_t oldest_ns       # receive times, UTC epoch
    int64_t newest_ns
    int64_t size            # bytes of memory, as the holder counts them
    int topic               # number in wire/topics.py TOPICS
    int slot
    uint32_t messages
    uint32_t key_bytes
    bint again              # was under way before
    bint listed             # one record a message, though there may be one message only
    uint32_t* ends          # of each message in the payload
    const uint8_t* key
    uint8_t* payload        # ends[messages - 1] bytes


cdef inline Parcel* parcel_new(int topic, int slot, const void* key, uint32_t key_bytes, size_t bytes,
                               uint32_t messages) noexcept nogil:
    """A parcel with room for `bytes` of payload in `messages` messages, whose `ends` the caller fills; NULL: no memory."""
    cdef Parcel* parcel = <Parcel*> malloc(sizeof(Parcel) + messages * sizeof(uint32_t) + key_bytes + bytes)
    cdef uint8_t* own
    if parcel == NULL:
        return NULL
    parcel.ends = <uint32_t*> (parcel + 1)
    own = <uint8_t*> (parcel.ends + messages)
    memcpy(own, key, key_bytes)
    parcel.before = parcel.after = NULL
    parcel.topic = topic
    parcel.slot = slot
    parcel.messages = messages
    parcel.key = own
    parcel.key_bytes = key_bytes
    parcel.payload = own + key_bytes
    parcel.again = False
    parcel.listed = messages > 1
    return parcel


cdef class Outlet:
    """Takes parcels; see outlet.pyx."""

    # The parcel is the outlet's from now on.
    cdef void accept(self, Parcel* parcel) noexcept nogil
