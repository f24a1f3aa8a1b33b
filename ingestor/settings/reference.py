"""Where the reference data (instruments and markets) comes from, and how often it is looked at."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, PrivateAttr, SecretStr, model_validator

from ingestor.settings.section import Section


class RedisSettings(Section):
    """The Redis that holds the reference data: a hash of instruments, and its version."""

    url: str = "redis://127.0.0.1:6379/0"
    """`redis://HOST:PORT/DATABASE`, or `rediss://` with TLS. No password here."""
    username: str = ""
    """With a password; empty: the default user."""
    password_env: str | None = None
    """Name of the environment variable that holds the password."""
    password_file: Path | None = None
    """File that holds the password."""
    tls_ca_file: Path | None = None
    """PEM file of the only authorities to trust; left out: the system's."""
    cluster: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,64}$")] = "main"
    """Name of this cluster: the hash is `{ing:<cluster>}:ref`, its version `{ing:<cluster>}:ref:ver`, and messages on
    the channel `ingestor:<cluster>` say that there is a new one."""
    answer_within_s: PositiveFloat = 5.0
    """A connection, or an answer, that takes longer has failed."""

    _password: SecretStr = PrivateAttr(default=SecretStr(""))

    @property
    def password(self) -> SecretStr:
        """What password_env or password_file holds."""
        return self._password

    @model_validator(mode="after")
    def _address(self) -> Self:
        """Of the whole, so that no message shows an address: it may hold a password."""
        try:
            parts = urlsplit(self.url)
            whole = (parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
                     and re.fullmatch(r"/?|/[0-9]{1,4}", parts.path))
        except ValueError:
            whole = False
        if not whole:
            raise ValueError("has a url that is none of Redis: give redis://HOST:PORT/DATABASE, or rediss:// with TLS")
        if "@" in parts.netloc or parts.query:
            raise ValueError(
                "has a url with a user, a password or options: use username, and password_env or password_file")
        return self

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.password_env and self.password_file:
            raise ValueError("has both password_env and password_file: keep one")
        return self


class ReferenceSettings(Section):
    """The reference data: instruments and markets. It is read again while a shard runs, and swapped whole."""

    source: Literal["files", "redis"] = "files"
    """`files`: the file that `instruments` names; `redis`: see `reference.redis`."""
    poll_s: Annotated[float, Field(ge=0.1, le=3600)] = 2.0
    """How often the file's time and size, or the version in Redis, is looked at. SIGHUP, or a message on the channel of
    Redis, is acted on at once."""
    expired: Literal["end", "keep"] = "end"
    """What becomes of an instrument at its expiry. `keep`: nothing, for frames of the past that come as if of today."""
    cache: Path = Path("data/reference.json")
    """With source redis: the last version, so that a shard starts while Redis is away. A relative path counts from
    where the command is run."""
    redis: RedisSettings = RedisSettings()
    """With source redis."""
