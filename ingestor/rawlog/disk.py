"""The thread that brings blocks to the disk: compression and writing cost the event loop nothing.

It takes blocks in order, and tries again with the same one when the disk takes nothing. It never drops a
block; who gives them looks at `waiting_bytes`.
"""

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog

from ingestor.rawlog.writer import BlockLike

#: Between two tries on a disk that takes nothing.
AGAIN_S = 1.0
#: What was written before a quiet moment is brought to the disk after so long at most.
IDLE_S = 0.5

log = structlog.get_logger()


class Writes(Protocol):
    """What the thread needs of a LogWriter."""

    def write(self, block: BlockLike) -> None: ...
    def sync_if_due(self) -> None: ...
    def sync(self) -> None: ...
    def close(self) -> None: ...


class Disk:
    """Starts its thread at once. put() and close() are for one other thread."""

    def __init__(self, writer: Writes) -> None:
        self._writer = writer
        self._queue: queue.SimpleQueue[BlockLike | None] = queue.SimpleQueue()
        self._counting = threading.Lock()
        self._giving_up = threading.Event()     # ends the wait between two tries, too
        self.waiting_bytes = 0      # given and not written
        self.frames = 0             # written
        self.trouble = ""           # what the disk says, as long as it takes nothing
        self._thread = threading.Thread(target=self._run, name="raw-log", daemon=True)
        self._thread.start()

    def put(self, block: BlockLike) -> None:
        """Write this block behind those given before."""
        with self._counting:
            self.waiting_bytes += len(block)
        self._queue.put(block)

    def close(self, within_s: float) -> bool:
        """Write what was given, for at most so long, and close the segment. False: something is left."""
        self._queue.put(None)
        self._thread.join(within_s)
        self._giving_up.set()
        self._thread.join(AGAIN_S)
        return not (self._thread.is_alive() or self.waiting_bytes or self.trouble)

    def _run(self) -> None:
        unsynced = False
        while not self._giving_up.is_set():
            try:
                block = self._queue.get(timeout=IDLE_S if unsynced else None)
            except queue.Empty:
                unsynced = not self._try(self._writer.sync)
                continue
            if block is None:
                break
            unsynced = True
            while not self._try(partial(self._writer.write, block)):
                if self._giving_up.wait(AGAIN_S):
                    break
            else:
                self._count(block)
                self._try(self._writer.sync_if_due)
        self._try(self._writer.close)

    def _count(self, block: BlockLike) -> None:
        with self._counting:
            self.waiting_bytes -= len(block)
        self.frames += block.frames

    def _try(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except Exception as error:  # whatever the disk does: the blocks wait, and the shard goes on
            why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            if why != self.trouble:
                log.error("raw_log_not_writable", why=why)
            self.trouble = why
            return False
        if self.trouble:
            log.info("raw_log_writable_again")
        self.trouble = ""
        return True
