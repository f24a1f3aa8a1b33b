"""`ingestor replay`: a log of raw frames, or captured ones, through the pipeline."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import shards.cli.arguments as common
from ingestor.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from ingestor.rawlog.reader import RawLog
    from shards.captures import Captures
    from shards.replaying import Account

NAME = "replay"
SUMMARY = "a log of raw frames through the same pipeline: at speed, N times speed or flat out"
DESCRIPTION = """\
Plays what `ingestor record` has written, or files of captured frames, through the pipeline of a
configuration. Receive times are the only clock, so one log and one configuration give the same bytes at
any speed. Nothing is connected to, and nothing written unless --out or --sink says so.

FILE is a log's folder or one of its segments, or files of captured frames: lines of {"ts_ns", "dir",
"conn", "raw"}, named after their dialect as in binance-spot.monday.jsonl; several are merged by time.

All instruments of the configuration are one shard, unless --shard takes the part of one. The records'
epoch is the second of the first frame. Ctrl-C ends a replay with what was played delivered."""
EXAMPLES = """\
examples:
  ingestor replay data/raw                              flat out: does it decode, and how fast?
  ingestor replay data/raw --speed 1 --out records      as it came, to Avro files
  ingestor replay data/raw --out - | jq .price          as text
  ingestor replay data/raw --speed 10 --sink            to the configuration's own sink, such as Kafka
  ingestor replay captures/okx-v5.*.jsonl --out a.ndjson
  ingestor replay data/raw --report report              prices as pictures, and a table of the providers"""

#: What is sound, though it yields no record.
SOUND = ("decoded", "ignored", "control")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a log, or captured frames")
    common.add_config(parser)
    parser.add_argument("--speed", metavar="N|max", type=_speed, help="times the log's own (default: max)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", metavar="WHERE", type=Path,
                       help="a new folder for Avro files; *.ndjson, or - for standard output, for text")
    where.add_argument("--sink", action="store_true", help="write to the sink of the configuration")
    parser.add_argument("--shard", metavar="N", type=common.natural, dest="part", help="only this shard's instruments")
    parser.add_argument("--dialect", metavar="NAME", default="", help="of captured frames, whatever the files' names")
    parser.add_argument("--salvage", action="store_true", help="pass over damaged blocks instead of ending")
    parser.add_argument("--report", metavar="DIR", type=Path,
                        help="a new folder for the price report: pictures, and how each provider did")
    parser.add_argument("--strict", action="store_true", help="exit with status 1 if a frame was malformed")
    parser.add_argument("--json", action="store_true", help="the summary as JSON, on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Replay; 130 after Ctrl-C, 1 with --strict when something was malformed."""
    if arguments.json and arguments.out == Path("-"):
        raise ConfigError("--json and --out - both want standard output: leave one out")
    configuration = common.configuration(arguments, arguments.part)
    from ingestor import logs
    from shards.replaying import Replay, Wanted

    logs.configure("error", "auto", sys.stderr)     # the summary tells the rest
    source = _source(arguments)
    wanted = Wanted(arguments.speed, arguments.part, arguments.out, arguments.sink, arguments.report)
    replay = Replay(configuration, source, wanted)
    try:
        with _progress(source) as told:
            account = replay.run(told)
    except SinkError as error:
        if isinstance(error.__cause__, BrokenPipeError):
            return 0    # who read our output has what it wanted
        raise
    summary = {**asdict(account), "torn_bytes": getattr(source, "torn_bytes", 0),
               "blocks_skipped": getattr(source, "blocks_skipped", 0)}
    if arguments.json:
        print(json.dumps(summary))
    else:
        for line in _lines(account, summary["torn_bytes"], summary["blocks_skipped"]):
            print(line, file=sys.stderr)
    if account.interrupted:
        return 130
    return 1 if arguments.strict and _malformed(account) else 0


def _source(arguments: argparse.Namespace) -> "RawLog | Captures":
    """The log, or the captured frames."""
    from ingestor.rawlog.layout import SUFFIX
    from ingestor.rawlog.reader import NotALog, RawLog
    from shards.captures import Captures, is_capture

    first: Path = arguments.files[0]
    if first.suffix == SUFFIX or first.is_dir():
        if len(arguments.files) > 1:
            raise ConfigError(f"{first} is a log, and one log is replayed at a time: give it alone")
        if arguments.dialect:
            raise ConfigError("--dialect is for captured frames: a log says itself whose its frames are")
        return RawLog(first, salvage=arguments.salvage)
    for path in arguments.files:
        if not is_capture(path):
            raise NotALog(
                f"{path}: neither a raw log nor captured frames: give a folder or file that `ingestor record` has "
                "written, or lines of {\"ts_ns\", \"dir\", \"conn\", \"raw\"}")
    return Captures(arguments.files, arguments.dialect)


@contextmanager
def _progress(source: "RawLog | Captures") -> Iterator[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal; gives the function to call with the frames so far."""
    if not sys.stderr.isatty():
        yield lambda frames: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[frames]:,} frames"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("replay", total=source.bytes, frames=0)
        yield lambda frames: bar.update(task, completed=min(source.done_bytes, source.bytes), frames=frames)


def _lines(account: "Account", torn_bytes: int, blocks_skipped: int) -> Iterator[str]:
    """The summary for people."""
    rate = account.frames / account.seconds if account.seconds else 0.0
    yield (
        f"frames {account.frames} of {account.connections} connections, {account.log_seconds:,.1f} s of the log in "
        f"{account.seconds:,.2f} s ({rate:,.0f} frames/s)" + (", interrupted" if account.interrupted else ""))
    yield f"frames {_counts({name: account.statuses.get(name, 0) for name in SOUND})}, malformed {_malformed(account)}"
    if _malformed(account):
        yield f"malformed {_counts({k: v for k, v in account.statuses.items() if v and k not in SOUND})}"
    yield f"records {_counts(account.records)}, of no instrument {account.unknown}; prices {account.evaluations}"
    if account.written:
        yield f"written {_counts(account.written)}"
    if account.report:
        yield f"report {account.report[-1]}, {len(account.report)} files"
    if account.holes:
        yield f"holes {account.holes} in what the providers sent, {account.numbers_lost} numbers lost"
    if account.alerts:
        yield f"alerts fired {_counts(account.alerts)}"
    if account.lost_frames:
        yield f"not recorded {account.lost_frames} frames: the recorder's disk was too slow"
    if account.strays:
        yield f"not played {account.strays} frames: what opened their connection is missing"
    if torn_bytes:
        yield f"torn tail {torn_bytes} bytes, cut: the recorder was killed, or is still running"
    if blocks_skipped:
        yield f"damaged blocks {blocks_skipped}, passed over"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _malformed(account: "Account") -> int:
    return sum(count for name, count in account.statuses.items() if name not in SOUND)


def _speed(text: str) -> float | None:
    return None if text == "max" else common.positive(text)
