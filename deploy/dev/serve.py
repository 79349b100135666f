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
from deploy.dev.plugin import PluginError, authorizer_jar, has_compiler
from deploy.dev.reports import AccessReports, access_jwk
from pipeline.errors import PanlockError

WINDOW = 10_000  # ms of one report: a developer waits for it
_STATE = "state.json"
_UNCOUNTED = (
    "nobody counts who reads: {}, and Panlock's authorizer for the brokers is Java; they have Kafka's own "
    "(StandardAuthorizer). Install a JDK of 17 or later and start again to try `panlock broker-audit`"
)


@dataclass(frozen=True, slots=True)
class State:
    """A running cluster; `config` is a configuration file of the super user for the CLI; `access`: the public JWK of
    its brokers' reports of who reads, for the policy's `audit.access_keys`; None where they make none."""

    pid: int
    bootstrap: str
    brokers: int
    directory: str
    ca: str
    config: str
    access: dict[str, str] | None = None


def state(directory: Path) -> State | None:
    """Of the cluster that `panlock dev up` runs in `directory`, if it does."""
    try:
        known = State(**json.loads((directory / _STATE).read_text()))
    except FileNotFoundError:
        return None
    return known if holder(directory) == known.pid else None


def serve(directory: Path, brokers: int) -> None:
    """Hold the cluster until SIGTERM or SIGINT. Raises BrokerError if a broker ends by itself."""
    reports = reports_of(directory)
    with dev_cluster(directory, brokers, _say, reports=reports) as cluster:
        stop = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, stop)
        _tell(cluster, brokers, None if reports is None else access_jwk(reports.key))
        try:
            while signal.sigtimedwait(stop, 1.0) is None:
                cluster.check()
        finally:
            (cluster.directory / _STATE).unlink()


def reports_of(directory: Path) -> AccessReports | None:
    """None, and said so, where the authorizer that makes them cannot be compiled."""
    if not has_compiler():
        _say(_UNCOUNTED.format("there is no JDK here"))
        return None
    try:
        return AccessReports(authorizer_jar(_say), directory.resolve() / "access.pem", WINDOW)
    except PluginError as error:
        _say(_UNCOUNTED.format(error))
        return None


def _tell(cluster: DevCluster, brokers: int, access: dict[str, str] | None) -> None:
    config = cluster.directory / "admin.yaml"
    config.write_text(yaml.safe_dump({"kafka": cluster.config("admin")}, sort_keys=False))
    pid = holder(cluster.directory)
    told = State(pid or 0, cluster.bootstrap, brokers, str(cluster.directory), str(cluster.ca), str(config), access)
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
