"""Golden vectors of break-glass: no later change may edit them."""

import json
from dataclasses import replace

import pytest

from pipeline.approval.decision import read_message, sign_message
from pipeline.approval.glass import Alarm, GlassBreak, GlassReview
from tests.vectors.decision.people import ANA, HERE, policy

VECTORS = json.loads((HERE / "glass.json").read_text())


@pytest.mark.parametrize(("name", "kind"), [("break", GlassBreak), ("review", GlassReview)])
def test_a_message_reads_as_it_was_signed(name: str, kind: type[GlassBreak | GlassReview]) -> None:
    vector = VECTORS[name]
    read = read_message(vector["raw"].encode(), policy())
    assert isinstance(read, kind)
    assert {member: getattr(read, member) for member in vector["members"]} == vector["members"]
    assert (read.person, read.signed) == ("ana@pay.example", vector["raw"])
    assert sign_message(ANA, replace(read, person="")) == vector["raw"].encode()


def test_an_alarm_reads_as_it_was_written() -> None:
    alarm = Alarm.decode(VECTORS["alarm"]["raw"].encode())
    members = VECTORS["alarm"]["members"]
    assert alarm == Alarm(**{**members, "people": tuple(members["people"])})
    assert alarm.encode() == VECTORS["alarm"]["raw"].encode()
