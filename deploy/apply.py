"""Carrying out a plan: adds, grows and sets; never deletes a topic or a record, never shrinks."""

import time
from collections.abc import Callable
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
from deploy.plan import Plan, plan
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
    """Bring the cluster to what is desired; returns the plan that was carried out.

    ACLs first: a deployer's own come with the policy, and without them it sees no topic.
    `revoke`: also remove the ACLs of the plan's `revoke`. Raises ApplyRefusedError before anything is done.
    """
    first = look(admin, desired)[1]
    _refuse(first)
    if first.grant:
        settle("add ACLs", admin.create_acls([to_binding(acl) for acl in first.grant], request_timeout=TIMEOUT))
        _settled(admin, desired, lambda observed, left: not left.grant)
    if revoke and first.revoke:
        filters = [to_filter(acl) for acl in first.revoke]
        settle("remove ACLs", admin.delete_acls(filters, request_timeout=TIMEOUT))
    todo = look(admin, desired)[1]
    _refuse(todo)
    _create(admin, desired, todo)
    _grow(admin, todo)
    _configure(admin, todo)
    _settled(admin, desired, lambda observed, left: not left.changes and _all_led(desired, observed))
    return first


def _refuse(todo: Plan) -> None:
    if todo.refused:
        told = "".join(f"\n  {each.subject} {each.what}: {each.remedy}" for each in todo.refused)
        raise ApplyRefusedError(f"the cluster cannot follow the policy, and nothing was changed:{told}")


def _create(admin: AdminClient, desired: Desired, todo: Plan) -> None:
    new = [NewTopic(t.name, t.partitions, desired.replication, config=dict(t.configs)) for t in todo.create]
    for name, future in (admin.create_topics(new, request_timeout=TIMEOUT) if new else {}).items():
        try:
            ask(f"create the topic {name}", partial(future.result, TIMEOUT))
        except KafkaRefusedError as error:
            if error.code != KafkaError.TOPIC_ALREADY_EXISTS:  # another apply was faster; the last look compares it
                raise


def _grow(admin: AdminClient, todo: Plan) -> None:
    if todo.grow:
        new = [NewPartitions(each.topic, each.after) for each in todo.grow]
        settle("add partitions", admin.create_partitions(new, request_timeout=TIMEOUT))


def _configure(admin: AdminClient, todo: Plan) -> None:
    entries: dict[str, list[ConfigEntry]] = {}
    for each in todo.configure:
        entry = ConfigEntry(each.key, each.after, incremental_operation=AlterConfigOpType.SET)
        entries.setdefault(each.topic, []).append(entry)
    if entries:
        new = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=each) for name, each in entries.items()]
        settle("set configurations", admin.incremental_alter_configs(new, request_timeout=TIMEOUT))


def _all_led(desired: Desired, observed: Observed) -> bool:
    return all(observed.topics[topic.name].led for topic in desired.topics)


def _settled(admin: AdminClient, desired: Desired, done: Callable[[Observed, Plan], bool]) -> None:
    end = time.monotonic() + SETTLE_LIMIT
    while not done(*look(admin, desired)):
        if time.monotonic() > end:
            raise NotSettledError(
                f"the brokers do not show the change after {SETTLE_LIMIT:.0f} s: run `panlock deploy plan` again, "
                "and look into the brokers' logs if it still shows it"
            )
        time.sleep(LOOK)
