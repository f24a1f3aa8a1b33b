"""The demo's parts: a simulator, real shards as child processes, and what they say over HTTP.

Everything on this machine, with no outside service. Nothing here prints; the command does.
"""

import asyncio
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ingestor.errors import IngestorError
from ingestor.settings.documents import PREFIX
from ingestor.simulator import Simulator, SimulatorSpec, demo_config, write_config
from shards.slots import slot, static_range

SHARDS = 2
#: From the start of a process to its HTTP server: half a second here, more on a busy machine.
LISTENING_WITHIN_S = 60.0
#: A shard delivers what it has within sink.close_within_s (15 s), and says goodbye within 5 s.
STOP_WITHIN_S = 25.0
#: A page of a few hundred instruments takes milliseconds; a shard that is starting may take longer.
ANSWER_WITHIN_S = 5.0
#: Looks at a child's log so often until its address stands there.
LOOK_EVERY_S = 0.05


class Row(NamedTuple):
    """One instrument as its shard prices it now."""

    instrument: str
    shard: int
    price: float | None
    conf: float | None
    status: str
    venues_used: int
    flagged: list[str]      # provider/venue
    age_s: float | None
    prices_per_s: float


class Provider(NamedTuple):
    """One simulated provider as the shards hear it."""

    name: str
    transport: str          # "WebSocket" or "gRPC"
    messages_per_s: float


class Moment(NamedTuple):
    """What the shards said last."""

    rows: list[Row]
    providers: list[Provider]
    messages_per_s: float
    messages: int
    published: int          # records written to the sink's batches

    @property
    def priced(self) -> int:
        return sum(row.price is not None for row in self.rows)


@dataclass(slots=True)
class Shard:
    """One child process."""

    number: int
    process: asyncio.subprocess.Process
    log: Path
    complaints: Path            # its standard error
    url: str = ""
    page: Mapping[str, Any] = field(default_factory=dict)
    asked_at: float = 0.0       # of the page, monotonic seconds


class Demo:
    """A simulator and its shards, in a folder. One asyncio loop."""

    def __init__(self, folder: Path, spec: SimulatorSpec) -> None:
        self.folder = folder
        self.simulator = Simulator(spec)
        self.shards: list[Shard] = []
        self.instruments: dict[str, int] = {}   # id -> its shard

    async def start(self) -> None:
        """Start everything; returns when each shard's address is known. Raises IngestorError."""
        addresses = await self.simulator.start()
        document = demo_config(addresses, self.simulator.markets)
        config = self.folder / "demo.yaml"
        write_config(
            config, document, shards=SHARDS, http={"host": "127.0.0.1", "port": 0}, log={"format": "json"},
            sink={"kind": "files", "files": {"path": str(self.folder / "records")}})
        for name in document["instruments"]:
            own = slot(name.partition("-")[0])
            self.instruments[name] = next(n for n in range(SHARDS) if own in static_range(n, SHARDS))
        for number in range(SHARDS):
            self.shards.append(await self._start_shard(number, config))
        await asyncio.gather(*(self._address(shard) for shard in self.shards))

    async def look(self) -> Moment:
        """Ask every shard. Raises IngestorError when one is gone."""
        before = [(shard.page, shard.asked_at) for shard in self.shards]
        await asyncio.gather(*(self._ask(shard) for shard in self.shards))
        rows: dict[str, Row] = {}
        rates = dict.fromkeys(self.simulator.addresses, 0.0)
        rate = 0.0
        for shard, (page, asked_at) in zip(self.shards, before, strict=True):
            elapsed_s = shard.asked_at - asked_at if page else 0.0
            rate += _per_s(_total(shard.page, "frames"), _total(page, "frames"), elapsed_s)
            for name in rates:
                rates[name] += _per_s(_frames(shard.page, name), _frames(page, name), elapsed_s)
            versions = {fair["instrument"]: fair["version"] for fair in page.get("fairs", ())}
            for fair in shard.page.get("fairs", ()):
                name = fair["instrument"]
                if self.instruments.get(name) == shard.number:
                    rows[name] = _row(shard.number, fair, _per_s(fair["version"], versions.get(name, 0), elapsed_s))
        return Moment(
            [rows[name] for name in sorted(rows)],
            [Provider(name, _transport(url), rates[name]) for name, url in self.simulator.addresses.items()], rate,
            sum(_total(shard.page, "frames") for shard in self.shards),
            sum(_total(shard.page, "published") for shard in self.shards))

    async def stop(self) -> None:
        """End the shards, then the simulator. Raises IngestorError for a shard that did not end well."""
        try:
            ended = await asyncio.gather(*(_end(shard) for shard in self.shards))
        finally:
            await self.simulator.stop()
        faults = [fault for fault in ended if fault]
        if faults:
            raise IngestorError("; ".join(faults))

    async def _start_shard(self, number: int, config: Path) -> Shard:
        log, complaints = self.folder / f"shard-{number}.log", self.folder / f"shard-{number}.err"
        environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        with log.open("wb") as out, complaints.open("wb") as err:
            # A session of its own: Ctrl-C is ours to pass on, in the right order.
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ingestor", "--shard", str(number), "--config", str(config), stdout=out,
                stderr=err, stdin=asyncio.subprocess.DEVNULL, env=environ, start_new_session=True)
        return Shard(number, process, log, complaints)

    async def _address(self, shard: Shard) -> None:
        deadline = time.monotonic() + LISTENING_WITHIN_S
        while not shard.url:
            _still_there(shard)
            if time.monotonic() > deadline:
                raise IngestorError(
                    f"shard {shard.number} does not listen after {LISTENING_WITHIN_S} s: see {shard.log}")
            for line in shard.log.read_text(errors="replace").splitlines():
                if '"http_listening"' in line:
                    said = json.loads(line)
                    shard.url = f"http://{said['host']}:{said['port']}"
            await asyncio.sleep(LOOK_EVERY_S)

    async def _ask(self, shard: Shard) -> None:
        _still_there(shard)
        try:
            page = await asyncio.to_thread(_fetch, f"{shard.url}/prices")
        except (OSError, ValueError):   # starting, or too busy: what it said last stands
            return
        shard.page, shard.asked_at = page, time.monotonic()


def _fetch(url: str) -> Mapping[str, Any]:
    with urllib.request.urlopen(url, timeout=ANSWER_WITHIN_S) as answer:  # noqa: S310  (our own http:// address)
        page: Mapping[str, Any] = json.load(answer)
        return page


def _still_there(shard: Shard) -> None:
    if shard.process.returncode is not None:
        raise IngestorError(f"shard {shard.number} ended {_how(shard)}")


def _how(shard: Shard) -> str:
    lines = shard.complaints.read_text(errors="replace").splitlines()
    return f"with status {shard.process.returncode}: {lines[-1] if lines else f'see {shard.log}'}"


async def _end(shard: Shard) -> str:
    """Stop one child; what was wrong with its end, if anything."""
    if shard.process.returncode is None:
        shard.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(shard.process.wait(), STOP_WITHIN_S)
        except TimeoutError:
            shard.process.kill()
            await shard.process.wait()
            return f"shard {shard.number} did not stop within {STOP_WITHIN_S} s and was killed: see {shard.log}"
    return f"shard {shard.number} ended {_how(shard)}" if shard.process.returncode else ""


def _row(shard: int, fair: Mapping[str, Any], prices_per_s: float) -> Row:
    flagged = ["/".join(name.split("/")[:2]) for name in fair["flagged"]]
    return Row(
        fair["instrument"], shard, fair["price"], fair["conf"], fair["status"], fair["venues_used"], flagged,
        fair["age_freshest_s"], prices_per_s)


def _total(page: Mapping[str, Any], name: str) -> int:
    count: int = page.get("totals", {}).get(name, 0)
    return count


def _frames(page: Mapping[str, Any], provider: str) -> int:
    count: int = page.get("providers", {}).get(provider, {}).get("frames", 0)
    return count


def _transport(url: str) -> str:
    return "WebSocket" if url.startswith("ws") else "gRPC"


def _per_s(now: float, before: float, elapsed_s: float) -> float:
    return max(now - before, 0.0) / elapsed_s if elapsed_s > 0 else 0.0
