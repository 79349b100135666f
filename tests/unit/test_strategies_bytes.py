"""The bytes of keyed strategies, made once more from docs/strategies.md with other libraries."""

import base64
import hashlib
import hmac
import json

import panlock_kernel
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

KEY = b"1" * 32
PAN = "4111111111111111"


def masked(text: str, class_: str, strategy: str, domain: str) -> str:
    rule = {"path": "$.v", "class": class_, "strategy": strategy, "domain": domain}
    config = {"flow": "payments", "domains": {"cards": {"key": "k1"}}, "fields": [rule]}
    flow = panlock_kernel.Flow(json.dumps(config).encode(), panlock_kernel.Keyring({"k1": KEY}, "k1"))
    value = flow.enforce("checkout", [None], [json.dumps({"v": text}).encode()], [()])[0][3]
    assert value is not None
    return str(json.loads(value)["v"])


def mac(data: bytes) -> bytes:
    return hmac.new(KEY, data, hashlib.sha256).digest()


@pytest.mark.parametrize(("class_", "domain"), [("pan", "cards"), ("pan", "default"), ("name", "default")])
def test_tokens(class_: str, domain: str) -> None:
    first = (class_, domain) == ("pan", "default")
    prefix = "panlock-token-v1\0" if first else f"panlock-token-v2\0{domain}\0{class_}\0"
    body = base64.b32encode(mac((prefix + PAN).encode())[:20]).decode().lower()
    assert masked(PAN, class_, "token", domain) == f"tok_k1_{body}"


@pytest.mark.parametrize(("class_", "domain"), [("pan", "cards"), ("name", "default")])
def test_encryption(class_: str, domain: str) -> None:
    aad = f"panlock-encrypt-v1\0{domain}\0payments\0{class_}\0k1".encode()
    made = masked(PAN, class_, "encrypt", domain)
    raw = base64.urlsafe_b64decode(made.removeprefix("enc_k1_") + "==")
    assert raw[:12] == mac(b"panlock-encrypt-nonce-v1\0" + aad + b"\0" + PAN.encode())[:12]
    cipher = AESGCMSIV(mac(b"panlock-encrypt-v1\0"))
    assert cipher.decrypt(raw[:12], raw[12:], aad) == PAN.encode()


def ff1(key: bytes, tweak: bytes, digits: str) -> str:
    """FF1.Encrypt of NIST SP 800-38G, algorithm 7, in radix 10."""
    half, length = len(digits) // 2, len(digits)
    left, right = digits[:half], digits[half:]
    byte_count = -(-(10 ** (length - half) - 1).bit_length() // 8)
    wide = 4 * -(-byte_count // 4) + 4
    head = bytes([1, 2, 1, 0, 0, 10, 10, half % 256]) + length.to_bytes(4) + len(tweak).to_bytes(4)
    for turn in range(10):
        pad = bytes(-(len(tweak) + byte_count + 1) % 16)
        block = head + tweak + pad + bytes([turn]) + int(right).to_bytes(byte_count)
        encryptor = Cipher(AES256(key), CBC(bytes(16))).encryptor()
        stream = encryptor.update(block)[-16:]
        assert wide <= 16
        size = half if turn % 2 == 0 else length - half
        mixed = (int(left) + int.from_bytes(stream[:wide])) % 10**size
        left, right = right, str(mixed).zfill(size)
    return left + right


@pytest.mark.parametrize("pan", [PAN, "378282246310005", "4222222222222", "6205500000000000004"])
@pytest.mark.parametrize("domain", ["cards", "default"])
def test_format_preserving_encryption(pan: str, domain: str) -> None:
    tweak = f"panlock-fpe-v1\0{pan[:6]}\0pan\0{domain}".encode()
    number = pan[:6] + ff1(mac(b"panlock-fpe-v1\0"), tweak, pan[6:-1])
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(number)))
    check = (-sum(value // 10 + value % 10 for value in doubled) + 1) % 10
    assert masked(pan, "pan", "fpe", domain) == f"{number}{check}"
