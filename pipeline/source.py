"""Where a record comes from, what is to be done with it, and where it goes: one per quarantine topic."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import panlock_kernel

from pipeline.approval.history import Proposal
from pipeline.audit.signature import Signer
from pipeline.conditions import Conditions
from pipeline.identity.headers import Mode
from pipeline.identity.verifier import Terms, Verifier
from pipeline.masking.face import Masker, kernel_flow
from pipeline.masking.formats import format_of, standing_of
from pipeline.masking.formats.rules import StandingRule
from pipeline.masking.formats.schemas import NoSchemas, Schemas
from pipeline.masking.projected import Projected
from pipeline.policy.checks.fields import meet
from pipeline.policy.models import Flow, HoldRule, Policy
from pipeline.policy.topics import quarantine_topic, recordings_topic, rejections_topic
from pipeline.recording import HashKey
from pipeline.repartition import partition_of
from pipeline.revealing import Revealer, Secrets


@dataclass(frozen=True, slots=True)
class Source:
    """A quarantine topic, its owner, and its flow's rules; `masker` masks and assesses, `conditions` assess grants."""

    topic: str
    flow: str
    principal: str
    identity: Mode
    ordered: bool
    clean: str
    rejections: str
    rules: tuple[HoldRule, ...]
    masker: Masker
    conditions: Conditions
    recordings: str | None = None  # the topic that keeps what is written here
    revealer: Revealer | None = None  # of recordings that keep card numbers, encrypted
    signed: tuple[Verifier, Terms] | None = None  # what its records are verified with, and what the policy asks
    spread: int | None = None  # partitions to spread masked keys over; None: a record keeps its partition

    def clean_partition(self, key: bytes | None, kept: int) -> int:
        return kept if self.spread is None or key is None else partition_of(key, self.spread)


@dataclass(frozen=True, slots=True)
class Context:
    """What a lane decides by, beside its state and its input.

    `limits`: topic → the largest record batch in bytes that it takes (max.message.bytes); `topic_ids`: topic → UUID;
    `compacted`: topics that take no record without a key. `approved`: every bundle that people have put in force, the
    one of this policy last; empty where no people are asked. `signer` signs the lane's audit, where the policy asks.
    `hash_key` hashes what could not be masked. `keys`: what the lane may use, as pipeline.keys.opened names it → what
    it came from.
    """

    policy: Policy
    lane: int
    cluster: str
    worker: str
    topic_ids: Mapping[str, str]
    limits: Mapping[str, int]
    compacted: Set[str]
    sources: Mapping[str, Source]
    approved: Sequence[Proposal] = ()
    signer: Signer | None = None
    hash_key: HashKey | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


def sources(
    policy: Policy,
    keyring: panlock_kernel.Keyring,
    panic_on: str | None = None,
    schemas: Schemas | None = None,
    verifier: Verifier | None = None,
    secrets: Secrets | None = None,
) -> dict[str, Source]:
    """Quarantine topic → Source, for the whole policy. `panic_on` is fault injection (pipeline.masking.face).

    Without a verifier, records of signed principals cannot be enforced; without secrets, recordings reveal nothing.
    """
    made = {}
    for name, flow in policy.flows.items():
        kernel = kernel_flow(name, flow, policy, keyring, standing=_standing(flow), panic_on=panic_on)
        format_ = format_of(flow, schemas or NoSchemas())
        revealer = Revealer(name, flow, policy, secrets) if flow.recording.mode == "reveal" and secrets else None
        masker: Masker = kernel if format_ is None else Projected(kernel, format_)
        for principal in flow.producers:
            topic = quarantine_topic(name, principal)
            made[topic] = Source(
                topic,
                name,
                principal,
                policy.principals[principal].identity,
                flow.ordering == "key",
                flow.clean_topic,
                rejections_topic(principal),
                flow.hold,
                masker,
                Conditions(name, flow, format_),
                recordings_topic(name) if flow.recorded else None,
                revealer,
                _signed(policy, name, principal, verifier),
                flow.partitions if flow.repartition == "masked" else None,
            )
    return made


def _signed(policy: Policy, flow: str, principal: str, verifier: Verifier | None) -> tuple[Verifier, Terms] | None:
    if verifier is None or policy.principals[principal].identity != "signed":
        return None
    spiffe, rules = policy.principals[principal].spiffe, policy.flows[flow]
    return verifier, Terms(principal, spiffe or "", rules.window_ms, rules.quarantine == "sealed")


def _standing(flow: Flow) -> list[StandingRule]:
    """The format's own rules, but for fields that the policy has a rule for."""
    own = [rule.path for rule in flow.fields]
    return [rule for rule in standing_of(flow) if not any(meet(rule.path, path) for path in own)]
