"""`panlock dev`: a development cluster in the background."""

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deploy.dev import serve
from deploy.dev.ca import DevelopmentCA
from deploy.dev.holder import ClusterError
from deploy.dev.serve import State

app = typer.Typer(
    name="dev", no_args_is_help=True, help="A development Kafka on this machine: mTLS, ACLs, deny by default."
)

Directory = Annotated[Path, typer.Option(help="Where the cluster keeps certificates, data and logs.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]
_DEFAULT = Path("var/dev")
_COUNTED = """\
the brokers count who reads (docs/reads.md). To have it audited, as the administrator, where policy.yaml is:
  key=$(panlock audit key --out broker-audit.pem)
  printf 'audit: {{broker_keys: [%s], access_keys: [%s]}}\\n' "$key" '{access}' >> policy.yaml
  panlock deploy apply --policy policy.yaml
  panlock dev issue panlock-broker-audit --directory {directory} > broker-audit.yaml
  printf 'store: broker-audit\\naudit_key: broker-audit.pem\\n' >> broker-audit.yaml
  panlock broker-audit --policy policy.yaml --config broker-audit.yaml --development"""
_POLL = 0.1  # seconds between looks for the state file
_STOP_LIMIT = 60.0  # seconds


@app.command()
def up(
    directory: Directory = _DEFAULT,
    brokers: Annotated[int, typer.Option(help="1 or 3.")] = 1,
    as_json: Json = False,
) -> None:
    """Start it, or say how to reach the one that runs."""
    running = serve.state(directory) or _start(directory.resolve(), brokers)
    if as_json:
        print(json.dumps(asdict(running)))
        return
    print(f"Kafka runs on {running.bootstrap} (TLS client certificates, deny by default), pid {running.pid}")
    print(f"the administrator's configuration:  export PANLOCK_CONFIG={running.config}")
    print(f"a certificate for somebody else:    panlock dev issue NAME --directory {directory}")
    print(f"stop it:                            panlock dev down --directory {directory}")
    if running.access is None:
        print("nobody counts who reads: there is no JDK of 17 or later here (docs/reads.md)")
    else:
        print(_COUNTED.format(directory=directory.resolve(), access=json.dumps(running.access)))


@app.command()
def status(directory: Directory = _DEFAULT, as_json: Json = False) -> None:
    """Whether it runs; exit code 1 if not."""
    running = serve.state(directory)
    if as_json:
        print(json.dumps({"running": running is not None, **(asdict(running) if running else {})}))
    elif running:
        print(f"running on {running.bootstrap}, pid {running.pid}, in {running.directory}")
    else:
        print(f"no cluster of `panlock dev up` runs in {directory}")
    raise typer.Exit(0 if running else 1)


@app.command()
def down(directory: Directory = _DEFAULT, as_json: Json = False) -> None:
    """Stop exactly the cluster of this directory; its data stays."""
    running = serve.state(directory)
    if running:
        _stop(running.pid)
    if as_json:
        print(json.dumps({"stopped": running is not None}))
    else:
        print(
            f"stopped the cluster in {directory}" if running else f"no cluster of `panlock dev up` runs in {directory}"
        )


@app.command()
def issue(
    name: Annotated[str, typer.Argument(help="The certificate's CN, which is the Kafka principal.")],
    directory: Directory = _DEFAULT,
    spiffe: Annotated[str | None, typer.Option(help="SPIFFE id; default spiffe://dev.panlock/NAME.")] = None,
    as_json: Json = False,
) -> None:
    """Issue a client certificate for 24 hours."""
    running = serve.state(directory)
    if running is None:
        raise ClusterError(f"no cluster of `panlock dev up` runs in {directory}: start it first")
    leaf = DevelopmentCA(Path(running.directory) / "ca").issue(name, spiffe)
    kafka = {
        "bootstrap": running.bootstrap,
        "ca": running.ca,
        "certificate": str(leaf.certificate),
        "key": str(leaf.key),
    }
    if as_json:
        print(json.dumps({"kafka": kafka}))
    else:
        print("kafka:\n" + "".join(f"  {key}: {json.dumps(value)}\n" for key, value in kafka.items()), end="")


def _start(directory: Path, brokers: int) -> State:
    """In a session of its own, so that neither Ctrl-C nor the terminal's end stops it. Raises ClusterError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = directory / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.dev.serve", str(directory), str(brokers)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    told = 0
    try:
        while True:
            ended = _ended(process)
            text = log.read_text()
            print(text[told:], end="", file=sys.stderr, flush=True)
            told = len(text)
            running = serve.state(directory)
            if running:
                return running
            if ended:
                raise ClusterError(f"the cluster did not start: see {log}")
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL)
    except subprocess.TimeoutExpired:
        return False
    return True


def _stop(pid: int) -> None:
    """Raises ClusterError if it still runs after the limit."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        ready, _, _ = select.select([process], [], [], _STOP_LIMIT)
    finally:
        os.close(process)
    if not ready:
        raise ClusterError(f"process {pid} did not stop within {_STOP_LIMIT:.0f} s: look at its log")
