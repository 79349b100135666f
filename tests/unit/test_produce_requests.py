"""Produce requests in one go are byte for byte what aiokafka writes."""

from aiokafka.protocol.produce import ProduceRequest
from hypothesis import given
from hypothesis import strategies as st

from agents.requests import FIRST, OneCopyRequest

VERSIONS = {each.API_VERSION: each for each in ProduceRequest._CLASSES}
PARTITIONS = st.lists(st.tuples(st.integers(0, 2**31 - 1), st.binary(max_size=40)), max_size=3)
TOPICS = st.lists(st.tuples(st.text(max_size=20), PARTITIONS), max_size=3)


@given(
    version=st.sampled_from(sorted(VERSIONS)),
    id_=st.none() | st.text(max_size=20),
    acks=st.sampled_from([-1, 0, 1]),
    timeout=st.integers(0, 2**31 - 1),
    topics=TOPICS,
)
def test_a_request_is_what_aiokafka_writes(
    version: int, id_: str | None, acks: int, timeout: int, topics: list[object]
) -> None:
    fields = id_ if version >= FIRST else None, acks, timeout, topics
    wanted = ProduceRequest(*fields).build(VERSIONS[version]).encode()
    assert OneCopyRequest(*fields).build(VERSIONS[version]).encode() == wanted
