"""Random bytes as systems print them: UUIDs, hashes, keys, tokens, encoded blobs."""

import base64
import hashlib
import random
import uuid
from urllib.parse import quote

from tests.corpus.identifiers import Kinds, any_digits


def made_uuid(chance: random.Random) -> str:
    text = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    return chance.choice([text, text, text.upper(), text.replace("-", ""), f"{{{text}}}", "urn:uuid:" + text])


def digit_uuid(chance: random.Random) -> str:
    """A UUID that happens to have digits alone, or nearly."""
    text = any_digits(chance, 32)
    if chance.random() < 0.5:
        text = text[:8] + chance.choice("abcdef") + text[9:]
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def hashed(chance: random.Random) -> str:
    name = chance.choice(["md5", "sha1", "sha256", "sha512"])
    text = hashlib.new(name, chance.randbytes(16)).hexdigest()
    return chance.choice([text, text.upper(), f"{name}:{text}", text[:12], text[:16]])


def digit_heavy_hash(chance: random.Random) -> str:
    return "".join(chance.choices("0123456789abcdef", [4] * 10 + [1] * 6, k=chance.choice([32, 40, 64])))


def span_id(chance: random.Random) -> str:
    return f"{chance.getrandbits(64):016x}"


def trace_parent(chance: random.Random) -> str:
    return f"00-{chance.getrandbits(128):032x}-{chance.getrandbits(64):016x}-01"


def decimal_128(chance: random.Random) -> str:
    return str(chance.getrandbits(128))


def blob(chance: random.Random) -> str:
    return base64.b64encode(chance.randbytes(chance.choice([12, 16, 24, 32, 64]))).decode()


def jwt(chance: random.Random) -> str:
    parts = (base64.urlsafe_b64encode(chance.randbytes(n)).decode().rstrip("=") for n in (30, 90, 32))
    return "eyJhbGciOiJIUzI1NiJ9." + ".".join(parts)


def encoded_number(chance: random.Random) -> str:
    """An identifier in base64 or hex: it decodes to digits that are no card number."""
    text = any_digits(chance, 16).encode()
    return chance.choice([base64.b64encode(text).decode(), text.hex()])


def hex_bytes(chance: random.Random) -> str:
    return chance.choice([" ", ":", ""]).join(f"{byte:02x}" for byte in chance.randbytes(chance.choice([8, 16, 20])))


def percent(chance: random.Random) -> str:
    return quote(chance.randbytes(12)) + f"&t={any_digits(chance, 13)}"


def licence_key(chance: random.Random) -> str:
    return "-".join("".join(chance.choices("0123456789ABCDEF", k=5)) for _ in range(5))


def numeric_key(chance: random.Random) -> str:
    """Voucher and licence numbers: digits in groups of five or six."""
    size, count = chance.choice([(5, 3), (5, 4), (6, 3), (4, 5)])
    return chance.choice(["-", " "]).join(any_digits(chance, size) for _ in range(count))


STRINGS: Kinds = {
    "uuid": (made_uuid, "id uuid request_id correlationId", "request {}|id {}"),
    "uuid-of-digits": (digit_uuid, "id uuid guid", "guid {}"),
    "hash": (hashed, "sha256 hash digest etag checksum", "sha256 {}|commit {}"),
    "hash-of-digits": (digit_heavy_hash, "hash digest fingerprint", "hash {}"),
    "span-id": (span_id, "span_id spanId", "span {}"),
    "traceparent": (trace_parent, "traceparent", "traceparent {}"),
    "number-128-bit": (decimal_128, "trace_id id", "id {}"),
    "base64-random": (blob, "token key signature", "signature {}"),
    "jwt-random": (jwt, "token jwt authorization", "Bearer {}"),
    "encoded-number": (encoded_number, "cursor token", "cursor {}"),
    "hex-bytes": (hex_bytes, "bytes raw", "bytes {}"),
    "percent-random": (percent, "url query", "GET /{}"),
    "licence-key": (licence_key, "license key", "key {}"),
    "numeric-key": (numeric_key, "voucher serial", "voucher {}"),
}
