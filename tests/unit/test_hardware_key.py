"""A person's key in a PKCS#11 module."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.hardware import HardwareError, HardwareKey
from cli.session.settings import Person
from pipeline.approval.envelope import unseal
from pipeline.approval.keys import public_jwk
from pipeline.policy import parse_policy
from pipeline.record import Refusal
from tests.softhsm import LABEL, LIBRARY, PIN, generate, tokens, with_softhsm

pytestmark = with_softhsm


@pytest.fixture(scope="module", autouse=True)
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with tokens(tmp_path_factory.mktemp("softhsm"), "ed25519", "p256", "rsa", "empty"):
        generate("ed25519", "EC_EDWARDS", "1.3.101.112")
        generate("p256", "EC", "secp256r1")
        generate("rsa", "RSA", "")
        yield


def person(name: str, **other: str) -> Person:
    return Person.model_validate({"module": LIBRARY, "token": name, "label": LABEL, **other})


@pytest.mark.parametrize("name", ["ed25519", "p256"])
def test_what_the_module_signs_is_the_words_of_who_registered_its_key(name: str) -> None:
    key = HardwareKey(person(name), PIN.encode())
    policy = parse_policy(_policy(public_jwk(key.public)), "policy.yaml")
    message = key.seal({"v": 1, "reason": "seen – checked"})
    opened = unseal(message, policy)
    assert not isinstance(opened, Refusal)
    assert (opened.person, opened.key) == ("ana@pay.example", key.thumbprint())
    assert opened.payload == {"reason": "seen – checked"}
    head, body, signature = message.split(b".")
    swapped = signature[:-6] + bytes(reversed(signature[-6:-2])) + signature[-2:]
    assert unseal(b".".join((head, body, swapped)), policy) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("who", "pin", "words"),
    [
        pytest.param(lambda: person("ed25519"), "0000", "the PIN is wrong", id="another PIN"),
        pytest.param(lambda: person("nobody"), PIN, "token 'nobody'", id="no such token"),
        pytest.param(lambda: person("empty"), PIN, "no public key labelled 'decisions'", id="no key"),
        pytest.param(lambda: person("rsa"), PIN, "an Ed25519 or P-256 key", id="an RSA key"),
        pytest.param(
            lambda: person("ed25519", module="/nowhere.so"), PIN, "/nowhere.so cannot be used", id="no module"
        ),
    ],
)
def test_what_cannot_sign_says_why(who: Callable[[], Person], pin: str, words: str) -> None:
    with pytest.raises(HardwareError, match=words):
        HardwareKey(who(), pin.encode())


def test_the_command_prints_what_the_policy_takes(tmp_path: Path) -> None:
    config = tmp_path / "panlock.yaml"
    kafka = dict.fromkeys(("ca", "certificate", "key"), "x")
    hardware = {"module": LIBRARY, "token": "ed25519", "label": LABEL}
    config.write_text(json.dumps({"kafka": {"bootstrap": "127.0.0.1:1", **kafka}, "person": hardware}))
    told = [sys.executable, "-m", "cli", "person", "hardware", "--config", str(config), "--json"]
    ended = subprocess.run(
        told, env={**os.environ, "PANLOCK_PASSPHRASE": PIN}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    shown = json.loads(ended.stdout)
    assert shown["jwk"] == public_jwk(HardwareKey(person("ed25519"), PIN.encode()).public)
    assert PIN not in ended.stdout + ended.stderr


def _policy(jwk: dict[str, str]) -> str:
    return f"""
version: 1
lanes: 1
principals: {{checkout: {{spiffe: spiffe://pay.example/checkout}}}}
people: {{ana@pay.example: {{certificate: ana, roles: [approvers], keys: [{json.dumps(jwk)}]}}}}
flows: {{payments: {{producers: [checkout], partitions: 1}}}}
"""
