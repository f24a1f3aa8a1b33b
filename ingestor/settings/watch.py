"""The keys of `watch`: when a provider's prices disagree for long enough to be an alert, and what else is one."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ingestor.settings.quality import QualitySettings
from ingestor.settings.section import Section

#: The same numbers as RULES_MAX and WINDOW_MAX in watch/discrepancy.pxd, which derives them.
RULES_MAX = 8
WINDOW_S_MAX = 3600


class RuleEntry(Section):
    """One rule: a discrepancy beyond a threshold for most of a window."""

    severity: Literal["info", "warning", "critical"]
    """How much it matters."""
    threshold: Annotated[float, Field(gt=0, le=1)]
    """Relative difference between a provider's fair price and all others', at least four times the others' own
    confidence. An instrument's `tier` multiplies it."""
    window_s: Annotated[int, Field(ge=1, le=WINDOW_S_MAX)]
    """It fires when half of so many seconds, and four fifths of those with data, are beyond it on the same side."""


RULES = (
    RuleEntry(severity="critical", threshold=0.05, window_s=30),
    RuleEntry(severity="critical", threshold=0.02, window_s=120),
    RuleEntry(severity="warning", threshold=0.01, window_s=300),
    RuleEntry(severity="warning", threshold=0.005, window_s=900),
)


class WatchSettings(Section):
    """When what providers send is an alert."""

    rules: Annotated[tuple[RuleEntry, ...], Field(max_length=RULES_MAX)] = RULES
    """Discrepancies between providers; your list replaces all of these. Default: critical beyond 5 % for 30 s and 2 %
    for 120 s, warning beyond 1 % for 300 s and 0.5 % for 900 s."""
    quality: QualitySettings = QualitySettings()
    """When data is missing, late or odd enough to be an alert."""

    @model_validator(mode="after")
    def _no_two_alike(self) -> Self:
        seen: set[tuple[float, int]] = set()
        for rule in self.rules:
            if (rule.threshold, rule.window_s) in seen:
                raise ValueError(f"has two rules of {rule.threshold:g} for {rule.window_s} s: keep one")
            seen.add((rule.threshold, rule.window_s))
        return self
