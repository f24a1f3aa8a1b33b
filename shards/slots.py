"""The key space: which slot an instrument belongs to, and which slots a shard owns at first.

`slot = CRC16(affinity key) mod 1024`, CRC16 being Redis Cluster's (XMODEM), so that anyone can check it:
`CLUSTER KEYSLOT key` mod 1024. The affinity key is the base asset, so that everything on one underlying
meets on one shard.
"""

from binascii import crc_hqx

from ingestor.settings import Instrument
from ingestor.settings.models import SLOTS


def slot(affinity_key: str) -> int:
    """The slot of a key, 0 to 1023. 1024 divides Redis' 16384, so the CRC itself will do."""
    return crc_hqx(affinity_key.encode(), 0) % SLOTS


def slot_of(instrument: Instrument) -> int:
    """The slot of an instrument: that of its base asset."""
    return slot(instrument.base)


def static_range(shard: int, shards: int) -> range:
    """The slots of shard `shard` of `shards` before any was moved: contiguous, sizes differ by one at most."""
    return range(shard * SLOTS // shards, (shard + 1) * SLOTS // shards)
