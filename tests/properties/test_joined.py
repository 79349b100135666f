"""Whatever the parts are, what comes of them is what comes of the whole."""

import json
from typing import Any

import panlock_kernel
from hypothesis import given
from hypothesis import strategies as st

from pipeline.masking.strategies import CLASSES, allowed

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")
RULES = [(class_, strategy) for class_ in CLASSES for strategy in allowed(class_) if strategy != "drop"]
PARTS = st.lists(st.text(max_size=6) | st.text("0123456789", min_size=1, max_size=8), min_size=1, max_size=6)


def masked(rule: dict[str, Any], value: object) -> Any:
    kernel = panlock_kernel.Flow(json.dumps({"flow": "payments", "fields": [rule]}).encode(), KEYRING)
    out = kernel.enforce("checkout", [None], [json.dumps({"v": value}).encode()], [()])[0][3]
    return json.loads(out or b"")["v"]


@given(st.sampled_from(RULES), PARTS.filter(any))
def test_parts_come_to_what_the_whole_comes_to(of: tuple[str, str], parts: list[str]) -> None:
    rule = {"path": "$.v", "class": of[0], "strategy": of[1], "joined": True}
    once = masked(rule, parts)
    assert len(once) == len(parts)
    assert "".join(once) == masked(rule, "".join(parts))
    assert masked(rule, once) == once
