"""The keys of `watch.quality`: what is a fault of a source path, a venue or a provider. Times in seconds.

The numbers are those of pricing.md 7.4. Shares are of 1, over a fading while of five minutes.
"""

from typing import Annotated

from pydantic import Field, PositiveFloat

from ingestor.settings.section import Section

Share = Annotated[float, Field(gt=0, lt=1)]


class QualitySettings(Section):
    """When data is missing, late or odd enough to be an alert."""

    silence_p: Share = 1e-6
    """A market is stale after three times the silence that it keeps with this probability, by its own arrivals."""
    silence_min_s: PositiveFloat = 5.0
    """No market is stale sooner."""
    silence_max_s: PositiveFloat = 600.0
    """Nor later, unless so long a silence is more probable than `silence_p`."""
    norm_half_life_s: PositiveFloat = 3600.0
    """How fast what is normal (rates, latencies, clocks) is forgotten."""
    slow_share: Share = 0.2
    """An update rate below this part of its norm is slow."""
    slow_for_s: PositiveFloat = 300.0
    """It is an alert when it stays so long."""
    frozen_widths: PositiveFloat = 5.0
    """A price that messages repeat while the fair price moved by more of the path's half-widths is frozen."""
    frozen_for_s: PositiveFloat = 10.0
    """It is an alert when it stays so long."""
    latency_times: Annotated[float, Field(gt=1)] = 3.0
    """A minute's p99 of the latency, clocks apart, beyond so many times its norm is too late."""
    latency_min_s: PositiveFloat = 0.05
    """Below this it never is."""
    latency_for_s: PositiveFloat = 300.0
    """It is an alert when it stays so long."""
    clock_ahead_s: PositiveFloat = 1.0
    """A venue's time further in our future is a fault of a clock."""
    clock_drift_s: PositiveFloat = 0.25
    """So is the least of receive minus venue time, of ten minutes, that far from its norm."""
    clock_for_s: PositiveFloat = 5.0
    """Either is an alert when it stays so long."""
    missing_share: Share = 0.001
    """Trades that the provider left out, of all. On a checked book one missing number is an alert."""
    duplicate_share: Share = 0.01
    """Trades whose id had come before, of all."""
    late_share: Share = 0.01
    """Records older than what had come, of all."""
    outlier_share: Share = 0.005
    """Trades that the print filter refused, of all."""
    flagged_for_s: PositiveFloat = 60.0
    """A source outside the gate of its fair price is an alert when it stays so long."""
    crossed_for_s: PositiveFloat = 1.0
    """A book with the bid above the ask is an alert when it stays so long."""
    locked_for_s: PositiveFloat = 10.0
    """A book with the bid at the ask."""
    one_sided_for_s: PositiveFloat = 5.0
    """A book without bids or asks. Of options it is none."""
    spread_times: Annotated[float, Field(gt=1)] = 10.0
    """A spread of more times its median is too wide."""
    spread_for_s: PositiveFloat = 10.0
    """It is an alert when it stays so long."""
    socket_min_s: PositiveFloat = 1.5
    """A connection that is not live, or whose frames stay out against its own law, is dead no sooner."""
    socket_first_s: PositiveFloat = 15.0
    """One that was never live is dead no sooner."""
    clear_after_s: PositiveFloat = 10.0
    """An alert is over when what it is about has been well for so long."""
    alerts_max: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Alerts followed at once; those beyond are counted."""
