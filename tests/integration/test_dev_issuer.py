"""The development issuer as its clients see it: a process of its own, over TLS."""

import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.dev.ca import DevelopmentCA
from deploy.dev.issuer.process import DevIssuer, dev_issuer
from tests.oauth import Client
from tests.signing_in import REDIRECT, Site, by_code, by_device, claims_of, redirect_of

BATCH = Client("batch")
ACCOUNTS = {"ana": {"email": "ana@pay.example", "groups": ["payments-approvers"]}}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevIssuer]:
    directory = tmp_path_factory.mktemp("issuer")
    with dev_issuer(directory, DevelopmentCA(directory / "ca"), ACCOUNTS, {"batch": BATCH.service}) as running:
        yield running


@pytest.fixture
def site(issuer: DevIssuer) -> Site:
    return Site(issuer.url, issuer.ca)


def test_a_code_gives_an_id_token_with_the_nonce_the_groups_and_how_they_signed_in(site: Site) -> None:
    token = by_code(site, "ana", "the-nonce")
    verified = jwt.decode(token, KeySet.import_key_set(site.get(site.discovery["jwks_uri"])), ["RS256"]).claims
    assert verified["iss"] == site.url == site.discovery["issuer"]
    assert (verified["aud"], verified["nonce"], verified["email"]) == ("panlock", "the-nonce", "ana@pay.example")
    assert (verified["groups"], verified["acr"]) == (["payments-approvers"], "mfa")
    assert verified["panlock_flow"] == "code" and 0 <= verified["iat"] - verified["auth_time"] <= 5


def test_one_factor_is_told_from_two(site: Site) -> None:
    claims = claims_of(by_code(site, "ana", "n", factors="one"))
    assert (claims["acr"], claims["amr"]) == ("pwd", ["pwd"])


def test_the_device_flow_has_a_client_of_its_own_and_keeps_the_nonce(site: Site) -> None:
    claims = claims_of(by_device(site, "ana", "device-nonce"))
    assert (claims["aud"], claims["nonce"]) == ("panlock-device", "device-nonce")
    assert (claims["panlock_flow"], claims["acr"]) == ("device", "mfa")


def test_the_client_of_the_code_flow_has_no_device_flow(site: Site) -> None:
    url = site.discovery["device_authorization_endpoint"]
    status, error = site.post(url, client_id="panlock", scope="openid", nonce="n")
    assert (status, error["error"]) == (400, "unauthorized_client")


def test_without_pkce_there_is_no_code(site: Site) -> None:
    query = urllib.parse.urlencode(
        {"response_type": "code", "client_id": "panlock", "redirect_uri": REDIRECT, "scope": "openid"}
    )
    url = f"{site.discovery['authorization_endpoint']}?{query}"
    assert "code" not in redirect_of(site, url, account="ana", answer="yes", factors="two")


def test_a_code_is_good_once_and_only_with_its_verifier(site: Site) -> None:
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    request = {
        "response_type": "code", "client_id": "panlock", "redirect_uri": REDIRECT, "scope": "openid", "nonce": "n",
        "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    url = f"{site.discovery['authorization_endpoint']}?{urllib.parse.urlencode(request)}"
    answers = []
    for proof in ("x" * 43, verifier):
        code = redirect_of(site, url, account="ana", answer="yes", factors="two")["code"]
        form = {
            "grant_type": "authorization_code", "client_id": "panlock", "redirect_uri": REDIRECT, "code": code,
            "code_verifier": proof,
        }  # fmt: skip
        answers += [site.post(site.discovery["token_endpoint"], **form)[0] for _ in range(2)]
    assert answers == [400, 400, 200, 400]


def test_who_refuses_gives_no_code(site: Site) -> None:
    with pytest.raises(KeyError):
        by_code(site, "ana", "n", answer="no")


def test_after_a_rotation_new_tokens_have_a_new_key_and_old_ones_still_verify(site: Site) -> None:
    before = by_code(site, "ana", "n")
    site.post(f"{site.url}/development/rotate-keys")
    after = by_code(site, "ana", "n")
    jwks = site.get(site.discovery["jwks_uri"])
    kids = [json.loads(urllib.parse.unquote(_header(token)))["kid"] for token in (before, after)]
    assert kids[0] != kids[1] and set(kids) <= {key["kid"] for key in jwks["keys"]}
    assert all("d" not in key for key in jwks["keys"])
    site.post(f"{site.url}/development/rotate-keys", forget="1")
    assert len(site.get(site.discovery["jwks_uri"])["keys"]) == 1


def _header(token: str) -> str:
    import base64

    head = token.split(".")[0]
    return base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)).decode()


def test_a_program_proves_itself_by_its_key_and_each_proof_counts_once(site: Site) -> None:
    def ask(key: ECKey, subject: str = "batch", **more: str) -> tuple[int, dict[str, str]]:
        claims = {"iss": subject, "sub": subject, "aud": f"{site.url}/token", "exp": int(time.time()) + 60, **more}
        proof = jwt.encode({"alg": "ES256"}, {"jti": secrets.token_hex(8), **claims}, key)
        return site.post(
            f"{site.url}/token",
            grant_type="client_credentials",
            client_assertion_type=ASSERTION_TYPE,
            client_assertion=proof,
        )

    status, answer = ask(BATCH.key, jti="once")
    claims = claims_of(answer["access_token"])
    assert status == 200 and (claims["sub"], claims["aud"], claims["iss"]) == ("batch", "kafka", site.url)
    assert claims["exp"] - claims["iat"] == 300
    refused = [
        ask(BATCH.key, jti="once"),
        ask(ECKey.generate_key("P-256")),
        ask(BATCH.key, "panlock"),
        ask(BATCH.key, aud="https://another.example/token"),
        site.post(f"{site.url}/token", grant_type="client_credentials", client_id="batch"),
        site.post(f"{site.url}/token", grant_type="client_credentials", client_id="panlock"),
    ]
    assert all(status in (400, 401) and "access_token" not in answer for status, answer in refused), refused


def test_its_log_holds_neither_codes_nor_tokens(issuer: DevIssuer, site: Site) -> None:
    token = by_code(site, "ana", "n")
    log = issuer.log.read_text()
    assert "development issuer" in log and token[:20] not in log and "code=" not in log


def test_another_certificate_authority_is_not_taken_for_it(site: Site, tmp_path: Path) -> None:
    other = DevelopmentCA(tmp_path / "other")
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE"):
        Site(site.url, other.certificate).get(f"{site.url}/jwks")
