"""A cluster as its clients see it: addresses, and certificates by name. Who runs it is another matter."""

from pathlib import Path
from typing import Protocol

from deploy.dev.ca import Credentials
from deploy.dev.settings import SUPER_USER


class Issue(Protocol):
    """Makes a client certificate CN=`name` with SAN URI `spiffe` (a default one for None), in files named `stem`."""

    def __call__(self, name: str, spiffe: str | None, *, stem: str) -> Credentials: ...


class Cluster:
    """`ca`: PEM of the authority that clients trust."""

    def __init__(self, bootstrap: str, ca: Path, issue: Issue) -> None:
        self.bootstrap, self.ca = bootstrap, ca
        self._issue = issue
        self._issued: dict[tuple[str, str | None], Credentials] = {}

    def issue(self, name: str, spiffe: str | None = None) -> Credentials:
        """A client certificate CN=`name`; the same one again for the same arguments."""
        known = self._issued.get((name, spiffe))
        if known is None:
            count = sum(other == name for other, _ in self._issued)
            known = self._issue(name, spiffe, stem=f"{name}-{count}" if count else name)
            self._issued[name, spiffe] = known
        return known

    @property
    def admin(self) -> Credentials:
        """The super user's."""
        return self.issue(SUPER_USER)

    def config(self, name: str) -> dict[str, str]:
        """`kafka:` of a worker's or the CLI's configuration, with the certificate CN=`name`."""
        leaf = self.issue(name)
        return {
            "bootstrap": self.bootstrap,
            "ca": str(self.ca),
            "certificate": str(leaf.certificate),
            "key": str(leaf.key),
        }
