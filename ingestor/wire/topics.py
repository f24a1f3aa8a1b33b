"""The topics, the settings of each, and what the Writer counts.

A topic's settings may be any object with the attributes of TopicSettings: the settings model brings its
own. Nothing here knows Avro or a sink.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from ingestor.errors import ConfigError

TOPICS = ("trades", "quotes", "bars", "reference", "fair")    # the first four in the order of records.TickKind

QUALITY = "quality"                     # written record by record from Python (quality.py), not by the Writer
ALL_TOPICS = (*TOPICS, QUALITY)

# Limits of a topic's settings. A block needs room for its header and at least one record. Kafka's client
# takes messages up to 1,000,000 bytes by default: a tenth is left for key, headers and framing.
BYTES_MIN = 4096
MESSAGE_BYTES_MAX = 900_000
CONTAINER_BYTES_MAX = 16_000_000    # a file's block is read whole: what a reader may be asked to hold
RECORDS_MAX = 1_000_000             # a record has nine bytes at least: no container piece holds twice as many
LINGER_MS_MAX = 60_000              # a minute: whoever reads the topic has waited long enough

Mode = Literal["record", "block", "container"]
MODES: tuple[Mode, ...] = ("record", "block", "container")


class TopicLike(Protocol):
    """What the Writer reads of a topic's settings."""

    @property
    def mode(self) -> str: ...
    @property
    def linger_ms(self) -> float: ...
    @property
    def records_max(self) -> int: ...
    @property
    def bytes_max(self) -> int: ...


@dataclass(frozen=True)
class TopicSettings:
    """How the records of one topic are batched, per instrument.

    The batches of a topic leave together when the oldest record among them is `linger_ms` old (half as old when
    another topic's leave); one leaves alone when it holds `records_max` records or about `bytes_max` bytes. No
    message is larger, nor holds more.
    """

    mode: Mode = "block"
    linger_ms: float = 4.0
    records_max: int = 1000
    bytes_max: int = 256 * 1024


def check_topic(name: str, settings: TopicLike, mode: str) -> None:
    """Raise ConfigError for settings that the Writer can't work with; `mode` is the one in force."""
    faults = []
    if mode not in MODES:
        faults.append(f"topics.{name}.mode: {mode!r}: use one of {', '.join(MODES)}")
    bytes_max = CONTAINER_BYTES_MAX if mode == "container" else MESSAGE_BYTES_MAX
    if not BYTES_MIN <= settings.bytes_max <= bytes_max:
        faults.append(f"topics.{name}.bytes_max: {settings.bytes_max}: use {BYTES_MIN} to {bytes_max} in {mode} mode")
    if not 1 <= settings.records_max <= RECORDS_MAX:
        faults.append(f"topics.{name}.records_max: {settings.records_max}: use 1 to {RECORDS_MAX}")
    if not 0 <= settings.linger_ms <= LINGER_MS_MAX:
        faults.append(f"topics.{name}.linger_ms: {settings.linger_ms}: use 0 to {LINGER_MS_MAX}")
    if faults:
        raise ConfigError(faults)


def check_names(what: str, size: int, limit: int) -> None:
    """Raise ConfigError for names that take more bytes than a record has room for."""
    if size > limit:
        raise ConfigError(f"instruments: the names of {what} take {size} bytes, more than {limit}: shorten them")


@dataclass(frozen=True)
class TopicCounts:
    """What was written to one topic since the start."""

    records: int        # taken into batches
    batches: int        # handed to the sink: blocks, containers' pieces, or lists of records
    bytes: int          # handed to the sink
    unwritable: int     # refused: beyond 38 digits, no price, an id too long
    no_room: int        # refused: a batch at its hard limit, or no memory
    rounded: int        # written with a value rounded to 18 digits after the point


WriterStats = Mapping[str, TopicCounts]     # by topic
