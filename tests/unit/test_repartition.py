"""A clean record's partition follows its masked key where the flow says so."""

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from pipeline.effects import Effects
from pipeline.repartition import partition_of
from tests.lane import POLICY, MemoryLane

KEY = b"card-4111111111111111"


@given(st.binary(max_size=80), st.integers(1, 64))
def test_a_key_goes_where_kafkas_default_partitioner_puts_it(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def spread() -> MemoryLane:
    return MemoryLane(POLICY.replace("    partitions: 1\n", "    partitions: 12\n    repartition: masked\n", 1))


def keys(effects: Effects) -> dict[int, list[bytes | None]]:
    """What goes to each clean partition."""
    sends = effects.sends.items()
    return {partition: [out.key for out in outs] for (topic, partition), outs in sends if topic == "clean.payments"}


@pytest.mark.parametrize("value", [b'{"amount":1}', b'{"amount":9000}'])
def test_a_masked_key_decides_at_once_and_after_a_hold(value: bytes) -> None:
    lane = spread()
    effects = lane.records(value, key=KEY)
    if lane.held():
        effects = lane.messages(lane.sign("ana"), lane.sign("cem"))
    ((partition, (key,)),) = keys(effects).items()
    assert key is not None
    assert key.startswith(b"card-tok_")
    assert partition == partition_of(key, 12)
    assert partition != 0  # where it was


def test_a_record_without_a_key_keeps_its_partition() -> None:
    lane = spread()
    assert keys(lane.records(b'{"amount":1}', key=None)) == {0: [None]}
