"""What wraps keys: Vault's Transit and AWS KMS, one contract; what they refuse is said without a secret."""

import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.keys.aws import AwsKms
from agents.keys.settings import AwsSettings, VaultSettings
from agents.keys.vault import Vault
from deploy.dev.ca import DevelopmentCA
from deploy.dev.ports import free_ports
from pipeline.keys.service import KeyService, KeyServiceError, Kind
from tests.kms import CREDENTIALS, kms
from tests.transit import Server, real, real_binary, stand_in

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with kms() as settings:
            yield settings


@pytest.fixture(scope="module", params=["stand-in", "vault"])
def vault(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory, binary = tmp_path_factory.mktemp("vault"), real_binary()
    if request.param == "stand-in":
        with stand_in(directory) as server:
            yield server
    elif binary is None:
        print("  no `vault` or `bao` on the PATH: Transit is tested on a stand-in alone", file=sys.__stderr__)
        pytest.skip("no `vault` or `bao` on the PATH: Transit is tested on a stand-in alone")
    else:
        with real(binary, directory) as server:
            yield server


def reach(server: Server, directory: Path, method: str = "approle", **more: Any) -> Vault:
    return Vault(VaultSettings.model_validate(server.settings(directory, method, **more)))


def check_contract(service: KeyService) -> None:
    key, ciphertext = service.generate(Kind.TOKEN, "k1")
    assert len(key) == 32
    assert service.unwrap(Kind.TOKEN, "k1", ciphertext) == key
    assert service.generate(Kind.TOKEN, "k1")[0] != key
    wrapped = service.wrap(Kind.SEAL, "s1", KEY)
    assert service.unwrap(Kind.SEAL, "s1", wrapped) == KEY
    for shown in (ciphertext, wrapped):
        assert KEY.hex() not in shown and b64encode(KEY).decode() not in shown
    for kind, id_ in ((Kind.TOKEN, "s1"), (Kind.SEAL, "s2")):  # one key passed off as another
        with pytest.raises(KeyServiceError, match=f"to decrypt {kind} key {id_} is refused"):
            service.unwrap(kind, id_, wrapped)


@pytest.mark.parametrize("method", ["token_file", "approle", "certificate"])
def test_vault_wraps_and_unwraps_for_who_is_signed_in(vault: Server, tmp_path: Path, method: str) -> None:
    check_contract(reach(vault, tmp_path, method))


def test_a_pod_signs_in_with_its_service_account(tmp_path: Path) -> None:
    with stand_in(tmp_path / "vault") as server:  # the real one would ask a Kubernetes
        check_contract(reach(server, tmp_path, "kubernetes"))


def test_a_transit_key_that_binds_nothing_is_refused(tmp_path: Path) -> None:
    with stand_in(tmp_path / "vault", derived=False) as server:
        service = reach(server, tmp_path)
        ciphertext = service._call("encrypt_data", plaintext=b64encode(KEY).decode())["data"]["ciphertext"]
        for use in (
            lambda: service.generate(Kind.TOKEN, "k1"),
            lambda: service.wrap(Kind.TOKEN, "k1", KEY),
            lambda: service.unwrap(Kind.TOKEN, "k1", ciphertext),
        ):
            with pytest.raises(KeyServiceError, match="made with derived=true: make one, and wrap anew"):
                use()


def test_aws_wraps_and_unwraps(aws: dict[str, Any]) -> None:
    check_contract(AwsKms(AwsSettings.model_validate(aws)))


@pytest.mark.parametrize(("method", "changed"), [("token_file", "token"), ("approle", "secret")])
def test_vault_refuses_a_wrong_credential_and_the_error_does_not_tell_it(
    vault: Server, tmp_path: Path, method: str, changed: str
) -> None:
    wrong = replace(vault, **{changed: "hvs.not-this-one"})
    with pytest.raises(
        KeyServiceError, match=r"key_services\.vault: https://\S+, Transit key transit/panlock: to "
    ) as no:
        reach(wrong, tmp_path, method).generate(Kind.TOKEN, "k1")
    assert "hvs." not in str(no.value) and no.value.__cause__ is None


def test_vault_without_that_key_is_said(vault: Server, tmp_path: Path) -> None:
    with pytest.raises(KeyServiceError, match=r"transit/other: to decrypt token key k1 is refused \(.+\): see that"):
        reach(vault, tmp_path, key="other").unwrap(Kind.TOKEN, "k1", "vault:v1:AAAA")


def test_vault_under_another_ca_gets_no_credential(vault: Server, tmp_path: Path) -> None:
    stranger = DevelopmentCA(tmp_path / "stranger").certificate
    with pytest.raises(KeyServiceError, match="to sign in fails: TLS does not verify: set `ca`"):
        reach(vault, tmp_path, ca=str(stranger))


def test_a_service_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    files = DevelopmentCA(tmp_path / "ca")
    gone = Server(f"https://127.0.0.1:{port}", files.certificate, "t", "r", "s", (files.certificate, files.certificate))
    with pytest.raises(KeyServiceError, match=r"to sign in fails \(ConnectionError\): see address"):
        reach(gone, tmp_path)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    settings = AwsSettings(key="k", region="eu-central-1", endpoint=f"http://127.0.0.1:{port}")
    with pytest.raises(KeyServiceError, match=r"to make a data key fails \(EndpointConnectionError\): see region"):
        AwsKms(settings).generate(Kind.TOKEN, "k1")


def test_aws_refusals_are_told_by_code_and_without_credentials(aws: dict[str, Any]) -> None:
    service = AwsKms(AwsSettings.model_validate({**aws, "key": "11111111-2222-3333-4444-555555555555"}))
    with pytest.raises(KeyServiceError, match=r"to make a data key is refused \(NotFoundException\): no such") as no:
        service.generate(Kind.TOKEN, "k1")
    assert not any(value in str(no.value) for value in CREDENTIALS.values())
    with pytest.raises(KeyServiceError, match="its ciphertext is not base64"):
        service.unwrap(Kind.TOKEN, "k1", "not base64!")
