"""The keys of the configuration: each is declared, bounded and documented here.

docs/CONFIGURATION.md is generated from this file (`python -m ingestor.settings.manual`). Checks that
need more than one value of one section stand in load.py and markets.py. Secrets are never written in
a file: a key names the variable or the file that holds one.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from ingestor.settings.pricing import PricingSettings
from ingestor.settings.reference import ReferenceSettings
from ingestor.settings.section import Section
from ingestor.settings.watch import WatchSettings

#: Slots of the key space; control-plane.md fixes the number.
SLOTS = 1024
#: More shards than this on 1024 slots leaves some with a handful of slots; nobody needs them.
SHARDS_MAX = 256

#: Kafka's default limit of a message is 1 MB, with its headers.
MESSAGE_BYTES_MAX = 900_000

Mode = Literal["record", "block", "container"]
TOPICS = ("trades", "quotes", "bars", "reference", "fair")
#: Beside them; its records are rare and leave one by one: there is nothing to set.
QUALITY = "quality"


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe events to log."""
    format: Literal["auto", "json", "pretty"] = "auto"
    """`json`: one object a line; `pretty`: for people; `auto`: pretty on a terminal, else json."""


class HttpSettings(Section):
    """The server of `/metrics`, `/healthz`, `/readyz`, `/prices` and `/alerts`."""

    host: str = "127.0.0.1"
    """Address to listen on. In a pod: `0.0.0.0`."""
    port: Annotated[int, Field(ge=0, le=65535)] = 9108
    """TCP port; 0 takes a free one and logs it."""


class MetricsSettings(Section):
    """What /metrics tells apart."""

    instrument_labels: Literal["all", "off"] = "all"
    """`off` leaves out the families with a series for each instrument and source path."""


class TopicSettings(NamedTuple):
    """How one topic's records are gathered, complete: what the writer works with."""

    mode: Mode
    linger_ms: float
    records_max: int
    bytes_max: int


class TopicOverrides(Section):
    """How one topic's records are gathered; what is left out follows the sink (see `sink.kind`)."""

    mode: Mode | None = None
    """`record`: one message a record; `block`: one message holds one instrument's records of a moment;
    `container`: rows of an Avro file. Default: container for files, block for Kafka's trades and quotes,
    else record."""
    linger_ms: Annotated[float, Field(ge=0, le=60_000)] | None = None
    """How long a record waits for more company than that of its turn, in milliseconds. Default: 0, in files 1000."""
    records_max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """A batch with so many records leaves at once. Default: 500, in files 10000."""
    bytes_max: Annotated[int, Field(ge=4_096, le=16_000_000)] | None = None
    """A batch of so many bytes leaves at once; for a message at most 900000. Default: 262144, in files 1000000."""


class TopicsSettings(Section):
    """The topics: their names and how their records are gathered."""

    prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,100}$")] = ""
    """Put before each topic's name, as in `prod.` for `prod.trades`."""
    trades: TopicOverrides = TopicOverrides()
    """Trades as they were printed."""
    quotes: TopicOverrides = TopicOverrides()
    """Best bid and ask."""
    bars: TopicOverrides = TopicOverrides()
    """A provider's own aggregates."""
    reference: TopicOverrides = TopicOverrides()
    """Mark, index, funding."""
    fair: TopicOverrides = TopicOverrides()
    """Our fair prices."""


def _dividing_slots(partitions: int) -> int:
    if SLOTS % partitions:
        raise ValueError(f"must divide {SLOTS}, so that a slot stays in one partition: use 1, 2, 4, 8 ... {SLOTS}")
    return partitions


class FilesSettings(Section):
    """Avro container files."""

    path: Path = Path("data/records")
    """Folder for the files, made when absent. A relative one counts from where the command is run."""
    rotate_bytes: Annotated[int, Field(ge=100_000)] = 256_000_000
    """A file of so many bytes is closed, and the next one begun."""
    rotate_s: PositiveFloat = 3600.0
    """A file so old is closed, and the next one begun."""
    compression: Literal["null", "deflate", "zstandard"] = "deflate"
    """The Avro codec of the blocks."""


class NdjsonSettings(Section):
    """One JSON object a line, for people."""

    path: Path | None = None
    """File to append to; left out: standard output."""


class KafkaSettings(Section):
    """An idempotent producer to Kafka."""

    bootstrap_servers: str = ""
    """`host:port`, several with commas. Needed when `sink.kind` is kafka."""
    partitions: Annotated[int, Field(ge=1, le=SLOTS), AfterValidator(_dividing_slots)] = 2
    """Partitions of each topic that is created; a slot's records go to partition `slot mod partitions`. Divides 1024.
    Each costs a request a wake-up: as many as there are consumers, and no more."""
    replication_factor: Annotated[int, Field(ge=-1, le=32)] = -1
    """Of topics that we create; -1: the broker's default."""
    create_topics: bool = True
    """Create the topics that are missing."""
    compression: Literal["none", "lz4", "zstd", "snappy", "gzip"] = "lz4"
    """Of the messages on their way and in the log."""
    linger_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """How long librdkafka gathers messages of a partition, on top of the topic's own linger."""
    queue_bytes_max: Annotated[int, Field(ge=1_000_000)] = 256_000_000
    """Bytes that wait for the broker; beyond, reading from the providers stops until there is room."""
    queue_messages_max: Annotated[int, Field(ge=1_000)] = 2_000_000
    """Messages that wait for the broker; beyond, as above."""
    security_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How to speak to the brokers."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """With a sasl protocol."""
    username: str = ""
    """With a sasl protocol."""
    password_env: str | None = None
    """Name of the environment variable that holds the password."""
    password_file: Path | None = None
    """File that holds the password."""
    tls_ca_file: Path | None = None
    """PEM file of the only authorities to trust; left out: the system's."""
    schema_registry_url: str = ""
    """Confluent schema registry; empty: Avro single-object encoding, which needs none."""
    properties: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Further librdkafka properties, as they are. No secrets here."""

    _password: SecretStr = PrivateAttr(default=SecretStr(""))

    @property
    def password(self) -> SecretStr:
        """What password_env or password_file holds."""
        return self._password


class SinkSettings(Section):
    """Where the records go."""

    kind: Literal["files", "kafka", "ndjson", "null"] = "files"
    """`files`: Avro container files; `kafka`; `ndjson`: text for people; `null`: counted and dropped."""
    files: FilesSettings = FilesSettings()
    """With kind files."""
    kafka: KafkaSettings = KafkaSettings()
    """With kind kafka."""
    ndjson: NdjsonSettings = NdjsonSettings()
    """With kind ndjson."""
    close_within_s: PositiveFloat = 15.0
    """On stopping, how long to wait for what is still on its way, in seconds."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "kafka" and not self.kafka.bootstrap_servers:
            raise ValueError("is kafka without a broker: set sink.kafka.bootstrap_servers to host:port")
        return self


class LimitsOverrides(Section):
    """A provider's limits where yours differ from the public ones; 0: no limit. Default: the dialect's."""

    subscriptions_per_connection_max: NonNegativeInt | None = None
    """More open a further connection."""
    subscriptions_per_message_max: NonNegativeInt | None = None
    """More go in a further message."""
    messages_per_second_max: NonNegativeFloat | None = None
    """What we send on one connection, heartbeats included."""
    connects_per_minute_max: NonNegativeFloat | None = None
    """Attempts to connect, over all connections of this provider in one shard."""
    connections_max: NonNegativeInt | None = None
    """Connections of one key, over all shards."""
    requests_per_hour_max: NonNegativeInt | None = None
    """Subscribe and unsubscribe messages on one connection."""
    message_bytes_max: NonNegativeInt | None = None
    """Bytes of one subscribe message."""
    subscribe_within_s: NonNegativeFloat | None = None
    """The provider closes a connection that asks for nothing so long."""
    connection_age_max_s: NonNegativeFloat | None = None
    """The provider closes older connections; we reconnect before."""
    heartbeat_every_s: NonNegativeFloat | None = None
    """How often to send a heartbeat."""
    silence_max_s: NonNegativeFloat | None = None
    """Nothing received for so long: reconnect."""


class ProviderSettings(Section):
    """One provider. Each has its file `providers/<dialect>.yaml`, or stands here by its dialect's name."""

    enabled: bool = True
    """Whether to connect. The markets of a disabled provider are left out."""
    url: str = ""
    """Empty: the dialect's own endpoint."""
    key_env: str | None = None
    """Name of the environment variable that holds the key."""
    key_file: Path | None = None
    """File that holds the key; white space around it is cut."""
    tls_ca_file: Path | None = None
    """PEM file of the only authorities to trust; left out: the system's."""
    deflate: bool = False
    """Offer compression (permessage-deflate): less traffic, more CPU."""
    connect_within_s: PositiveFloat = 10.0
    """An attempt to connect that takes longer has failed."""
    redundant: bool = False
    """Open each connection twice: the same subscriptions on two lines, opened and replaced apart. What both bring is
    published once, from the faster one, and the loss of one line loses nothing. Costs twice the traffic and decoding,
    and twice the connections of `limits.connections_max`."""
    backfill: bool = True
    """Ask the provider's own history for trades that were missed, where it has one."""
    history_url: str = ""
    """Where that history is asked; empty: the dialect's own, or nowhere when `url` is not the dialect's own."""
    limits: LimitsOverrides = LimitsOverrides()
    """Where your contract differs from the public limits."""

    _key: SecretStr = PrivateAttr(default=SecretStr(""))

    @property
    def key(self) -> SecretStr:
        """What key_env or key_file holds; empty when neither is set."""
        return self._key

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.key_env and self.key_file:
            raise ValueError("has both key_env and key_file: keep one")
        return self


class PipelineSettings(Section):
    """Bounds of the hot path. The defaults suit nearly everybody."""

    quarantine_max: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Refused frames that are kept for inspection, at most 4096 bytes of each."""
    tick_every_ms: Annotated[float, Field(ge=1, le=1000)] = 10.0
    """How often lingering batches, delivery reports and the back-pressure are looked at when nothing comes in."""
    coalesce_us: Annotated[int, Field(ge=0, le=10_000)] = 10_000
    """Under load, wake-ups for network input are so far apart: less CPU, as much latency at most."""


class RecordSettings(Section):
    """Raw frames with their receive times, in a log that `ingestor replay` reads; also by `ingestor record`."""

    path: Path | None = None
    """Folder of the log, in which each shard has its own, `s0`. Left out: a shard records nothing."""
    level: Annotated[int, Field(ge=1, le=19)] = 1
    """Of zstd. Captured frames take 14 % of their size at 1, 12 % at 9, for eight times the CPU."""
    segment_bytes: Annotated[int, Field(ge=1_000_000)] = 256_000_000
    """A segment of so many bytes is closed, and the next one begun."""
    segment_s: PositiveFloat = 3600.0
    """A segment with so many seconds of frames is closed, and the next one begun."""
    keep_bytes: NonNegativeInt = 0
    """The oldest closed segments beyond so many bytes are deleted; 0: all are kept."""
    sync_every_s: NonNegativeFloat = 1.0
    """How often the disk must have everything (fsync): what a power cut can cost; 0: after each block."""
    queue_bytes_max: Annotated[int, Field(ge=4_000_000)] = 64_000_000
    """Bytes that wait for the disk; beyond, frames are lost to the log, and counted."""


class Settings(Section):
    """The whole configuration."""

    shards: Annotated[int, Field(ge=1, le=SHARDS_MAX)] = 1
    """Number of shards that share the instruments. The same in all of them."""
    instruments: Path = Path("instruments.yaml")
    """The file of instruments and markets; a relative path counts from the configuration file."""
    reference: ReferenceSettings = ReferenceSettings()
    """Where instruments and markets come from, and how often they are looked at."""
    providers_dir: Path = Path("providers")
    """Folder of `<dialect>.yaml` files, one a provider; a relative path counts from the configuration file."""
    providers: Mapping[str, ProviderSettings] = Field(default_factory=dict)
    """Providers by dialect; a key here wins over the same key in the provider's file."""
    sink: SinkSettings = SinkSettings()
    """Where the records go."""
    topics: TopicsSettings = TopicsSettings()
    """How they go."""
    pricing: PricingSettings = PricingSettings()
    """What they are worth."""
    http: HttpSettings = HttpSettings()
    """What people and Prometheus see."""
    metrics: MetricsSettings = MetricsSettings()
    """How finely it is counted."""
    log: LogSettings = LogSettings()
    """What is told."""
    pipeline: PipelineSettings = PipelineSettings()
    """Bounds."""
    record: RecordSettings = RecordSettings()
    """Raw frames, kept."""
    watch: WatchSettings = WatchSettings()
    """What is wrong with them."""

    def topic_settings(self) -> dict[str, TopicSettings]:
        """The topics that the writer gathers, by name without prefix, with the sink's defaults filled in."""
        return {name: _topic(name, getattr(self.topics, name), self.sink.kind) for name in TOPICS}

    def sink_topics(self) -> dict[str, TopicSettings]:
        """All topics that the sink gets."""
        return {**self.topic_settings(), QUALITY: _topic(QUALITY, TopicOverrides(), self.sink.kind)}


def topic_faults(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(topic, key, what is wrong) of what does not go with the sink."""
    files = settings.sink.kind == "files"
    for name, topic in settings.topic_settings().items():
        if files != (topic.mode == "container"):
            fitting = "container" if files else "record or block"
            yield name, "mode", f"is {topic.mode!r}, but sink.kind is {settings.sink.kind}: use {fitting}"
        elif not files and topic.bytes_max > MESSAGE_BYTES_MAX:
            yield name, "bytes_max", f"is {topic.bytes_max}: a message has at most {MESSAGE_BYTES_MAX}"


def _topic(name: str, overrides: TopicOverrides, kind: str) -> TopicSettings:
    if kind == "files":
        default = TopicSettings("container", 1000.0, 10_000, 1_000_000)
    elif kind == "kafka" and name in ("trades", "quotes"):
        default = TopicSettings("block", 0.0, 500, 262_144)
    else:
        default = TopicSettings("record", 0.0, 500, 262_144)
    return default._replace(**overrides.model_dump(exclude_none=True))
