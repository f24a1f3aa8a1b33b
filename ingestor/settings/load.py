"""Read the configuration whole: files, environment, secrets; and say everything that is wrong at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError

from ingestor.errors import ConfigError
from ingestor.settings.checks import conversion_faults, double_markets
from ingestor.settings.documents import Document, Keys, environment
from ingestor.settings.faults import faults_of, nearest, told
from ingestor.settings.markets import Dialect, Instrument, InstrumentEntry, Market
from ingestor.settings.models import ProviderSettings, Settings, topic_faults
from ingestor.settings.section import Section

#: Where the configuration is when nothing is said.
CONFIG_PATH = Path("config/ingestor.yaml")
#: A key file holds a key, not a film.
SECRET_BYTES_MAX = 65_536
#: A variable of one word that is so like a key was meant to be it: INGESTOR_SHARD for INGESTOR_SHARDS.
NEARLY = 0.8

Model = TypeVar("Model", bound=Section)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is valid as a whole. `markets` are those of enabled providers, each with its channels."""

    path: Path
    settings: Settings
    instruments: tuple[Instrument, ...]
    markets: tuple[Market, ...]

    def provider(self, name: str) -> ProviderSettings:
        """A provider's settings; the defaults when nothing was written for it."""
        return self.settings.providers.get(name, ProviderSettings())


def load(
    path: Path, dialects: Mapping[str, Dialect], environ: Mapping[str, str], *, shard: int | None = None,
) -> Configuration:
    """The configuration at `path`, checked against the known dialects.

    Raises ConfigError with every fault, one line each. Loads of `dialects` only those that are used.
    """
    loading = _Loading(path, dialects, environ)
    configuration = loading.run(shard)
    if loading.faults:
        raise ConfigError(loading.faults)
    return configuration


class _Loading:
    """One load: the faults found so far, and what they are told of."""

    def __init__(self, path: Path, dialects: Mapping[str, Dialect], environ: Mapping[str, str]) -> None:
        self._path = path
        self._dialects = dialects
        self._environ = environ
        self._document = Document()     # of the settings
        self._rows = Document()         # of the instruments
        self.faults: list[str] = []

    def run(self, shard: int | None) -> Configuration:
        document = self._document
        readable = document.read(self._path)
        if not readable and not self._path.exists():
            raise ConfigError(f"{self._path}: no such file: give --config FILE, or run where config/ingestor.yaml is")
        self._overlay_environment()
        self._underlay_provider_files()
        self.faults += document.faults
        providers = self._providers()
        settings = self._validated(Settings, {**document.value, "providers": providers}, ())
        path = self._relative(document.value.get("instruments"), "instruments")
        entries = self._instruments(path, must=readable) if path else {}
        markets = self._markets(entries, providers)
        if readable:    # what a broken file would have said of them is not known
            used = {market.provider for _, entry in entries.values() for market in entry.markets}
            for name in sorted(used & self._dialects.keys()):
                self._read_provider_files(name, providers.get(name, ProviderSettings()))
            self._read_kafka_files(settings)
        for topic, key, what in topic_faults(settings) if settings is not None else ():
            self._fault(("topics", topic, key), what)
        if settings is not None and shard is not None and not 0 <= shard < settings.shards:
            self._fault((), f"--shard is {shard}, but shards is {settings.shards}: use 0 to {settings.shards - 1}")
        if not self.faults and not markets:
            self._fault((), "no market of an enabled provider: enable a provider, or add markets to the instruments")
        return Configuration(
            self._path, settings or Settings(), tuple(instrument for instrument, _ in entries.values()), tuple(markets))

    def _fault(self, keys: Keys, what: str, document: Document | None = None) -> None:
        self.faults.append(told(document or self._document, keys, what))

    def _overlay_environment(self) -> None:
        names = {name.replace("-", "_"): name for name in self._dialects}
        for variable, parts, value in environment(self._environ):
            known = get_close_matches(parts[0], Settings.model_fields, 1, NEARLY)
            if len(parts) == 1 and not known:
                continue    # INGESTOR_CONFIG, or another program's, such as a cluster's service links
            if parts[0] == "providers" and len(parts) > 1:
                parts[1] = names.get(parts[1], parts[1])
            self._document.put(tuple(parts), value, f"environment {variable}")

    def _underlay_provider_files(self) -> None:
        written = self._document.value.get("providers_dir")
        folder = self._relative(written, "providers_dir")
        if folder is None:
            return
        if not folder.is_dir():
            if written is not None:
                self._fault(("providers_dir",), f"is {written!r}: no such folder")
            return
        for path in sorted(folder.glob("*.yaml")):
            document = Document()
            document.read(path, ("providers", path.stem))
            self._document.underlay(document)

    def _providers(self) -> dict[str, ProviderSettings]:
        written = self._document.value.get("providers") or {}
        if not isinstance(written, dict):
            self._fault(("providers",), "must be a mapping from dialect to settings, `kraken-v2: {...}`")
            return {}
        found = {}
        for name, value in written.items():
            keys = ("providers", name)
            if name not in self._dialects:
                self._fault(keys, f"is no known provider: {nearest(name, self._dialects)}")
                continue
            settings = self._validated(ProviderSettings, {} if value is None else value, keys)
            if settings is not None:
                found[name] = settings
        return found

    def _instruments(self, path: Path, *, must: bool) -> dict[str, tuple[Instrument, InstrumentEntry]]:
        """By id. `must`: a file that is not there is a fault."""
        document = self._rows
        if not must and not path.exists():
            return {}
        readable = document.read(path)
        self.faults += document.faults
        for key in document.value:
            if key != "instruments":
                self._fault((key,), f"is no known key: {nearest(key, ['instruments'])}", document)
        written = document.value.get("instruments")
        if not isinstance(written, dict) or not written:
            if readable:
                what = "must be a mapping from instrument to its markets, `btc-usd: {...}`"
                self._fault(("instruments",), what, document)
            return {}
        found = {}
        for name, value in written.items():
            keys = ("instruments", name)
            entry = self._validated(InstrumentEntry, {} if value is None else value, keys, document)
            if entry is None:
                continue
            try:
                found[name] = (entry.instrument(name), entry)
            except ValueError as error:
                self._fault(keys, str(error), document)
        self.faults += conversion_faults([instrument for instrument, _ in found.values()], list(written), document)
        return found

    def _markets(
        self, entries: Mapping[str, tuple[Instrument, InstrumentEntry]], providers: Mapping[str, ProviderSettings],
    ) -> list[Market]:
        placed: list[tuple[Keys, Market]] = []
        for name, (instrument, entry) in entries.items():
            for index, market in enumerate(entry.markets):
                keys = ("instruments", name, "markets", index)
                if market.provider not in self._dialects:
                    what = f"is {market.provider!r}, no known provider: {nearest(market.provider, self._dialects)}"
                    self._fault((*keys, "provider"), what, self._rows)
                    continue
                dialect = self._dialects[market.provider]
                if fault := market.fault(dialect):
                    self._fault(keys, fault, self._rows)
                else:
                    placed.append((keys, market.market(instrument, dialect)))
        self.faults += double_markets(placed, self._rows)
        default = ProviderSettings()
        return [market for _, market in placed if providers.get(market.provider, default).enabled]

    def _validated(
        self, model: type[Model], value: Any, keys: Keys, document: Document | None = None,
    ) -> Model | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.faults += faults_of(error, document or self._document, model, keys)
            return None

    def _relative(self, written: Any, field: str) -> Path | None:
        """A path counts from the configuration file. None when what is written is no path."""
        default = Settings.model_fields[field].default
        if written is not None and not isinstance(written, str):
            return None
        return self._path.parent / (written or default)

    # Secrets and other files that are named by the settings. Read from what is written, so that a fault
    # elsewhere in the section does not hide theirs.

    def _read_provider_files(self, name: str, provider: ProviderSettings) -> None:
        keys = ("providers", name)
        if self._written((*keys, "enabled")) is False or not provider.enabled:
            return
        provider._key = self._secret(keys, "key", f"or set providers.{name}.enabled: false")
        self._text((*keys, "tls_ca_file"))

    def _read_kafka_files(self, settings: Settings | None) -> None:
        keys = ("sink", "kafka")
        if self._written(("sink", "kind")) == "kafka":
            password = self._secret(keys, "password", "or remove the key")
            self._text((*keys, "tls_ca_file"))
            if settings is not None:
                settings.sink.kafka._password = password

    def _written(self, keys: Keys) -> Any:
        """What the files and the environment say; None for nothing."""
        value: Any = self._document.value
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def _secret(self, keys: Keys, what: str, otherwise: str) -> SecretStr:
        variable, file = self._written((*keys, f"{what}_env")), self._written((*keys, f"{what}_file"))
        value = ""
        if isinstance(variable, str):
            value = self._environ.get(variable, "")
            if not value:
                self._fault(
                    (*keys, f"{what}_env"),
                    f"names {variable}, which is not set in the environment: set it, {otherwise}")
        elif isinstance(file, str):
            text = self._text((*keys, f"{what}_file"))
            value = (text or "").strip()
            if text is not None and not value:
                self._fault((*keys, f"{what}_file"), f"is {file!r}, an empty file: put the {what} in, {otherwise}")
        return SecretStr(value)

    def _text(self, keys: Keys) -> str | None:
        """The text of the file that a key names; None, and a fault, when it can't be read."""
        file = self._written(keys)
        if not isinstance(file, str):
            return None
        try:
            with (self._path.parent / file).open(encoding="utf-8") as opened:
                return opened.read(SECRET_BYTES_MAX)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no text in UTF-8"
            self._fault(keys, f"is {file!r}: {reason}: name a readable file")
            return None
