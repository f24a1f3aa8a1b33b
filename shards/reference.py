"""Reference data while a shard runs: looked at, read whole when it has changed, put into force or refused.

What contradicts itself is refused whole; the version in force stays, and the state says why. Nothing that goes
wrong here stops the data: it flows on by the last version. `start` gives a configuration its first version,
where that is not a file's.
"""

import asyncio
import gc
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from ingestor.errors import ConfigError, IngestorError
from ingestor.settings import Configuration
from ingestor.settings.documents import Document
from shards.assembly import next_end_ns
from shards.store_redis import RedisStore, StoreFault

#: Hints that come faster are answered by one look.
LOOKS_APART_S = 0.1
#: A file that is written is left alone until it has not changed for so long.
AT_REST_S = 0.2
#: Of the faults of a refused set, so many are named in the log; `ingestor check` says them all.
FAULTS_TOLD_MAX = 10
#: How the state is said when nothing is wrong.
CURRENT = "current"

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What a source says: `version` None where it has none of its own."""

    document: Document
    version: int | None = None
    texts: Mapping[str, str] | None = None  # by instrument, to be kept for a start without the source


class Source(Protocol):
    """Where reference data comes from. `look` raises StoreFault."""

    async def wait(self, within_s: float) -> None:
        """Return when there may be something new, after so many seconds at the latest."""

    async def look(self, version: int) -> Found | None:
        """What is there, if it may be something else than `version`, which is in force."""

    async def close(self) -> None:
        """Let go of what is open."""


class FileSource:
    """The instruments file. It is read again when its time, size or place on the disk has changed, and is at rest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Stamp | None = None     # the first look reads it: it may have changed since the start

    async def wait(self, within_s: float) -> None:
        await asyncio.sleep(within_s)

    async def look(self, version: int) -> Found | None:
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        while True:     # half a file may be valid, too
            await asyncio.sleep(AT_REST_S)
            before, stamp = stamp, self._stamp()
            if before == stamp:
                break
        document = Document(patient=True)
        await asyncio.to_thread(document.read, self._path)
        self._seen = stamp
        return Found(document)

    async def close(self) -> None:
        """Nothing is open."""

    def _stamp(self) -> Stamp:
        try:
            facts = self._path.stat()
        except OSError as error:
            raise StoreFault("away", f"{self._path}: {error.strerror or error}") from error
        return facts.st_mtime_ns, facts.st_size, facts.st_ino


class RedisSource:
    """The hash in Redis, by its version; hints on the channel only spare the wait."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._refused = 0

    async def wait(self, within_s: float) -> None:
        end = time.monotonic() + within_s
        try:
            await self._store.hint(within_s)
        except StoreFault:      # the look that follows says what is wrong; no sooner than without a channel
            await asyncio.sleep(max(0.0, end - time.monotonic()))

    async def look(self, version: int) -> Found | None:
        told = await self._store.version()
        if told < version:
            raise StoreFault("regressed", (
                f"{self._store.version_key} of {self._store.place} is {told}, below {version}, which is in force: it "
                f"has forgotten something; write all of {self._store.key} again and raise the version above {version}"))
        if told == version:
            self._refused = 0
        if told in (version, self._refused):
            return None
        found = found_in_redis(*await self._store.read(), self._store)
        self._refused = found.version or 0      # until it is in force
        return found

    async def close(self) -> None:
        await self._store.close()


def found_in_redis(version: int, texts: Mapping[str, str], store: RedisStore) -> Found:
    """The entries as one document."""
    document = Document()
    document.add_each(texts, "instruments", f"redis {store.key}")
    return Found(document, version, texts)


class Reference:
    """The reference data in force in one shard.

    `configuration` was put into force as it was at `planned_ns`. `prepare(configuration)` builds another, in a thread,
    and returns what puts it into force, on the loop. All but `run` and `look` may be asked from any thread.
    """

    def __init__(
        self, configuration: Configuration, source: Source, prepare: Callable[[Configuration], Callable[[], None]], *,
        planned_ns: int, clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        settings = configuration.settings.reference
        self.state = CURRENT
        self.reason = ""
        self.refused = 0        # sets
        self.swaps = 0
        self._refusal = ""      # of what the source says now
        self._configuration = configuration
        self._source = source
        self._prepare = prepare
        self._poll_s = settings.poll_s
        self._cache = settings.cache if settings.source == "redis" else None
        self._clock_ns = clock_ns
        self._wanted = asyncio.Event()
        self._end_ns = next_end_ns(configuration, planned_ns)
        self._log = structlog.get_logger()

    @property
    def version(self) -> int:
        """Of what is in force."""
        return self._configuration.reference_version

    def condition(self) -> tuple[bool, str]:
        """Whether what the source says is in force, and why not."""
        return self.state == CURRENT, self.reason

    def look_soon(self) -> None:
        """Look at the source now. For the loop's thread."""
        self._wanted.set()

    async def run(self) -> None:
        """Follow the source until cancelled. Raises only what putting into force raises."""
        try:
            while True:
                await self._wait()
                await self.look()
                await asyncio.sleep(LOOKS_APART_S)
        finally:
            await self._source.close()

    async def look(self) -> None:
        """Put into force what is new, and let end what has ended."""
        try:
            found = await self._source.look(self.version)
        except StoreFault as fault:
            self._note(fault.state, str(fault))
        else:
            if found is not None:
                await self._take(found)
            self._note("refused" if self._refusal else CURRENT, self._refusal)
        if self._has_ended() and not await self._put_into_force(lambda: self._configuration):
            self._end_ns = next_end_ns(self._configuration, self._clock_ns())   # the last one is not tried again

    async def _take(self, found: Found) -> None:
        def configured() -> Configuration:
            return self._configuration.refer(found.document, found.version)

        self._refusal = ""
        if await self._put_into_force(configured) and self._cache is not None and found.texts is not None:
            fault = await asyncio.to_thread(keep, self._cache, self.version, found.texts)
            if fault:
                self._log.warning("reference_not_kept", path=str(self._cache), error=fault)

    async def _put_into_force(self, configured: Callable[[], Configuration]) -> bool:
        """Whether it is in force now. What was, stays when the new one contradicts itself, or can't be built."""
        before, planned_ns = self._configuration, self._clock_ns()      # what ends meanwhile, ends afterwards
        # A collection would stop the loop to walk what is being built, again and again, and find nothing.
        gc.disable()
        try:
            configuration, commit = await asyncio.to_thread(self._built, configured)
        except ConfigError as error:
            self._refuse(error.faults)
            return False
        except Exception as error:  # our bug must not stop the data
            self._log.exception("reference_failed")
            self._refuse([f"{type(error).__name__}: {error}: see reference_failed in the log"])
            return False
        finally:
            gc.enable()
        self._end_ns = next_end_ns(configuration, planned_ns)
        if commit is not None:
            commit()
            self._configuration = configuration
            self.swaps += 1
            self._log.info("reference_swapped", version=self.version, before=before.reference_version)
        return True

    def _built(self, configured: Callable[[], Configuration]) -> tuple[Configuration, Callable[[], None] | None]:
        """What is to be put into force, and how; None: it is."""
        configuration = configured()
        if configuration.reference_version == self.version and not self._has_ended():
            return configuration, None
        return configuration, self._prepare(configuration)

    def _has_ended(self) -> bool:
        """Whether an instrument has ended that is still in force."""
        return self._end_ns is not None and self._end_ns <= self._clock_ns()

    def _refuse(self, faults: Sequence[str]) -> None:
        self.refused += 1
        self._refusal = f"{len(faults)} faults, the first: {faults[0]}" if len(faults) > 1 else faults[0]
        self._log.error("reference_refused", in_force=self.version, faults=list(faults[:FAULTS_TOLD_MAX]),
                        count=len(faults))

    async def _wait(self) -> None:
        """Until there may be something to do."""
        within_s = self._poll_s
        if self._end_ns is not None:
            within_s = min(within_s, max(0.0, (self._end_ns - self._clock_ns()) / 1e9))
        waits = [asyncio.ensure_future(wait) for wait in (self._source.wait(within_s), self._until_wanted())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        self._wanted.clear()

    async def _until_wanted(self) -> None:
        await self._wanted.wait()

    def _note(self, state: str, reason: str = "") -> None:
        """The state now; what is not told already is logged."""
        if state != self.state and state == CURRENT:
            self._log.info("reference_current", version=self.version)
        elif state != self.state and state != "refused":
            self._log.warning("reference_not_followed", state=state, reason=reason, in_force=self.version)
        self.state, self.reason = state, reason


# The first version.

def start(configuration: Configuration) -> tuple[Configuration, str]:
    """With the reference data of Redis, else with what was kept of it on the disk; and what is wrong, "" for nothing.

    Raises ConfigError for what contradicts itself, IngestorError when there is none.
    """
    settings = configuration.settings.reference
    kept = read_kept(settings.cache)
    try:
        found = asyncio.run(_read(configuration))
        if kept is None or (found.version or 0) >= (kept.version or 0):
            started = configuration.refer(found.document, found.version)
            fault = keep(settings.cache, started.reference_version, found.texts or {})
            return started, fault and f"it can't be kept in {settings.cache}: {fault}"
        why = f"Redis has version {found.version}"
    except (StoreFault, ConfigError) as error:
        why = str(error).splitlines()[0]
        if kept is None and isinstance(error, ConfigError):
            raise
    if kept is None:
        raise IngestorError(f"no reference data: {why}; and none is kept in {settings.cache}: mend Redis, or set "
                            "reference.source: files")
    return configuration.refer(kept.document, kept.version), f"version {kept.version} of {settings.cache}, since {why}"


def checked(configuration: Configuration) -> Configuration:
    """With the reference data that Redis has now. Raises ConfigError or StoreFault."""
    found = asyncio.run(_read(configuration))
    return configuration.refer(found.document, found.version)


def source_of(configuration: Configuration) -> Source:
    """What a shard follows. To be made on its loop."""
    if configuration.settings.reference.source == "redis":
        return RedisSource(store_of(configuration))
    return FileSource(configuration.instruments_path)


def store_of(configuration: Configuration) -> RedisStore:
    """The Redis of the settings."""
    settings = configuration.settings.reference.redis
    ca_file = settings.tls_ca_file
    return RedisStore(settings, None if ca_file is None else str(configuration.path.parent / ca_file))


async def _read(configuration: Configuration) -> Found:
    store = store_of(configuration)
    try:
        return found_in_redis(*await store.read(), store)
    finally:
        await store.close()


def keep(path: Path, version: int, texts: Mapping[str, str]) -> str:
    """Keep a version on the disk, whole or not at all; what went wrong, "" for nothing."""
    written = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written.open("w", encoding="utf-8") as file:
            json.dump({"version": version, "instruments": dict(texts)}, file)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except OSError as error:
        with suppress(OSError):
            written.unlink()
        return error.strerror or str(error)
    return ""


def read_kept(path: Path) -> Found | None:
    """What was kept; None when there is nothing that can be read."""
    try:
        kept: Any = json.loads(path.read_text(encoding="utf-8"))
        version, texts = int(kept["version"]), {str(name): str(text) for name, text in kept["instruments"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    document = Document()
    document.add_each(texts, "instruments", str(path))
    return Found(document, version, texts)
