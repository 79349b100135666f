"""Why a lane is not open, as a code: what metrics and alarms tell apart. The text beside it says the rest."""

from enum import StrEnum

from agents.cluster import TopicMissingError
from agents.fit import ClusterMismatchError
from agents.unfinished import UnfinishedTransactionError
from pipeline.in_force import OlderPolicyError
from pipeline.keys.service import KeysError
from pipeline.masking.formats.format import SchemasUnavailableError


class Closed(StrEnum):
    """docs/operations.md says what to do about each."""

    OPENING = "opening"
    FAILED = "failed"
    INPUT_LOST = "input-lost"
    TOPICS = "topics"
    SCHEMAS = "schemas"
    POLICY = "policy"
    UNFINISHED = "unfinished-transaction"
    KEYS = "keys"
    STORE_CORRUPT = "store-corrupt"
    CHAIN_HEAD = "chain-head"
    LEFT = "left"


_WAITS: dict[type[Exception], Closed] = {
    ClusterMismatchError: Closed.TOPICS,
    TopicMissingError: Closed.TOPICS,
    SchemasUnavailableError: Closed.SCHEMAS,
    OlderPolicyError: Closed.POLICY,
    UnfinishedTransactionError: Closed.UNFINISHED,
    KeysError: Closed.KEYS,
}

WAITS = tuple(_WAITS)
"""What people, or time, have to mend: the lane says so, and looks again."""


def waits_for(error: Exception) -> Closed:
    """Of one of WAITS."""
    return next(closed for kind, closed in _WAITS.items() if isinstance(error, kind))
