"""The errors an operator can meet. Each message says what, with which values, and what to do."""


class IngestorError(Exception):
    """Base of all errors that this product raises on purpose."""


class ConfigError(IngestorError):
    """The configuration is wrong: fix the file. Exit status 2.

    `faults` holds every fault found, one line each, with file and key.
    """

    def __init__(self, faults: list[str] | str) -> None:
        self.faults = [faults] if isinstance(faults, str) else list(faults)
        super().__init__("\n".join(self.faults))


class ProviderError(IngestorError):
    """A provider refused or broke off. `retryable` says whether trying again can help."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class SinkError(IngestorError):
    """A sink could not take a batch. `retryable` says whether trying again can help."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class LeaseLost(IngestorError):
    """Another shard owns this slot now: stop publishing it."""


class InternalError(IngestorError):
    """Our bug. Report it with the message."""
