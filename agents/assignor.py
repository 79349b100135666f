"""Gives whole lanes to members of the group: lane l is every subscribed partition p with p mod L = l.

Faust's own assignor groups topics by identical sets of subscribers, which splits a lane during a rolling policy
change; its transport picks round robin where an app has no tables. This one is sticky and lets members be spare.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor


def share(lanes: int, owned: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
    """Member → its lanes. A member keeps what it owned, up to the fair share; the rest goes to whoever has least.

    Where the lanes cannot be shared evenly, only so many members keep one more: else one that joins could get none.
    """
    members = sorted(owned)
    least, extra = divmod(lanes, len(owned))
    shares: dict[str, list[int]] = {member: [] for member in members}
    free = set(range(lanes))
    for member in members:
        kept = sorted(set(owned[member]) & free)[: least + (extra > 0)]
        shares[member] += kept
        free.difference_update(kept)
        extra -= len(kept) > least
    for lane in sorted(free):
        shares[min(members, key=lambda member: (len(shares[member]), member))].append(lane)
    return shares


def lane_assignor(lanes: int) -> type[PartitionAssignor]:
    """The assignor of an application with so many lanes, for Faust's `PartitionAssignor` setting."""

    class LaneAssignor(PartitionAssignor):
        """A member gets of its lanes only the topics that it subscribes to: the rest waits for its restart."""

        @property
        def name(self) -> str:
            return "panlock-lanes"

        def _perform_assignment(self, cluster: Any, member_metadata: Any) -> Any:
            clients = {member: self._get_client_metadata(data) for member, data in member_metadata.items()}
            self._update_member_urls(clients)
            owned = {
                member: {p % lanes for partitions in data.assignment.actives.values() for p in partitions}
                for member, data in clients.items()
            }
            shares = share(lanes, owned)
            assignments = {
                member: ClientAssignment(
                    standbys={},
                    actives={
                        topic: [p for p in sorted(cluster.partitions_for_topic(topic) or ()) if p % lanes in mine]
                        for topic in member_metadata[member].subscription
                    },
                )
                for member, mine in shares.items()
            }
            return self._protocol_assignments(assignments, {}, {}, {})

    return LaneAssignor
