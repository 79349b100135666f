"""What must hold once all has been decided: each input has exactly one fate, and every topic tells the same story."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.structs import ConsumerRecord

from pipeline.audit.verify import Verifier
from pipeline.record import RecordId, record_sha256
from tests.chaos.traffic import Kind, Sent
from tests.deployment import Deployment

FATES: Mapping[Kind, Mapping[str, int]] = {
    Kind.PLAIN: {"released": 1},
    Kind.TOMBSTONE: {"released": 1},
    Kind.MALFORMED: {"rejected malformed-json": 1},
    Kind.FORGED: {"rejected identity-mismatch": 1},
    Kind.EXPIRES: {"held": 1, "rejected expired": 1},
    Kind.APPROVED: {"held": 1, "released": 1},
    Kind.HELD: {"held": 1},
}
SHOWN = 5


@dataclass(slots=True)
class Ledger:
    """Reads every topic once, then compares. `wrong` collects what does not hold, in words."""

    deployment: Deployment
    sent: Mapping[RecordId, Sent]
    policies: Sequence[str]
    clean: list[ConsumerRecord] = field(default_factory=list)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)

    def check(self, flow: str, principals: Sequence[str]) -> None:
        self.clean = self.deployment.read(f"clean.{flow}")
        self._read_audit()
        self._each_input_has_one_fate()
        self._each_clean_record_is_right()
        self._keys_are_in_order()
        self._producers_are_told_once(principals)
        assert not self.wrong, f"{len(self.wrong)} wrong: " + "; ".join(self.wrong[:SHOWN])

    def _read_audit(self) -> None:
        verifier = Verifier(self.deployment.policy.lanes)
        verifier.first_offsets(dict.fromkeys(range(self.deployment.policy.lanes), 0))
        for record in self.deployment.read("panlock.audit"):
            verifier.add(record.partition, record.offset, record.key, record.value)
            event = json.loads(record.value or b"{}")
            self.events[event.get("resource", {}).get("record", "")].append(event)
        report = verifier.report()
        if not report.ok:
            self.wrong.append(f"the audit chain: {report.json()}")

    def _each_input_has_one_fate(self) -> None:
        known = {str(record) for record in self.sent}
        self._compare("events of records that nobody sent", sorted(set(self.events) - known - {""}), [])
        for record, sent in self.sent.items():
            fate = Counter(_fate(event) for event in self.events[str(record)] if "outcome" in event)
            if fate != Counter(FATES[sent.kind]):
                self.wrong.append(f"{record} ({sent.kind}): {dict(fate)}")

    def _each_clean_record_is_right(self) -> None:
        """Exactly the released ones, each once, with the bytes that its event names."""
        ids = Counter(_id(record) for record in self.clean)
        released = {str(record) for record, sent in self.sent.items() if "released" in FATES[sent.kind]}
        self._compare("released twice", [each for each, count in ids.items() if count > 1], [])
        self._compare("released, not in the clean topic", sorted(released - set(ids)), [])
        self._compare("in the clean topic, not to be released", sorted(set(ids) - released), [])
        tokens: dict[str, str] = {}
        for record in self.clean:
            id_ = _id(record)
            if id_ in released:
                sent = self.sent[RecordId.parse(id_)]
                self._compare(f"{id_}: {record.value!r}", *self._values(record, sent, tokens))
        self._compare("tokens of the test PANs", len(set(tokens.values())), len(tokens))

    def _values(self, record: ConsumerRecord, sent: Sent, tokens: dict[str, str]) -> tuple[object, object]:
        """(what came out, what should have)."""
        origin = RecordId.parse(_id(record))
        event = next(e for e in self.events[str(origin)] if e.get("outcome") == "released")
        headers = dict(record.headers)
        own = [(name, value) for name, value in record.headers if not name.startswith("panlock-")]
        found = [
            *(record.partition, record.key, own, headers["panlock-principal"].decode()),
            headers["panlock-policy"].decode() in self.policies,
            record_sha256(record.key, record.value, record.headers),
        ]
        wanted = [
            *(origin.partition, sent.key, [h for h in sent.headers if not h[0].startswith("panlock-")]),
            *(origin.topic.rsplit(".", 1)[-1], True, event["resource"]["sha256"]),
        ]
        if sent.value is None:
            return [*found, record.value], [*wanted, None]
        body, given = json.loads(record.value), json.loads(sent.value)
        token = body["card"].pop("number")
        given["card"].pop("number")
        given["note"] = given["note"].replace(sent.pan, sent.pan[:6] + "******" + sent.pan[-4:])
        same = tokens.setdefault(sent.pan, token)
        return [*found, body, token], [*wanted, given, same if same.startswith("tok_k1_") else "a token"]

    def _keys_are_in_order(self) -> None:
        """Within a key, what one topic's partition had first comes first; a held record holds up its key."""
        last: dict[tuple[str, int, bytes], int] = {}
        for record in self.clean:
            origin = RecordId.parse(_id(record))
            if record.key is not None:
                place = (origin.topic, origin.partition, record.key)
                if last.get(place, -1) > origin.offset:
                    self.wrong.append(f"{origin} comes after offset {last[place]} of the same key")
                last[place] = origin.offset

    def _producers_are_told_once(self, principals: Sequence[str]) -> None:
        for principal in principals:
            told = Counter(
                "{record} {reason}".format(**json.loads(record.value or b"{}"))
                for record in self.deployment.read(f"panlock.rejections.{principal}")
            )
            due = Counter(
                f"{record} {fate.removeprefix('rejected ')}"
                for record, sent in self.sent.items()
                for fate in FATES[sent.kind]
                if fate.startswith("rejected") and record.topic.endswith(f".{principal}")
            )
            self._compare(f"rejections told to {principal}", told - due, due - told)

    def _compare(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.wrong.append(f"{what}: {str(found)[:400]} instead of {str(wanted)[:400]}")


def _id(record: ConsumerRecord) -> str:
    ids = [value for name, value in record.headers if name == "panlock-record-id"]
    return ids[0].decode() if len(ids) == 1 else f"{len(ids)} ids at offset {record.offset}"


def _fate(event: Mapping[str, Any]) -> str:
    return f"rejected {event['reason']}" if event["outcome"] == "rejected" else str(event["outcome"])
