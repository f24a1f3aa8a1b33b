"""docs/PRICING.md says what is: its worked example is computed, its parameters and rules are those in force."""

import json
import re
from pathlib import Path

from ingestor.pricing import evaluate
from ingestor.pricing.consensus import effective_parameters
from ingestor.pricing.parameters import METHOD_NAMES, PARAMETERS
from ingestor.settings.watch import WatchSettings
from tests.pricing.test_vectors import differences

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "PRICING.md").read_text(encoding="utf-8")


def parameter_table() -> str:
    """Name, default and meaning of each parameter, as the page has them."""
    defaults = effective_parameters({})
    lines = ["| parameter | default | means |", "| --- | --- | --- |"]
    for parameter in PARAMETERS:
        value = defaults[parameter.name]
        shown = f"{value:g}"
        if parameter.kind == "switch":
            shown = "on" if value else "off"
        elif parameter.kind == "method":
            shown = METHOD_NAMES[int(value)]
        lines.append(f"| `{parameter.name}` | {shown} | {parameter.meaning} |")
    return "\n".join(lines) + "\n"


def rule_table() -> str:
    """The rules in force when none are given. Seconds that fire, of a window that was full and quiet: four fifths."""
    lines = ["| severity | threshold | window | fires after |", "| --- | --- | --- | --- |"]
    lines += [f"| {rule.severity} | {rule.threshold:.1%} | {rule.window_s} s | {rule.window_s * 4 // 5} s |"
              for rule in WatchSettings().rules]
    return "\n".join(lines) + "\n"


def test_the_worked_example_is_what_is_computed():
    given, expected = (json.loads(found) for found in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    assert differences(evaluate("consensus_v1", {}, given), expected, 5e-4) == []
    assert evaluate("consensus_v1", {}, given)["price"] == 64002


def test_every_parameter_is_told_with_its_default():
    assert parameter_table() in PAGE


def test_the_rules_of_discrepancies_are_told():
    assert rule_table() in PAGE
