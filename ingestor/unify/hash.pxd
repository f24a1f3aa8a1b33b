"""64-bit hashes of short texts: eight bytes a step, never a byte outside the text.

The mixer is the finaliser idea of MurmurHash3 (public domain, Appleby): multiply by an odd constant,
fold the high half in. Good to about 2^-64 a pair, which is what duplicates and symbols need.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ingestor.records cimport Text


cdef inline uint64_t mix(uint64_t hashed, uint64_t word) noexcept nogil:
    hashed = (hashed ^ word) * <uint64_t> 0x9FB21C651E98DF25
    return hashed ^ hashed >> 32


cdef inline uint64_t hash_text(uint64_t hashed, Text text) noexcept nogil:
    """Continue `hashed` with a text; its size is part of it, so that no two splits are alike."""
    cdef const uint8_t* at = text.at
    cdef uint32_t left = text.size
    cdef uint64_t word
    while left >= 8:
        memcpy(&word, at, 8)
        hashed = mix(hashed, word)
        at += 8
        left -= 8
    word = 0
    if left >= 4:
        memcpy(&word, at, 4)
        at += 4
        left -= 4
    while left:     # three at most behind the four: seven bytes in all, and none is shifted out
        word = word << 8 | at[0]
        at += 1
        left -= 1
    return mix(mix(hashed, word), text.size)
