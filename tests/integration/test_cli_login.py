"""`panlock login | whoami | logout`, and decisions under a session: real issuer, real agent, real broker and worker."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka.errors import KafkaError

from deploy.dev.ca import DevelopmentCA
from deploy.dev.cluster import DevCluster
from deploy.dev.issuer.browser import visit
from deploy.dev.issuer.process import DevIssuer, dev_issuer
from tests.approving import pending
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli, Ended, run
from tests.integration.engine_policy import CHECKOUT, CLEAN
from tests.integration.test_engine_sessions import ACCOUNTS, policy


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevIssuer]:
    directory = tmp_path_factory.mktemp("issuer")
    with dev_issuer(directory, DevelopmentCA(directory / "ca"), ACCOUNTS) as running:
        yield running


class Someone:
    """A person at their machine: a directory for their agent's socket, a configuration, a browser that answers."""

    def __init__(self, name: str, issuer: DevIssuer, directory: Path, **changes: Any) -> None:
        self.runtime = Path(tempfile.mkdtemp(prefix="pl-"))  # a socket's path has at most 108 bytes
        self.config = {
            "person": {
                "issuer": {
                    "issuer": issuer.url, "client_id": "panlock", "device_client_id": "panlock-device", **changes
                },
                "ca": str(issuer.ca),
                "session": "agent",
            }
        }  # fmt: skip
        browser = f"{sys.executable} -m deploy.dev.issuer.browser --ca {issuer.ca} --account {name} %s"
        self.environment = {"BROWSER": browser, "XDG_RUNTIME_DIR": str(self.runtime)}
        self.file = directory / f"{name}-alone.yaml"
        kafka = {"bootstrap": "127.0.0.1:1", "ca": "ca.pem", "certificate": "c.pem", "key": "k.pem"}
        self.file.write_text(yaml.safe_dump({"kafka": kafka, **self.config}))

    def __call__(self, *words: str) -> Ended:
        """A command that needs no Kafka."""
        return run(*words, environment={"PANLOCK_CONFIG": str(self.file), **self.environment})

    def at(self, cluster: DevCluster, directory: Path, name: str) -> Cli:
        return Cli(cluster, directory, name, self.config, self.environment)

    def leave(self) -> None:
        self("logout")
        shutil.rmtree(self.runtime, ignore_errors=True)


@pytest.fixture
def ana(issuer: DevIssuer, tmp_path: Path) -> Iterator[Someone]:
    someone = Someone("ana", issuer, tmp_path)
    yield someone
    someone.leave()


@pytest.fixture
def cem(issuer: DevIssuer, tmp_path: Path) -> Iterator[Someone]:
    someone = Someone("cem", issuer, tmp_path)
    yield someone
    someone.leave()


def test_who_logs_in_is_known_until_they_log_out(ana: Someone) -> None:
    assert (ended := ana("whoami")).code == 2 and "panlock login" in ended.err
    told = ana("login", "--json")
    assert (told.code, told.json["person"], told.json["groups"]) == (0, "ana@pay.example", ["payments-approvers"])
    assert told.json["acr"] == "mfa" and 880 < told.json["seconds"] <= 900 and not told.json["device"]
    assert "ana@pay.example" in ana("whoami").err
    assert ana("logout", "--json").json == {"signed_out": True}
    assert ana("whoami").code == 2 and ana("logout", "--json").json == {"signed_out": False}


def test_nothing_of_a_session_is_in_a_file_a_message_or_an_argument(ana: Someone, tmp_path: Path) -> None:
    told = ana("login")
    assert "eyJhbGciOi" not in told.err + told.out and "code=" not in told.err.replace("response_type=code", "")
    kept = [path for path in (*ana.runtime.rglob("*"), *tmp_path.rglob("*")) if path.is_file() and path != ana.file]
    assert all(b"eyJhbGciOi" not in path.read_bytes() for path in kept)
    socket = next(path for path in ana.runtime.rglob("*.sock"))
    assert socket.stat().st_mode & 0o077 == 0 and socket.parent.stat().st_mode & 0o077 == 0
    shown = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    agents = [line for line in shown.splitlines() if "cli.session.agent" in line and str(ana.runtime) in line]
    assert len(agents) == 1 and "eyJ" not in agents[0]


def test_an_agent_ends_with_its_session(ana: Someone) -> None:
    ana("login")
    pid = agent_of(ana)
    ana("login")  # a new one takes its place
    until("the former agent's end", lambda: not alive(pid), 10)
    pid = agent_of(ana)
    ana("logout")
    until("the agent's end", lambda: not alive(pid), 10)


def test_a_session_is_over_when_its_sign_in_is_too_old(issuer: DevIssuer, tmp_path: Path) -> None:
    soon = Someone("ana", issuer, tmp_path, max_age="1m")
    soon.environment["BROWSER"] = soon.environment["BROWSER"].replace(" %s", " --ago 50 %s")
    told = soon("login", "--json")
    assert 0 < told.json["seconds"] <= 10
    pid = agent_of(soon)
    until("the agent's end", lambda: not alive(pid), 15)
    assert soon("whoami").code == 2
    soon.leave()


def agent_of(someone: Someone) -> int:
    shown = subprocess.run(["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0]) for line in shown.splitlines() if f"agent {someone.runtime}" in line)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_who_refuses_or_signs_in_too_weakly_is_not_signed_in(ana: Someone, issuer: DevIssuer, tmp_path: Path) -> None:
    ana.environment["BROWSER"] = ana.environment["BROWSER"].replace(" %s", " --answer no %s")
    assert (ended := ana("login")).code == 2 and "access_denied" in ended.err
    strict = Someone("ana", issuer, tmp_path, acr=["mfa"])
    strict.environment["BROWSER"] = strict.environment["BROWSER"].replace(" %s", " --factors one %s")
    assert (ended := strict("login")).code == 2 and "weak-sign-in" in ended.err
    assert ana("whoami").code == strict("whoami").code == 2
    strict.leave()


def test_an_issuer_that_is_not_there_is_a_message(ana: Someone, tmp_path: Path) -> None:
    config = yaml.safe_load(ana.file.read_text())
    config["person"]["issuer"]["issuer"] = "https://127.0.0.1:1"
    ana.file.write_text(yaml.safe_dump(config))
    ended = ana("login")
    assert ended.code == 2 and "127.0.0.1:1" in ended.err and ana("whoami").code == 2


def test_by_the_device_flow_one_is_signed_in_with_a_mark(ana: Someone, issuer: DevIssuer) -> None:
    environment = {**os.environ, **ana.environment, "PANLOCK_CONFIG": str(ana.file)}
    words = [sys.executable, "-m", "cli", "login", "--device", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        code = line.split()[-1]
        visit(f"{issuer.url}/device?user_code={code}", issuer.ca, "ana")
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and json.loads(out)["device"]


def test_somebody_elses_visit_to_the_loopback_address_is_not_heard(ana: Someone, issuer: DevIssuer) -> None:
    environment = {**os.environ, **ana.environment, "PANLOCK_CONFIG": str(ana.file)}
    words = [sys.executable, "-m", "cli", "login", "--no-browser", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        process.stderr.readline()
        url = process.stderr.readline().strip()
        import urllib.parse
        import urllib.request

        back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))["redirect_uri"]
        for query in ("", "?code=stolen&state=wrong", "?error=access_denied"):
            urllib.request.urlopen(back + query, timeout=10).read()
        visit(url, issuer.ca, "ana")
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and json.loads(out)["person"] == "ana@pay.example"


def test_two_people_sign_in_and_release_a_record(
    cluster: DevCluster, issuer: DevIssuer, ana: Someone, cem: Someone, tmp_path: Path
) -> None:
    with Deployment(cluster, tmp_path, policy(issuer)) as panlock:
        panlock.worker(issuer_ca=str(issuer.ca)).wait_ready(2)
        panlock.produce(CHECKOUT, [(0, b"k", b'{"by":"dee@pay.example"}')])
        until("a record that is held", lambda: len(pending(panlock)) == 1)
        record = pending(panlock)[0].record
        words = ("approve", record, "--reason", "seen", "--policy", str(panlock.policy_file), "--wait", "30", "--json")
        at_ana, at_cem = ana.at(cluster, tmp_path, "ana"), cem.at(cluster, tmp_path, "cem")
        assert (ended := at_ana(*words)).code == 2 and "panlock login" in ended.err
        assert at_ana("login").code == at_cem("login").code == 0
        assert at_ana(*words).json[0]["state"] == "counted"
        assert (ended := at_ana(*words)).code == 2 and "has voted already" in ended.err
        assert at_cem(*words).json[0]["state"] == "decided"
        until("the record in its clean topic", lambda: panlock.read(CLEAN))


def test_an_operator_who_signed_in_stops_a_principal_at_the_lanes_and_at_the_broker(
    cluster: DevCluster, issuer: DevIssuer, tmp_path: Path
) -> None:
    someone, admin = Someone("opal", issuer, tmp_path), tmp_path / "admin.yaml"
    admin.write_text(yaml.safe_dump({"kafka": cluster.config("admin")}))
    words = ("deny", "--principal", "checkout", "--reason", "stolen", "--deployer", str(admin), "--json")
    with Deployment(cluster, tmp_path, policy(issuer)) as panlock:
        panlock.worker(issuer_ca=str(issuer.ca)).wait_ready(2)
        opal = someone.at(cluster, tmp_path, "opal")
        assert opal("login").code == 0
        ended = opal(*words)
        assert ended.code == 0 and ended.json["lanes"] == 2 and len(ended.json["acls"]) == 1, ended.err
        denied = panlock.wait_events(2, "identity.denied")
        assert {(event["actor"]["person"], event["actor"]["acr"]) for event in denied} == {("opal@pay.example", "mfa")}
        with pytest.raises(KafkaError):
            panlock.produce(CHECKOUT, [(0, b"k", b"{}")])
        told = opal("deny", "--person", "ana@pay.example", "--reason", "left", "--json")
        assert told.code == 0 and told.json["denied"] == {"person": "ana@pay.example"}, told.err
        assert opal("deny", "--key", "short", "--reason", "left").code == 2
        assert opal(*words, "--lift").code == 0
        assert len(panlock.wait_events(4, "identity.denied")) == 4
        assert len(panlock.wait_events(2, "identity.allowed")) == 2
    someone.leave()


def test_a_killed_agent_is_no_session(ana: Someone) -> None:
    ana("login")
    os.kill(agent_of(ana), signal.SIGKILL)
    time.sleep(0.2)
    assert ana("whoami").code == 2
    assert ana("login", "--json").json["person"] == "ana@pay.example"
