"""What Panlock writes as canonical JSON is RFC 8785, and the hot path writes what the plain one would."""

import json

import panlock_kernel
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit import canonical
from pipeline.audit.events import Chain, EventType, timestamp

_KEYRING = panlock_kernel.Keyring({"k1": bytes(32)}, "k1")
KERNEL = panlock_kernel.Flow(b'{"fields":[],"scan":"partial","rules":[]}', _KEYRING)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)
NAMES = st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
FINDINGS = st.lists(
    st.fixed_dictionaries(
        {"by": st.sampled_from(["field", "scan"]), "class": st.sampled_from(["pan", "sad"]), "path": TEXT},
        optional={"key": NAMES},
    ),
    max_size=4,
)


@given(VALUES)
def test_our_canonical_form_is_rfc_8785(value: object) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(VALUES)
def test_a_canonical_text_reads_back_as_itself(value: object) -> None:
    assert canonical.decode(canonical.encode(value)) == value


@given(
    lane=st.integers(0, 511),
    seq=st.integers(0, 2**53 - 1),
    flow=NAMES,
    principal=NAMES,
    offset=st.integers(0, 2**53 - 1),
    findings=FINDINGS,
    more=st.none() | st.fixed_dictionaries({"pan": st.integers(1, 10**9)}),
    ms=st.integers(0, 2**41),
)
def test_the_hot_path_writes_the_same_bytes_as_the_plain_one(
    lane: int, seq: int, flow: str, principal: str, offset: int, findings: list, more: dict | None, ms: int
) -> None:
    quick, plain = (Chain(lane, "ab" * 32, seq, "cd" * 32) for _ in range(2))
    record = f"quarantine.{flow}.{principal}/{lane}/{offset}"
    evidence = (canonical.encode(findings), None if more is None else canonical.encode(more))
    written = quick.released(record, principal, b"ef" * 32, *evidence, timestamp(ms))
    assert written == plain.event(
        EventType.RECORD_RELEASED,
        timestamp(ms),
        actor={"principal": principal},
        outcome="released",
        resource={"record": record, "sha256": "ef" * 32},
        masking=findings or None,
        masking_more=more,
    )
    assert (quick.seq, quick.prev) == (plain.seq, plain.prev)
    assert rfc8785.dumps(json.loads(written[1])) == written[1]


@given(KEYS.filter(lambda key: len(key) < 30), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_the_kernels_evidence_is_canonical_whatever_the_places_are_called(ascii_key: str, key: str) -> None:
    document = {key: {ascii_key: "4111 1111 1111 1111"}}
    result = KERNEL.enforce("checkout", [b"4111 1111 1111 1111"], [json.dumps(document).encode()], [()])[0]
    assert result[0] == 0
    findings = canonical.decode(result[5])
    assert {finding["path"] for finding in findings} >= {"key"}
    assert len(findings) >= 2
