"""`ingestor --shard N`: run one shard until SIGTERM or SIGINT."""

import argparse

import shards.cli.arguments as common

DESCRIPTION = """\
Reads market data from providers, turns it into exact records and fair prices, and writes them to
Kafka or to files. Without a command it runs one shard, the main process of a pod; SIGTERM or SIGINT
stops it with everything delivered, SIGHUP makes it look at once whether its instruments have changed."""
EXAMPLES = """\
examples:
  ingestor demo                                    everything on this machine, nothing else needed
  ingestor --shard 0                               shard 0 of config/ingestor.yaml
  INGESTOR_SINK__KIND=ndjson ingestor --shard 0    records as text on stdout
  ingestor COMMAND --help                          more about a command

exit status: 0 done, 1 a failure at run time, 2 a wrong call or configuration"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the program itself."""
    parser.add_argument("--shard", metavar="N", type=common.natural, help="the number of the shard to run, from 0")
    common.add_config(parser)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    parser.set_defaults(run=run, command=None, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the shard; 0 when it was stopped and everything was delivered."""
    if arguments.shard is None:
        arguments.parser.error("nothing to do: give --shard N, or a command")
    configuration = common.configuration(arguments, arguments.shard)
    from shards.worker import run_shard

    return run_shard(configuration, arguments.shard)


class _Version(argparse.Action):
    """Print the version; it is looked up only then, as the metadata takes 20 ms to read."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"ingestor {version('ingestor')}")
        parser.exit()
