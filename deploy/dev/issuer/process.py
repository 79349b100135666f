"""The development issuer as a process of its own, for tests and the demo."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from deploy.dev.ca import DevelopmentCA
from deploy.dev.guarded import Guarded
from deploy.dev.ports import free_ports
from deploy.dev.readiness import listens
from pipeline.errors import PanlockError

START_LIMIT = 60.0  # seconds
ROOT = Path(__file__).resolve().parents[3]


class IssuerError(PanlockError):
    """The development issuer did not start."""


class DevIssuer:
    """`url` is the issuer; `ca` signed its certificate. It can be stopped and started again, with new keys."""

    def __init__(
        self, directory: Path, ca: DevelopmentCA, accounts: Mapping[str, object], services: Mapping[str, object]
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.ca, self.log = ca.certificate, directory / "issuer.log"
        self._accounts, self._services = directory / "accounts.yaml", directory / "services.yaml"
        self._accounts.write_text(yaml.safe_dump(dict(accounts)))
        self._services.write_text(yaml.safe_dump(dict(services)))
        self._leaf = ca.issue("issuer", host=True)
        self._port = free_ports(1)[0]
        self.url = f"https://127.0.0.1:{self._port}"
        self._process: Guarded | None = None

    def start(self) -> None:
        """Returns when it serves. Raises IssuerError."""
        files = [str(self._accounts), str(self._services)]
        words = [*files, str(self._port), str(self._leaf.certificate), str(self._leaf.key)]
        self._process = Guarded([sys.executable, "-m", "deploy.dev.issuer", *words], self.log, directory=ROOT)
        deadline = time.monotonic() + START_LIMIT
        while not listens(self._port):
            if self._process.code is not None or time.monotonic() > deadline:
                self.stop()
                raise IssuerError(f"the development issuer does not serve {self.url}: see {self.log}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """0 while it is down."""
        return self._process.pid if self._process else 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None


@contextmanager
def dev_issuer(
    directory: Path, ca: DevelopmentCA, accounts: Mapping[str, object], services: Mapping[str, object] | None = None
) -> Iterator[DevIssuer]:
    """Serve while the context lasts. `accounts`: name → {email, groups}; `services`: client id → {keys, audience}.

    Raises IssuerError.
    """
    issuer = DevIssuer(directory, ca, accounts, services or {})
    try:
        issuer.start()
        yield issuer
    finally:
        issuer.stop()
