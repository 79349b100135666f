"""People who sign in at a real Keycloak, with its pages, its second factor and its keys. Its zip comes from Maven."""

import hashlib
import hmac
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from agents.issuers.fetching import issuer_context
from deploy.dev.ca import DevelopmentCA
from deploy.dev.cluster import DevCluster
from deploy.dev.jars import JarError
from deploy.dev.keycloak import VERSION, Keycloak, keycloak
from tests.approving import pending
from tests.deployment import Deployment, until
from tests.integration.engine_policy import CHECKOUT, CLEAN

SECRET = "for development alone"
PEOPLE = ("ana", "cem")
pytestmark = pytest.mark.timeout(600)


def _say(text: str) -> None:
    print(f"  {text}", file=sys.__stderr__, flush=True)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Keycloak]:
    directory = Path(tempfile.mkdtemp(prefix="panlock-keycloak-"))
    try:
        with keycloak(directory, DevelopmentCA(directory / "ca"), _say) as running:
            yield running
    except JarError as error:
        _say(f"KEYCLOAK IS NOT TESTED: {error}")
        pytest.skip(f"KEYCLOAK {VERSION} IS NOT TESTED: {error}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class Browser:
    """Answers Keycloak's forms, one after another, as a person with a password and a second factor does."""

    def __init__(self, issuer: Keycloak, name: str, code: str = "") -> None:
        html_alone = {"Accept": "text/html"}  # by it Keycloak tells a person at /device from a client
        context = issuer_context(issuer.ca)
        self._client = httpx.Client(verify=context, headers=html_alone, follow_redirects=True, timeout=60)
        self._name = name
        self._filled = {"username": name, "password": SECRET, "device_user_code": code}
        self.asked: list[str] = []

    def visit(self, url: str) -> str:
        """The text of the last page."""
        page = self._client.get(url)
        for _ in range(8):
            form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page.text, re.DOTALL)
            if form is None or page.url.scheme == "http":
                break
            inputs = re.findall(r"<input[^>]*>", form[2])
            named = {field["name"]: field.get("value", "") for each in inputs if "name" in (field := _attributes(each))}
            answers = {**self._filled, "otp": totp(self._name) if "otp" in named else ""}
            self.asked += [name for name in named if name in answers]
            filled = {name: answers.get(name, value) for name, value in named.items()}
            page = self._client.post(str(page.url.join(html.unescape(form[1]))), data=filled)
        return page.text


def said_by(page: str) -> str:
    """The text of a page, without its markup and scripts."""
    return " ".join(re.sub(r"<script.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL).split())[-500:]


def _attributes(tag: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in re.findall(r'([a-z-]+)="([^"]*)"', tag)}


_USED: set[tuple[str, int]] = set()


def totp(name: str) -> str:
    """RFC 6238, six digits of SHA-1, and no code twice: Keycloak takes each once, but also the one before or behind."""
    now = int(time.time()) // 30
    step = next(each for each in (now, now + 1, now - 1) if (name, each) not in _USED)
    _USED.add((name, step))
    digest = hmac.new(SECRET.encode(), step.to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


class Someone:
    """`panlock` of one person: the real command, its agent, and a browser that the test plays."""

    def __init__(self, issuer: Keycloak, name: str, kafka: dict[str, str] | None = None, **changes: Any) -> None:
        self.issuer, self.name = issuer, name
        self.home = Path(tempfile.mkdtemp(prefix="pl-"))
        own = {"issuer": issuer.url, "client_id": "panlock", "device_client_id": "panlock-device", "acr": ["mfa"]}
        nowhere = {"bootstrap": "127.0.0.1:1", "ca": "ca.pem", "certificate": "c.pem", "key": "k.pem"}
        person = {"issuer": {**own, **changes}, "ca": str(issuer.ca), "session": "agent"}
        (self.home / "panlock.yaml").write_text(yaml.safe_dump({"kafka": kafka or nowhere, "person": person}))
        self.environment = {
            **os.environ, "PANLOCK_CONFIG": str(self.home / "panlock.yaml"), "XDG_RUNTIME_DIR": str(self.home),
        }  # fmt: skip

    def __enter__(self) -> "Someone":
        return self

    def __exit__(self, *_: object) -> None:
        self("logout")
        shutil.rmtree(self.home, ignore_errors=True)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", *words]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=120, check=False)

    def login(self, *words: str) -> tuple[int, Any, Browser]:
        """(exit code, what it said, the browser)."""
        command = [sys.executable, "-m", "cli", "login", "--json", *(words or ("--no-browser",))]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment
        ) as process:
            try:
                assert process.stderr is not None
                line = process.stderr.readline()
                if words:
                    _, where, *_, code = line.split()
                else:
                    where, code = process.stderr.readline().strip(), ""
                browser = Browser(self.issuer, self.name, code)
                page = browser.visit(where)
                assert words or "Panlock has its answer" in page, (
                    f"after {browser.asked} Keycloak says: {said_by(page)}"
                )
                out, said = process.communicate(timeout=60)
            finally:
                process.kill()
        return process.returncode, json.loads(out) if out else said, browser


def test_by_code_and_second_factor_one_is_signed_in_with_groups_and_acr(issuer: Keycloak) -> None:
    with Someone(issuer, "ana") as ana:
        code, told, browser = ana.login()
    assert code == 0, told
    assert (told["person"], told["groups"], told["acr"]) == ("ana@pay.example", ["payments-approvers"], "mfa")
    assert {"username", "password", "otp"} <= set(browser.asked) and 800 < told["seconds"] <= 900


def test_without_the_second_factor_the_acr_is_another(issuer: Keycloak) -> None:
    with Someone(issuer, "ana", acr=[]) as ana:
        code, told, browser = ana.login()
    assert code == 0, told
    assert told["acr"] == "pwd" and "otp" not in browser.asked


def test_the_device_flow_keeps_the_nonce_and_is_told_by_its_client(issuer: Keycloak) -> None:
    with Someone(issuer, "ana", acr=[]) as ana:
        code, told, _ = ana.login("--device")
    assert code == 0, told
    assert (told["person"], told["device"]) == ("ana@pay.example", True)


def test_the_client_of_the_code_flow_may_not_use_the_device_flow(issuer: Keycloak) -> None:
    with httpx.Client(verify=issuer_context(issuer.ca), timeout=60) as client:
        document = client.get(f"{issuer.url}/.well-known/openid-configuration").json()
        form = {"client_id": "panlock", "scope": "openid", "nonce": "n"}
        answer = client.post(document["device_authorization_endpoint"], data=form)
    assert answer.status_code in (400, 401) and answer.json()["error"] == "unauthorized_client"


def policy(issuer: Keycloak) -> str:
    people = "".join(f"  {name}@pay.example: {{certificate: {name}}}\n" for name in PEOPLE)
    return f"""
version: 1
lanes: 2
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
people:
{people}
issuers:
  keycloak: {{issuer: "{issuer.url}", client_id: panlock, device_client_id: panlock-device, acr: [mfa]}}
flows:
  payments:
    producers: [checkout]
    partitions: 2
    hold:
      - {{id: refund, when: has(record.by), reason: a test, approvers: [payments-approvers], quorum: 2,
         requester: $.by, expires: 1h}}
"""


def test_two_people_release_a_record_across_a_rotation_of_the_realms_keys(
    cluster: DevCluster, issuer: Keycloak, tmp_path: Path
) -> None:
    with Deployment(cluster, tmp_path, policy(issuer)) as panlock:
        panlock.worker(issuer_ca=str(issuer.ca)).wait_ready(2)
        panlock.produce(CHECKOUT, [(0, b"k", b'{"by":"dee@pay.example"}')])
        until("a record that is held", lambda: len(pending(panlock)) == 1)
        words = ("approve", pending(panlock)[0].record, "--reason", "seen", "--wait", "60", "--json")
        for number, name in enumerate(PEOPLE):
            with Someone(issuer, name, cluster.config(name)) as someone:
                assert someone.login()[0] == 0
                ended = someone(*words)
                assert ended.returncode == 0, ended.stderr
                assert json.loads(ended.stdout)[0]["state"] == ("counted", "decided")[number]
            if number == 0:
                rotate(issuer)
        until("the record in its clean topic", lambda: panlock.read(CLEAN))
        assert len(panlock.events("approver.keys-observed")) == 2
        assert {event["actor"]["acr"] for event in panlock.events("decision.accepted")} == {"mfa"}


def rotate(issuer: Keycloak) -> None:
    """A new RSA key of the realm, which signs from now on."""
    base = issuer.url.removesuffix("/realms/panlock")
    with httpx.Client(verify=issuer_context(issuer.ca), timeout=60) as client:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": SECRET}
        token = client.post(f"{base}/realms/master/protocol/openid-connect/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        realm = client.get(f"{base}/admin/realms/panlock").json()["id"]
        key = {
            "name": "newer", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm, "config": {"priority": ["500"], "algorithm": ["RS256"], "keySize": ["2048"]},
        }  # fmt: skip
        assert client.post(f"{base}/admin/realms/panlock/components", json=key).status_code == 201


def test_an_issuer_that_is_down_signs_nobody_in(issuer: Keycloak) -> None:
    issuer.stop()
    with Someone(issuer, "ana") as ana:
        ended = ana("login", "--no-browser")
        assert ended.returncode == 2 and issuer.url in ended.stderr and ana("whoami").returncode == 2
