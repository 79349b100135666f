"""What keyed strategies make, said once more from docs/strategies.md and NIST SP 800-38G, over other libraries."""

import base64
import hashlib
import hmac
from math import ceil

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

ROUNDS = 10


def mac(key: bytes, *parts: str) -> bytes:
    """HMAC-SHA-256 over the parts, a zero byte between them."""
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).digest()


def token(key: bytes, id_: str, domain: str, class_: str, text: str) -> str:
    first = (domain, class_) == ("default", "pan")
    full = mac(key, "panlock-token-v1", text) if first else mac(key, "panlock-token-v2", domain, class_, text)
    return f"tok_{id_}_{base64.b32encode(full[:20]).decode().lower()}"


def encrypted(key: bytes, id_: str, domain: str, flow: str, class_: str, text: str) -> str:
    aad = ("panlock-encrypt-v1", domain, flow, class_, id_)
    nonce = mac(key, "panlock-encrypt-nonce-v1", *aad, text)[:12]
    sealed = AESGCMSIV(mac(key, "panlock-encrypt-v1", "")).encrypt(nonce, text.encode(), "\0".join(aad).encode())
    return f"enc_{id_}_{base64.urlsafe_b64encode(nonce + sealed).decode().rstrip('=')}"


def preserved(key: bytes, domain: str, class_: str, digits: str) -> str | None:
    """Under format-preserving encryption; None for what is no card number by length and check digit."""
    if not 13 <= len(digits) <= 19 or digits[-1] != str(check_digit(digits[:-1])):
        return None
    tweak = "\0".join(("panlock-fpe-v1", digits[:6], class_, domain)).encode()
    numerals = ff1(mac(key, "panlock-fpe-v1", ""), 10, tweak, [int(digit) for digit in digits[6:-1]])
    number = digits[:6] + "".join(map(str, numerals))
    return number + str((check_digit(number) + 1) % 10)


def check_digit(payload: str) -> int:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(payload)):
        product = int(digit) * (2 if place % 2 == 0 else 1)
        total += product - 9 if product > 9 else product
    return -total % 10


def ff1(key: bytes, radix: int, tweak: bytes, numerals: list[int]) -> list[int]:
    """Algorithm 7, FF1.Encrypt, with the steps' own letters."""
    n, t = len(numerals), len(tweak)
    u = n // 2  # 1
    v = n - u
    a, b_ = numerals[:u], numerals[u:]  # 2
    b = ceil((radix**v - 1).bit_length() / 8)  # 3
    d = 4 * ceil(b / 4) + 4  # 4
    p = bytes([1, 2, 1]) + radix.to_bytes(3) + bytes([10, u % 256]) + n.to_bytes(4) + t.to_bytes(4)  # 5
    for i in range(ROUNDS):  # 6
        q = tweak + bytes((-t - b - 1) % 16) + bytes([i]) + number(radix, b_).to_bytes(b)  # i
        r = prf(key, p + q)  # ii
        blocks = [r] + [block(key, xor(r, j.to_bytes(16))) for j in range(1, ceil(d / 16))]  # iii
        y = int.from_bytes(b"".join(blocks)[:d])  # iv
        m = u if i % 2 == 0 else v  # v
        c = (number(radix, a) + y) % radix**m  # vi
        a, b_ = b_, written(radix, m, c)  # vii to ix
    return a + b_


def prf(key: bytes, data: bytes) -> bytes:
    """Algorithm 6: the last block of AES in CBC mode."""
    return Cipher(AES(key), CBC(bytes(16))).encryptor().update(data)[-16:]


def block(key: bytes, data: bytes) -> bytes:
    return Cipher(AES(key), ECB()).encryptor().update(data)  # noqa: S305  # one block: CIPH of the standard


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


def number(radix: int, numerals: list[int]) -> int:
    value = 0
    for numeral in numerals:
        value = value * radix + numeral
    return value


def written(radix: int, length: int, value: int) -> list[int]:
    numerals = []
    for _ in range(length):
        value, numeral = divmod(value, radix)
        numerals.append(numeral)
    return numerals[::-1]
