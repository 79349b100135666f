"""While a token domain is dual, a record carries the previous key's tokens beside the new ones, in a header."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import panlock_kernel
import pytest

from pipeline.masking.face import Masked
from pipeline.policy import parse_policy
from pipeline.record import Headers, record_sha256
from pipeline.source import sources
from tests.lane import POLICY, MemoryLane

KEYS = {"k1": b"1" * 32, "k2": b"2" * 32}
KEYRING = panlock_kernel.Keyring(KEYS, "k1")
PAN, OTHER = "4111111111111111", "5555555555554444"
HEADER = "panlock-previous-tokens"
CARD = {"path": "$.card", "class": "pan", "strategy": "token", "domain": "cards"}


def token(key: str, text: str, class_: str = "pan") -> str:
    content = f"panlock-token-v2\0cards\0{class_}\0{text}".encode()
    body = base64.b32encode(hmac.new(KEYS[key], content, hashlib.sha256).digest()[:20])
    return f"tok_{key}_{body.decode().lower()}"


def both(*texts: str) -> dict[str, str]:
    return {token("k2", text): token("k1", text) for text in texts}


def flow(dual: bool = True, **config: object) -> panlock_kernel.Flow:
    domain = {"key": "k2", "previous": "k1", "dual": dual}
    given = {"fields": [CARD], "scan": {"pan": "token", "domain": "cards"}, "domains": {"cards": domain}, **config}
    return panlock_kernel.Flow(json.dumps(given).encode(), KEYRING)


def enforce(kernel: panlock_kernel.Flow, value: object, key: bytes | None = None, headers: Any = ()) -> Masked:
    return Masked._make(kernel.enforce("checkout", [key], [json.dumps(value).encode()], [headers])[0])


def pairs(result: Masked) -> dict[str, str] | None:
    found = [content for name, content in result.headers or () if name == HEADER]
    assert len(found) <= 1
    return json.loads(found[0] or b"") if found else None


def test_a_header_tells_the_old_token_of_each_new_one() -> None:
    result = enforce(flow(), {"card": PAN, "note": f"or {OTHER}", "n": int(PAN)}, PAN.encode(), (("to", b"x"),))
    assert pairs(result) == both(PAN, OTHER)
    assert result.headers is not None
    assert [name for name, _ in result.headers] == ["to", HEADER]  # behind the producer's
    assert json.loads(result.value or b"")["card"] == token("k2", PAN)
    assert result.key == token("k2", PAN).encode()
    header = result.headers[-1][1] or b""
    assert header == json.dumps(both(PAN, OTHER), sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("value", "key", "headers"),
    [({"x": 1}, PAN.encode(), ()), ({"x": 1}, None, (("card", PAN.encode()),)), ({PAN: 1}, None, ())],
)
def test_record_keys_headers_and_member_names_count_too(value: object, key: bytes | None, headers: Any) -> None:
    assert pairs(enforce(flow(), value, key, headers)) == both(PAN)


def test_other_classes_follow_the_text() -> None:
    name = {"path": "$.name", "class": "name", "strategy": "token", "domain": "cards"}
    result = enforce(flow(fields=[name]), {"name": "A. Other"})
    assert pairs(result) == {token("k2", "A. Other", "name"): token("k1", "A. Other", "name")}


def test_evidence_names_both_keys() -> None:
    (finding,) = json.loads(enforce(flow(), {"card": PAN}).masking)
    expected = {"key": "k2", "previous": "k1", "by": "field", "class": "pan", "path": "$.card", "strategy": "token"}
    assert finding == expected
    assert list(finding) == sorted(finding)


def test_value_hash_and_the_rest_are_those_without_the_window() -> None:
    value = {"card": PAN, "note": OTHER}
    during, without = (enforce(flow(dual), value, PAN.encode(), (("a", b"1"),)) for dual in (True, False))
    assert during[:4] == without[:4]
    assert during.sha256 == without.sha256 == record_sha256(during.key, during.value, (("a", b"1"),)).encode()
    assert without.headers is None


def test_a_second_pass_changes_nothing_and_has_nothing_to_tell() -> None:
    once = enforce(flow(), {"card": PAN})
    again = Masked._make(flow().enforce("checkout", [once.key], [once.value], [once.headers or ()])[0])
    assert again.value == once.value
    assert again.sha256 == once.sha256
    assert (again.headers, again.masking) == ((), b"[]")  # a producer's panlock-* never pass
    old = enforce(flow(), {"card": token("k1", PAN)})
    assert (old.value, old.headers) == (json.dumps({"card": token("k1", PAN)}).encode(), None)


def test_without_a_token_there_is_no_header() -> None:
    assert enforce(flow(), {"x": 1}).headers is None
    partial = [{**CARD, "strategy": "partial"}]
    assert pairs(enforce(flow(fields=partial), {"card": PAN})) is None


def test_a_member_that_is_dropped_tells_no_token_of_its_name() -> None:
    sad = [{"path": f"$.{PAN}", "class": "sad", "strategy": "drop"}]
    kept = enforce(flow(fields=sad), {PAN: "123", "card": "x"})
    assert (json.loads(kept.value or b""), pairs(kept)) == ({"card": "x"}, None)


def test_a_header_that_is_dropped_tells_no_token() -> None:
    scan = {"pan": "token", "sad": "drop", "domain": "cards"}
    track = f";{PAN}=29121011234567890?".encode()
    assert pairs(enforce(flow(scan=scan), {"x": 1}, None, (("t", b"card " + OTHER.encode() + b" " + track),))) is None


def test_a_rejected_record_tells_no_token() -> None:
    assert enforce(flow(), {"note": PAN, "card": {}}).headers is None


def test_fpe_that_falls_back_to_a_token_tells_it() -> None:
    fields = [{**CARD, "strategy": "fpe", "fallback": "token"}]
    assert pairs(enforce(flow(fields=fields), {"card": "4111111111111113"})) == both("4111111111111113")
    assert pairs(enforce(flow(fields=fields), {"card": PAN})) is None


def test_a_dual_domain_without_a_previous_key_is_refused() -> None:
    with pytest.raises(ValueError, match="dual without a previous key"):
        flow(domains={"cards": {"key": "k2", "dual": True}})


DUAL = POLICY.replace("flows:", "token_domains: {cards: {key: k2, previous: k1, dual: true}}\nflows:").replace(
    "strategy: token}", "strategy: token, domain: cards}"
)


def lane(policy: str = DUAL) -> MemoryLane:
    made = MemoryLane()
    made.context = replace(made.context, sources=sources(parse_policy(policy, "p.yaml"), KEYRING))
    return made


def told(headers: Headers) -> list[object]:
    return [json.loads(content or b"") for name, content in headers if name == HEADER]


def test_a_released_record_carries_both() -> None:
    made = lane()
    made.records(b'{"card":{"number":"%b"}}' % PAN.encode(), headers=((HEADER, b"forged"), ("a", b"1")))
    (out,) = made.out["clean.payments"]
    assert out.headers[0] == ("a", b"1")
    assert told(out.headers) == [both(PAN)]
    assert made.events()[0]["masking"][0]["previous"] == "k1"


def test_one_that_was_held_carries_both_when_two_people_have_released_it() -> None:
    made = lane()
    made.records(b'{"amount":9000,"card":{"number":"%b"}}' % PAN.encode())
    for name in ("ana", "cem"):
        made.messages(made.sign(name))
    (out,) = made.out["clean.payments"]
    assert told(out.headers) == [both(PAN)]


def test_every_format_has_the_header() -> None:
    as_csv = DUAL.replace("partitions: 1\n", "partitions: 1\n    format: csv\n").replace("$.card.number", "'$[*].card'")
    made = lane(as_csv.replace("has(record.amount) && record.amount > 5000.0", "1 > 2"))
    made.records(f"card,x\r\n{PAN},1\r\n{OTHER},2\r\n".encode())
    (out,) = made.out["clean.payments"]
    assert out.value == f"card,x\r\n{token('k2', PAN)},1\r\n{token('k2', OTHER)},2\r\n".encode()
    assert told(out.headers) == [both(PAN, OTHER)]


def test_what_a_record_tells_stays_with_it() -> None:
    values = [json.dumps({"note": PAN, "card": {}}).encode(), b'{"x":1}', json.dumps({"card": OTHER}).encode()]
    rejected, plain, last = map(Masked._make, flow().enforce("checkout", [None] * 3, values, [()] * 3))
    assert (rejected.verdict < 0, plain.headers) == (True, None)
    assert pairs(last) == both(OTHER)
