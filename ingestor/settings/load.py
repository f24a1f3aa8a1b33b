"""Read the configuration whole: files, environment, secrets; and say everything that is wrong at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError

from ingestor.errors import ConfigError
from ingestor.settings.documents import Document, Keys, environment
from ingestor.settings.entries import Entries, content_version, read_entries
from ingestor.settings.faults import faults_of, nearest, told
from ingestor.settings.markets import Dialect, Instrument, Market
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
    reference_version: int = 0      # of the two
    _refer: "Callable[[Configuration, Document, int | None], Configuration] | None" = field(
        default=None, repr=False, compare=False)

    def refer(self, document: Document, version: int | None = None) -> "Configuration":
        """This configuration with the instruments and markets of a document; `version` None: that of its content.

        Raises ConfigError with every fault; this one is as it was.
        """
        assert self._refer is not None
        return self._refer(self, document, version)

    @property
    def instruments_path(self) -> Path:
        """The file of the instruments, where they come from one."""
        return self.path.parent / self.settings.instruments

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
        rows, path = Document(), self._relative(document.value.get("instruments"), "instruments")
        entries = Entries()
        if path is not None and self._from_files(settings) and (readable or path.exists()):
            entries = read_entries(rows, self._dialects, providers, readable=rows.read(path))
        self.faults += entries.faults
        if readable:    # what a broken file would have said of them is not known
            self._read_used(entries, providers)
            self._read_kafka_files(settings)
            self._read_redis_files(settings)
        for topic, key, what in topic_faults(settings) if settings is not None else ():
            self._fault(("topics", topic, key), what)
        if settings is not None and shard is not None and not 0 <= shard < settings.shards:
            self._fault((), f"--shard is {shard}, but shards is {settings.shards}: use 0 to {settings.shards - 1}")
        if not self.faults and self._from_files(settings):
            self._need_markets(entries)
        return Configuration(
            self._path, settings or Settings(), tuple(entries.instruments), tuple(entries.markets),
            content_version(rows.value["instruments"]) if entries.instruments else 0, self.refer)

    def refer(self, configuration: "Configuration", document: Document, version: int | None = None) -> "Configuration":
        """The same settings with other reference data; `version` None: that of its content.

        Secrets of providers that are named for the first time are read. Raises ConfigError with every fault.
        """
        self.faults = []
        entries = read_entries(document, self._dialects, configuration.settings.providers)
        self.faults += entries.faults
        self._read_used(entries, configuration.settings.providers)
        if not self.faults:
            self._need_markets(entries)
        if self.faults:
            raise ConfigError(self.faults)
        return replace(
            configuration, instruments=tuple(entries.instruments), markets=tuple(entries.markets),
            reference_version=content_version(document.value["instruments"]) if version is None else version)

    @staticmethod
    def _from_files(settings: Settings | None) -> bool:
        return settings is None or settings.reference.source == "files"

    def _need_markets(self, entries: Entries) -> None:
        if not entries.markets:
            self._fault((), "no market of an enabled provider: enable a provider, or add markets to the instruments")

    def _read_used(self, entries: Entries, providers: Mapping[str, ProviderSettings]) -> None:
        for name in sorted(entries.providers & self._dialects.keys()):
            self._read_provider_files(name, providers.get(name, ProviderSettings()))

    def _fault(self, keys: Keys, what: str) -> None:
        self.faults.append(told(self._document, keys, what))

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

    def _validated(self, model: type[Model], value: Any, keys: Keys) -> Model | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.faults += faults_of(error, self._document, model, keys)
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

    def _read_redis_files(self, settings: Settings | None) -> None:
        keys = ("reference", "redis")
        if self._written(("reference", "source")) == "redis":
            password = self._secret(keys, "password", "or remove the key")
            self._text((*keys, "tls_ca_file"))
            if settings is not None:
                settings.reference.redis._password = password

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
