"""A worker whose keys Vault and AWS KMS wrap, on a real broker: nothing plain on its disk, each told in the audit."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.dev.cluster import DevCluster
from pipeline.identity.sealing_keys import PublicKey, key_id, read_public
from tests.audited import check_chain
from tests.deployment import until
from tests.integration.cli_runner import Ended, run
from tests.integration.signed_deployment import CHECKOUT, SEALED, SignedDeployment
from tests.kms import CREDENTIALS, kms
from tests.signing import Pod
from tests.transit import Server, stand_in


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with stand_in(tmp_path_factory.mktemp("vault")) as server:
        yield server


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with kms() as settings:
            yield settings


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[SignedDeployment]:
    with SignedDeployment(cluster, tmp_path) as deployment:
        yield deployment


def keys(directory: Path, config: dict[str, Any], *arguments: str) -> Ended:
    """`panlock keys`, with this configuration."""
    file = directory / "keys.yaml"
    file.write_text(yaml.safe_dump(config))
    return run("keys", *arguments, "--config", str(file))


def sealing_pod(panlock: SignedDeployment, recipient: PublicKey) -> Pod:
    return Pod("checkout", panlock.credentials(), recipient)


def test_wrapped_keys_of_two_services_are_used_rotated_and_told_once(
    panlock: SignedDeployment, vault: Server, aws: dict[str, Any], tmp_path: Path
) -> None:
    directory = tmp_path / "keys"
    directory.mkdir()
    config: dict[str, Any] = {"key_services": {"vault": vault.settings(directory), "aws": aws}}
    for words in (("token", "k1", "--service", "vault"), ("seal", "s1", "--service", "aws")):
        assert keys(directory, config, "new", *words).code == 0
    config |= {"token_keys": {"k1": {"wrapped": str(directory / "k1.json")}}, "token_key": "k1"}
    config |= {"seal_keys": {"s1": {"wrapped": str(directory / "s1.json")}}}
    first = read_public((directory / "s1.pub").read_text())

    worker = panlock.worker(**config).wait_ready(2)
    assert "Max core file size        0                    0" in Path(f"/proc/{worker.process.pid}/limits").read_text()
    plain, sealed = panlock.pod(), sealing_pod(panlock, first)
    written = panlock.put(panlock.sign(plain, CHECKOUT, 2), CHECKOUT)
    written += panlock.put(panlock.sign(sealed, SEALED, 2), SEALED)
    assert panlock.fate(written) == ["released"] * 4
    assert worker.stop() == 0

    rotated = keys(directory, config, "rotate", "seal", "--service", "vault", "--json").json
    assert (rotated["id"], rotated["from"]) == ("s2", "vault")
    assert "keep s1 there" in rotated["steps"][0]
    config["seal_keys"]["s2"] = {"wrapped": rotated["file"]}
    second = read_public(Path(rotated["public"]).read_text())
    panlock.worker(**config).wait_ready(2)
    for recipient in (first, second):  # both, while they overlap; on every lane
        for partition in (0, 1):
            more = panlock.put(panlock.sign(sealing_pod(panlock, recipient), SEALED, 1, partition), SEALED, partition)
            assert panlock.fate(more) == ["released"]

    events = panlock.events("key.first-used")
    told = sorted((event["lane"], event["key"]["kind"], event["key"]["id"], event["key"]["from"]) for event in events)
    names = {("token", "k1", "vault"), ("seal", key_id(first).hex(), "aws"), ("seal", key_id(second).hex(), "vault")}
    assert told == sorted((lane, *name) for lane in (0, 1) for name in names)
    opened = panlock.events("lane.opened")[-1]["keys"]
    assert opened == {f"{kind}/{id_}": origin for kind, id_, origin in names}
    check_chain(panlock)
    said = (panlock.directory / "w1" / "worker.log").read_text()
    for hidden in (vault.token, vault.secret, *CREDENTIALS.values()):
        assert hidden not in said


def test_a_worker_takes_no_plain_key_without_development(panlock: SignedDeployment, tmp_path: Path) -> None:
    config = {"kafka": panlock.cluster.config("panlock-worker"), "store": str(tmp_path / "store"), "token_key": "k1"}
    file = tmp_path / "worker.yaml"
    file.write_text(yaml.safe_dump({**config, "token_keys": {"k1": str(panlock.token_key)}}))
    refused = run("worker", "--policy", str(panlock.policy_file), "--config", str(file))
    assert refused.code == 2
    assert "token_keys.k1: " in refused.err and "panlock keys wrap token k1" in refused.err, refused.err


def test_a_worker_whose_vault_refuses_it_ends_with_3_and_tells_no_secret(
    panlock: SignedDeployment, vault: Server, tmp_path: Path
) -> None:
    settings = vault.settings(tmp_path)
    config: dict[str, Any] = {"key_services": {"vault": settings}, "token_key": "k1"}
    assert keys(tmp_path, config, "new", "token", "k1").code == 0
    Path(settings["auth"]["approle"]["secret_id_file"]).write_text("another-secret-id")
    config["token_keys"] = {"k1": {"wrapped": str(tmp_path / "k1.json")}}
    worker = panlock.worker(**config)
    until("its end", lambda: worker.process.poll() is not None)
    assert worker.process.returncode == 3, worker.tail()
    assert (
        "key_services.vault: " in worker.tail() and "to sign in is refused (invalid role or secret ID)" in worker.tail()
    )
    assert "another-secret-id" not in worker.tail()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_process_that_holds_keys_is_not_dumpable() -> None:
    code = """
import ctypes, resource
from agents.core_dumps import forbid_core_dumps
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))  # PR_GET_DUMPABLE
forbid_core_dumps()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "1\n0 (0, 0)\n"


def test_keys_are_listed_made_and_wrapped_and_never_shown(vault: Server, tmp_path: Path) -> None:
    made = keys(tmp_path, {}, "new", "token", "k1")
    assert (made.code, made.out) == (2, "") and "--development" in made.err
    assert keys(tmp_path, {}, "new", "token", "k1", "--development").out.splitlines() == [str(tmp_path / "k1.key")]
    key = (tmp_path / "k1.key").read_bytes()
    config: dict[str, Any] = {"token_keys": {"k1": "k1.key"}, "token_key": "k1"}
    listed = keys(tmp_path, config, "list")
    assert listed.code == 0 and "1 plain" in listed.err

    config["key_services"] = {"vault": vault.settings(tmp_path)}
    wrapped = keys(tmp_path, config, "wrap", "token", "k1")
    assert wrapped.code == 0 and "k1: {wrapped: k1.json}" in wrapped.err and "destroy" in wrapped.err
    config["token_keys"]["k1"] = {"wrapped": "k1.json"}
    (row,) = keys(tmp_path, config, "list", "--json").json["keys"]
    assert (row["from"], row["use"], row["key_id"]) == ("vault", "makes new tokens", "k1")
    again = keys(tmp_path, config, "rotate", "token")
    assert (again.code, (tmp_path / "k2.json").exists()) == (0, True)
    assert "previous: k1" in again.err
    for shown in (made, listed, wrapped, again):
        assert key.hex() not in shown.out + shown.err and vault.secret not in shown.out + shown.err
