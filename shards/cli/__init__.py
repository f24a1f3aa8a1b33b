"""The command line: one small file a command; this one picks the command and words the failures.

A failure is one line on stderr that says what to do. Exit status: 0 done, 1 a failure at run time, 2 a
wrong call or configuration.
"""

import os
import sys
from collections.abc import Sequence

from ingestor.errors import ConfigError, IngestorError
from ingestor.masking import masked
from shards.cli import check, decode, demo, record, replay, shard, simulate
from shards.cli.arguments import Parser, add_command

COMMANDS = (demo, decode, record, replay, simulate, check)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    parser = Parser(prog="ingestor", description=shard.DESCRIPTION, epilog=shard.EXAMPLES)
    shard.add_arguments(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for command in COMMANDS:
        add_command(commands, command)
    parsed = parser.parse_args(arguments)
    if parsed.command and parsed.shard is not None:
        parser.error(f"--shard runs a shard, {parsed.command} is another command: give one of them")
    try:
        status: int = parsed.run(parsed)
        return status
    except ConfigError as error:
        return _fail(error.faults, 2)
    except IngestorError as error:
        return _fail([str(error)], 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read our output has what it wanted. Nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return _fail([f"{name}{error.strerror or error}"], 1)


def _fail(lines: Sequence[str], status: int) -> int:
    for line in lines:
        print(f"ingestor: {masked(' '.join(line.splitlines()))}", file=sys.stderr)
    return status
