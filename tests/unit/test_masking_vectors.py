"""Golden vectors: what masking once gave, it gives for good."""

import json
from pathlib import Path
from typing import Any

import panlock_kernel
import pytest

FILES = [Path(__file__).parents[1] / "vectors" / "masking" / name for name in ("v1.json", "strategies.json")]
READ = [json.loads(file.read_text()) for file in FILES]
CASES = [case for vectors in READ for case in vectors["cases"]]
VECTORS = READ[0]  # the keys of all
KEYRING = panlock_kernel.Keyring(
    {key: bytes.fromhex(value) for key, value in VECTORS["keys"].items()}, VECTORS["active"]
)


def raw(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_record_is_masked_as_it_was_when_the_vector_was_made(case: dict[str, Any]) -> None:
    flow = panlock_kernel.Flow(json.dumps(case["config"]).encode(), KEYRING)
    given = tuple((name, raw(value)) for name, value in case["headers"])
    result = flow.enforce("checkout", [raw(case["key"])], [raw(case["value"])], [given])[0]
    verdict, detail, key, value, headers, masking, more, sha256 = result
    expected = case["expected"]
    if "rejected" in expected:
        assert (panlock_kernel.REJECTIONS[-verdict - 1], detail) == (expected["rejected"], expected["place"])
        return
    assert (verdict, detail) == (expected["verdict"], expected["detail"])
    assert (key, value) == (raw(expected["key"]), raw(expected["value"]))
    passed = given if headers is None else headers
    assert passed == tuple((name, raw(content)) for name, content in expected["headers"])
    assert (masking, more) == (raw(expected["masking"]), raw(expected["more"]))
    assert sha256 == raw(expected["sha256"])
