"""What an ACL reaches of what is Panlock's: patterns and wildcards are read as the broker reads them. Pure."""

from deploy.desired import Desired
from deploy.grants import Acl

OWN_PREFIXES = ("quarantine.", "panlock.")
OTHER_EMITTERS = "panlock.audit."  # panlock.audit.<emitter>: somebody else's to manage
_WILDCARD = "*"


def is_panlocks(topic: str) -> bool:
    """Whether a topic's name is one that only a policy may use."""
    return topic.startswith(OWN_PREFIXES) and not topic.startswith(OTHER_EMITTERS)


def touches(acl: Acl, desired: Desired) -> bool:
    """Whether an ACL reaches Panlock's topics, the workers' group or their transactional ids; or is a worker's."""
    if acl.resource == "topic":
        return (
            acl.principal in desired.workers
            or is_panlocks(acl.name)
            or any(covers(acl, topic.name) for topic in desired.topics)
        )
    if acl.resource == "group":
        return covers(acl, desired.application)
    if acl.resource == "transactional-id":
        prefix = f"{desired.application}-"
        return acl.name.startswith(prefix) or covers(acl, prefix)
    return False


def covers(acl: Acl, name: str) -> bool:
    """Whether an ACL is about a resource of that name."""
    if acl.pattern == "PREFIXED":
        return name.startswith(acl.name)
    return acl.name in (name, _WILDCARD)


def is_own(acl: Acl, desired: Desired) -> bool:
    """Whether removing it takes nothing from anybody beyond Panlock's own resources."""
    if acl.name == _WILDCARD or acl.permission == "DENY":  # a DENY may be somebody's emergency brake
        return False
    if acl.resource == "topic":
        named = acl.pattern == "LITERAL" and acl.name in {topic.name for topic in desired.topics}
        return named or acl.name.startswith(OWN_PREFIXES) or acl.principal in desired.workers
    if acl.resource == "group":
        return acl.name == desired.application and acl.pattern == "LITERAL"
    return acl.name.startswith(f"{desired.application}-")


def is_over_all(acl: Acl) -> bool:
    """ALTER writes ACLs, CLUSTER_ACTION fetches any topic as a replica does."""
    over_all = acl.operation in ("ALTER", "CLUSTER_ACTION", "ALL")
    return acl.resource == "cluster" and acl.permission == "ALLOW" and over_all
