"""`ingestor decode`: raw frames in, unified records out, for debugging a provider."""

import argparse
import json
import sys

from ingestor.errors import ConfigError
from shards.dialects import DIALECTS

NAME = "decode"
SUMMARY = "raw frames in, unified records out as NDJSON; for debugging a provider"
DESCRIPTION = """\
Reads frames of one dialect and writes one JSON object a record to standard output; a summary goes to
standard error. A line is either of the captures' layout, {"ts_ns", "dir", "conn", "raw"}, or one bare
frame. Lines whose dir is not `in` are not decoded; an `open` line resets the state of its conn.
ts_recv_ns is the line's ts_ns, and 0 where there is none. gzip and zstd are unpacked. Frames of kaiko,
which are binary, are base64: a byte that names the method, then the message."""
EXAMPLES = """\
examples:
  ingestor decode binance-spot frames.jsonl | jq .price
  echo '{"e":"trade","s":"BTCUSDT","t":1,"p":"64000.5","q":"0.1","m":true}' | ingestor decode binance-spot
  ingestor decode --strict okx-v5 frames.jsonl.zst > records.ndjson"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("dialect", metavar="DIALECT", help=f"one of {', '.join(sorted(DIALECTS))}")
    parser.add_argument("file", metavar="FILE", nargs="?", default="-", help="frames, a line each (default: stdin)")
    parser.add_argument("--strict", action="store_true", help="exit with status 1 if a frame was malformed")


def run(arguments: argparse.Namespace) -> int:
    """Decode the file; 1 with --strict when something was malformed."""
    if arguments.dialect not in DIALECTS:
        raise ConfigError(f"unknown dialect {arguments.dialect!r}: use one of {', '.join(sorted(DIALECTS))}")
    from shards.frames import Decoding, batches, opened

    decoding = Decoding(arguments.dialect)
    text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    output = sys.stdout.buffer
    with opened(arguments.file) as source:
        for lines in batches(source):
            output.write("".join(f"{text(record)}\n" for record in decoding.records(lines)).encode())
            output.flush()
    for line in decoding.summary():
        print(line, file=sys.stderr)
    return 1 if arguments.strict and decoding.malformed else 0
