"""What was seen of a cluster, before anybody judges it."""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from deploy.grants import Acl
from deploy.observed import ObservedTopic

TRANSACTIONS, OFFSETS = "__transaction_state", "__consumer_offsets"
INTERNAL = (TRANSACTIONS, OFFSETS)


@dataclass(frozen=True, slots=True)
class Setting:
    """`value`: None where it is set, and Kafka keeps it to itself. `read_only`: changed by a restart alone."""

    value: str | None
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class Broker:
    """`settings`: all that apply, defaults too; None where this certificate may not see them."""

    id: int
    settings: Mapping[str, Setting] | None


@dataclass(frozen=True, slots=True)
class Controller:
    """The active one, and how far (ms) its clock is ahead of ours."""

    id: int
    ahead: int


@dataclass(frozen=True, slots=True)
class Facts:
    """`acls`: None where no authorizer keeps any. `denies_strangers`: a topic that no ACL names is denied to this
    certificate; where it is not, that proves nothing. `internal`: replicas of Kafka's own topics, of those that are
    there; `unseen`: topics of which this certificate may see nothing, or not their settings. `stamps`: the newest time
    (ms) that each broker wrote beside a record; `now` in ms. `features`: finalized levels. None: could not be asked."""

    bootstrap: str
    brokers: tuple[Broker, ...]
    topics: Mapping[str, ObservedTopic]
    acls: frozenset[Acl] | None
    denies_strangers: bool
    now: int
    internal: Mapping[str, int] = field(default_factory=dict)
    unseen: AbstractSet[str] = frozenset()
    stamps: Mapping[int, int] = field(default_factory=dict)
    controller: Controller | None = None
    features: Mapping[str, int] | None = None

    def set(self, key: str) -> Iterator[tuple[str, Setting]]:
        """(which brokers, setting) for each different one, of brokers that have any and let it be seen."""
        found: dict[Setting, list[int]] = {}
        for broker in self.brokers:
            if broker.settings is not None and key in broker.settings:
                found.setdefault(broker.settings[key], []).append(broker.id)
        for setting, ids in found.items():
            yield named(ids), setting

    def which(self, key: str, wrong: Callable[[str], bool]) -> Iterator[tuple[str, str, bool]]:
        """(which brokers, value, read-only) where a value that can be seen is wrong."""
        for where, setting in self.set(key):
            if setting.value is not None and wrong(setting.value):
                yield where, setting.value, setting.read_only


def named(ids: list[int]) -> str:
    return f"broker{'s' * (len(ids) > 1)} {', '.join(map(str, sorted(ids)))}"
