"""`ingestor check`: everything wrong with the configuration at once, or what it will do."""

import argparse

import shards.cli.arguments as common

NAME = "check"
SUMMARY = "validate configuration and instruments; say everything that is wrong at once"
DESCRIPTION = """\
Reads the configuration, the environment, the provider files, the instruments and the secrets, without
connecting to anything, but to Redis where the instruments come from there. Says everything that is wrong, one
line each with file, line, key, value and what to do, and ends with status 2; or says what the configuration
will do."""
EXAMPLES = """\
example:
  ingestor check --config config/ingestor.yaml"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    common.add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the summary. Raises ConfigError with all faults."""
    configuration = common.checked(arguments)
    from shards.preview import preview, summary

    print("\n".join(summary(preview(configuration))))
    return 0
