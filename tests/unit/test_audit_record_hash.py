"""The hash that decisions sign and events carry: pinned, the same in Python and in the kernel."""

import json
from pathlib import Path

import panlock_kernel
import pytest

from pipeline.record import record_sha256

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/audit/record_hash.json").read_text())
KERNEL = panlock_kernel.Flow(
    b'{"fields":[],"scan":"partial","rules":[]}', panlock_kernel.Keyring({"k": bytes(32)}, "k")
)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_records_hash_never_changes(vector: dict) -> None:
    headers = tuple((name, _bytes(content)) for name, content in vector["headers"])
    assert record_sha256(_bytes(vector["key"]), _bytes(vector["value"]), headers) == vector["sha256"]


def test_a_part_cannot_be_moved_into_its_neighbour() -> None:
    parts = [(b"ab", b"c", ()), (b"a", b"bc", ()), (b"abc", None, ()), (None, b"abc", ()), (b"ab", b"", (("c", b""),))]
    assert len({record_sha256(*part) for part in parts}) == len(parts)


@pytest.mark.parametrize("headers", [(), (("trace", b"\x00\xff"), ("trace", None), ("panlock-x", b"1"))])
def test_the_kernel_gives_the_same_hash(headers: tuple) -> None:
    key, value = b"order-1", b'{"note":"nothing to mask"}'
    result = KERNEL.enforce("checkout", [key], [value], [headers])[0]
    assert result[7].decode() == record_sha256(key, value, headers)
