"""How many records wait under which rule, and since when: an index beside the changelog's keys, moved with them.

0x02 flow 0x00 rule 0x00 u64 broker time (ms) + record id    empty: a held record
0x03 flow 0x00 rule                                          u64: how many are held by the rule
0x03 flow 0x00                                               u64: how many wait behind a held one of their key
"""

import struct
from typing import NamedTuple

from pipeline.approval.pending import Pending
from pipeline.state import QUEUE_PREFIX, VERSION

BY_AGE, COUNTS, END = b"\x02", b"\x03", b"\x04"
U64 = struct.Struct(">Q")
_QUEUE = struct.Struct(">QQ")  # pipeline.state: queue/<flow>/<sha256 of key>


class Waiting(NamedTuple):
    """`oldest`: broker time (ms) of the record that has waited longest; None, as `rule` is, of those in a queue."""

    flow: str
    rule: str | None
    records: int
    oldest: int | None


def group(flow: str, rule: str | None) -> bytes:
    """The key of its count."""
    return COUNTS + f"{flow}\0{rule or ''}".encode()


def of_group(key: bytes) -> tuple[str, str | None]:
    """Flow and rule."""
    flow, _, rule = key[1:].decode().partition("\0")
    return flow, rule or None


def by_age(pending: Pending) -> bytes:
    """The key of a held record: the oldest of its rule is the first with `ages` of it before."""
    return ages(pending.flow, pending.rule) + U64.pack(max(0, pending.timestamp)) + pending.record.encode()


def ages(flow: str, rule: str) -> bytes:
    return BY_AGE + f"{flow}\0{rule}\0".encode()


def queued(key: bytes, value: bytes | None) -> tuple[bytes, int] | None:
    """The group and length of the queue that a key of the changelog tells of; None: it tells of none."""
    parts = key.split(b"/")
    if not key.startswith(QUEUE_PREFIX) or len(parts) != 3:
        return None
    if value is None or len(value) != len(VERSION) + _QUEUE.size:
        return group(parts[1].decode(), None), 0
    head, tail = _QUEUE.unpack(value[len(VERSION) :])
    return group(parts[1].decode(), None), max(0, tail - head)
