"""The loop that holds wake-ups together: what it delays, by how much, and what it never delays."""

import asyncio
import os
import signal
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestor.feeds.loop import ANSWERED_S, COALESCE_US_MAX, CoalescingSelector, EventLoop, run


class Clock:
    """A clock that moves by sleeping only."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 9))
        self.now += seconds


@pytest.fixture
def wired():
    """A selector of 1000 us with a readable socket, its clock, and the socket's other end."""
    clock = Clock()
    selector = CoalescingSelector(1000, clock, clock.sleep)
    ours, theirs = socket.socketpair()
    selector.register(ours, 1)
    yield selector, clock, ours, theirs
    selector.close()
    ours.close()
    theirs.close()


def test_a_message_after_a_quiet_moment_is_seen_at_once(wired):
    selector, clock, _, theirs = wired
    theirs.send(b"x")
    assert len(selector.select(1)) == 1
    assert clock.slept == []


def test_the_next_poll_after_input_waits_for_the_rest_of_the_hold(wired):
    selector, clock, _, theirs = wired
    theirs.send(b"x")
    selector.select(1)
    clock.now += 0.0004
    selector.select(1)
    assert clock.slept == [0.0006]


def test_no_hold_follows_a_poll_without_input(wired):
    selector, clock, ours, theirs = wired
    theirs.send(b"x")
    selector.select(1)
    ours.recv(1)
    selector.select(0.001)
    clock.now += 0.001
    selector.select(0.001)
    assert clock.slept == [0.001]


def test_ready_callbacks_are_not_delayed(wired):
    selector, clock, _, theirs = wired
    theirs.send(b"x")
    selector.select(1)
    selector.select(0)
    selector.select(-1)
    assert clock.slept == []


def test_a_timer_that_is_due_within_the_hold_is_not_delayed(wired):
    selector, clock, ours, theirs = wired
    theirs.send(b"x")
    selector.select(1)
    ours.recv(1)
    assert selector.select(0.0003) == []
    assert clock.slept == [0.0003]


@pytest.mark.parametrize("microseconds", [-1, COALESCE_US_MAX + 1])
def test_a_hold_out_of_bounds_is_refused(microseconds):
    with pytest.raises(ValueError, match="coalesce_us"):
        CoalescingSelector(microseconds)


def test_a_hold_of_zero_never_holds():
    clock = Clock()
    selector = CoalescingSelector(0, clock, clock.sleep)
    ours, theirs = socket.socketpair()
    selector.register(ours, 1)
    theirs.send(b"x")
    for _ in range(3):
        assert len(selector.select(1)) == 1
    assert clock.slept == []
    selector.close()
    ours.close()
    theirs.close()


def test_each_turn_ends_with_its_call_which_says_when_the_next_is_due_at_the_latest(wired):
    selector, clock, ours, theirs = wired
    turns = []

    def turn() -> float:
        turns.append(clock.now)
        return 0.0004

    selector.turn = turn
    theirs.send(b"x")
    assert len(selector.select(None)) == 1
    ours.recv(1)
    assert selector.select(None) == []
    assert selector.select(10.0) == []
    assert selector.select(0) == []
    assert (len(turns), clock.slept) == (4, [0.0004, 0.0004])


@pytest.mark.parametrize(("took_s", "slept"), [(0.0, [ANSWERED_S, 0.006]), (0.02, [ANSWERED_S])])
def test_answers_are_looked_for_once_within_a_long_hold(took_s, slept):
    clock, heard = Clock(), []
    selector = CoalescingSelector(10_000, clock, clock.sleep)
    ours, theirs = socket.socketpair()
    selector.register(ours, 1)

    def listen() -> None:
        heard.append(round(clock.now, 6))
        clock.now += took_s

    selector.listen = listen
    theirs.send(b"x")
    selector.select(1)
    assert heard == []
    selector.select(1)
    assert (heard, clock.slept) == ([100.0 + ANSWERED_S], slept)
    clock.now += 0.01 - ANSWERED_S / 2
    selector.select(1)
    assert (len(heard), clock.slept) == (1, [*slept, ANSWERED_S / 2])
    selector.close()
    ours.close()
    theirs.close()


def test_what_all_sockets_brought_is_settled_once_a_turn():
    async def main() -> list[str]:
        running, told = asyncio.get_running_loop(), []
        assert isinstance(running, EventLoop)
        pairs = [socket.socketpair() for _ in range(3)]
        for number, (ours, theirs) in enumerate(pairs):
            ours.setblocking(False)
            running.add_reader(ours, lambda number=number, ours=ours: told.append(f"{number}{ours.recv(9).decode()}"))
            theirs.send(b"x")
        running.each_turn(lambda: (told.append("turn"), 1.0)[1])
        await asyncio.sleep(0.05)
        running.each_turn(None)
        for ours, theirs in pairs:
            running.remove_reader(ours)
            ours.close()
            theirs.close()
        return told

    told = run(main())
    first = told.index("turn")
    assert sorted(told[first + 1:first + 4]) == ["0x", "1x", "2x"]
    assert told[first + 4] == "turn"


def test_run_returns_what_main_returns_and_closes_its_loop():
    async def main() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert run(main()).is_closed()


@given(st.lists(st.tuples(st.floats(0, 0.01), st.sampled_from([None, 0.0, 0.0005, 5.0]), st.booleans()), max_size=30))
def test_no_hold_is_longer_than_asked_for_and_each_is_followed_by_a_poll(steps):
    clock = Clock()
    selector = CoalescingSelector(1000, clock, clock.sleep)
    ours, theirs = socket.socketpair()
    selector.register(ours, 1)
    for passed, timeout, is_input in steps:
        clock.now += passed
        theirs.send(b"x")
        assert len(selector.select(timeout)) == 1
        if not is_input:
            ours.recv(1 << 10)
    assert all(0 < seconds <= 0.001 + 1e-9 for seconds in clock.slept)
    selector.close()
    ours.close()
    theirs.close()


def under_load(main, coalesce_us: int = COALESCE_US_MAX):
    """Run `main()` on a loop that reads a busy socket, so that it holds nearly always."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.0001):
            theirs.send(b"x")

    async def loaded():
        asyncio.get_running_loop().add_reader(ours, lambda: ours.recv(1 << 16))
        try:
            async with asyncio.timeout(20):
                return await main()
        finally:
            asyncio.get_running_loop().remove_reader(ours)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        return run(loaded(), coalesce_us=coalesce_us)
    finally:
        stop.set()
        thread.join()
        ours.close()
        theirs.close()


def test_threads_wake_the_loop_also_while_it_holds():
    async def main() -> int:
        loop = asyncio.get_running_loop()
        called = asyncio.Semaphore(0)
        threads = [threading.Thread(target=loop.call_soon_threadsafe, args=(called.release,)) for _ in range(50)]
        for thread in threads:
            thread.start()
            await called.acquire()
            thread.join()
        return len(threads)

    assert under_load(main) == 50


def test_a_signal_is_handled_while_the_loop_holds():
    async def main() -> bool:
        got = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, got.set)
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
            return await got.wait()
        finally:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)

    assert under_load(main)


def test_ctrl_c_ends_a_run_under_load():
    ended = []

    async def main() -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        under_load(main)
    assert ended == [True]


def test_timers_fire_under_load():
    async def main() -> bool:
        for _ in range(100):
            await asyncio.sleep(0.0005)
        return True

    assert under_load(main)
