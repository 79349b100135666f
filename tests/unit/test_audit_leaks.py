"""Card data in what is emitted is found, sampled, and told without itself; what only looks like it is not."""

# ruff: noqa: E501  # tables

import base64
import json
import random
from typing import NamedTuple

import orjson
import pytest

from agents.sealer.scanning import HOUR, ONE_IN, Scanning
from pipeline.audit.events import EventType
from pipeline.audit.leaks import Leak, in_text, leaks

CARD = "4111111111111111"


class Row(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None


def event(chance: random.Random, **fields: object) -> bytes:
    """As events are, with every kind of hash, key, signature and message in it."""

    def letters(count: int) -> str:
        return base64.urlsafe_b64encode(chance.randbytes(count)).decode().rstrip("=")

    def digest() -> str:
        return chance.randbytes(32).hex()

    made = {
        "actor": {"person": "ana@pay.example", "certificate": digest(), "key": letters(32), "auth_time": chance.randrange(2**31)},
        "content": digest(),
        "envelope": base64.b64encode(chance.randbytes(chance.randrange(100, 400))).decode(),
        "lane": 3,
        "policy": digest(),
        "prev": digest(),
        "proof": {"message": f"{letters(60)}.{letters(300)}.{letters(64)}"},
        "resource": {"record": f"quarantine.payments.checkout/3/{chance.randrange(10 ** chance.randrange(1, 13))}", "sha256": digest()},
        "seq": chance.randrange(2**40),
        "signature": {"key": letters(32), "sig": letters(64)},
        "certificate": {"serial": chance.randbytes(20).hex(), "chain": [base64.b64encode(chance.randbytes(700)).decode()]},
        "time": "2026-11-24T04:08:00.123Z",
    }  # fmt: skip
    return orjson.dumps({**made, **fields})


def test_hashes_keys_signatures_and_ids_are_no_card_numbers() -> None:
    chance = random.Random(11)
    assert [found for _ in range(3_000) if (found := leaks(event(chance)))] == []


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"reason": f"card {CARD} was lost"}, "$.reason"),
        ({"reason": "4111 1111-1111 1111"}, "$.reason"),
        ({"reason": base64.b64encode(f"card={CARD}".encode()).decode()}, "$.reason"),
        ({"actor": {"principal": CARD}}, "$.actor.principal"),
        ({"key": int(CARD)}, "$.key"),
    ],
)
def test_card_data_is_found_where_it_is(fields: dict, place: str) -> None:
    found = leaks(event(random.Random(1), **fields))
    assert found == [Leak("pan", place)]


def test_a_member_that_is_a_card_number_is_not_told_by_the_place() -> None:
    (found,) = leaks(orjson.dumps({"v": {CARD: 1}}))
    assert CARD not in found.path


def test_text_is_scanned_line_by_line() -> None:
    assert in_text(f"fine\nand {CARD}\r\n\xff\n".encode()) == [Leak("pan", "line 2")]
    assert in_text(b"\xff\xfe pid 4242 at 0x7f00\n2026-11-24 22:07:46.590 panlock-worker@vm/31923\n") == []


def test_the_sealer_finds_what_is_everywhere_and_tells_it_once_an_hour_without_it() -> None:
    scanning, leaky = Scanning(), event(random.Random(2), reason=f"card {CARD}")
    rows = [Row(n, b"", leaky) for n in range(2_000)]
    (told,) = scanning.look("c/panlock.audit/3", rows, 0.0)
    assert told[0] is EventType.CARD_DATA_FOUND
    assert told[1]["reason"] == "pan"
    assert CARD not in json.dumps(told[1])
    assert scanning.look("c/panlock.audit/3", rows, HOUR - 1) == []
    assert len(scanning.look("c/panlock.audit/4", rows, HOUR - 1)) == 1
    assert len(scanning.look("c/panlock.audit/3", rows, HOUR)) == 1


def test_of_each_batch_one_is_scanned_and_one_in_512_of_the_rest() -> None:
    scanning, chance = Scanning(), random.Random(3)
    rows = [Row(n, b"", event(chance)) for n in range(4 * ONE_IN)]
    for count, scanned in ((0, 0), (1, 1), (ONE_IN, 1), (4 * ONE_IN, 4)):
        before = scanning.scanned
        assert scanning.look("c/l/0", rows[:count], 0.0) == []
        assert scanning.scanned - before == scanned


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_event_ends_no_sealer(value: bytes | None) -> None:
    assert Scanning().look("c/l/0", [Row(0, None, value)], 0.0) == []
