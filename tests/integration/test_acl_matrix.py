"""Every role × topic × read/write by real clients on a real broker: what is allowed works, the rest is denied."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic
from confluent_kafka.admin import ResourceType as Resource

from deploy.admin import connect, librdkafka
from deploy.dev.cluster import DevCluster
from deploy.grants import Acl
from deploy.observed import to_binding
from deploy.provision import provision
from pipeline.policy import parse_policy
from tests.audit_keys import BROKERS, jwk
from tests.deployment import until
from tests.policy_text import POLICY

TOPICS = {
    "q.checkout": "quarantine.payments.checkout",
    "q.refunds": "quarantine.payments.refunds",
    "clean": "payments",
    "pending": "panlock.pending",
    "decisions": "panlock.decisions",
    "audit": "panlock.audit",
    "state": "panlock.state",
    "rej.c": "panlock.rejections.checkout",
    "rej.r": "panlock.rejections.refunds",
    "access": "panlock.access",
    "reads": "panlock.audit.brokers",
    "rec": "panlock.recordings.payments",
}

# r: may read, w: may write. checkout and refunds are producers, ledger a consumer, ana approves, cy approves and
# resumes lanes; ray replays; mallory has a certificate of the same CA and no place in the policy.
MATRIX = """\
                      q.checkout  q.refunds  clean  pending  decisions  audit  state  rej.c  rej.r  access  reads  rec
checkout              w           -          -      -        -          -      -      r      -      -       -      -
refunds               -           w          -      -        -          -      -      -      r      -       -      -
ledger                -           -          r      -        -          -      -      -      -      -       -      -
panlock-worker        r           r          w      w        rw         rw     rw     w      w      -       -      w
panlock-broker        -           -          -      -        -          -      -      -      -      w       -      -
panlock-broker-audit  -           -          -      -        -          -      -      -      -      r       rw     -
ana                   -           -          -      r        w          -      -      -      -      -       -      -
cy                    -           -          -      r        w          -      -      -      -      -       -      -
ray                   -           -          -      r        w          r      -      -      -      -       -      r
panlock-auditor       -           -          -      -        -          r      -      -      -      r       r      -
ops                   -           -          -      -        -          -      -      -      -      -       -      -
panlock-deploy        -           -          -      -        -          -      -      -      -      -       -      -
mallory               -           -          -      -        -          -      -      -      -      -       -      -
"""
RAY = "  ray@pay.example: {certificate: ray, roles: [replayers]}\nflows:\n"
RECORDED = POLICY.replace("recording: off", "recording: masked").replace("flows:\n", RAY)
EVERY = f"{RECORDED}audit: {{broker_keys: [{jwk(BROKERS)}]}}\n"
ROLES = [line.split()[0] for line in MATRIX.splitlines()[1:]]

DENIED = {
    "topic": KafkaError.TOPIC_AUTHORIZATION_FAILED,
    "group": KafkaError.GROUP_AUTHORIZATION_FAILED,
    "transactional id": KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    "cluster": KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
WAIT = 30.0  # seconds


@pytest.fixture(scope="module")
def provisioned(fresh_cluster: DevCluster) -> DevCluster:
    """The policy applied, and a record of the administrator's in each topic."""
    provision(fresh_cluster.config("admin"), parse_policy(EVERY, "policy.yaml"))
    assert set(write(fresh_cluster, "admin").values()) == {None}
    return fresh_cluster


def client(cluster: DevCluster, name: str, **more: object) -> dict[str, object]:
    return {**librdkafka(cluster.config(name)), "log_level": 0, **more}


def write(cluster: DevCluster, name: str) -> dict[str, int | None]:
    """Topic → None where the record was written, else Kafka's error."""
    answers: dict[str, int | None] = {}

    def told(error: KafkaError | None, message: Any) -> None:
        answers[message.topic()] = None if error is None else error.code()

    producer = Producer(client(cluster, name))
    for topic in TOPICS.values():
        producer.produce(topic, b"value", b"key", partition=0, on_delivery=told)
    assert producer.flush(WAIT) == 0
    return answers


def read(cluster: DevCluster, name: str) -> dict[str, int | None]:
    """Topic → None where a record could be read, else Kafka's error."""
    return {topic: read_topic(cluster, name, topic) for topic in TOPICS.values()}


def read_topic(cluster: DevCluster, name: str, topic: str) -> int | None:
    """Of a topic that it may not see a client cannot even ask for records: Kafka's READ brings DESCRIBE with it."""
    consumer = Consumer(client(cluster, name, **{"group.id": name, "enable.auto.commit": False}))
    try:
        seen = consumer.list_topics(topic, timeout=WAIT).topics[topic]
        if seen.error is not None:
            return int(seen.error.code())
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = until(f"a record or an error of {topic} for {name}", lambda: of_topic(consumer.poll(1.0)))
        return None if message.error() is None else int(message.error().code())
    finally:
        consumer.close()


def of_topic(message: Any) -> Any:
    """Leaves out the error of a group that the client may not use and does not need."""
    return None if message is None or message.topic() is None else message


def cell(topic: str, reads: dict[str, int | None], writes: dict[str, int | None]) -> str:
    """`rw`, `r`, `w` or `-`; any other error than a denied topic is shown as what it is."""
    for answers in (reads, writes):
        if answers[topic] not in (None, DENIED["topic"]):
            return str(KafkaError(answers[topic]).name())
    return ("r" if reads[topic] is None else "") + ("w" if writes[topic] is None else "") or "-"


def table(cells: dict[str, dict[str, str]]) -> str:
    lines = [" " * 20 + "".join(f"  {column}" for column in TOPICS)]
    for role, row in cells.items():
        lines.append(f"{role:20}" + "".join(f"  {row[column]:{len(column)}}" for column in TOPICS))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def test_every_role_may_read_and_write_what_the_matrix_says_and_nothing_else(provisioned: DevCluster) -> None:
    cells = {}
    for role in ROLES:
        reads, writes = read(provisioned, role), write(provisioned, role)
        cells[role] = {column: cell(topic, reads, writes) for column, topic in TOPICS.items()}
    assert table(cells) == MATRIX, f"found on the broker:\n{table(cells)}"


def test_the_matrix_sees_a_right_too_many(provisioned: DevCluster) -> None:
    """What the other test rests on: were mallory let in, it would show."""
    admin = connect(provisioned.config("admin"))
    extra = to_binding(Acl("topic", TOPICS["q.refunds"], "LITERAL", "User:eve", "READ"))
    assert cell(TOPICS["q.refunds"], read(provisioned, "eve"), write(provisioned, "eve")) == "-"
    admin.create_acls([extra])[extra].result(WAIT)
    until("eve let in", lambda: cell(TOPICS["q.refunds"], read(provisioned, "eve"), write(provisioned, "eve")) == "r")


def code(call: Callable[[], object]) -> int | None:
    """None where it worked, else Kafka's error."""
    try:
        call()
    except KafkaException as error:
        number: int = error.args[0].code()
        return DENIED["topic"] if number == KafkaError._NOENT else number  # a topic that the client may not see
    return None


GROUPS = {
    "its own": ("ledger", "ledger", True),
    "one that begins with its CN": ("ledger", "ledger.reports", True),
    "another's": ("ledger", "checkout", False),
    "the workers'": ("ledger", "panlock", False),
    "the workers', by a producer": ("checkout", "panlock", False),
    "the workers', by an approver": ("ana", "panlock", False),
    "the workers', by a worker": ("panlock-worker", "panlock", True),
    "any, by a stranger": ("mallory", "mallory", False),
}


@pytest.mark.parametrize(("name", "group", "allowed"), GROUPS.values(), ids=GROUPS)
def test_a_group_may_be_used_by_whose_name_it_begins_with(
    provisioned: DevCluster, name: str, group: str, allowed: bool
) -> None:
    consumer = Consumer(client(provisioned, name, **{"group.id": group}))
    joined: list[int | None] = []
    try:
        topic = TOPICS["q.checkout"] if name == "panlock-worker" else TOPICS["clean"]
        consumer.subscribe([topic], on_assign=lambda *_: joined.append(None))
        while not joined:
            message = consumer.poll(1.0)
            if message is not None and message.error() is not None and message.topic() is None:
                joined.append(message.error().code())
    finally:
        consumer.close()
    assert joined == [None if allowed else DENIED["group"]]


TRANSACTIONS = {
    "a worker's lane": ("panlock-worker", "panlock-3", True),
    "a worker, another application's": ("panlock-worker", "other-3", False),
    "a worker, the application's name alone": ("panlock-worker", "panlock", False),
    "a producer, a lane's": ("checkout", "panlock-3", False),
    "an operator, a lane's": ("ops", "panlock-3", False),
    "a deployer, a lane's": ("panlock-deploy", "panlock-3", False),
    "a stranger": ("mallory", "panlock-3", False),
}


@pytest.mark.parametrize(("name", "identifier", "allowed"), TRANSACTIONS.values(), ids=TRANSACTIONS)
def test_a_lane_can_be_fenced_by_workers_alone(
    provisioned: DevCluster, name: str, identifier: str, allowed: bool
) -> None:
    producer = Producer(client(provisioned, name, **{"transactional.id": identifier}))
    found = code(lambda: producer.init_transactions(WAIT))
    assert found == (None if allowed else DENIED["transactional id"])


def delete_records(topic: str) -> Callable[[AdminClient], object]:
    def call(admin: AdminClient) -> object:
        partition = TopicPartition(topic, 0, 0)
        return admin.delete_records([partition])[partition].result(WAIT)

    return call


def delete_topic(topic: str) -> Callable[[AdminClient], object]:
    return lambda admin: admin.delete_topics([topic])[topic].result(WAIT)


def create_topic(admin: AdminClient) -> object:
    return admin.create_topics([NewTopic("quarantine.payments.mallory", 1, 1)], validate_only=True)[
        "quarantine.payments.mallory"
    ].result(WAIT)


def shorten_audit(admin: AdminClient) -> object:
    entry = ConfigEntry("retention.ms", "34560000000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(Resource.TOPIC, TOPICS["audit"], incremental_configs=[entry])
    return admin.incremental_alter_configs([resource], validate_only=True)[resource].result(WAIT)


def write_acl(admin: AdminClient) -> object:
    binding = to_binding(Acl("topic", TOPICS["clean"], "LITERAL", "User:ledger", "READ"))  # there already
    return admin.create_acls([binding])[binding].result(WAIT)


CALLS = {
    "purge quarantine": (delete_records(TOPICS["q.checkout"]), {"panlock-worker"}, "topic"),
    "purge clean": (delete_records(TOPICS["clean"]), set(), "topic"),
    "purge audit": (delete_records(TOPICS["audit"]), set(), "topic"),
    "purge state": (delete_records(TOPICS["state"]), set(), "topic"),
    "purge decisions": (delete_records(TOPICS["decisions"]), set(), "topic"),
    "delete the audit topic": (delete_topic(TOPICS["audit"]), set(), "topic"),
    "delete the clean topic": (delete_topic(TOPICS["clean"]), set(), "topic"),
    "create a topic": (create_topic, {"panlock-deploy"}, "topic"),
    "set the audit's retention": (shorten_audit, {"panlock-deploy"}, "topic"),
    "write an ACL": (write_acl, {"panlock-deploy"}, "cluster"),
}


@pytest.mark.parametrize(("call", "allowed", "kind"), CALLS.values(), ids=CALLS)
def test_administration_is_for_those_who_need_it(
    provisioned: DevCluster, call: Callable[[AdminClient], object], allowed: set[str], kind: str
) -> None:
    found = {role: code(lambda role=role: call(connect(provisioned.config(role)))) for role in ROLES}  # type: ignore[misc]
    assert found == {role: None if role in allowed else DENIED[kind] for role in ROLES}
