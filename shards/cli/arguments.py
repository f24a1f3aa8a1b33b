"""What the commands' arguments share: one-line errors, examples in the help, the configuration's place."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from ingestor.settings import Configuration


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one line, nothing is guessed, and texts keep their lines."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """End with exit status 2."""
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def add_command(commands: Any, command: Any) -> None:
    """Enter a command's module: NAME, SUMMARY (one line), DESCRIPTION, EXAMPLES, add_arguments() and run().

    Modules import what they need in run(): --help and a wrong call are answered at once.
    """
    parser = commands.add_parser(
        command.NAME, help=command.SUMMARY, description=command.DESCRIPTION, epilog=command.EXAMPLES)
    command.add_arguments(parser)
    parser.set_defaults(run=command.run, command=command.NAME)


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that names the configuration file."""
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=None,
        help="the configuration (default: $INGESTOR_CONFIG, else config/ingestor.yaml)")


def configuration(arguments: argparse.Namespace, shard: int | None = None) -> "Configuration":
    """The configuration that the arguments name, with its reference data. Raises ConfigError with all its faults."""
    written = _written(arguments, shard)
    if written.settings.reference.source == "files":
        return written
    from shards.reference import start

    started, why = start(written)
    if why:
        print(f"{Path(sys.argv[0]).name}: reference data: {why}", file=sys.stderr)
    return started


def checked(arguments: argparse.Namespace) -> "Configuration":
    """The configuration with what the source of its reference data says now, not with what is kept of it."""
    written = _written(arguments)
    if written.settings.reference.source == "files":
        return written
    from shards.reference import checked

    return checked(written)


def _written(arguments: argparse.Namespace, shard: int | None = None) -> "Configuration":
    from ingestor.settings import CONFIG_PATH, load
    from shards.dialects import DIALECTS

    path: Path = arguments.config or Path(os.environ.get("INGESTOR_CONFIG") or CONFIG_PATH)
    return load(path, DIALECTS, os.environ, shard=shard)


def natural(text: str) -> int:
    """An argument that is a whole number from 0."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)


def positive(text: str) -> float:
    """An argument that is a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value
