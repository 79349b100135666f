"""Produce requests that are written in one go.

aiokafka joins each level of a request anew (bytes, partition, list, topic, list, request), which copies a batch six
times, and a worker's batches are megabytes that no cache holds.
"""

import struct
from collections.abc import Iterator
from functools import partial

from aiokafka.protocol.produce import ProduceRequest, ProduceRequestStruct

Topics = list[tuple[str, list[tuple[int, bytes]]]]
_I16, _I32, _TWO, _HEAD = struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">ii"), struct.Struct(">hi")
FIRST = 3  # version: the first with a transactional id; those before it have other fields


class OneCopyRequest(ProduceRequest):
    def build(self, request_struct_class: type[ProduceRequestStruct]) -> ProduceRequestStruct:
        request = super().build(request_struct_class)
        if request.API_VERSION >= FIRST:
            request.encode = partial(_encode, request)
        return request


def _encode(request: ProduceRequestStruct) -> bytes:
    return b"".join(_parts(request))


def _parts(request: ProduceRequestStruct) -> Iterator[bytes]:
    """As version 3 to 7 of Kafka's protocol has it."""
    yield _string(request.transactional_id)
    yield _HEAD.pack(request.required_acks, request.timeout)
    yield _I32.pack(len(request.topics))
    for topic, partitions in request.topics:
        yield _string(topic)
        yield _I32.pack(len(partitions))
        for partition, batches in partitions:
            yield _TWO.pack(partition, len(batches))
            yield batches


def _string(text: str | None) -> bytes:
    if text is None:
        return _I16.pack(-1)
    raw = text.encode()
    return _I16.pack(len(raw)) + raw
