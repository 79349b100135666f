"""What the lanes of a worker have done since it started: counted once a transaction, read when somebody asks."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import Histogram, disable_created_metrics

from agents.closed import Closed
from pipeline.audit.events import EventType
from pipeline.effects import Effects
from pipeline.policy.models import Policy
from pipeline.record import Outcome, Reason, Refusal, Way

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)  # the last: a transaction's deadline
RECORDS = (1, 10, 100, 500, 1_000, 2_000, 4_000, 8_000)  # about BATCH_RECORDS, which a last chunk may exceed

OTHERS_TELL = ("sealer.", "log.", "access.", "card-data.", "witness.", "timestamp.")
LANES_TELL = tuple(type_ for type_ in EventType if not type_.startswith(OTHERS_TELL))

# else each histogram has a series of its own that nobody asks for
disable_created_metrics()  # type: ignore[no-untyped-call]


class Tally:
    """`outcomes` by flow, outcome and reason; `closings`: why lanes were closed. A lane that moves takes none along.

    All that may come is there from the start, as 0: Prometheus sees no increase in a counter that begins with 1.
    """

    def __init__(self, policy: Policy) -> None:
        self.outcomes: Counter[tuple[str, str, str]] = Counter(dict.fromkeys(_outcomes(policy), 0))
        self.events: Counter[EventType] = Counter(dict.fromkeys(LANES_TELL, 0))
        self.refusals: Counter[Refusal] = Counter(dict.fromkeys(Refusal, 0))
        self.closings: Counter[Closed] = Counter(dict.fromkeys(Closed, 0))
        self.seconds = Histogram(
            "panlock_transaction_seconds", "Of one Kafka transaction, to its commit", registry=None, buckets=SECONDS
        )
        self.records = Histogram(
            "panlock_transaction_records", "Of quarantine, that one transaction decided", registry=None, buckets=RECORDS
        )

    def committed(self, effects: Effects, seconds: float) -> None:
        """One transaction."""
        self.outcomes.update(effects.outcomes)
        self.events.update(effects.events)
        self.refusals.update(effects.refusals)
        self.seconds.observe(seconds)

    def decided(self, records: int) -> None:
        """Records of quarantine that one transaction took."""
        if records:
            self.records.observe(records)


def _outcomes(policy: Policy) -> Iterator[tuple[str, str, str]]:
    for name, flow in policy.flows.items():
        yield from ((name, Outcome.RELEASED.value, reason) for reason in ("", *Way))
        yield from ((name, Outcome.HELD.value, rule.id) for rule in flow.hold)
        yield from ((name, Outcome.REJECTED.value, reason) for reason in Reason)
        yield name, "waiting", ""
