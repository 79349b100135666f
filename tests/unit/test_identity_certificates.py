import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from deploy.dev.ca import DevelopmentCA
from pipeline.identity.certificates import Certificate, check_chain
from pipeline.record import Reason
from tests.vectors.envelope.material import BEGIN, END, authority, der, issue
from tests.vectors.envelope.reading import chain, read, roots

CHECKS = read("certificates")["checks"]
NOW = CHECKS[0]["time"]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check['chain']}-{check['expect']}")
def test_a_chain_is_judged_as_its_vector_says(check: dict[str, str]) -> None:
    found = check_chain(chain(check["chain"]), roots(), int(check["time"]))
    assert ("ok" if isinstance(found, Certificate) else found) == check["expect"]


def test_a_certificate_says_whose_it_is() -> None:
    found = check_chain(chain("p256"), roots(), NOW)
    assert isinstance(found, Certificate)
    assert (found.principal, found.spiffe) == ("checkout", "spiffe://pay.example/checkout")
    assert found.x5t == hashlib.sha256(chain("p256")[0]).digest()
    assert (found.not_before, found.not_after) == (BEGIN.timestamp() * 1_000, END.timestamp() * 1_000)


def test_validity_includes_both_ends_and_ends_with_the_first_of_the_chain() -> None:
    leaf = issue("long", "brief", end=END + (END - BEGIN))
    brief = authority("brief", "root")
    end = int(brief.not_valid_after_utc.timestamp() * 1_000)
    found = check_chain([der(leaf), der(brief)], roots(), end)
    assert isinstance(found, Certificate) and found.not_after == end
    assert check_chain([der(leaf), der(brief)], roots(), end + 1) is Reason.CERTIFICATE_EXPIRED
    assert check_chain([der(leaf), der(brief)], roots(), int(BEGIN.timestamp() * 1_000)) == found


def test_a_certificate_has_one_spelling() -> None:
    """A BIT STRING with a bit that does not count would be another x5t for what the authority signed once."""
    whole = chain("p256")[0]
    signature = x509.load_der_x509_certificate(whole).signature
    assert signature[-1] & 1 == 0, "a bit that could be left out"
    other = whole[: -len(signature) - 1] + b"\x01" + signature
    assert check_chain([other], roots(), NOW) is Reason.CERTIFICATE_INVALID


def test_no_root_is_no_trust() -> None:
    assert check_chain(chain("p256"), [], NOW) is Reason.CERTIFICATE_INVALID
    assert check_chain([], roots(), NOW) is Reason.CERTIFICATE_INVALID


def test_a_root_of_the_same_name_and_another_key_is_another_root() -> None:
    namesake = authority("stranger")
    leaf = issue("led-astray", "root")
    assert check_chain([der(leaf)], [namesake], NOW) is Reason.CERTIFICATE_INVALID
    assert isinstance(check_chain([der(leaf)], [namesake, *roots()], NOW), Certificate)


def test_development_certificates_can_sign(tmp_path: Path) -> None:
    authority = DevelopmentCA(tmp_path)
    issued = authority.issue("checkout", "spiffe://pay.example/checkout")
    leaf = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    root = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    found = check_chain(
        [leaf.public_bytes(Encoding.DER)], [root], int(leaf.not_valid_after_utc.timestamp() * 1_000) - 1
    )
    assert isinstance(found, Certificate) and found.principal == "checkout"
