"""Records what connections bring: the tap of a pipeline that fills blocks and hands them to the disk's thread.

On the loop's thread it costs one copy of the frame. A block is handed over when it is full, or by poll()
when it is old. When the disk is so slow that `queue_bytes_max` wait for it, frames are lost to the log, counted,
and told in it as soon as there is room; the pipeline goes on as if nobody recorded.
"""
import json
import struct
import time

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ingestor.rawlog.block cimport Block
from ingestor.rawlog.record cimport CLOSED, FRAME, LOST, NUMBER_NONE, OPENED, TABLE
from ingestor.records cimport FRAME_BYTES_MAX
from ingestor.tap cimport Tap

BLOCK_BYTES = 1 << 20           # compresses in a few ms, and is 4,000 frames
QUEUE_BYTES_MAX = 64 << 20      # seconds of the busiest day, while the disk hesitates
FLUSH_EVERY_S = 0.5             # the age of the oldest frame in memory, which a crash would lose


@cython.final
cdef class Recorder(Tap):
    """`disk` takes the blocks (disk.py). `session_ns`, when this run began, makes its connections' ids its own.

    For one thread, the loop's; poll() must be called there each few hundred milliseconds.
    """
    cdef object disk
    cdef object clock_ns
    cdef int64_t session_ns
    cdef Block block                # being filled; None while frames are lost
    cdef size_t block_bytes
    cdef int64_t queue_bytes_max
    cdef int64_t flush_every_ns
    cdef int64_t since_ns           # when the block was begun
    cdef dict connections           # number -> [number, id, provider, section, name] of the open ones
    cdef list free                  # numbers given back
    cdef uint32_t serials
    cdef readonly uint64_t frames   # taken; lost ones are not among them
    cdef readonly uint64_t lost_frames
    cdef readonly uint64_t lost_bytes
    cdef uint64_t untold_frames     # lost, and not yet told in the log
    cdef uint64_t untold_bytes

    def __cinit__(self, disk, *, int64_t session_ns, clock_ns=time.time_ns, size_t block_bytes=BLOCK_BYTES,
                  int64_t queue_bytes_max=QUEUE_BYTES_MAX, double flush_every_s=FLUSH_EVERY_S):
        self.disk, self.clock_ns, self.session_ns = disk, clock_ns, session_ns
        self.block_bytes, self.queue_bytes_max = block_bytes, queue_bytes_max
        self.flush_every_ns = <int64_t> (flush_every_s * 1e9)
        self.connections, self.free = {}, []
        self.begin()

    # What the pipeline calls.

    cdef void take(self, uint32_t number, const uint8_t* at, size_t size, int64_t recv_ns) noexcept nogil:
        if (self.block is None or number == NUMBER_NONE or size > FRAME_BYTES_MAX
                or not self.block.append(FRAME, number, at, size, recv_ns)):
            self.lose(size)
            return
        self.frames += 1
        if self.block.used >= self.block_bytes:
            with gil:
                self.turn()

    def opened(self, provider, section, name):
        """Note a connection; its number, or NUMBER_NONE when 65535 are open."""
        number = self.free.pop() if self.free else len(self.connections)
        if number >= NUMBER_NONE:
            return NUMBER_NONE
        self.serials += 1
        row = [number, f"{self.session_ns}-{self.serials}", provider, section, name]
        self.connections[number] = row
        self.note(OPENED, number, json.dumps(row).encode())
        return number

    def closed(self, number):
        """Its number is free."""
        if self.connections.pop(number, None) is not None:
            self.free.append(number)
            self.note(CLOSED, number, b"")

    # What the owner calls.

    def poll(self):
        """Hand over a block that is old enough; begin one again when the disk has caught up."""
        if self.block is None:
            self.begin()
        elif self.block.frames and self.clock_ns() - self.since_ns >= self.flush_every_ns:
            self.turn()

    def finish(self):
        """Hand over what is there; nothing is recorded any more. The disk's close() brings it home."""
        block, self.block = self.block, None
        if block is None and self.untold_frames:
            block = self.new_block()
        if block is not None and (block.frames or self.untold_frames):
            self.tell_lost(block)
            self.disk.put(block)

    # Blocks.

    cdef void lose(self, size_t size) noexcept nogil:
        self.lost_frames += 1
        self.lost_bytes += size
        self.untold_frames += 1
        self.untold_bytes += size

    cdef void turn(self) noexcept:
        """Hand the block over and begin another. A frame's journey raises nothing: what fails, fails in poll()."""
        block, self.block = self.block, None
        try:
            self.disk.put(block)
            self.begin()
        except Exception:
            pass

    cdef int begin(self) except -1:
        """A new block, if what waits for the disk leaves room for it."""
        if self.disk.waiting_bytes + <int64_t> self.block_bytes <= self.queue_bytes_max:
            block = self.new_block()
            self.tell_lost(block)
            self.block = block
        return 0

    cdef Block new_block(self):
        """With its table. Most blocks overrun by less than a frame."""
        cdef Block block = Block(self.block_bytes + self.block_bytes // 8)
        self.since_ns = self.clock_ns()
        block.add(TABLE, 0, self.since_ns, json.dumps(list(self.connections.values())).encode())
        return block

    cdef int tell_lost(self, Block block) except -1:
        if self.untold_frames:
            block.add(LOST, 0, self.clock_ns(), struct.pack("<QQ", self.untold_frames, self.untold_bytes))
            self.untold_frames = self.untold_bytes = 0
        return 0

    cdef int note(self, int kind, uint32_t number, bytes payload) except -1:
        """A record of a connection. While frames are lost it is not needed: the next block's table says it."""
        if self.block is not None:
            self.block.add(kind, number, self.clock_ns(), payload)
        return 0
