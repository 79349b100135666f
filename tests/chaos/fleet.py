"""Workers that are killed, stopped and continued, and how far they have come together."""

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.deployment import Deployment, WorkerProcess, until


class Fleet:
    """Workers by name; a name keeps its store over restarts."""

    def __init__(self, deployment: Deployment, session_timeout: float) -> None:
        self.deployment, self.session_timeout = deployment, session_timeout
        self.workers: dict[str, WorkerProcess] = {}
        self.more: dict[str, dict[str, Any]] = {}  # a worker's own configuration, by name
        self.stopped: set[str] = set()

    def start(self, name: str) -> None:
        more = self.more.get(name, {})
        self.workers[name] = self.deployment.worker(name, session_timeout=self.session_timeout, **more)

    def kill(self, name: str) -> None:
        self.stopped.discard(name)
        self.workers[name].kill()

    def stop(self, name: str) -> None:
        self.stopped.add(name)
        self.workers[name].send(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self.workers[name].send(signal.SIGCONT)
        self.stopped.discard(name)

    def alive(self) -> dict[str, WorkerProcess]:
        return {name: worker for name, worker in self.workers.items()
                if name not in self.stopped and worker.process.poll() is None}  # fmt: skip

    def lanes(self) -> dict[int, tuple[str, dict[str, Any]]]:
        """Lane → (worker, its status), of all workers that answer."""
        found = {}
        for name, worker in self.alive().items():
            answer = worker.get("/lanes") if (worker.store / "web.port").exists() else None
            for lane in answer[1]["lanes"] if answer else ():
                former = found.get(lane["lane"])
                if lane["state"] == "open" and (former is None or _position(lane) > _position(former[1])):
                    found[lane["lane"]] = (name, lane)  # one that does not know yet that it lost the lane is behind
        return found

    def holders(self) -> list[str]:
        """Workers that have a lane open."""
        return sorted({name for name, _ in self.lanes().values()})

    def lane_decided(self, number: int) -> int:
        """Records behind the committed positions of one lane; 0 while nobody has it open."""
        lanes = self.lanes()
        return _position(lanes[number][1]) if number in lanes else 0

    def decided(self) -> int | None:
        """Records behind the committed positions; None unless every lane is open somewhere."""
        lanes = self.lanes()
        if len(lanes) < self.deployment.policy.lanes:
            return None
        return sum(_position(lane) for _, lane in lanes.values())

    def all_open(self) -> bool:
        """Whether every lane is open somewhere."""
        self.check()
        return self.decided() is not None

    def wait_decided(self, count: int) -> None:
        def enough() -> bool:
            self.check()
            return (self.decided() or 0) >= count

        try:
            until(f"{count} records decided", enough)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self._state()}") from None

    def _state(self) -> str:
        """Who has which lane, and why one is closed."""
        answers = {name: worker.get("/lanes") for name, worker in self.alive().items()}
        return ", ".join(
            f"{name}: lane {lane['lane']} {lane['state']} ({lane['why']}, {_position(lane)} decided)"
            for name, answer in answers.items()
            for lane in (answer[1]["lanes"] if answer else ())
        )

    def stop_all(self) -> dict[str, int]:
        """SIGTERM to all at once; their exit codes."""
        with ThreadPoolExecutor(len(self.workers)) as pool:
            return dict(zip(self.workers, pool.map(WorkerProcess.stop, self.workers.values()), strict=True))

    def check(self) -> None:
        """No worker may end by itself, whatever happens to others."""
        for name, worker in self.workers.items():
            code = worker.process.poll()
            assert code in (None, -signal.SIGKILL), f"worker {name} ended with {code}: {worker.tail()}"


def _position(lane: dict[str, Any]) -> int:
    """Sum of a lane's quarantine positions; each begins at 0."""
    return sum(each["position"] or 0 for each in lane["inputs"] if each["topic"].startswith("quarantine."))
