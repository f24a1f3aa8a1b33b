"""`ingestor simulate`: providers' servers for tests and demos, until interrupted."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import shards.cli.arguments as common
from ingestor.errors import ConfigError

NAME = "simulate"
SUMMARY = "provider servers for tests and demos, over real WebSocket and gRPC"
DESCRIPTION = """\
Serves simulated providers on this machine, over real WebSocket and gRPC, each in its own dialect:
synthetic markets that look like markets, or captured frames. Prints the address of each, and with
--write-config a configuration that `ingestor --shard 0 --config FILE` can be run with. Ends on Ctrl-C,
or after --seconds, with an account of what was sent; for captured frames also of the records that
they hold. The same ports answer plain GETs as the providers' history endpoints do.

Faults: KIND[/TARGET][=VALUE]@SECONDS[:DURATION] with --fault, or at any time over HTTP with --control:
GET /faults lists them, POST /faults begins one, DELETE /faults ends all. A target is a dialect, or a
venue for what goes wrong with a market, and may name one connection and one symbol: NAME[#N][:SYMBOL].
Without a target: every dialect, or the demo's bad venue. Without a duration: once. Kinds, with their
usual values:
  stuck         goes on quoting the price it has
  off           quotes and trades away from the others [6 percent]
  quiet         says nothing
  wide          a spread of 2.5 percent
  crossed       bids more than it asks
  clock         its times are ahead, or behind [30 seconds]
  reset         ids and sequences begin again at 1
  silence       no data and no heartbeat; pings and requests are answered
  drop          messages get lost; the history has them [5 messages]
  duplicate     a message comes twice
  reorder       two messages change places
  truncate      a message is cut, its frame is whole
  corrupt       a wrong bracket
  oversize      16 MiB and a byte [16777217 bytes]
  wrong_symbol  a symbol nobody asked for
  garbage       neither JSON nor UTF-8
  bad_deflate   marked as compressed, and is not
  close         goodbye to all at once; a duration is an outage [1001 close code]
  cut           the line breaks in the middle of a frame
  drip          everything leaves slowly, byte by byte [200 bytes a second]
  refuse        what is asked for is unknown
  no_ack        requests are heeded, and not answered
  slow_ack      requests are heeded and answered late [2 seconds]
  no_heartbeat  neither heartbeats nor pings
  rate_limit    upgrades, requests and history are refused as too many [429 status]"""
EXAMPLES = """\
examples:
  ingestor simulate --rate 2000 --write-config /tmp/sim.yaml
  ingestor simulate --captures --speed flat --write-config /tmp/sim.yaml
  ingestor simulate --dialects kraken-v2,kaiko --fault off/kraken=2@20:15 --fault close=1013@30
  ingestor simulate --markets every --control 9000 &
  curl -d '{"kind": "silence", "target": "okx-v5#1:BTC-USDT", "duration_s": 5}' localhost:9000/faults"""

#: The first line of a file that we wrote, and may write again.
MARK = "# Made by `ingestor simulate`"
#: Beside the repository, where the tests look for them too.
CAPTURES = "../shared/captures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--captures", metavar="PATH", nargs="?", const="", default=None,
        help=f"serve the captured frames in this folder (default: $INGESTOR_CAPTURES, else {CAPTURES})")
    parser.add_argument("--speed", metavar="X|flat", type=_speed, default=1.0, help="of captured frames (default: 1)")
    parser.add_argument("--markets", choices=("demo", "bench", "every"), default="demo",
                        help="set of markets (default: demo; every: each dialect has some)")
    parser.add_argument("--dialects", metavar="A,B", type=_dialects, default=(), help="serve only these")
    parser.add_argument("--rate", metavar="N", type=common.positive, default=500.0,
                        help="messages a second of all markets together (default: 500)")
    parser.add_argument("--seed", metavar="N", type=common.natural, default=1, help="of the synthetic markets")
    parser.add_argument("--fault", metavar="FAULT", action="append", default=[], help="what goes wrong, and when")
    parser.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", metavar="N", type=common.natural, default=0,
                        help="the first of several ports in a row, one a dialect (default: free ones)")
    parser.add_argument("--control", metavar="PORT", type=common.natural, default=None,
                        help="take faults over HTTP on this port of loopback (0: a free one)")
    parser.add_argument("--write-config", metavar="FILE", type=Path, help="write a configuration for what is served")
    parser.add_argument("--summary", metavar="FILE", type=Path, help="write the account as JSON, with all its details")
    parser.add_argument("--seconds", metavar="N", type=common.positive, default=0.0, help="end by itself")


def run(arguments: argparse.Namespace) -> int:
    """Serve until the end."""
    from ingestor import logs

    logs.configure("warning", "auto", sys.stderr)
    target = arguments.write_config
    if target is not None and target.exists() and not target.read_text(errors="replace").startswith(MARK):
        raise ConfigError(f"--write-config: {target} is there and was not made by this command: name another file")
    asyncio.run(_serve(arguments, _spec(arguments)))
    return 0


def _spec(arguments: argparse.Namespace) -> Any:
    from ingestor.simulator import Fault, SimulatorSpec
    from ingestor.simulator.dialects.registry import NAMES

    captures = arguments.captures
    if captures is not None:
        captures = captures or os.environ.get("INGESTOR_CAPTURES") or CAPTURES
    ports = {name: arguments.port + place for place, name in enumerate(NAMES)} if arguments.port else {}
    return SimulatorSpec(
        markets=arguments.markets, seed=arguments.seed, rate=arguments.rate, dialects=arguments.dialects,
        host=arguments.host, ports=ports, captures=captures, speed=arguments.speed, duration_s=arguments.seconds,
        faults=[Fault.parse(text) for text in arguments.fault], control_port=arguments.control)


async def _serve(arguments: argparse.Namespace, spec: Any) -> None:
    from ingestor.simulator import Simulator, run

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    background: list[asyncio.Task[None]] = []

    def started(simulator: Simulator) -> None:
        if arguments.write_config is not None:
            _write_config(arguments.write_config, simulator)
        _print(f"{name:20} {address}" for name, address in simulator.addresses.items())
        if simulator.control_url:
            _print([f"{'control':20} {simulator.control_url}"])
        if spec.captures is not None:
            background.append(asyncio.create_task(_tell_when_done(simulator)))

    summary = await run(spec, started, stop)
    for task in background:
        task.cancel()
    if arguments.summary is not None:
        arguments.summary.write_text(json.dumps(summary, indent=1) + "\n")
    _print(_account(summary))


def _write_config(path: Path, simulator: Any) -> None:
    from ingestor.simulator import captured_config, captures, demo_config, write_config

    spec = simulator.spec
    if spec.captures is not None:
        document = captured_config(simulator.addresses, captures.markets(Path(spec.captures), spec.dialects))
    else:
        document = demo_config(simulator.addresses, simulator.markets)
    write_config(path, document)
    _print([f"{'configuration':20} {path}"])


async def _tell_when_done(simulator: Any) -> None:
    await simulator.wait_done()
    _print([f"all captured frames are sent: {simulator.summary()['frames']}; Ctrl-C ends"])


def _account(summary: Any) -> Iterable[str]:
    for name, port in summary["dialects"].items():
        yield f"{name:20} frames {port['frames']}, connections {port['connections']}{_expected(port)}"
    for kind, times in summary["faults"].items():
        yield f"fault {kind:14} {times}"


def _expected(port: Any) -> str:
    """What captured frames hold: records by kind, each trade once."""
    if "expected" not in port:
        return ""
    kinds = {**port["expected"]["kinds"], "trade": port["expected"]["distinct_trades"]}
    counts = [f"{kind}s {count}" for kind, count in sorted(kinds.items())]
    return f"; {port['sent']} of {port['captured_frames']} captured, that hold {', '.join(counts)}"


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _speed(text: str) -> float | Literal["flat"]:
    return "flat" if text == "flat" else common.positive(text)


def _dialects(text: str) -> tuple[str, ...]:
    from ingestor.simulator.dialects.registry import NAMES

    names = tuple(name for name in text.split(",") if name)
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"{name!r} is no simulated dialect: use {', '.join(NAMES)}")
    return names
