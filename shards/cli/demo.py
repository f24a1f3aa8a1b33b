"""`ingestor demo`: everything on this machine, with no outside service, and its prices to look at."""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shards.cli.arguments as common
from ingestor.errors import IngestorError

if TYPE_CHECKING:
    from shards.demo import Demo, Moment

NAME = "demo"
SUMMARY = "everything on this machine with no outside service: a live table of fair prices"
DESCRIPTION = """\
Starts simulated providers over real WebSocket and gRPC, each in its own dialect, and two shards as
processes of their own, which write Avro files; prints their addresses, then a live table of fair
prices (a line a second where there is no terminal). Now and then a venue goes wrong: see it flagged.
Ctrl-C ends it all cleanly."""
EXAMPLES = """\
examples:
  ingestor demo
  ingestor demo --rate 20000 --data data/demo
  ingestor demo --once                     one table, as soon as everything is priced"""

#: The table is drawn, and a line printed, so often.
TABLE_EVERY_S, LINE_EVERY_S = 0.5, 1.0
#: With --once and without --seconds: two providers say little, so that their instruments take a while.
PRICED_WITHIN_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--rate", metavar="N", type=common.positive, default=2000.0,
                        help="messages a second of all providers together (default: 2000)")
    parser.add_argument("--seed", metavar="N", type=common.natural, default=1, help="of the synthetic markets")
    parser.add_argument("--calm", action="store_true", help="let nothing go wrong")
    parser.add_argument("--data", metavar="DIR", type=Path,
                        help="keep records, logs and configuration here (default: a folder that is removed at the end)")
    parser.add_argument("--seconds", metavar="N", type=common.positive, default=0.0, help="end by itself")
    parser.add_argument("--once", action="store_true", help="print one table when everything is priced, and end")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo to its end."""
    from ingestor import logs

    logs.configure("error", "auto", sys.stderr)
    with _folder(arguments.data) as folder:
        return asyncio.run(_run(arguments, folder))


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="ingestor-demo-") as folder:
        yield Path(folder)


async def _run(arguments: argparse.Namespace, folder: Path) -> int:
    from ingestor.simulator import SimulatorSpec
    from ingestor.simulator.presets import DEMO_FAULTS
    from shards.demo import Demo

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    demo = Demo(folder, SimulatorSpec(
        rate=arguments.rate, seed=arguments.seed, faults=() if arguments.calm else DEMO_FAULTS))
    work = asyncio.create_task(_show(arguments, demo))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (work, stopping):
            task.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        await demo.stop()
    print("stopped: simulator, shards" + (f"; records in {folder / 'records'}" if arguments.data else ""))
    return 0


async def _show(arguments: argparse.Namespace, demo: "Demo") -> None:
    await demo.start()
    for line in _addresses(demo, keeps=arguments.data is not None):
        print(line, flush=True)
    if arguments.once:
        await _once(demo, arguments.seconds or PRICED_WITHIN_S)
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_live(demo) if sys.stdout.isatty() else _lines(demo), arguments.seconds or None)


def _addresses(demo: "Demo", *, keeps: bool) -> Iterator[str]:
    yield f"providers  {len(demo.simulator.addresses)} simulated: {', '.join(demo.simulator.addresses)}"
    for shard in demo.shards:
        yield f"shard {shard.number}    {shard.url}/metrics  /healthz  /readyz  /prices  /alerts"
    yield f"records    {demo.folder / 'records'} (Avro{'' if keeps else '; removed at the end, --data DIR keeps them'})"


async def _once(demo: "Demo", within_s: float) -> None:
    from rich.console import Console

    from shards.cli.table import table

    moment: Moment | None = None
    try:
        async with asyncio.timeout(within_s):
            while moment is None or moment.priced < len(demo.instruments):
                await asyncio.sleep(TABLE_EVERY_S)
                moment = await demo.look()
            await asyncio.sleep(TABLE_EVERY_S)
            moment = await demo.look()      # once more: rates are differences
    except TimeoutError:
        priced = {row.instrument for row in moment.rows if row.price is not None} if moment else set()
        missing = sorted(demo.instruments.keys() - priced)
        raise IngestorError(
            f"after {within_s} s there is no price of {', '.join(missing)}: give more --seconds or --rate") from None
    Console(width=None if sys.stdout.isatty() else 140).print(table(moment))


async def _live(demo: "Demo") -> None:
    from rich.live import Live

    from shards.cli.table import table

    view: Any
    with Live(auto_refresh=False) as view:
        while True:
            view.update(table(await demo.look(), "; Ctrl-C ends"), refresh=True)
            await asyncio.sleep(TABLE_EVERY_S)


async def _lines(demo: "Demo") -> None:
    from shards.cli.table import line

    while True:
        print(line(await demo.look()), flush=True)
        await asyncio.sleep(LINE_EVERY_S)
