"""`ingestor simulate`: servers at the printed addresses, and a configuration that fits them."""

import re

import pytest

from ingestor.simulator import vocabulary
from ingestor.simulator.dialects.registry import NAMES


def test_it_prints_an_address_a_dialect_and_an_account_at_the_end(command):
    outcome = command("simulate", "--seconds", "0.2", "--dialects", "kraken-v2,coinapi")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert re.fullmatch(r"kraken-v2 +ws://127\.0\.0\.1:\d+/v2", lines[0])
    assert lines[-1].split() == ["coinapi", "frames", "0,", "connections", "0"]


def test_its_help_names_every_fault_with_its_usual_value(command):
    told = command("simulate", "--help").out
    assert [line for line in vocabulary.lines() if line not in told] == []


def test_the_control_endpoint_is_printed_after_the_addresses(command):
    outcome = command("simulate", "--seconds", "0.2", "--dialects", "kraken-v2", "--control", "0")
    assert re.fullmatch(r"control +http://127\.0\.0\.1:\d+/faults", outcome.out.splitlines()[1])


def test_the_written_configuration_is_valid(command, tmp_path):
    path = tmp_path / "made.yaml"
    outcome = command("simulate", "--seconds", "0.2", "--write-config", str(path))
    assert f"configuration        {path}" in outcome.out
    checked = command("check", "--config", str(path))
    assert checked.status == 0, checked.err
    assert "kaiko" in checked.out


def test_the_configuration_for_captured_frames_is_valid(command, tmp_path, captures):
    path = tmp_path / "made.yaml"
    outcome = command("simulate", "--captures", str(captures), "--speed", "flat", "--dialects", "okx-v5,bybit-v5",
                      "--seconds", "0.2", "--write-config", str(path))
    assert outcome.status == 0
    checked = command("check", "--config", str(path))
    assert checked.status == 0, checked.err
    assert [line.split()[0] for line in checked.out.splitlines() if "-v5" in line] == ["bybit-v5", "okx-v5"]


def test_a_file_it_made_is_written_again_and_another_is_left_alone(command, tmp_path):
    made, other = tmp_path / "made.yaml", tmp_path / "other.yaml"
    other.write_text("shards: 1\n")
    for _ in range(2):
        assert command("simulate", "--seconds", "0.1", "--write-config", str(made)).status == 0
    outcome = command("simulate", "--seconds", "0.1", "--write-config", str(other))
    assert outcome.status == 2
    assert "was not made by this command: name another file" in outcome.err
    assert other.read_text() == "shards: 1\n"


@pytest.mark.parametrize(("arguments", "told"), [
    (("--dialects", "nope"), "'nope' is no simulated dialect: use binance-spot,"),
    (("--speed", "0"), "'0' is no number above 0"),
    (("--rate", "many"), "'many' is no number above 0"),
    (("--fault", "nope@1"), "fault 'nope' is unknown: use one of"),
    (("--fault", "off/nowhere@1"), "fault off/nowhere: no such target"),
    (("--captures", "nowhere"), "no captured frames of"),
    (("--host", "203.0.113.1", "--port", "9"), "can't listen on 203.0.113.1:9"),
])
def test_a_wrong_call_is_one_line_and_status_2(command, arguments, told):
    outcome = command("simulate", *arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


def test_ports_in_a_row_are_given_by_the_order_of_the_dialects(command):
    base = 42_000
    outcome = command("simulate", "--seconds", "0.1", "--port", str(base), "--dialects", "binance-spot,okx-v5")
    if outcome.status == 2:
        pytest.skip(f"another program has the ports from {base}: {outcome.err}")
    assert re.findall(r":(\d+)", outcome.out) == [str(base), str(base + NAMES.index("okx-v5"))]
