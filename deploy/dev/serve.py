"""The process behind `panlock dev up`: holds a cluster until it gets SIGTERM, and tells its state in a file."""

import argparse
import json
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from deploy.dev.cluster import DevCluster, dev_cluster
from deploy.dev.holder import holder
from pipeline.errors import PanlockError

_STATE = "state.json"


@dataclass(frozen=True, slots=True)
class State:
    """A running cluster; `config` is a configuration file of the super user for the CLI."""

    pid: int
    bootstrap: str
    brokers: int
    directory: str
    ca: str
    config: str


def state(directory: Path) -> State | None:
    """Of the cluster that `panlock dev up` runs in `directory`, if it does."""
    try:
        known = State(**json.loads((directory / _STATE).read_text()))
    except FileNotFoundError:
        return None
    return known if holder(directory) == known.pid else None


def serve(directory: Path, brokers: int) -> None:
    """Hold the cluster until SIGTERM or SIGINT. Raises BrokerError if a broker ends by itself."""
    with dev_cluster(directory, brokers, _say) as cluster:
        stop = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, stop)
        _tell(cluster, brokers)
        try:
            while signal.sigtimedwait(stop, 1.0) is None:
                cluster.check()
        finally:
            (cluster.directory / _STATE).unlink()


def _tell(cluster: DevCluster, brokers: int) -> None:
    config = cluster.directory / "admin.yaml"
    config.write_text(yaml.safe_dump({"kafka": cluster.config("admin")}, sort_keys=False))
    pid = holder(cluster.directory)
    told = State(pid or 0, cluster.bootstrap, brokers, str(cluster.directory), str(cluster.ca), str(config))
    draft = cluster.directory / f"{_STATE}.new"
    draft.write_text(json.dumps(asdict(told), indent=2))
    draft.replace(cluster.directory / _STATE)  # whoever waits for it never sees half of it


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("directory", type=Path)
    options.add_argument("brokers", type=int)
    arguments = options.parse_args()
    try:
        serve(arguments.directory, arguments.brokers)
    except PanlockError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
