"""The handle of a dialect: its decoder, and what session.py says of it. Made once, by the dialect's module."""
from ingestor.errors import InternalError

from ingestor.records cimport CHANNELS_MAX


cdef Provider provider(DecodeFunction decode, StateNew state_new, StateFree state_free, dict about):
    """A validated handle; `about` holds the readable attributes."""
    cdef Provider handle = Provider.__new__(Provider)
    if decode == NULL:
        raise InternalError("a provider without decode()")
    handle.decode = decode
    handle.state_new = state_new
    handle.state_free = state_free
    handle.name = about["name"]
    handle.transport = about.get("transport", "websocket")
    handle.venue = about["venue"]
    handle.url = about["url"]
    handle.channels = tuple(about["channels"])
    handle.limits = about["limits"]
    handle.session = about["session"]
    if len(handle.channels) > CHANNELS_MAX:
        raise InternalError(f"{handle.name} declares {len(handle.channels)} channels; CHANNELS_MAX is {CHANNELS_MAX}")
    return handle


cdef class Provider:
    """A dialect: its decoder, and everything readable about it. Made by `provider()` only."""

    def __repr__(self):
        return f"<Provider {self.name} over {self.transport}>"
