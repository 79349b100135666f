"""Carrying out a plan: adds, grows and sets; never deletes a topic or a record, never shrinks."""

import time
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial

from confluent_kafka import KafkaError
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from deploy.admin import TIMEOUT, KafkaRefusedError, ask, settle
from deploy.desired import Desired
from deploy.observed import Observed, observe, to_binding, to_filter
from deploy.plan import Configure, Plan, plan
from pipeline.errors import PanlockError

SETTLE_LIMIT = 30.0  # seconds until the brokers show what the controller has accepted
LOOK = 0.05  # seconds between looks at the metadata


class ApplyRefusedError(PanlockError):
    """The cluster has what the policy cannot be applied to; nothing was done."""


class NotSettledError(PanlockError):
    """The brokers accepted a change and do not show it."""


def look(admin: AdminClient, desired: Desired) -> tuple[Observed, Plan]:
    observed = observe(admin, [topic.name for topic in desired.topics])
    return observed, plan(desired, observed)


def apply(admin: AdminClient, desired: Desired, revoke: bool = False) -> Plan:
    """Bring the cluster to what is desired; returns the plan as it was found.

    `revoke`: also remove the ACLs of the plan's `revoke`. Raises ApplyRefusedError before anything is done, and
    NotSettledError.
    """
    first = left = look(admin, desired)[1]
    _refuse(first)
    if revoke and first.revoke:
        filters = [to_filter(acl) for acl in first.revoke]
        settle("remove ACLs", admin.delete_acls(filters, request_timeout=TIMEOUT))
    end = time.monotonic() + SETTLE_LIMIT
    while time.monotonic() < end:
        _carry_out(admin, desired, left)
        observed, left = look(admin, desired)
        _refuse(left)
        gone = not (revoke and observed.acls & set(first.revoke))
        if gone and not left.changes and all(observed.topics[topic.name].led for topic in desired.topics):
            return first
        time.sleep(LOOK)
    raise NotSettledError(
        f"the brokers do not show the change after {SETTLE_LIMIT:.0f} s: run `panlock deploy plan` again, "
        "and look into the brokers' logs if it still shows it"
    )


def _carry_out(admin: AdminClient, desired: Desired, todo: Plan) -> None:
    """Every step may be repeated: a broker shows a change, or a topic that is being deleted, later than it happened.

    ACLs first, and alone: a deployer's own come with the policy, and without them it sees no topic.
    """
    if todo.grant:
        settle("add ACLs", admin.create_acls([to_binding(acl) for acl in todo.grant], request_timeout=TIMEOUT))
        return
    _create(admin, desired, todo)
    _grow(admin, todo)
    configure(admin, todo.configure)


def _refuse(todo: Plan) -> None:
    if todo.refused:
        told = "".join(f"\n  {each.subject} {each.what}: {each.remedy}" for each in todo.refused)
        raise ApplyRefusedError(f"the cluster cannot follow the policy, and nothing was changed:{told}")


def _create(admin: AdminClient, desired: Desired, todo: Plan) -> None:
    new = [NewTopic(t.name, t.partitions, desired.replication, config=dict(t.configs)) for t in todo.create]
    for name, future in (admin.create_topics(new, request_timeout=TIMEOUT) if new else {}).items():
        _once(f"create the topic {name}", future, KafkaError.TOPIC_ALREADY_EXISTS)


def _grow(admin: AdminClient, todo: Plan) -> None:
    new = [NewPartitions(each.topic, each.after) for each in todo.grow]
    for name, future in (admin.create_partitions(new, request_timeout=TIMEOUT) if new else {}).items():
        _once(f"add partitions to {name}", future, KafkaError.INVALID_PARTITIONS)


def _once(what: str, future: "Future[object]", done: int) -> None:
    """Wait for it; `done` is the error by which Kafka says that it has been done already."""
    try:
        ask(what, partial(future.result, TIMEOUT))
    except KafkaRefusedError as error:
        if error.code != done:
            raise


def configure(admin: AdminClient, changes: Iterable[Configure]) -> None:
    """Set what topics are configured to; retention, too, which removes what is older."""
    entries: dict[str, list[ConfigEntry]] = {}
    for each in changes:
        entry = ConfigEntry(each.key, each.after, incremental_operation=AlterConfigOpType.SET)
        entries.setdefault(each.topic, []).append(entry)
    if entries:
        new = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=each) for name, each in entries.items()]
        settle("set configurations", admin.incremental_alter_configs(new, request_timeout=TIMEOUT))
