"""Messages about recordings, as they are signed: pinned."""

import json

import pytest

from pipeline.approval.decision import read_message, sign_message
from pipeline.approval.replay import Replay, ReplayWord, Shred
from tests.vectors.decision.people import ANA, HERE, policy

VECTORS = json.loads((HERE / "replays.json").read_text())
KINDS = {"replay": Replay, "replay_word": ReplayWord, "shred": Shred}


@pytest.mark.parametrize("name", KINDS)
def test_a_message_about_recordings_never_changes(name: str) -> None:
    message = KINDS[name](**VECTORS[name]["members"])
    assert sign_message(ANA, message).decode() == VECTORS[name]["raw"]
    read = read_message(VECTORS[name]["raw"].encode(), policy())
    assert isinstance(read, KINDS[name])
    assert read.person == "ana@pay.example"
    assert {member: getattr(read, member) for member in VECTORS[name]["members"]} == VECTORS[name]["members"]
