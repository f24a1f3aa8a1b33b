"""Redis, as far as this product speaks it: the reference data, its version, and the hints that it has changed.

The truth is a hash with one field an instrument, and a number that each change raises in the same transaction.
A message on the channel is a hint that may be lost: who gets none looks at the number now and then. Every way in
which Redis can fail comes out as a StoreFault with a word for machines.
"""

import asyncio
import json
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ingestor.errors import IngestorError
from ingestor.settings.reference import RedisSettings

#: Instruments in one reference set; ten times the 10,000 that are promised.
ENTRIES_MAX = 100_000
#: A version is Avro's long.
VERSION_MAX = (1 << 63) - 1
#: The kind of a hint that concerns this file.
REFERENCE = "ref"

Answer = TypeVar("Answer")


class StoreFault(IngestorError):
    """Redis did not do what was asked. `state`: away, denied (key or rights), misread (no such answer), empty."""

    def __init__(self, state: str, why: str) -> None:
        super().__init__(why)
        self.state = state


class RedisStore:
    """One Redis. Lives on one loop; each call is bounded by `answer_within_s` and may raise StoreFault."""

    def __init__(self, settings: RedisSettings, tls_ca_file: str | None = None) -> None:
        parts = urlsplit(settings.url)
        self.place = f"{parts.hostname}:{parts.port or 6379}"
        self.key = f"{{ing:{settings.cluster}}}:ref"
        self.version_key = f"{self.key}:ver"
        self.channel = f"ingestor:{settings.cluster}"
        self._within_s = settings.answer_within_s
        tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": tls_ca_file} if parts.scheme == "rediss" else {}
        self._redis = Redis(
            host=parts.hostname or "", port=parts.port or 6379, db=int(parts.path.strip("/") or 0),
            username=settings.username or None, password=settings.password.get_secret_value() or None,
            decode_responses=True, socket_timeout=self._within_s, socket_connect_timeout=self._within_s,
            retry=Retry(NoBackoff(), 0), **tls)
        self._listening: PubSub | None = None

    async def version(self) -> int:
        """The present version."""
        return self._number(await self._asked(self._redis.get(self.version_key)))

    async def read(self) -> tuple[int, dict[str, str]]:
        """The version and, of the same moment, the text of each instrument's entry by its id."""
        count: Any = await self._asked(self._redis.hlen(self.key))
        if not isinstance(count, int) or count > ENTRIES_MAX:
            raise StoreFault("misread", f"{self.key} of {self.place} has {count!r:.60} fields, more than {ENTRIES_MAX}")
        async with self._redis.pipeline(transaction=True) as both:
            both.get(self.version_key)
            both.hgetall(self.key)
            answers: Any = await self._asked(both.execute())
        match answers:
            case [version, dict() as fields] if all(isinstance(text, str) for row in fields.items() for text in row):
                return self._number(version), fields
        raise StoreFault("misread", f"{self.place} gives no answer of a Redis: {answers!r:.200}")

    async def hint(self, within_s: float) -> bool:
        """Wait for a hint that there is a new version; False: none came in so many seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        if self._listening is None:
            listening = self._redis.pubsub(ignore_subscribe_messages=True)
            try:
                await self._asked(listening.subscribe(self.channel))
            except BaseException:
                await self._drop(listening)
                raise
            self._listening = listening
        try:
            while (left_s := until - loop.time()) > 0:
                message = await self._asked(self._listening.get_message(timeout=left_s), left_s + self._within_s)
                if message is not None and _concerns(message.get("data")):
                    return True
        except BaseException:   # also when nobody waits any more: half an answer may have been read
            listening, self._listening = self._listening, None
            await self._drop(listening)
            raise
        return False

    async def close(self) -> None:
        """Close the connections."""
        if self._listening is not None:
            await self._drop(self._listening)
        with suppress(exceptions.RedisError, OSError):
            await self._redis.aclose()

    @staticmethod
    async def _drop(listening: PubSub) -> None:
        with suppress(exceptions.RedisError, OSError):
            await listening.aclose()    # type: ignore[no-untyped-call]

    def _number(self, text: Any) -> int:
        if text is None:
            raise StoreFault("empty", f"{self.version_key} is not in {self.place}: write {self.key}, then raise it")
        if isinstance(text, str) and text.isascii() and text.isdigit() and 0 < int(text) <= VERSION_MAX:
            return int(text)
        raise StoreFault("misread", f"{self.version_key} of {self.place} is {text!r:.60}: make it a number above 0")

    async def _asked(self, answer: Awaitable[Answer], within_s: float | None = None) -> Answer:
        """The answer, or why there is none."""
        within_s = within_s or self._within_s
        try:
            async with asyncio.timeout(within_s):
                return await answer
        except (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError,
                exceptions.AuthenticationWrongNumberOfArgsError) as error:
            raise StoreFault("denied", f"{self.place} refuses: {error}") from error
        except (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ReadOnlyError, OSError) as error:
            raise StoreFault("away", f"{self.place}: {str(error) or f'no answer in {within_s:g} s'}") from error
        except (exceptions.RedisError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise StoreFault("misread", f"{self.place} gives no answer of a Redis: {error!r:.200}") from error


def _concerns(data: Any) -> bool:
    """Whether a message on the channel says that there is new reference data."""
    try:
        said = json.loads(data)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("kind") == REFERENCE
