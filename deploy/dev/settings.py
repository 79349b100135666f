"""What a development broker is told: its properties and its logging."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.dev.oauth import LISTENER, OAuthListener

SUPER_USER = "admin"
LOOPBACK = "127.0.0.1"

_AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
_FIXED = """\
process.roles=broker,controller
listener.security.protocol.map=CLIENT:SSL,PROXIED:SSL,CONTROLLER:SSL,LOCAL:SSL,OAUTH:SASL_SSL
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
ssl.keystore.type=PEM
ssl.truststore.type=PEM
ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=([A-Za-z0-9._@-]+)$/$1/,DEFAULT
allow.everyone.if.no.acl.found=false
auto.create.topics.enable=false
unclean.leader.election.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=4000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=1
log.initial.task.delay.ms=1000
log.retention.check.interval.ms=5000
log.segment.delete.delay.ms=1000
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.backoff.ms=5000
num.recovery.threads.per.data.dir=1
"""

LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
# denials are INFO; what is allowed would be a line a request
logger.authorizer.name = kafka.authorizer.logger
logger.authorizer.level = info
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One broker, which is also a controller: its ports on `host`; `oauth` where it has that listener.

    `published`: a port of 127.0.0.1 that leads to it, for clients who do not know `host`; `proxied`: the port of one
    more listener, and that by which its clients are told to find it.
    """

    id: int
    client: int
    controller: int
    oauth: int | None = None
    host: str = LOOPBACK
    published: int | None = None
    proxied: tuple[int, int] | None = None

    def listeners(self) -> dict[str, str]:
        clients = {"CLIENT": f"{self.host}:{self.client}"}
        if self.oauth is not None:
            clients[LISTENER] = f"{self.host}:{self.oauth}"
        bound, told = dict(clients), dict(clients)
        if self.published is not None:
            bound["LOCAL"], told["LOCAL"] = f"0.0.0.0:{self.published}", f"{LOOPBACK}:{self.published}"
        if self.proxied is not None:
            bound["PROXIED"], told["PROXIED"] = (f"{self.host}:{port}" for port in self.proxied)
        bound["CONTROLLER"] = f"{self.host}:{self.controller}"
        return {"listeners": _urls(bound), "advertised.listeners": _urls(told)}


def properties(
    node: Node,
    nodes: list[Node],
    data: Path,
    key_store: Path,
    trust_store: Path,
    oauth: OAuthListener | None,
    authorizer: Mapping[str, object],
) -> str:
    """The broker's server.properties. Replication follows the number of brokers: 3 with 2 in sync, or 1.

    `authorizer`: its class and what it is told; empty for Kafka's own.
    """
    replicas, in_sync = (3, 2) if len(nodes) >= 3 else (1, 1)
    users = [SUPER_USER, *(name(n) for n in nodes)]
    return _FIXED + "".join(
        f"{key}={value}\n"
        for key, value in {
            "node.id": node.id,
            "controller.quorum.voters": ",".join(f"{n.id}@{n.host}:{n.controller}" for n in nodes),
            **node.listeners(),
            "log.dirs": data,
            "ssl.keystore.location": key_store,
            "ssl.truststore.location": trust_store,
            "super.users": ";".join(f"User:{user}" for user in users),
            "default.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": in_sync,
            **(oauth.properties() if oauth else {}),
            **(authorizer or {"authorizer.class.name": _AUTHORIZER}),
        }.items()
    )


def _urls(listeners: Mapping[str, str]) -> str:
    return ",".join(f"{name}://{address}" for name, address in listeners.items())


def name(node: Node) -> str:
    """The broker's certificate name, by which the others know it."""
    return f"broker-{node.id}"


def name_pattern() -> str:
    """What `name` gives, for a glob."""
    return "broker-*"
