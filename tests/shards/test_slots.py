"""Slots: as Redis Cluster computes them, and spread without a hole."""

import pytest

from ingestor.settings import Instrument
from shards.slots import slot, slot_of, static_range


@pytest.mark.parametrize(("key", "keyslot"), [
    ("foo", 12182), ("bar", 5061), ("hello", 866), ("", 0), ("123456789", 0x31C3), ("somekey", 11058)])
def test_a_slot_is_redis_clusters_keyslot_modulo_1024(key, keyslot):
    assert slot(key) == keyslot % 1024


def test_everything_on_one_base_shares_a_slot():
    names = ("btc-usd", "btc-usdt-perp", "btc-usd-20270326")
    assert {slot_of(Instrument(name, base="btc")) for name in names} == {slot("btc")}


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 256])
def test_the_shards_share_all_slots_once_in_ranges_that_differ_by_one(shards):
    ranges = [static_range(shard, shards) for shard in range(shards)]
    assert [number for each in ranges for number in each] == list(range(1024))
    assert max(map(len, ranges)) - min(map(len, ranges)) <= 1
