"""Bytes of an open batch, and where its pieces end. A pool keeps closed batches' buffers for the next.

One buffer a batch that is open, not one a batch there is: ten thousand quiet instruments cost nothing,
and what is written next was written lately, so it is still in the cache.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

cdef enum:
    BUFFER_BYTES_FIRST = 1024               # about twelve records; then it doubles: ten thousand may be open at once
    PIECES_FIRST = 8
    KEPT_MAX = 4096                         # buffers: one a batch that a busy shard has open
    KEPT_BYTES_MAX = 1 << 19                # of one buffer: what a burst grew further is given back
    POOL_BYTES_MAX = 1 << 26                # of all kept ones


cdef struct Piece:
    # What leaves as one message: the bytes from the end of the piece before to `end`.
    uint32_t end
    uint32_t records
    uint32_t subscriptions      # of the batch's list, the first so many are named in this piece's header
    int64_t oldest_ns           # receive times
    int64_t newest_ns


cdef struct Buffer:
    uint8_t* at
    uint32_t capacity
    Piece* pieces
    uint32_t pieces_capacity


cdef struct Pool:
    Buffer* buffers
    uint32_t count
    size_t bytes                # of all kept buffers


cdef inline bint buffer_reserve(Buffer* buffer, uint32_t used, uint32_t more, uint32_t limit) noexcept nogil:
    """Room for `more` bytes beyond `used`, doubling; False beyond `limit` bytes or without memory."""
    cdef uint32_t capacity = buffer.capacity
    cdef uint8_t* at
    if capacity - used >= more:
        return True
    if limit - used < more:
        return False
    if capacity == 0:
        capacity = BUFFER_BYTES_FIRST
    while capacity - used < more:
        capacity *= 2
    at = <uint8_t*> realloc(buffer.at, capacity)
    if at == NULL:
        return False
    buffer.at = at
    buffer.capacity = capacity
    return True


cdef inline bint pieces_reserve(Buffer* buffer, uint32_t used) noexcept nogil:
    """Room for one piece beyond `used`."""
    cdef uint32_t capacity
    cdef Piece* pieces
    if used < buffer.pieces_capacity:
        return True
    capacity = 2 * buffer.pieces_capacity if buffer.pieces_capacity else PIECES_FIRST
    pieces = <Piece*> realloc(buffer.pieces, capacity * sizeof(Piece))
    if pieces == NULL:
        return False
    buffer.pieces = pieces
    buffer.pieces_capacity = capacity
    return True


cdef inline void buffer_free(Buffer* buffer) noexcept nogil:
    free(buffer.at)
    free(buffer.pieces)
    buffer.at = NULL
    buffer.pieces = NULL
    buffer.capacity = buffer.pieces_capacity = 0


cdef inline size_t buffer_bytes(const Buffer* buffer) noexcept nogil:
    return buffer.capacity + buffer.pieces_capacity * sizeof(Piece)


cdef inline void pool_take(Pool* pool, Buffer* buffer) noexcept nogil:
    """The buffer that was given back last, or an empty one."""
    if pool.count:
        pool.count -= 1
        buffer[0] = pool.buffers[pool.count]
        pool.bytes -= buffer_bytes(buffer)
    else:
        buffer.at = NULL
        buffer.pieces = NULL
        buffer.capacity = buffer.pieces_capacity = 0


cdef inline void pool_give(Pool* pool, Buffer* buffer) noexcept nogil:
    """Keep it for the next batch, within the limits; the caller's is empty after."""
    cdef size_t bytes = buffer_bytes(buffer)
    if bytes > KEPT_BYTES_MAX or pool.count == KEPT_MAX or pool.bytes + bytes > POOL_BYTES_MAX:
        buffer_free(buffer)
        return
    pool.bytes += bytes
    pool.buffers[pool.count] = buffer[0]
    pool.count += 1
    buffer.at = NULL
    buffer.pieces = NULL
    buffer.capacity = buffer.pieces_capacity = 0


cdef inline bint pool_init(Pool* pool) noexcept nogil:
    pool.count = 0
    pool.bytes = 0
    pool.buffers = <Buffer*> malloc(KEPT_MAX * sizeof(Buffer))
    return pool.buffers != NULL


cdef inline void pool_free(Pool* pool) noexcept nogil:
    cdef uint32_t i
    for i in range(pool.count):
        buffer_free(&pool.buffers[i])
    free(pool.buffers)
    pool.buffers = NULL
    pool.count = 0


cdef inline void* grown(void* rows, uint32_t count, size_t size) except NULL:
    """The table with a further row, zeroed, behind `count` rows. It doubles at each power of two."""
    cdef void* more = rows
    if count & (count - 1) == 0:
        more = realloc(rows, (2 * count if count else 1) * size)
        if more == NULL:
            raise MemoryError("no memory for the tables of instruments and subscriptions")
    memset(<uint8_t*> more + count * size, 0, size)
    return more
