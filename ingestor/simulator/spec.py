"""What a simulator is asked to be: markets, rate, ports, faults. Plain data, checked when it is made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ingestor.errors import ConfigError
from ingestor.simulator.vocabulary import FAULTS

#: How a fault is written on the command line.
SHAPE = "KIND[/TARGET][=VALUE]@SECONDS[:DURATION]"
#: A Python process renders about 100,000 messages a second on one core; more asks for blast.
RATE_MAX = 200_000.0
#: One timer tick of the loop is about a millisecond: beyond this a recorded gap can't be told from none.
SPEED_MAX = 10_000.0


@dataclass(frozen=True, slots=True)
class AssetSpec:
    """What one unit of an asset is worth. `anchor`: a stablecoin that is pulled back to it."""

    name: str
    usd: float
    volatility: float = 0.6     # of the logarithm, a square root of a year
    anchor: float | None = None


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """One market of one provider, as the provider writes it, and how it behaves.

    `base` and `quote` are assets; "usd" is the unit. Digits count decimal places.
    """

    dialect: str
    symbol: str
    instrument: str
    venue: str
    base: str
    quote: str
    section: str = ""
    venue_code: str = ""
    data_class: str = "spot"
    price_digits: int = 2
    size_digits: int = 6
    weight: float = 1.0         # share of the messages, relative to the others
    spread_bps: float = 1.0
    lag_s: float = 0.05         # how far it runs behind the latent price
    noise_bps: float = 0.4
    basis_bps: float = 0.0      # a perpetual's premium
    trade_usd: float = 1500.0   # a typical trade
    inverse: bool = False       # margined in the base: sizes count contracts of a dollar
    told_by: str = ""           # the dialect that has this venue's market too: what happens there is told here as well


class Target(NamedTuple):
    """What a fault concerns; what is empty (or 0) concerns all."""

    name: str = ""              # a dialect, or a venue for what goes wrong with a market
    connection: int = 0         # of the dialect's connections, counted from 1 as they were opened
    symbol: str = ""

    def concerns(self, name: str, connection: int, symbol: str = "") -> bool:
        """Whether it concerns this connection, and this symbol if one is given."""
        return (self.name in ("", name) and self.connection in (0, connection)
                and (not symbol or self.symbol in ("", symbol)))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, `at_s` seconds after the start. Duration 0: once."""

    kind: str                       # of vocabulary.FAULTS
    at_s: float = 0.0
    duration_s: float = 0.0
    target: str = ""                # NAME[#CONNECTION][:SYMBOL]; empty: the preset's bad venue, or every dialect
    value: float | None = None      # by kind; None: its default

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ConfigError(f"fault {self.kind!r} is unknown: use one of {', '.join(sorted(FAULTS))}")
        if not (0 <= self.at_s < math.inf and 0 <= self.duration_s < math.inf):
            raise ConfigError(f"fault {self.kind}: seconds must be 0 or more; use {SHAPE}")
        if self.value is not None and (not FAULTS[self.kind].unit or not math.isfinite(self.value)):
            raise ConfigError(f"fault {self.kind}: no value {self.value}; use {SHAPE} and a value where it takes one")
        try:
            self.aim()
        except ValueError as error:
            raise ConfigError(f"fault {self.kind}/{self.target}: no number after '#'; use {SHAPE}") from error

    @property
    def amount(self) -> float:
        """Its value, or the default."""
        return FAULTS[self.kind].value if self.value is None else self.value

    def aim(self) -> Target:
        """The target in its parts. Raises ValueError."""
        head, _, symbol = self.target.partition(":")
        name, _, number = head.partition("#")
        return Target(name, int(number or 0), symbol)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read `KIND[/TARGET][=VALUE]@SECONDS[:DURATION]`, such as `off/kraken=2@20:15`. Raises ConfigError."""
        name, _, when = text.rpartition("@")
        name, _, value = name.partition("=")
        kind, _, target = name.partition("/")
        at, _, duration = when.partition(":")
        try:
            return cls(kind, float(at), float(duration or 0), target, float(value) if value else None)
        except ValueError as error:
            raise ConfigError(f"fault {text!r} has no time, or a value that is none: use {SHAPE}") from error


@dataclass(frozen=True, slots=True)
class BlastSpec:
    """Rendered once, stamped and written as fast as the socket takes it, or at `rate`.

    `frames`: how many a connection gets, 0 for no end. `rate`: frames a second and connection, 0 for
    flat out. `trades_only` leaves quotes out.
    """

    frames: int = 0
    rate: float = 0.0
    trades_only: bool = False

    def __post_init__(self) -> None:
        if self.frames < 0 or self.rate < 0:
            raise ConfigError(f"blast of {self.frames} frames at {self.rate} a second: use 0 or more of each")


@dataclass(frozen=True, slots=True)
class SimulatorSpec:
    """A simulator. With `captures` it serves captured frames; with `blast` a flood; else synthetic markets."""

    markets: str | Sequence[MarketSpec] = "demo"    # a preset's name, or markets of one's own
    assets: Sequence[AssetSpec] = ()                # for own markets: added to the presets' assets
    seed: int = 1
    rate: float = 500.0                             # messages a second in all
    bursts: bool = True                             # False: an even stream
    dialects: Sequence[str] = ()                    # serve only these; empty: all that the markets name
    host: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)  # by dialect; missing or 0: any free port
    keys: Mapping[str, str] = field(default_factory=dict)   # API key by dialect; missing: none is asked for
    tls_cert_file: str | None = None                # PEM; with it every port speaks TLS
    tls_key_file: str | None = None
    captures: str | None = None                     # folder of captured frames
    speed: float | Literal["flat"] = 1.0            # of the recording
    blast: BlastSpec | None = None
    settle_s: float = 1.0       # captures and blast begin when a client asked for nothing new so long
    #: by dialect, fields of dialects.dialect.Rules that are other than the real provider's
    rules: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    control_port: int | None = None     # of the control endpoint on loopback, 0: a free one; None: there is none
    duration_s: float = 0.0     # of run(); 0: until interrupted
    faults: Sequence[Fault] = ()

    def __post_init__(self) -> None:
        if not 0 < self.rate <= RATE_MAX:
            raise ConfigError(
                f"rate {self.rate}: use more than 0 and at most {RATE_MAX:.0f} messages a second, or blast")
        if self.speed != "flat" and not 0 < self.speed <= SPEED_MAX:
            raise ConfigError(f"speed {self.speed}: use 'flat', or more than 0 and at most {SPEED_MAX:.0f}")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ConfigError("TLS needs both a certificate file and a key file")
        if self.captures is not None and self.blast is not None:
            raise ConfigError("captures and blast exclude each other: choose one")
