"""The command line's own manners: help with examples, one-line errors, exit statuses."""

import pytest

from shards.cli import COMMANDS

NAMES = [command.NAME for command in COMMANDS]


def test_the_help_names_every_command_and_gives_examples(command):
    outcome = command("--help")
    assert outcome.status == 0
    assert all(name in outcome.out for name in (*NAMES, "--shard", "examples:"))


@pytest.mark.parametrize("name", NAMES)
def test_every_commands_help_has_an_example(command, name):
    outcome = command(name, "--help")
    assert outcome.status == 0
    assert f"ingestor {name}" in outcome.out.split("example", 1)[1]


@pytest.mark.parametrize(("arguments", "told"), [
    ((), "nothing to do: give --shard N, or a command"),
    (("--shard", "x"), "'x' is no whole number from 0"),
    (("--shard", "-1"), "'-1' is no whole number from 0"),
    (("--shard",), "expected one argument"),
    (("--shard", "0", "check"), "--shard runs a shard, check is another command: give one of them"),
    (("nope",), "invalid choice: 'nope'"),
    (("check", "--nope"), "unrecognized arguments: --nope"),
    (("decode",), "the following arguments are required: DIALECT"),
    (("decode", "nope"), "unknown dialect 'nope': use one of "),
    (("check", "--config", "none.yaml"), "none.yaml: no such file: give --config FILE"),
    (("--shard", "0", "--config", "none.yaml"), "none.yaml: no such file: give --config FILE"),
])
def test_a_wrong_call_is_one_line_and_status_2(command, arguments, told):
    outcome = command(*arguments)
    assert outcome.status == 2
    assert told in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""


def test_a_file_that_is_not_there_is_one_line_and_status_1(command):
    outcome = command("decode", "binance-spot", "none.jsonl")
    assert outcome == (1, "", "ingestor: none.jsonl: No such file or directory\n")


def test_the_version_is_told(command):
    assert command("--version").out.startswith("ingestor 0.")


def test_python_m_ingestor_is_the_same_command(process):
    outcome = process("--version")
    assert outcome.status == 0
    assert outcome.out.startswith("ingestor 0.")
