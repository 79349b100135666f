"""Which checkpoints a sealer goes on from, and when it has to verify all of them."""

from typing import Any, NamedTuple

import pytest

from agents.sealer.published import Latest
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import Tree
from pipeline.audit.note import Verifier, sign
from pipeline.audit.progress import HEADER, Progress
from pipeline.audit.signature import Signer
from tests.audit_keys import SEALER, STRANGER

VERIFIERS = [Verifier("panlock-sealer", SEALER.key.public_key())]


class Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    offset: int = 0
    timestamp: int = 0


def checkpoint(log: str, size: int, signer: Signer = SEALER) -> Record:
    progress = Progress(log, Tree().append(size * bytes(32)), size, bytes(32))
    note, stand = (
        sign(each, "panlock-sealer", signer.key).encode() for each in (progress.checkpoint.text(), progress.text())
    )
    return Record(progress.checkpoint.key, note, ((HEADER, stand),))


def latest(*records: Any) -> dict[str, int] | None:
    found = Latest()
    for record in records:
        found.add(record)
    read = found.read(VERIFIERS)
    return None if read is None else {origin: progress.tree.size for origin, progress in read.logs.items()}


def test_the_last_checkpoint_of_each_log_is_where_it_goes_on() -> None:
    one, two = "c/panlock.audit/1", "c/panlock.audit/2"
    told = Manifest("c", "2026-11-24T04:08:00.123Z", ())
    manifest = Record(told.key, sign(told.text(), "panlock-sealer", SEALER.key).encode())
    assert latest(checkpoint(one, 3), checkpoint(two, 9), manifest, checkpoint(one, 4)) == {one: 4, two: 9}
    assert latest() == {}


@pytest.mark.parametrize(
    "records",
    [
        (checkpoint("c/a/1", 4), checkpoint("c/a/1", 3)),
        (checkpoint("c/a/1", 4), checkpoint("c/a/1", 4)),
        (checkpoint("c/a/1", 4), checkpoint("c/a/1", 9, STRANGER)),
        (checkpoint("c/a/1", 4), Record(b"c/a/1/99", b"junk")),
        (checkpoint("c/a/1", 4), Record(b"manifest/2026-11-24T04:08:00.123Z", b"junk")),
        (checkpoint("c/a/1", 4), Record(b"c/a/1/99", None)),
        (checkpoint("c/a/1", 4), checkpoint("c/a/1", 5)._replace(key=b"c/a/1/6")),
        (checkpoint("c/a/1", 4), checkpoint("c/a/1", 5)._replace(headers=())),
    ],
)
def test_where_any_is_not_the_sealers_or_goes_back_all_are_looked_at(records: tuple[Record, ...]) -> None:
    assert latest(*records) is None


@pytest.mark.parametrize("key", [None, b"", b"x", b"/", "c/a/²".encode()])
def test_a_record_of_another_key_is_passed_over(key: bytes | None) -> None:
    assert latest(checkpoint("c/a/1", 4), Record(key, b"junk")) == {"c/a/1": 4}
