"""What a policy asks of a cluster, as Strimzi's custom resources: KafkaTopic and KafkaUser. Pure.

Strimzi's brokers call a client by its certificate's whole subject, `User:CN=checkout`, and cannot be told otherwise
(`ssl.` is not theirs to configure); a KafkaUser with `tls-external` writes its ACLs for that very name. A user is named
by its resource, so a name that Kubernetes does not take has no user: `left_out` says which.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby

import yaml

from deploy.desired import Desired, Topic
from deploy.grants import Acl

API = "kafka.strimzi.io/v1"  # Strimzi 0.49 and later
_NAME = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*")  # RFC 1123, subdomain
LONGEST_NAME = 253
LONGEST_CN = 64  # X.520
_RESOURCES = {"topic": "topic", "group": "group", "transactional-id": "transactionalId", "cluster": "cluster"}
_PATTERNS = {"LITERAL": "literal", "PREFIXED": "prefix"}

Manifest = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Manifests:
    """`left_out`: Kafka principals of the policy for which Strimzi has no KafkaUser, and which therefore get no ACL."""

    topics: tuple[Manifest, ...]
    users: tuple[Manifest, ...]
    left_out: tuple[str, ...]


def manifests(desired: Desired, cluster: str) -> Manifests:
    """For the Kafka resource of that name. The same policy gives the same, to the byte."""
    acls = sorted(desired.acls)
    names = sorted({acl.principal.removeprefix("User:") for acl in acls})
    users = [_user(name, [acl for acl in acls if acl.principal == f"User:{name}"], cluster) for name in names]
    return Manifests(
        tuple(_topic(topic, desired.replication, cluster) for topic in desired.topics),
        tuple(user for name, user in zip(names, users, strict=True) if _is_user(name)),
        tuple(name for name in names if not _is_user(name)),
    )


def as_yaml(documents: Iterable[Manifest], notes: Sequence[str]) -> str:
    """One stream; `notes` stand above it as comments."""
    text = yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True, width=120)
    return "".join(f"# {note}\n" for note in notes) + text


def is_resource_name(name: str) -> bool:
    """Whether Kubernetes takes it."""
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


def _is_user(name: str) -> bool:
    return len(name) <= LONGEST_CN and is_resource_name(name)


def _metadata(name: str, cluster: str) -> Manifest:
    return {"name": name, "labels": {"strimzi.io/cluster": cluster}}


def _topic(topic: Topic, replication: int, cluster: str) -> Manifest:
    spec = {"topicName": topic.name, "partitions": topic.partitions, "replicas": replication}
    return {
        "apiVersion": API,
        "kind": "KafkaTopic",
        "metadata": _metadata(_resource_name(topic.name), cluster),
        "spec": {**spec, "config": dict(sorted(topic.configs.items()))},
    }


def _resource_name(topic: str) -> str:
    """The topic's own where Kubernetes takes it; else one that no other topic has."""
    if is_resource_name(topic):
        return topic
    readable = re.sub("[^a-z0-9]+", "-", topic.lower()).strip("-")[:200].strip("-")
    return f"{readable or 'topic'}-{sha256(topic.encode()).hexdigest()[:10]}"


def _user(name: str, acls: Sequence[Acl], cluster: str) -> Manifest:
    return {
        "apiVersion": API,
        "kind": "KafkaUser",
        "metadata": _metadata(name, cluster),
        "spec": {
            "authentication": {"type": "tls-external"},
            "authorization": {"type": "simple", "acls": list(_rules(acls))},
        },
    }


def _rules(acls: Sequence[Acl]) -> Iterator[Manifest]:
    """One rule for all operations on one resource."""

    def same(acl: Acl) -> tuple[str, ...]:
        return acl.resource, acl.name, acl.pattern, acl.permission, acl.host

    for (resource, name, pattern, permission, host), some in groupby(sorted(acls, key=same), same):
        named = {} if resource == "cluster" else {"name": name, "patternType": _PATTERNS[pattern]}
        yield {
            "type": permission.lower(),
            "resource": {"type": _RESOURCES[resource], **named},
            "operations": sorted(_operation(acl.operation) for acl in some),
            "host": host,
        }


def _operation(name: str) -> str:
    """DESCRIBE_CONFIGS → DescribeConfigs."""
    return "".join(word.capitalize() for word in name.split("_"))
