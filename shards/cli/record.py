"""`ingestor record`: raw frames with their receive times to a log."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import shards.cli.arguments as common
from ingestor.errors import ConfigError

if TYPE_CHECKING:
    from ingestor.settings.models import RecordSettings
    from shards.recording import Recording

NAME = "record"
SUMMARY = "raw frames with their receive times to a log, for `ingestor replay`"
DESCRIPTION = """\
Opens the feeds of the configuration as a shard does, and writes what they bring to a log: a folder of zstd
segments with checksums and an index. Nothing is priced or published. Ends on Ctrl-C, or after --seconds.

What the log of a killed process lacks is what was still in memory, less than a second of frames; a power
cut costs what record.sync_every_s says. A torn tail is cut by the next run, or passed over by a replay. When the
disk is too slow, frames are lost to the log, counted, and told in it. Nothing that we send is recorded,
and no URL: both may hold keys. Rotation, retention and compression: the keys under `record`.

With --import, files of captured frames become a log: a line is {"ts_ns", "dir", "conn", "raw"}, several
files are merged by time, and a file is named after its dialect, or --dialect says it."""
EXAMPLES = """\
examples:
  ingestor record --out data/raw --seconds 60
  ingestor record --config config/ingestor.yaml --provider kraken-v2 --provider okx-v5
  ingestor record --import captures/binance-spot.*.jsonl --out data/raw"""

#: Where the log goes when nothing says it.
FOLDER = Path("data/raw")
#: Without a terminal, so often a line says what is on the disk.
TELL_EVERY_S = 10.0
#: To the line's beginning, and nothing behind it.
CLEAR = "\r\x1b[K"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    common.add_config(parser)
    parser.add_argument("--out", metavar="DIR", type=Path,
                        help=f"folder of the log (default: record.path of the configuration, else {FOLDER})")
    parser.add_argument("--shard", metavar="N", type=common.natural, default=0, dest="part",
                        help="whose markets (default: 0)")
    parser.add_argument("--provider", metavar="NAME", action="append", default=[], help="only this one, or these")
    parser.add_argument("--seconds", metavar="N", type=common.positive, help="end by itself")
    parser.add_argument("--tell-every", metavar="S", type=common.positive, default=TELL_EVERY_S,
                        help="without a terminal: seconds between two lines of what is on the disk (default: 10)")
    parser.add_argument("--import", metavar="FILE", nargs="+", type=Path, default=[], dest="files",
                        help="captured frames, instead of feeds")
    parser.add_argument("--dialect", metavar="NAME", default="", help="with --import: of all files")


def run(arguments: argparse.Namespace) -> int:
    """Record until the end."""
    from ingestor.settings.models import RecordSettings

    if arguments.dialect and not arguments.files:
        raise ConfigError("--dialect says whose the files of --import are: give --import FILE, or leave it out")
    if arguments.files:
        return _import(arguments, RecordSettings())
    from ingestor import logs

    configuration = common.configuration(arguments, arguments.part)
    settings = configuration.settings
    on_terminal = sys.stderr.isatty()   # which shows how it goes: only what is wrong is told beside it
    level = "warning" if on_terminal and settings.log.level == "info" else settings.log.level
    logs.configure(
        level, settings.log.format, sys.stderr, shard=arguments.part,
        secrets=[each.key.get_secret_value() for each in settings.providers.values()])
    from ingestor.feeds import loop
    from shards.recording import Recording, record

    folder = arguments.out or settings.record.path or FOLDER
    recording = Recording(folder, settings.record, arguments.part)
    tell = _teller(recording, arguments.tell_every, on_terminal)

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await record(
            configuration, arguments.part, recording, arguments.provider, stop, seconds=arguments.seconds, told=tell)

    loop.run(main(), coalesce_us=settings.pipeline.coalesce_us)
    print(f"{CLEAR if on_terminal else ''}{folder}: {_account(recording)}", file=sys.stderr)
    return 0


def _import(arguments: argparse.Namespace, settings: "RecordSettings") -> int:
    from ingestor.rawlog.reader import segment_files
    from ingestor.rawlog.writer import LogWriter
    from shards.captures import Captures
    from shards.recording import rules

    folder = arguments.out or FOLDER
    captures = Captures(arguments.files, arguments.dialect)
    if folder.is_dir() and segment_files(folder):
        raise ConfigError(f"--out: {folder} has a log already, which an import would be mixed with: name a new folder")
    writer = LogWriter(folder, rules(settings), session_ns=captures.first_ns)
    try:
        for block in captures.blocks():
            writer.write(block)
    finally:
        writer.close()
    print(f"{folder}: frames {writer.frames}, {_size(writer.packed_bytes)} of {_size(writer.raw_bytes)}, segments "
          f"{writer.segments}", file=sys.stderr)
    return 0


def _teller(recording: "Recording", every_s: float, on_terminal: bool) -> Callable[[], None]:
    """A function that shows how it goes: on a terminal in one line that is overwritten, else in the log."""
    import structlog

    log = structlog.get_logger()
    told_s = time.monotonic()

    def tell() -> None:
        nonlocal told_s
        if on_terminal:
            print(f"{CLEAR}{_account(recording)}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - told_s >= every_s:
            told_s = time.monotonic()
            log.info("raw_log_written", frames=recording.disk.frames, bytes=recording.writer.packed_bytes,
                     frames_lost=recording.tap.lost_frames)

    return tell


def _account(recording: "Recording") -> str:
    tap, writer = recording.tap, recording.writer
    lost = f", LOST {tap.lost_frames} as the disk was too slow" if tap.lost_frames else ""
    return (f"frames {tap.frames}, on the disk {recording.disk.frames}, {_size(writer.packed_bytes)} of "
            f"{_size(writer.raw_bytes)}, segments {writer.segments}{lost}")


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
