"""The simulator: ports opened, time passing, faults beginning and ending, and the account at the end.

    simulator = Simulator(SimulatorSpec(markets="demo", rate=2000))
    addresses = await simulator.start()     # {"kraken-v2": "ws://127.0.0.1:41233/v2", ...}
    ...
    await simulator.stop()
    simulator.summary()                     # what was sent, by market

One loop, the caller's. Three modes: synthetic markets, captured frames (playback.py), blast (blast.py).
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingestor.errors import ConfigError
from ingestor.simulator import captures, control, presets
from ingestor.simulator.blast import BlastPort
from ingestor.simulator.dialects.dialect import Dialect
from ingestor.simulator.dialects.registry import DIALECTS, KAIKO, traits
from ingestor.simulator.engine import STEP_NS, Engine
from ingestor.simulator.faults import Faults
from ingestor.simulator.market import Market
from ingestor.simulator.playback import CapturedPort
from ingestor.simulator.server import listen, server_context
from ingestor.simulator.service import Listener, LivePort, Port
from ingestor.simulator.spec import Fault, MarketSpec, SimulatorSpec, Target
from ingestor.simulator.vocabulary import FAULTS

BLAST_ENGINE_RATE = 20_000.0
STOP_WITHIN_S = 1.0
YIELD_S = 0.0005            # for the sockets, also where the engine is behind


class Simulator:
    """Provider servers. Lives on one event loop, and may be started once."""

    def __init__(self, spec: SimulatorSpec) -> None:
        self.spec = spec
        self.addresses: dict[str, str] = {}
        self.listeners: list[Listener] = []     # told of everything that goes out
        self.control_url = ""       # where faults can be asked for, if spec.control_port is set
        self.markets: list[MarketSpec] = [] if spec.captures is not None else presets.markets(spec)
        self.engine: Engine | None = None
        self._faults = Faults(spec.faults, [market.symbol for market in self.markets], spec.seed)
        self._ports: dict[str, Any] = {}                # Port or KaikoServer, by dialect
        self._servers: list[asyncio.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._left_out: list[str] = []                  # dialects of a preset that blast can't serve
        self._started_s = 0.0
        self._was_wrong = self._held = False
        self._check_targets(spec.faults)

    async def start(self) -> dict[str, str]:
        """Listen, and let time begin. Returns the URL of each dialect. Raises ConfigError."""
        loop = asyncio.get_running_loop()
        self._started_s = loop.time()
        try:
            if self.spec.captures is not None:
                await self._open_captured(Path(self.spec.captures))
            elif self.spec.blast is not None:
                await self._open_blast()
            else:
                await self._open_live()
                self._tasks.append(loop.create_task(self._live()))
                await self._open_control()
            self._tasks.append(loop.create_task(self._each_second()))
        except BaseException:
            await self.stop()
            raise
        return self.addresses

    async def stop(self) -> None:
        """Say goodbye to every client and close the ports. The summary stays."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            server.close()
        for port in self._ports.values():
            if hasattr(port, "stop"):
                await port.stop()
            port.close_peers()
        await self._lines_gone()
        for server in self._servers:
            await server.wait_closed()

    def hold(self) -> None:
        """Let nothing happen any more: what is under way still arrives, and connections stay."""
        self._held = True

    async def wait_done(self) -> None:
        """Captured frames: every frame is sent. Blast: every port has served a connection. Else: for ever."""
        waiting = [port.done.wait() for port in self._ports.values() if isinstance(port, CapturedPort | BlastPort)]
        if not waiting:
            await asyncio.Event().wait()
        await asyncio.gather(*waiting)

    def inject(self, fault: Fault) -> None:
        """Let something go wrong now. Raises ConfigError for a target that is not there."""
        self._check_targets((fault,))
        self._faults.inject(fault, self._now_s())
        self._act(fault)

    def heal(self) -> None:
        """End every fault that is on, and forget what was scheduled."""
        self._faults.clear()

    def active_faults(self) -> list[dict[str, Any]]:
        """What is wrong now: {"kind", "target", "value", "left_s"}."""
        return [{"kind": each.fault.kind, "target": each.fault.target, "value": each.fault.amount,
                 "left_s": round(max(0.0, each.until_s - self._now_s()), 3)} for each in self._faults.active]

    def summary(self) -> dict[str, Any]:
        """What was sent: {"mode", "dialects": {name: {...}}, "frames", "connections", "faults": {kind: times}}.

        "left_out" are the dialects of a preset that blast can't serve; by name it refuses them.
        """
        mode = "captures" if self.spec.captures is not None else "blast" if self.spec.blast is not None else "live"
        dialects = {name: port.summary() for name, port in self._ports.items()}
        return {
            "mode": mode, "dialects": dialects, "left_out": self._left_out, "faults": dict(self._faults.counts),
            "frames": sum(each["frames"] for each in dialects.values()),
            "connections": sum(each["connections"] for each in dialects.values()),
            "skipped_s": 0.0 if self.engine is None else self.engine.skipped_ns / 1e9,
        }

    async def _lines_gone(self) -> None:
        """Wait for the clients' goodbyes, then cut."""
        ports = [port for port in self._ports.values() if isinstance(port, Port)]
        deadline_s = asyncio.get_running_loop().time() + STOP_WITHIN_S
        while lines := [peer for port in ports for peer in port.lines]:
            if asyncio.get_running_loop().time() > deadline_s:
                for peer in lines:
                    peer.abort()
            await asyncio.sleep(0.005)

    # Opening.

    async def _open_live(self) -> None:
        engine = self._new_engine(self.spec.rate)
        self.engine = engine
        for name in dict.fromkeys(market.dialect for market in self.markets):
            own = [market for market in engine.markets if market.spec.dialect == name]
            if name == KAIKO:
                await self._open_kaiko(own)
                continue
            await self._open(LivePort(self._dialect(name, own), self._faults, self.listeners))

    async def _open_control(self) -> None:
        if self.spec.control_port is not None:
            server, number = await control.listen(self, self.spec.control_port)
            self._servers.append(server)
            self.control_url = f"http://{control.HOST}:{number}/faults"

    def _dialect(self, name: str, own: list[Market]) -> Dialect:
        """A simulated dialect over these markets, with the rules that the spec changes."""
        dialect = DIALECTS[name](
            {(DIALECTS[name].place(market.spec), market.spec.symbol): market for market in own}, time.time_ns,
            self.spec.keys.get(name, ""))
        if name in self.spec.rules:
            dialect.rules = dialect.rules._replace(**dict[str, Any](self.spec.rules[name]))   # type: ignore[misc]
        return dialect

    async def _open_kaiko(self, markets: list[Any]) -> None:
        from ingestor.simulator.grpc_server import KaikoServer  # grpc takes 40 MB: only where it is served

        server = KaikoServer(markets, self._faults, self.spec.keys.get(KAIKO, ""), self.listeners)
        tls = None
        if self.spec.tls_cert_file is not None and self.spec.tls_key_file is not None:
            server_context(self.spec.tls_cert_file, self.spec.tls_key_file)
            tls = (_read(self.spec.tls_key_file), _read(self.spec.tls_cert_file))
        port = await server.start(self.spec.host, self.spec.ports.get(KAIKO, 0), tls)
        server.url = f"{'https' if tls else 'http'}://{self.spec.host}:{port}"
        self._ports[KAIKO] = server
        self.addresses[KAIKO] = server.url

    async def _open_captured(self, folder: Path) -> None:
        for name in captures.dialects(folder):
            if not self.spec.dialects or name in self.spec.dialects:
                dialect = DIALECTS[name](None, time.time_ns, "")
                await self._open(CapturedPort(
                    dialect, captures.groups(folder, name), self.spec.speed, self.spec.settle_s))
        if not self._ports:
            raise ConfigError(f"captures: no captured frames of {', '.join(self.spec.dialects)} in {folder}")

    async def _open_blast(self) -> None:
        assert self.spec.blast is not None
        names = list(dict.fromkeys(market.dialect for market in self.markets))
        self._left_out = [name for name in names if name == KAIKO or DIALECTS[name].per_connection]
        by_name = self.spec.dialects or not isinstance(self.spec.markets, str)
        if self._left_out and (by_name or self._left_out == names):
            raise ConfigError(f"blast: {', '.join(self._left_out)} can't be stamped: choose other dialects, or "
                              "leave out blast")
        for name in names:
            if name in self._left_out:
                continue
            engine = self._new_engine(BLAST_ENGINE_RATE, [each for each in self.markets if each.dialect == name])
            port = BlastPort(self._dialect(name, engine.markets), engine, self.spec.blast, self.spec.settle_s)
            await self._open(port)

    async def _open(self, port: Port) -> None:
        tls = server_context(self.spec.tls_cert_file, self.spec.tls_key_file)
        name = port.dialect.name
        server, number = await listen(port, self.spec.host, self.spec.ports.get(name, 0), tls)
        port.url = f"{'wss' if tls else 'ws'}://{self.spec.host}:{number}{port.dialect.path}"
        self._servers.append(server)
        self._ports[name] = port
        self.addresses[name] = port.url

    def _new_engine(self, rate: float, markets: list[MarketSpec] | None = None) -> Engine:
        return Engine(
            self.markets if markets is None else markets, presets.assets(self.spec), traits, seed=self.spec.seed,
            rate=rate, start_ns=time.time_ns(), bursts=self.spec.bursts)

    # Time.

    async def _live(self) -> None:
        assert self.engine is not None
        while True:
            self._go_wrong()
            for happenings in () if self._held else self.engine.advance(time.time_ns()):
                for happening in happenings:
                    self._ports[happening.market.spec.dialect].deliver(happening)
            for port in self._ports.values():
                port.flush()
            wait_ns = self.engine.now_ns + STEP_NS - time.time_ns()
            await asyncio.sleep(max(YIELD_S, wait_ns / 1e9))

    async def _each_second(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for port in self._ports.values():
                port.each_second()

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._started_s

    # Faults.

    def _go_wrong(self) -> None:
        started, healed = self._faults.begin(self._now_s())
        for fault in started:
            self._act(fault)
        if healed:
            self._trouble_markets()
        if started or self._faults.active or self._was_wrong:
            self._was_wrong = bool(self._faults.active)
            for port in self._live_ports():
                port.drip()

    def _act(self, fault: Fault) -> None:
        """What happens once, when a fault begins; the ports ask for the rest."""
        target = fault.aim()
        if FAULTS[fault.kind].acts == "market":
            self._trouble_markets()
            if fault.kind == "reset":
                for market in self._wrong_markets(target):
                    market.restart()
        for name, port in self._ports.items():
            if target.name in ("", name) and fault.kind == "close":
                port.close_peers(fault.duration_s, int(fault.amount), target.connection)
            elif target.name in ("", name) and fault.kind == "cut":
                port.cut_peers(target.connection)

    def _trouble_markets(self) -> None:
        """Each market is as the last fault says that is on and concerns it."""
        assert self.engine is not None
        for market in self.engine.markets:
            market.trouble, market.clock_ns = "", 0
        for active in self._faults.active:
            fault = active.fault
            if FAULTS[fault.kind].acts != "market" or active.until_s <= self._now_s():
                continue
            for market in self._wrong_markets(active.target):
                if fault.kind == "clock":
                    market.clock_ns = int(fault.amount * 1e9)
                elif fault.kind != "reset":
                    market.trouble, market.off_by = fault.kind, 1.0 + fault.amount / 100

    def _wrong_markets(self, target: Target) -> list[Market]:
        assert self.engine is not None
        name = target.name or self._bad_venue()
        return [market for market in self.engine.markets if name in (market.spec.venue, market.spec.dialect)
                and target.symbol in ("", market.spec.symbol)]

    def _live_ports(self) -> list[LivePort]:
        return [port for port in self._ports.values() if isinstance(port, LivePort)]

    def _bad_venue(self) -> str:
        venues = [market.venue for market in self.markets]
        return presets.BAD_VENUE if presets.BAD_VENUE in venues else venues[-1]

    def _check_targets(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            if self.spec.captures is not None or self.spec.blast is not None:
                raise ConfigError(
                    f"fault {fault.kind}: only synthetic markets have faults; leave out captures and blast")
            target = fault.aim()
            of_market = FAULTS[fault.kind].acts == "market"
            known = {name for market in self.markets for name in (
                (market.dialect, market.venue) if of_market else (market.dialect,))
                if target.symbol in ("", market.symbol)}
            if target.name not in ("", *known) or not known:
                raise ConfigError(
                    f"fault {fault.kind}/{fault.target}: no such target; use one of {', '.join(sorted(known))}")


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


async def run(
    spec: SimulatorSpec, started: Callable[[Simulator], object] = lambda simulator: None,
    stop: asyncio.Event | None = None,
) -> Mapping[str, Any]:
    """Run a simulator until `stop` is set, or for `spec.duration_s`; returns its summary.

    `started` is called once the ports are open, with the addresses in `simulator.addresses`.
    """
    simulator = Simulator(spec)
    await simulator.start()
    try:
        started(simulator)
        await asyncio.wait_for((stop or asyncio.Event()).wait(), spec.duration_s or None)
    except TimeoutError:
        pass
    finally:
        await simulator.stop()
    return simulator.summary()
