"""How fair prices are made: the method, and the parameters of each.

The numbers are those of pricing.md, parts 3.1 and 4; what can't be is told by ingestor.pricing.parameters too.
"""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ingestor.settings.section import Section

Method = Literal[
    "consensus_v1", "pyth_median", "weighted_median", "capped_mean", "decayed_vwap", "vwm_partitions",
    "principal_market", "cm_realtime", "mark_default"]


class PricingParameters(Section):
    """Parameters of the methods; what is left out is the method's own default."""

    age_max_s: PositiveFloat | None = None
    """Older quotes and trades have no vote. Default 30."""
    thin: bool | None = None
    """Adapt age_max_s to how often the source speaks, 10 to 600 seconds. Default false."""
    grace_s: NonNegativeFloat | None = None
    """A vote loses no weight before this age. Default age_max_s / 10."""
    half_life_s: PositiveFloat | None = None
    """After the grace, a vote's weight halves in so long. Default age_max_s / 5."""
    volume_half_life_s: PositiveFloat | None = None
    """Half-life of the volume that weighs a venue. Default 1800; 60 for `decayed_vwap`."""
    deviation_half_life_s: PositiveFloat | None = None
    """Half-life of a venue's squared deviation from the fair price. Default 600."""
    fixed_weights: bool | None = None
    """`consensus_v1`: weigh by `trust` alone, not by volume and deviation. Default false."""
    weight_max: Annotated[float, Field(gt=0, le=1)] | None = None
    """The largest share of the vote that one venue has. Default 0.4."""
    gate_scale: PositiveFloat | None = None
    """The gate is so many times the venues' spread around the median. Default 4."""
    gate_min: PositiveFloat | None = None
    """The narrowest gate, relative to the price. Default 0.005; 0.001 suits stablecoins."""
    gate_max: PositiveFloat | None = None
    """The widest gate, relative to the price. Default 0.05."""
    gate_price: bool | None = None
    """Whether a flagged venue loses its vote; false only flags it. Default true."""
    readmit: Annotated[float, Field(gt=0, le=1)] | None = None
    """A flagged venue returns when it is nearer than this share of the gate. Default 0.5."""
    venues_min: PositiveInt | None = None
    """Venues needed for status OK. Default 3."""
    sigma: NonNegativeFloat | None = None
    """Volatility to begin with, a square root of a second. Default 0.0001."""
    half_width_min: NonNegativeFloat | None = None
    """The least relative half-width of a vote. Default 0.00001."""
    trade_half_width: NonNegativeFloat | None = None
    """The relative half-width of a venue that only trades. Default 0.0005."""
    spread_max: PositiveFloat | None = None
    """Wider quotes, relative to their middle, are ignored. Default 0.05."""
    conf_max: PositiveFloat | None = None
    """A larger conf / price is DISPERSED. Default 0.01."""
    hold_s: NonNegativeFloat | None = None
    """How long the last price is repeated when no source is fresh. Default 300."""
    conversion_age_max_s: PositiveFloat | None = None
    """An older conversion rate converts nothing. Default 60."""
    conversion_conf_max: PositiveFloat | None = None
    """A conversion rate with a larger conf / price converts nothing. Default 0.005."""

    publishers_min: Annotated[int, Field(ge=1, le=256)] | None = None
    """`pyth_median`: sources needed for a price. Default 1."""
    band: Annotated[float, Field(ge=0, le=1)] | None = None
    """`capped_mean`: what a source says is brought so near the median, relative. Default 0.005."""
    partitions: Annotated[int, Field(ge=1, le=128)] | None = None
    """`vwm_partitions`: the price is the mean over so many that have ended. Default 12."""
    partition_s: Annotated[float, Field(ge=1, le=86_400)] | None = None
    """`vwm_partitions`: length of one. Of one, 65536 trades are kept. Default 300."""
    orderly_trades: Annotated[int, Field(ge=2, le=1000)] | None = None
    """`principal_market`: a minute with fewer trades judges none of them. Default 5."""
    orderly_sigmas: Annotated[float, Field(ge=0, le=1000)] | None = None
    """`principal_market`: a trade so many standard deviations from the mean of its minute is not orderly. Default 3."""
    switch_share: Annotated[float, Field(ge=0, le=1000)] | None = None
    """`principal_market`: a rival needs so much more volume. Default 0.1."""
    switch_s: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    """`principal_market`: and for so long. Default 900."""
    mark_tau_s: Annotated[float, Field(ge=1, le=1_000_000)] | None = None
    """`mark_default`: time constant of the smoothed basis. Default 150."""
    mark_bound: Annotated[float, Field(ge=1e-6, le=1)] | None = None
    """`mark_default`: the mark stays so near the index (of a dated future: the index and its basis). Default 0.02."""

    def params(self) -> dict[str, float | bool | str]:
        """The parameters that are set, and the method."""
        return self.model_dump(exclude_none=True, include={*PricingParameters.model_fields, "method"})


class InstrumentPricing(PricingParameters):
    """Parameters that differ from the configuration's `pricing`."""

    method: Method | None = None
    """The method of this instrument."""


class PricingSettings(PricingParameters):
    """How fair prices are made. The same keys under an instrument's `pricing` hold for it alone."""

    method: Method = "consensus_v1"
    """The method: `consensus_v1` unless a reader asks for another. `mark_default` is for perpetuals and dated futures
    and needs their `index`. `weighted_median`, `capped_mean` and `pyth_median` weigh a venue by the `trust` of its
    markets. What each means, and what it does under attack, is in PRICING.md."""
    fair_every_ms: Annotated[int, Field(ge=0, le=60_000)] = 100
    """Publish an instrument's fair price at most once in each such interval of the clock; 0: each change."""
