"""What is pending now: `panlock.pending` read to its end, the last word on each record id, and on each grant."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cli.output import say
from cli.reading import Log, Reader
from pipeline.approval.glass import ALARM_PREFIX, Alarm, AlarmError
from pipeline.approval.grant import Grant, GrantError
from pipeline.approval.pending import Pending, PendingError
from pipeline.policy.topics import PENDING
from pipeline.record import RecordId, RecordIdError, record_sha256
from pipeline.state import GRANT_PREFIX


@dataclass(slots=True)
class PendingTopic:
    """`lanes`: the topic's partitions. Read again, it goes on where it stopped."""

    lanes: int = 0
    _log: Log | None = None
    grants: dict[str, dict[int, Grant]] = field(default_factory=dict)  # by id and lane
    alarms: dict[str, Alarm] = field(default_factory=dict)  # of break-glass, by record id
    _held: dict[str, Pending] = field(default_factory=dict)

    async def read(self, source: Reader) -> None:
        """Errors are aiokafka's."""
        log = await source.log(PENDING)
        unread = log if self._log is None else Log(PENDING, self._log.ends, log.ends)
        async for records in source.read(unread):
            for record in records:
                self._take(record.partition, record.key or b"", record.value)
        self._log, self.lanes = log, len(log.ends)

    def get(self, record: str) -> Pending | None:
        return self._held.get(record)

    def __iter__(self) -> Iterator[Pending]:
        """The next to expire first."""
        return iter(sorted(self._held.values(), key=lambda pending: (pending.expires, pending.record)))

    def _take(self, partition: int, key: bytes, value: bytes | None) -> None:
        record = key.decode(errors="replace")
        if key.startswith(GRANT_PREFIX):
            self._take_grant(partition, record.removeprefix(GRANT_PREFIX.decode()), value)
            return
        if key.startswith(ALARM_PREFIX):
            self._take_alarm(partition, record.removeprefix(ALARM_PREFIX.decode()), value)
            return
        if value is None:
            self._held.pop(record, None)
            return
        try:
            self._held[record] = Pending.decode(value)
        except PendingError as error:
            say(f"panlock.pending/{partition}: {record}: {error}")

    def _take_alarm(self, partition: int, record: str, value: bytes | None) -> None:
        self.alarms.pop(record, None)
        if value is None:
            return
        try:
            self.alarms[record] = Alarm.decode(value)
        except AlarmError as error:
            say(f"panlock.pending/{partition}: break-glass {record}: {error}")

    def _take_grant(self, partition: int, id_: str, value: bytes | None) -> None:
        self.grants.get(id_, {}).pop(partition, None)
        if value is None:
            return
        try:
            grant = Grant.decode(value)
        except GrantError as error:
            say(f"panlock.pending/{partition}: grant {id_}: {error}")
            return
        if grant.terms.id == id_:
            self.grants.setdefault(id_, {})[partition] = grant
        else:
            say(f"panlock.pending/{partition}: grant {id_} is filed under another id than its own: it was altered")


def wrong_with(pending: Pending, record: str) -> str | None:
    """Why this must not be signed: what is shown has another hash, or another id, than it claims."""
    if pending.record != record:
        return f"it is filed under another record id ({pending.record})"
    try:
        RecordId.parse(record)
    except RecordIdError as error:
        return str(error)
    if record_sha256(pending.key, pending.value, pending.headers) != pending.sha256:
        return "its bytes are not those of its hash: panlock.pending was altered"
    return None
