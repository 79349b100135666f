"""What stands in the way of Panlock on a cluster: findings, and the commands that mend them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from deploy.grants import Acl


class Severity(StrEnum):
    """`blocker`: Panlock does not run there, or what it guarantees does not hold. `risk`: it holds less well.
    `unknown`: could not be seen, which is never fine. `note`: to be known; nothing is to be mended."""

    BLOCKER = "blocker"
    RISK = "risk"
    UNKNOWN = "unknown"
    NOTE = "note"


class Check(StrEnum):
    """What was looked at; docs/reasons.md says why it matters."""

    AUTHORIZER = "authorizer"
    DEFAULT_DENY = "default-deny"
    SUPER_USERS = "super-users"
    CLUSTER_ADMIN = "cluster-admin"
    PLAINTEXT = "plaintext-listener"
    CLIENT_AUTH = "client-auth"
    CERTIFICATE_LISTENER = "certificate-listener"
    PRINCIPAL_MAPPING = "principal-mapping"
    TOKENS = "delegation-tokens"
    BROKERS = "brokers"
    INTERNAL_TOPICS = "internal-topics"
    MIN_INSYNC = "min-insync"
    UNCLEAN_ELECTION = "unclean-election"
    TRANSACTIONS = "transactions"
    SESSIONS = "sessions"
    FEATURES = "features"
    AUTO_CREATE = "auto-create"
    TOPIC_POLICY = "topic-policy"
    MESSAGE_SIZE = "message-size"
    SEGMENTS = "segments"
    CLEANER = "cleaner"
    CLOCK = "clock"
    QUARANTINE_READER = "quarantine-reader"
    QUARANTINE_WRITER = "quarantine-writer"
    CLEAN_WRITER = "clean-writer"
    CLEAN_READER = "clean-reader"
    OWN_WRITER = "own-writer"
    OWN_READER = "own-reader"
    TOPIC_ADMIN = "topic-admin"
    ACL = "acl"
    TOPIC = "topic"
    TOPIC_SETTINGS = "topic-settings"
    LEFT_OVER = "left-over"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Finding:
    """`where`: brokers, topic or ACL. `requirements`: of PCI DSS v4.0.1; none where it asks for nothing, and Panlock
    does. `remedy`: commands and settings to be pasted, a line each; lines that begin with # are for people."""

    check: Check
    severity: Severity
    where: str
    what: str
    requirements: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class Tools:
    """Kafka's own commands for this cluster; `admin.properties` is whatever lets the reader in."""

    bootstrap: str

    def broker(self, key: str, value: str, read_only: bool) -> str:
        """`read_only`: not to be changed while the broker runs."""
        if read_only:
            return f"# in server.properties of each broker, then restart one after another:\n{key}={value}"
        return f"{self._run('kafka-configs')} --alter --entity-type brokers --entity-default --add-config {key}={value}"

    def topic(self, topic: str, key: str, value: str) -> str:
        value = f"[{value}]" if "," in value else value
        return f"{self._topic(topic)} --add-config {key}={value}"

    def without(self, topic: str, key: str) -> str:
        return f"{self._topic(topic)} --delete-config {key}"

    def remove(self, acl: Acl) -> str:
        """It asks before it removes."""
        side = "allow" if acl.permission == "ALLOW" else "deny"
        where = {
            "topic": f"--topic '{acl.name}'",
            "group": f"--group '{acl.name}'",
            "transactional-id": f"--transactional-id '{acl.name}'",
            "cluster": "--cluster",
        }[acl.resource]
        host = "" if acl.host == "*" else f" --{side}-host {acl.host}"
        pattern = "" if acl.pattern == "LITERAL" else f" --resource-pattern-type {acl.pattern.lower()}"
        operation = "".join(part.capitalize() for part in acl.operation.split("_"))
        who = f"--{side}-principal '{acl.principal}'{host}"
        return f"{self._run('kafka-acls')} --remove {who} --operation {operation} {where}{pattern}"

    def upgrade(self, feature: str, level: int) -> str:
        return f"{self._run('kafka-features')} upgrade --feature {feature}={level}"

    def tokens(self) -> str:
        return f"{self._run('kafka-delegation-tokens')} --describe"

    def _topic(self, topic: str) -> str:
        return f"{self._run('kafka-configs')} --alter --entity-type topics --entity-name {topic}"

    def _run(self, tool: str) -> str:
        return f"{tool}.sh --bootstrap-server {self.bootstrap} --command-config admin.properties"


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, then in the order of the checks."""
    worst, checks = list(Severity), list(Check)
    return sorted(findings, key=lambda each: (worst.index(each.severity), checks.index(each.check), each.where))
