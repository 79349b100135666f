"""Worker processes of the demo: `panlock worker`, each with a store, a log and a web port of its own."""

import json
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deploy.demo.people import write_config
from deploy.demo.place import Place
from deploy.demo.told import expect, until

SESSION = 6.0  # seconds until the lanes of a silent worker move


class WorkerProcess:
    """Ends with this process, however that ends. `keys`: where its files are."""

    def __init__(
        self, place: Place, name: str, directory: Path, policy: Path, kafka: dict[str, str], keys: Path, genesis: str
    ) -> None:
        self.name, self.log, self._store = name, directory / f"{name}.log", directory / name
        config = write_config(
            directory / f"{name}.yaml",
            kafka=kafka,
            store=name,
            schemas={"directory": str(directory.parent / "schemas")},
            token_keys={"k1": str(keys / "k1.key")},
            token_key="k1",  # noqa: S106 - a key's name
            seal_keys={"s1": str(keys / "s1.key")},
            audit_key=str(keys / "worker.audit.pem"),
            genesis=genesis,
            issuer_ca=kafka["ca"],
            session_timeout=SESSION,
        )
        words = ["worker", "--policy", str(policy), "--config", str(config), "--development"]
        self._process = place.panlock(words, self.log)

    def lanes(self) -> set[int]:
        """Numbers of its open lanes; none while it does not answer."""
        answer = self._get("/lanes") or {"lanes": []}
        return {each["lane"] for each in answer["lanes"] if each["state"] == "open"}

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return self._process.stop()

    def ended(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.code

    def check(self) -> None:
        """Raises NotAsToldError if it has ended."""
        code = self._process.code
        expect(code is None, f"worker {self.name} ended with code {code}; its log ends:\n{self.tail()}")

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def _get(self, path: str) -> dict[str, Any] | None:
        port = self._store / "web.port"
        try:
            url = f"http://127.0.0.1:{int(port.read_text())}{path}"
            with urllib.request.urlopen(url, timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError):
            return None


def listed(lanes: Iterable[int]) -> str:
    """`0, 1 and 3`."""
    return " and ".join(", ".join(map(str, sorted(lanes))).rsplit(", ", 1))


def wait_shared(workers: Iterable[WorkerProcess], lanes: int) -> dict[str, list[int]]:
    """Who has which lanes, once all are open and each worker has some. Raises NotAsToldError."""
    workers = list(workers)

    def shared() -> dict[str, list[int]] | None:
        for worker in workers:
            worker.check()
        has = {worker.name: sorted(worker.lanes()) for worker in workers}
        every = sorted(number for numbers in has.values() for number in numbers)
        return has if every == list(range(lanes)) and all(has.values()) else None

    names = " and ".join(worker.name for worker in workers)
    return until(f"all {lanes} lanes open, each worker ({names}) with some", shared)
