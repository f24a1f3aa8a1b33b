"""Coroutine tests: each on a loop of its own, bounded, and held to leave nothing behind."""

import asyncio
import gc
import inspect

import pytest

WITHIN_S = 30


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    complaints: list[str] = []

    async def bounded() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(str(context)))
        async with asyncio.timeout(WITHIN_S):
            await pyfuncitem.obj(**arguments)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:      # a server that has yet to notice that its client went
            await asyncio.wait(others, timeout=2)
        left = [str(task) for task in others if not task.done()]
        assert left == [], "tasks were left running"

    asyncio.run(bounded())
    gc.collect()    # what was never awaited or closed complains now, and fails this test instead of the next
    assert complaints == []
    return True
