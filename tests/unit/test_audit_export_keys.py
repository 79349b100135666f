"""Issuers' keys in an export: those of the events, and whoever changes the file is found."""

import json

from agents.stored import Stored
from pipeline.audit.exported import issuer_keys
from tests.lane import MemoryLane
from tests.sessions import NOW, OBSERVED, POLICY, session


def test_keys_that_verify_id_tokens_are_files_by_their_hash() -> None:
    lane = MemoryLane(POLICY)
    lane.records(b'{"amount":9000.0}')
    lane.messages(lane.sign(session("ana@pay.example")), observed=OBSERVED, at=NOW)
    events = [out.value or b"" for out in lane.out["panlock.audit"]]
    keys = OBSERVED["corporate"]
    ((path, content),) = issuer_keys(events)
    assert path == f"jwks/{keys.sha256}.json"
    assert json.loads(content) == {"keys": list(keys.jwks)}


def test_what_is_there_as_it_is_is_not_written_again(tmp_path: object) -> None:
    store = Stored(str(tmp_path))
    store.keep([("a/b", b"1")])
    before = (tmp_path / "a" / "b").stat().st_mtime_ns  # type: ignore[operator]
    store.keep([("a/b", b"1"), ("a/c", b"2")])
    assert (tmp_path / "a" / "b").stat().st_mtime_ns == before  # type: ignore[operator]
    assert (store.names("a"), store.names("d")) == (["b", "c"], [])
