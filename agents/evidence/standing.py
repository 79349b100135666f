"""What the policy says of who may do what: the pack's tables that no event tells."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agents.search.cache import Coverage
from pipeline.policy import Policy
from pipeline.policy.topics import quarantine_topic


class Sheet(NamedTuple):
    """A table of the pack; `about` says what a row is."""

    about: str
    names: Sequence[str]
    rows: list[Sequence[object]]


def sheets(policy: Policy, coverage: Coverage) -> dict[str, Sheet]:
    """By name."""
    return {
        "topics": Sheet(
            "a topic with data, who writes and who reads it",
            ("topic", "kind", "writers", "readers"),
            [*_topics(policy)],
        ),
        "flows": Sheet(
            "a flow, and how it is protected",
            ("flow", "quarantine", "producers_identity", "format", "schema", "fields", "hold_rules", "recording"),
            [
                (
                    name, flow.quarantine, [f"{each}: {policy.principals[each].identity}" for each in flow.producers],
                    flow.format, flow.schema_, len(flow.fields), len(flow.hold), flow.recording,
                )
                for name, flow in sorted(policy.flows.items())
            ],
        ),
        "principals": Sheet(
            "a producer, and who answers for it",
            ("principal", "kafka_name", "spiffe", "identity", "owners"),
            [
                (name, policy.kafka_name(name), each.spiffe, each.identity, each.owners)
                for name, each in sorted(policy.principals.items())
            ],
        ),
        "roles": Sheet("who holds a role", ("role", "holder", "kind", "by"), [*_roles(policy)]),
        "sealed": Sheet(
            "a log, and how far it was verified to be what was sealed",
            ("log", "events", "sealed_as_of", "wrong"),
            [(log, count, coverage.sealed, coverage.wrong.get(log)) for log, count in sorted(coverage.events.items())],
        ),
    }  # fmt: skip


def _topics(policy: Policy) -> Iterable[Sequence[object]]:
    workers = policy.roles.workers
    for name, flow in sorted(policy.flows.items()):
        for producer in flow.producers:
            yield (
                quarantine_topic(name, producer),
                f"quarantine, {flow.quarantine}",
                policy.kafka_name(producer),
                workers,
            )
        yield flow.clean_topic, "clean, masked", workers, flow.consumers


def _roles(policy: Policy) -> Iterable[Sequence[object]]:
    """Different people should hold what stands here."""
    for role, holders in policy.roles:
        yield from ((role, holder, "certificate", "the policy's roles") for holder in holders)
    for person, entry in sorted(policy.people.items()):
        yield from ((role, person, "person", "a registered key") for role in entry.roles)
    for alias, issuer in sorted(policy.sign_ins.items()):
        yield (
            "any group of its",
            issuer.issuer,
            f"issuer {alias}",
            f"claim {issuer.groups_claim}; its administrator decides",
        )
    for name, principal in sorted(policy.principals.items()):
        yield from (
            (f"owner of {name}", owner, "person", "does not count as its approver") for owner in principal.owners
        )
    for kind, keys in (("signs events", policy.audit.worker_keys), ("seals", policy.audit.sealer_keys)):
        yield kind, f"{len(keys)} keys", "audit key", "the policy's audit"
