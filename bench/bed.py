"""The test bed: one broker, its topics, and the directory of a run."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from bench.payments import Access
from bench.progress import Ends
from deploy.admin import connect
from deploy.dev.cluster import DevCluster

PARTITIONS = 4  # of every topic, and lanes
_ASK = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Bed:
    cluster: DevCluster
    directory: Path

    @property
    def access(self) -> Access:
        return self.access_of("admin")

    def access_of(self, name: str) -> Access:
        return Access(**self.cluster.config(name))

    @property
    def broker(self) -> int:
        """Its process id."""
        return self.cluster.pid(0)

    def _admin(self) -> AdminClient:
        return connect(self.cluster.config("admin"))

    def make(self, *kinds: str) -> list[str]:
        """New topics `bench.<kind>.<chance>`, one a kind."""
        names = [f"bench.{kind}.{uuid.uuid4().hex[:6]}" for kind in kinds]
        wanted = [NewTopic(name, PARTITIONS, config={"message.timestamp.type": "LogAppendTime"}) for name in names]
        admin = self._admin()
        for made in admin.create_topics(wanted).values():
            made.result(_ASK)
        for name in names:
            Ends(self.access, name, PARTITIONS).committed()  # returns when the broker leads it
        return names

    def drop(self, *names: str) -> None:
        admin = self._admin()
        for dropped in admin.delete_topics(list(names)).values():
            dropped.result(_ASK)

    def directory_of(self, name: str) -> Path:
        path = self.directory / f"{name}-{uuid.uuid4().hex[:6]}"
        path.mkdir(parents=True)
        return path
