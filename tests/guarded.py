"""Memory whose neighbours may not be touched: a read one byte outside of a frame ends the process."""

import ctypes
import mmap
from types import TracebackType

LIBC = ctypes.CDLL(None, use_errno=True)
PROT_NONE = 0


class Guarded:
    """Room for one frame of up to `size` bytes between two pages that can't be read."""

    def __init__(self, size: int) -> None:
        pages = -(-max(size, 1) // mmap.PAGESIZE)
        self.room = pages * mmap.PAGESIZE
        self.map = mmap.mmap(-1, self.room + 2 * mmap.PAGESIZE)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        self.begin = self.base + mmap.PAGESIZE
        for page in (self.base, self.begin + self.room):
            if LIBC.mprotect(ctypes.c_void_p(page), mmap.PAGESIZE, PROT_NONE) != 0:
                raise OSError(ctypes.get_errno(), "mprotect")

    def at_the_end(self, frame: bytes) -> int:
        """Where the frame stands, its last byte before the second guard."""
        address = self.begin + self.room - len(frame)
        ctypes.memmove(address, frame, len(frame))
        return address

    def at_the_beginning(self, frame: bytes) -> int:
        """Where the frame stands, its first byte after the first guard."""
        ctypes.memmove(self.begin, frame, len(frame))
        return self.begin

    def __enter__(self) -> "Guarded":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for page in (self.base, self.begin + self.room):
            LIBC.mprotect(ctypes.c_void_p(page), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE)
