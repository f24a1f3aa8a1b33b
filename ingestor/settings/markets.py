"""Instruments and markets: how they are written, what an id says by itself, and what they resolve to.

    instruments:
      btc-usd:
        priced_with: [btc-usdt]             # its markets also vote, converted by usdt-usd
        markets:
          - {provider: coinbase-exchange, symbol: BTC-USD}
          - {provider: bybit-v5, symbol: BTCUSDT, section: linear, channels: [publicTrade]}

An instrument that can't be read leaves the others readable: each is validated by itself. What concerns
several of them (conversions, doubles) is checked in load.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import Field, PositiveFloat, field_validator, model_validator

from ingestor.settings.pricing import InstrumentPricing
from ingestor.settings.section import Section

DataClass = Literal["spot", "perp", "future", "option", "index"]
Level = Literal["trades", "quotes", "bars", "reference"]
Tier = Literal["major", "mid", "tail", "stable"]
State = Literal["trading", "halted", "auction", "delisted"]

#: base-quote, then what makes a derivative: -perp, -index, -YYYYMMDD, -YYYYMMDD-STRIKE-c|p
INSTRUMENT_ID = re.compile(
    r"(?P<base>[a-z0-9]+)-(?P<quote>[a-z0-9]+)"
    r"(?:-(?P<tail>perp|index)|-(?P<expiry>\d{8})(?P<option>-\d+(?:\.\d+)?-[cp])?)?")
#: Whose moments are int64 nanoseconds of the epoch, and a day later too.
YEARS = (1970, 2261)
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
#: Characters of a name, twice the longest captured; with VENUE_MAX, all of a record have room (wire/writer.pyx).
NAME_MAX = 128
VENUE_MAX = 64
#: What is subscribed when a market names neither channels nor levels.
LEVELS: dict[str, tuple[Level, ...]] = {
    "spot": ("trades", "quotes"),
    "perp": ("trades", "quotes", "reference"),
    "future": ("trades", "quotes", "reference"),
    "option": ("trades", "quotes", "reference"),
    "index": ("reference",),
}


class ChannelFacts(Protocol):
    """What a dialect says of a channel: ingestor.providers.provider.Channel."""

    @property
    def name(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def default(self) -> bool: ...


class Dialect(Protocol):
    """What the configuration is checked against: ingestor.providers.provider.Provider."""

    @property
    def venue(self) -> str: ...
    @property
    def channels(self) -> Sequence[ChannelFacts]: ...


@dataclass(frozen=True, slots=True)
class PricedWith:
    """Another instrument whose markets also vote; `conversion` is the instrument that converts, "" for none."""

    instrument: str
    conversion: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """What is priced: lower case, base-quote first."""

    id: str
    data_class: DataClass = "spot"
    base: str = ""
    quote: str = ""
    contract_size: Decimal = Decimal(1)     # of the base, or of the quote when inverse
    inverse: bool = False                   # margined and settled in the base
    expiry: date | None = None              # UTC
    ends_ns: int | None = None              # when that is, UTC epoch ns; None: never
    tick_size: Decimal | None = None        # None: not known
    priced_with: tuple[PricedWith, ...] = ()
    pricing: dict[str, float | bool | str] = field(default_factory=dict)     # its own parameters
    tier: Tier = "major"
    index: PricedWith | None = None         # what a contract marked by mark_default is a derivative of


@dataclass(frozen=True, slots=True)
class Market:
    """An instrument at a venue, through a provider. Symbol, section and venue_code are as the provider writes them."""

    instrument: str
    provider: str
    venue: str
    symbol: str
    section: str = ""
    venue_code: str = ""
    channels: tuple[str, ...] = ()
    trust: float = 1.0
    state: State = "trading"
    contract_size: Decimal = Decimal(1)
    inverse: bool = False
    tick_size: Decimal | None = None


class PricedWithEntry(Section):
    """Another instrument whose markets also vote. Its name alone means the same."""

    instrument: str
    """The other instrument."""
    conversion: str | None = None
    """The instrument whose fair price converts the other's quote currency. Default: `<its quote>-<our quote>`."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"instrument": value} if isinstance(value, str) else value


class MarketEntry(Section):
    """Where the instrument trades, and who says so."""

    provider: str
    """The dialect, such as `binance-spot`."""
    symbol: Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
    """As the provider writes it in its messages."""
    section: Annotated[str, Field(max_length=NAME_MAX)] = ""
    """Endpoint or class where the provider has several: `linear` of bybit-v5, `spot` of kaiko."""
    venue: Annotated[str, Field(max_length=VENUE_MAX)] = ""
    """The venue's name. Needed for aggregators; for an exchange it is the exchange."""
    venue_code: Annotated[str, Field(max_length=NAME_MAX)] = ""
    """For aggregators: the venue as the provider writes it."""
    channels: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The provider's channels to subscribe. Default: its usual ones for `levels`."""
    levels: Annotated[tuple[Level, ...], Field(min_length=1)] | None = None
    """Kinds of data. Default: trades and quotes; for derivatives reference too; for an index reference."""
    trust: PositiveFloat = 1.0
    """Weight beside other providers of the same venue."""
    state: State = "trading"
    """What the venue does with the market. Only one that is `trading` has a vote in the price; of one that is
    `halted` or in `auction` the data still flows, and its silence is no alarm; `delisted` is not subscribed."""
    contract_size: Annotated[Decimal, Field(gt=0)] | None = None
    """Of one contract at this venue. Default: the instrument's."""
    inverse: bool | None = None
    """Margined and settled in the base at this venue. Default: as the instrument says."""
    tick_size: Annotated[Decimal, Field(gt=0)] | None = None
    """The least step of the price at this venue. Default: the instrument's."""

    @field_validator("symbol", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _one_selection(self) -> Self:
        if self.channels and self.levels:
            raise ValueError("has both channels and levels: keep one")
        return self

    def fault(self, dialect: Dialect) -> str:
        """What the dialect has against this market, with what to do; "" for nothing."""
        known = [channel.name for channel in dialect.channels]
        for channel in self.channels or ():
            if channel not in known:
                return f"channel {channel!r} is unknown to {self.provider}: use {', '.join(known)}"
        for level in self.levels or ():
            if not any(channel.level == level for channel in dialect.channels):
                return f"{self.provider} has no channel for {level}: remove it from levels"
        if dialect.venue and (self.venue_code or self.venue not in ("", dialect.venue)):
            return f"{self.provider} is the venue {dialect.venue} itself: remove venue and venue_code"
        if not dialect.venue and not (self.venue and self.venue_code):
            return f"{self.provider} carries many venues: add venue (our name) and venue_code (as it writes it)"
        return ""

    def market(self, instrument: Instrument, dialect: Dialect) -> Market:
        """The market with all that was left out."""
        levels = self.levels or LEVELS[instrument.data_class]
        channels = self.channels or tuple(
            channel.name for level in levels for channel in dialect.channels
            if channel.level == level and channel.default)
        return Market(
            instrument.id, self.provider, self.venue or dialect.venue, self.symbol, self.section, self.venue_code,
            tuple(dict.fromkeys(channels)), self.trust, self.state, self.contract_size or instrument.contract_size,
            instrument.inverse if self.inverse is None else self.inverse, self.tick_size or instrument.tick_size)


class InstrumentEntry(Section):
    """One instrument, written under its id. What the id says need not be said again."""

    data_class: DataClass | None = None
    """Default: by the id's end: `-perp`, `-index`, `-20270326` (future), `-20270326-80000-c` (option), else spot."""
    base: str | None = None
    """What is priced. Default: the id's first part. Instruments of one base meet on one shard."""
    quote: str | None = None
    """In what it is priced. Default: the id's second part."""
    contract_size: Annotated[Decimal, Field(gt=0)] = Decimal(1)
    """Of one contract, in the base; in the quote when inverse."""
    inverse: bool = False
    """Margined and settled in the base."""
    expiry: datetime | date | None = None
    """Its end: a time, `2027-03-26T08:00:00Z`, or a day, with whose end in UTC it ends. Default: the day of its id.
    Its markets are then unsubscribed, and its price is UNAVAILABLE."""
    tick_size: Annotated[Decimal, Field(gt=0)] | None = None
    """The least step of its price, where the venues agree."""
    priced_with: tuple[PricedWithEntry, ...] = ()
    """Instruments whose markets also vote for this one's fair price."""
    index: PricedWithEntry | None = None
    """For `method: mark_default`: the instrument that this contract is a derivative of, and the one that converts its
    quote currency, as in `priced_with`. Default: the spot of its base and quote, `btc-usdt`."""
    pricing: InstrumentPricing = InstrumentPricing()
    """Its own method, and parameters that differ from the configuration's `pricing`."""
    tier: Tier = "major"
    """How far providers' prices may differ before it is an alert: `major` takes the thresholds of `watch.rules` as they
    are, `mid` doubles them, `tail` takes four times, `stable` (both sides are stable) a fifth."""
    markets: tuple[MarketEntry, ...] = ()
    """Where it trades."""

    @field_validator("expiry", mode="before")
    @classmethod
    def _moment(cls, value: Any) -> Any:
        """YAML has days and times of its own; quoted, and in JSON, they are texts, and a day is not its midnight."""
        if value is None or isinstance(value, date):
            return value
        try:
            if ISO_DAY.fullmatch(value):
                return date.fromisoformat(value)
            return datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise ValueError("give a day, YYYY-MM-DD, or a time, YYYY-MM-DDTHH:MM:SSZ") from error

    def instrument(self, id: str) -> Instrument:
        """The instrument with all that its id says. Raises ValueError when they contradict."""
        found = INSTRUMENT_ID.fullmatch(id)
        if not found or len(id) > NAME_MAX:
            raise ValueError(
                "is no instrument id: write base-quote in lower case, then -perp, -index, -YYYYMMDD or "
                "-YYYYMMDD-STRIKE-c")
        base, quote = self.base or found["base"], self.quote or found["quote"]
        expiry, ends_ns = _expiry(found["expiry"], self.expiry)
        return Instrument(
            id, self.data_class or _data_class(found), base, quote, self.contract_size, self.inverse, expiry, ends_ns,
            self.tick_size,
            tuple(PricedWith(other.instrument, _conversion(other, quote)) for other in self.priced_with),
            self.pricing.params(), self.tier, self._index(base, quote))

    def _index(self, base: str, quote: str) -> PricedWith | None:
        """As written, or the spot of the same currencies where this instrument's own method needs one."""
        if self.index is not None:
            return PricedWith(self.index.instrument, _conversion(self.index, quote))
        return PricedWith(f"{base}-{quote}") if self.pricing.method == "mark_default" else None


def _data_class(found: re.Match[str]) -> DataClass:
    if found["tail"] == "perp":
        return "perp"
    if found["tail"] == "index":
        return "index"
    if found["option"]:
        return "option"
    return "future" if found["expiry"] else "spot"


def _expiry(digits: str | None, written: datetime | date | None) -> tuple[date | None, int | None]:
    """The day, and the moment in UTC epoch ns: the end of the day where no time is written."""
    moment = written if isinstance(written, datetime) else None
    if moment is not None:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        written = moment.date()
    if digits is not None:
        try:
            told = datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()
        except ValueError as error:
            raise ValueError(f"holds {digits}, which is no date: write YYYYMMDD") from error
        if written not in (None, told):
            raise ValueError(f"says {told}, but expiry is {written}: correct one, or remove expiry")
        written = told
    if written is None:
        return None, None
    if not YEARS[0] <= written.year <= YEARS[1]:
        raise ValueError(f"ends {written}, which no record's time can say: use {YEARS[0]} to {YEARS[1]}")
    if moment is None:
        moment = datetime(written.year, written.month, written.day, tzinfo=UTC) + timedelta(days=1)
    return written, int(moment.timestamp()) * 1_000_000_000


def _conversion(other: PricedWithEntry, quote: str) -> str:
    """The instrument that converts; known by the ids alone."""
    if other.conversion is not None:
        return other.conversion
    found = INSTRUMENT_ID.fullmatch(other.instrument)
    return f"{found['quote']}-{quote}" if found and found["quote"] != quote else ""
