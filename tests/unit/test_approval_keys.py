"""Keys that sign decisions, and keys that do not."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from pipeline.approval.keys import SigningKeyError, private_key, public_jwk, registered_key
from tests.vectors.decision.people import ANA, BEN


def _pem(key: object, passphrase: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_an_encrypted_key_opens_with_its_passphrase_alone() -> None:
    pem = _pem(ed25519.Ed25519PrivateKey.generate(), b"secret")
    assert private_key(pem, b"secret").curve_name == "Ed25519"
    for wrong in (b"Secret", b"", None):
        with pytest.raises(SigningKeyError, match="passphrase"):
            private_key(pem, wrong)


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), x25519.X25519PrivateKey.generate()])
def test_other_kinds_of_key_sign_nothing(key: object) -> None:
    with pytest.raises(SigningKeyError, match="Ed25519 or P-256"):
        private_key(_pem(key), None)


@pytest.mark.parametrize("pem", [b"", b"text", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_told_in_words(pem: bytes) -> None:
    with pytest.raises(SigningKeyError):
        private_key(pem, None)


@pytest.mark.parametrize("key", [ANA, BEN])
def test_the_policy_gets_the_public_part_alone(key: object) -> None:
    jwk = public_jwk(key)
    assert "d" not in jwk
    assert registered_key(jwk).thumbprint() == key.thumbprint()


@pytest.mark.parametrize(
    "jwk", [{}, {"kty": "oct", "k": "AAAA"}, {"kty": "OKP", "crv": "X25519", "x": public_jwk(ANA)["x"]},
            {"kty": "OKP", "crv": "Ed25519"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}],
)  # fmt: skip
def test_a_registered_key_that_cannot_be_used_is_nobodys(jwk: dict) -> None:
    assert registered_key(jwk) is None
