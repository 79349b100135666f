"""One record's life, collected from its lane's log: the events that name it, and those that they rest on.

actor.certificate      → certificate.seen, with the chain of the certificate that signed the record
proof.keys, keys       → approver.keys-observed, with the issuer's keys that verify an ID token
approval.opened, …     → the events of a grant, as it was proposed, approved and opened
policy                 → what people said about that policy, where they put it in force
the record's topic     → lane.opened, with the topic's UUID, which producers' signatures cover
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.audit.claims.material import NotProvenError, member
from pipeline.audit.events import EventType
from pipeline.policy.bundle import Bundle
from pipeline.record import RecordId

REFERRED = ("certificate.seen", "approver.keys-observed", "grant.*", "policy.*", "lane.opened")  # types of events
_MARKS = tuple(
    b'"type":"%s' % each.removesuffix("*").encode() + (b"" if each.endswith("*") else b'"') for each in REFERRED
)
_BY_NAME = {
    EventType.CERTIFICATE_SEEN: ("actor", "certificate"),
    EventType.APPROVER_KEYS_OBSERVED: ("resource", "sha256"),
}
Found = tuple[int, bytes]


@dataclass(slots=True)
class Life:
    """Fed with the lane's events in order, with all that concern it. `bundles`: the policies that the prover knows."""

    record: str
    bundles: Sequence[Bundle] = ()
    events: dict[int, bytes] = field(default_factory=dict)
    _named: dict[str, Found] = field(default_factory=dict)  # by hash, topic UUID or id
    _words: dict[str, list[Found]] = field(default_factory=dict)  # on policies, by the bundle's hash

    def concerns(self, events: bytes) -> bool:
        """Whether any of the events, one behind the other, may be of use; it is cheap to ask."""
        return self.record.encode() in events or any(mark in events for mark in _MARKS)

    def add(self, seq: int, event: bytes) -> None:
        """A certificate or keys come before what refers to them, and again only when they have changed."""
        if not self.concerns(event):
            return
        read = orjson.loads(event)
        type_ = str(read["type"])
        if member(read, "resource", "record") == self.record:
            self.events[seq] = event
        elif type_ in _BY_NAME:
            self._named[str(member(read, *_BY_NAME[EventType(type_)]))] = seq, event
        elif type_.startswith("grant."):
            self._named[str(read["id"])] = seq, event
        elif type_.startswith("policy."):
            self._words.setdefault(str(member(read, "resource", "bundle")), []).append((seq, event))
        elif type_ == EventType.LANE_OPENED:
            uuid = member(read, "topics", RecordId.parse(self.record).topic)
            if isinstance(uuid, str):
                self._named.setdefault(f"topic {uuid}", (seq, event))

    def all(self) -> tuple[list[Found], list[Bundle]]:
        """In the order of the log, and the policies that claims rest on. Raises NotProvenError."""
        if not self.events:
            raise NotProvenError(f"no sealed event names {self.record}: it is not sealed yet, or was never there")
        found, bundles = dict(self.events), dict[str, Bundle]()
        waiting = list(self.events.values())
        while waiting:
            event = orjson.loads(waiting.pop())
            more = [self._named[name] for name in self._refers(event) if name in self._named]
            if _claims(event) and (bundle := self._bundle(event)).hash not in bundles:
                more += self._in_force(bundle, bundles)
            for seq, raw in more:
                if seq not in found:
                    found[seq] = raw
                    waiting.append(raw)
        return sorted(found.items()), list(bundles.values())

    def _refers(self, event: Mapping[str, Any]) -> list[str]:
        approval = event.get("approval")
        names = [member(event, "actor", "certificate"), member(event, "proof", "keys"), event.get("keys")]
        if isinstance(approval, dict):
            names += [approval.get("opened"), approval.get("proposed"), *(approval.get("approved") or ())]
        topics = [name for name in self._named if name.startswith("topic ")] if "envelope" in event else []
        return [*topics, *(name for name in names if isinstance(name, str))]

    def _bundle(self, event: Mapping[str, Any]) -> Bundle:
        found = next((each for each in self.bundles if each.policy.hash == event["policy"]), None)
        if found is None:
            raise NotProvenError(
                f"event {event['id']} was decided under policy {event['policy']}, which proves it: name that policy "
                "with --policy, or prove from an export that was made under it"
            )
        return found

    def _in_force(self, bundle: Bundle, bundles: dict[str, Bundle]) -> list[Found]:
        """The policy, the one before, under which people spoke, and their words."""
        bundles[bundle.hash] = bundle
        words = self._words.get(bundle.hash, []) if bundle.policy.policy_approvers is not None else []
        previous = {orjson.loads(event)["previous"] for _, event in words}
        for each in self.bundles:
            if each.hash in previous:
                bundles.setdefault(each.hash, each)
        return words


def _claims(event: Mapping[str, Any]) -> bool:
    """Whether something is claimed in it that a policy says how to verify."""
    return "envelope" in event or "proof" in event or "approval" in event
