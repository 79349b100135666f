"""Keys and values of panlock.state, pinned to the byte: a worker of tomorrow restores what one of today has written."""

import json
from pathlib import Path

import pytest

from pipeline import state
from pipeline.state import Loss, Queue, Recreation, StateError, Stopped, View
from tests.lane import MemoryState

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/state/v1.json").read_text())
DIGEST = "ab" * 32
STOPPED = Stopped(
    "3/41", (Loss("quarantine.payments.checkout", 3, 5, 9),), (Recreation("panlock.decisions", "a", "b"),)
)
WRITTEN = {
    "topic/quarantine.payments.checkout": (state.topic_key("quarantine.payments.checkout"), state.VERSION + b"uuid"),
    "next/quarantine.payments.checkout/3": (
        state.next_key("quarantine.payments.checkout", 3),
        state.encode_position(17),
    ),
    "chain": (state.CHAIN, state.encode_chain(42, DIGEST)),
    "owner": (state.OWNER, state.encode_json({"worker": "w@host/1", "policy": DIGEST})),
    "stopped": (state.STOPPED, state.encode_stopped(STOPPED)),
    f"queue/payments/{DIGEST}/000000000000002a": (state.follower_key("payments", DIGEST, 42), state.VERSION),
    f"drain/payments/{DIGEST}": (state.drain_key("payments", DIGEST), state.encode_position(17)),
}


@pytest.mark.parametrize("name", VECTORS)
def test_every_key_and_value_is_as_it_was(name: str) -> None:
    if name == f"queue/payments/{DIGEST}":
        view = View(MemoryState())
        view.set_queue("payments", DIGEST, Queue(1, 42))
        ((key, value),) = view.changes.items()
    else:
        key, value = WRITTEN[name]
    assert value is not None
    assert (key.decode(), value.hex()) == (name, VECTORS[name])


def test_what_is_written_is_read_again() -> None:
    assert state.decode_position(bytes.fromhex(VECTORS["next/quarantine.payments.checkout/3"])) == 17
    assert state.decode_chain(bytes.fromhex(VECTORS["chain"])) == (42, DIGEST)
    assert state.decode_stopped(bytes.fromhex(VECTORS["stopped"])) == STOPPED
    assert state.decode_owner(bytes.fromhex(VECTORS["owner"])) == {"worker": "w@host/1", "policy": DIGEST}


def test_nothing_is_the_beginning() -> None:
    assert state.decode_chain(None) == (0, "0" * 64)
    assert state.decode_position(None) is None


def test_a_value_of_another_version_is_refused() -> None:
    with pytest.raises(StateError, match="version 02"):
        state.decode_position(b"\x02" + bytes(8))
