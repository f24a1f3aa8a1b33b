"""A function in a process of its own, with a pipe to it: provider and consumer must not share an interpreter.

Python functions that run in the child take the pipe's end first. What they raise is raised here.
"""

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from typing import Any, Self

from ingestor.errors import IngestorError

ANSWER_WITHIN_S = 120.0
END_WITHIN_S = 5.0


class ChildFailed(IngestorError):
    """The child raised, died or did not answer."""


class Child:
    """One child; use as a context: it is gone at the end, whatever happened."""

    def __init__(self, target: Callable[..., None], *args: object) -> None:
        # Not forked: threads and sockets of the driver are none of the child's business.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._name = target.__name__
        self._process = context.Process(target=_run, args=(target, theirs, args), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def tell(self, message: object) -> None:
        self._pipe.send(message)

    def answer(self, within_s: float = ANSWER_WITHIN_S) -> Any:
        """The next thing it sends. Raises ChildFailed."""
        if not self._pipe.poll(within_s):
            raise ChildFailed(f"{self._name} did not answer within {within_s} s")
        try:
            kind, content = self._pipe.recv()
        except EOFError:
            raise ChildFailed(f"{self._name} died with exit code {self._process.exitcode}") from None
        if kind == "failed":
            raise ChildFailed(f"{self._name} failed:\n{content}")
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(END_WITHIN_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


class Parent:
    """The child's end of the pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def send(self, content: object) -> None:
        self._pipe.send(("answer", content))

    def receive(self) -> Any:
        """Wait for the next thing that the driver tells."""
        return self._pipe.recv()

    def fileno(self) -> int:
        return self._pipe.fileno()

    def wait_gone(self) -> None:
        """Return when the driver has closed its end."""
        try:
            self._pipe.recv()
        except EOFError:
            return


def _run(target: Callable[..., None], pipe: Pipe, args: tuple[object, ...]) -> None:
    try:
        target(Parent(pipe), *args)
    except EOFError:
        return      # the driver has gone
    except BaseException:
        pipe.send(("failed", traceback.format_exc()))
    finally:
        pipe.close()
