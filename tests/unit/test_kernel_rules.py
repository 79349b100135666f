"""Hold rules (CEL): what they see, what they mean, what is refused."""

import json

import panlock_kernel
import pytest

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")
HOLDS, PASSES, ERROR = (1, None), (0, None), (1, "rule-error")
LARGE_REFUND = 'has(record.type) && record.type == "refund" && has(record.amount) && record.amount > 5000.0'


def flow(*rules: str) -> panlock_kernel.Flow:
    named = [{"id": f"r{number}", "when": rule} for number, rule in enumerate(rules)]
    return panlock_kernel.Flow(json.dumps({"rules": named}).encode(), KEYRING)


def assess(rule: str, record: object, key: bytes | None = b"k", headers: tuple = ()) -> tuple[int, str | None]:
    """What `enforce` says, once `assess` has said the same of the masked record."""
    kernel = flow(rule)
    value = record if isinstance(record, bytes) else json.dumps(record).encode()
    verdict, detail, key, value, kept, masking, _, _ = kernel.enforce("checkout", [key], [value], [headers])[0]
    assert kernel.assess("checkout", key, value, headers if kept is None else kept, masking) == (verdict, detail)
    return verdict, detail


@pytest.mark.parametrize(
    ("rule", "record", "expected"),
    [
        (LARGE_REFUND, {"type": "refund", "amount": 5001}, HOLDS),
        (LARGE_REFUND, {"type": "refund", "amount": 5000.01}, HOLDS),
        (LARGE_REFUND, {"type": "refund", "amount": 5000}, PASSES),
        (LARGE_REFUND, {"type": "payment", "amount": 9000}, PASSES),
        (LARGE_REFUND, {"amount": 9000}, PASSES),
        (LARGE_REFUND, {"type": "refund"}, PASSES),
        (LARGE_REFUND, {"type": "refund", "amount": "9000"}, ERROR),
        (LARGE_REFUND, [], ERROR),
        (LARGE_REFUND, "refund", ERROR),
    ],
)
def test_the_example_of_the_policy(rule: str, record: object, expected: tuple[int, str | None]) -> None:
    assert assess(rule, record) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "record.int > 4.5", "record.int < 5.5", "record.int >= 5.0", "record.int <= 5.0", "record.int == 5.0",
        "record.int != 5.1", "5.0 == record.int", "record.whole == 5", "record.whole >= 5", "record.double > 5",
        "record.double < 6", "record.int in [5.0]", "record.whole in [4, 5]", "record.big > 1.8e19", "record.big > 9",
        "record.small == -9223372036854775808", "record.max == 9223372036854775807", "record.int == 5u",
    ],
)  # fmt: skip
def test_integers_and_doubles_compare_by_value(rule: str) -> None:
    record = b'{"int":5,"whole":5.0,"double":5.5,"big":18446744073709551616,"small":-9223372036854775808,' + (
        b'"max":9223372036854775807}'
    )
    assert assess(rule, record) == HOLDS


@pytest.mark.parametrize(
    ("rule", "record", "expected"),
    [
        ("has(record.a)", {}, PASSES),
        ("has(record.a)", {"a": None}, HOLDS),
        ("has(record.a.b)", {}, PASSES),
        ("has(record.a.b.c)", {"a": {}}, PASSES),
        ("has(record.a.b.c)", {"a": {"b": {"c": 0}}}, HOLDS),
        ("!has(record.a.b)", {}, HOLDS),
        ("has(record.a.b)", {"a": 1}, ERROR),
        ("record.list.exists(x, has(x.a.b) && x.a.b > 1)", {"list": [{}, {"a": {"b": 2}}]}, HOLDS),
        ("has(headers.a)", {}, PASSES),
    ],
)
def test_a_missing_field_makes_has_false(rule: str, record: object, expected: tuple[int, str | None]) -> None:
    assert assess(rule, record) == expected


@pytest.mark.parametrize(
    ("rule", "record"),
    [
        ("record.a > 1", {}),
        ("record.a", {"a": 1}),
        ("record.a", {"a": "true"}),
        ("record.a + 1 > 2", {"a": 1.5}),
        ("record.a + 1 > 2", {"a": 9223372036854775807}),
        ("record.a / 0 == 1", {"a": 1}),
        ("record.a[3] == 1", {"a": [1]}),
        ("record.a < record.b", {"a": "x", "b": 1}),
        ("int(record.a) > 1", {"a": "one"}),
        ("record.a.matches('x')", {"a": 1}),
        ("timestamp(record.a) > timestamp('2026-01-01T00:00:00Z')", {"a": "yesterday"}),
    ],
)
def test_a_rule_that_cannot_be_evaluated_holds(rule: str, record: object) -> None:
    assert assess(rule, record) == ERROR


@pytest.mark.parametrize(
    ("rule", "record"),
    [
        ('principal == "checkout"', {}),
        ('key == "k"', {}),
        ('headers["a"] == "last"', {}),
        ('headers.size() == 2 && headers["n"] == null', {}),
        ('record == {"a": [1, 2.0, "x", null, true]}', {"a": [1, 2, "x", None, True]}),
        ("size(record) == 2", {"a": 1, "b": 2}),
        ('record["a b"].c == 1', {"a b": {"c": 1}}),
        ('record.a == "ä\\n"', b'{"a":"\\u00e4\\n"}'),
        ("record.a.all(x, x < record.limit)", {"a": [1, 2], "limit": 3}),
        ("record.items.exists(i, i.tags.exists(t, t == 'x'))", {"items": [{"tags": []}, {"tags": ["x"]}]}),
        ("['a', 'b'].exists(p, record.name.startsWith(p))", {"name": "bob"}),
        ("record.a.filter(x, x > 1).map(x, x * record.n).exists(x, x == 6)", {"a": [1, 2], "n": 3}),
        ("record.a.matches('^a+$') && record.b.matches('^b+$')", {"a": "aaa", "b": "b"}),
        ("matches(record.a, 'b') ? false : true", {"a": "aaa"}),
        ("timestamp(record.at).getFullYear() == 2026", {"at": "2026-11-24T04:08:00Z"}),
        ("type(record.a) == int && type(record.b) == double", {"a": 1, "b": 1.0}),
        ("true || record.missing", {}),
    ],
)
def test_what_rules_see(rule: str, record: object) -> None:
    assert assess(rule, record, headers=(("a", b"first"), ("n", None), ("a", b"last"))) == HOLDS


def test_a_rule_may_list_many_alternatives() -> None:
    rule = " || ".join(f"record.a == {number}" for number in range(180))
    assert assess(rule, {"a": 179}) == HOLDS
    assert assess(rule, {"a": 180}) == PASSES


def test_rules_see_the_masked_record_and_its_findings() -> None:
    record = {"pan": "4111111111111111"}
    assert assess('record.pan == "411111******1111"', record) == HOLDS
    assert assess("findings.exists(f, f.path == '$.pan' && f.class == 'pan' && f.by == 'scan')", record) == HOLDS
    assert assess("size(findings) > 0", {"pan": "4111"}) == PASSES
    assert assess("key.startsWith('tok_k1_')", {}, key=b"4111111111111111") == HOLDS
    assert assess("headers['a'] == '411111******1111'", {}, headers=(("a", b"4111111111111111"),)) == HOLDS
    assert assess("has(headers.identity)", {}, headers=(("panlock-identity", b"checkout"),)) == PASSES


def test_a_key_that_is_no_text_is_bytes_and_a_missing_one_null() -> None:
    assert assess('key == b"\\xff"', {}, key=b"\xff") == HOLDS
    assert assess("key == null", {}, key=None) == HOLDS


def test_the_first_rule_that_matches_counts() -> None:
    kernel = flow("record.a == 1", "record.a == 2", "has(record.b) && record.b", "record.a > 0")
    values: list[bytes | None] = [b'{"a":2}', b'{"a":9}', b'{"a":0}', b'{"a":3,"b":4}']
    results = kernel.enforce("p", [None] * 4, values, [()] * 4)
    assert [result[:2] for result in results] == [(2, None), (4, None), (0, None), (3, "rule-error")]


def test_assess_holds_what_it_cannot_read() -> None:
    assert flow("record.a == 1").assess("p", None, b"{", (), b"[]") == ERROR
    assert flow("record.a == 1").assess("p", None, b"[" * 100_000, (), b"[]") == ERROR
    assert flow("size(findings) == 1").assess("p", None, b"{}", (), b"oops") == ERROR
    assert flow("record.a == 1").assess("p", None, None, (), b"[]") == PASSES


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("", "no CEL expression"),
        ("record.amount >", "line 1, column 16"),
        ("amount > 5", "unknown variable amount.*record.amount"),
        ("record.a.exists(x, y > 1)", "unknown variable y"),
        ("now() > 1", "unknown function now"),
        ("record.a.upper() == 'A'", "unknown function upper"),
        ("record.?a == 1", "unsupported syntax"),
        ("optional.none() == 1", "unknown function none"),
        ("'large'", "no condition"),
        ("record.a.matches(record.b)", "in quotes"),
        ("record.a.matches('(')", "no regular expression"),
        ("record.a.exists(record, true)", "hides"),
        ("(" * 200 + "true" + ")" * 200, "in each other"),
        ("has(record.a" + ".b" * 1500 + ")", "in each other"),
        ("record.a" + "[0]" * 1200 + " == 1", "in each other"),
        ("record.a == '" + "x" * 5000 + "'", "at most 4096"),
        ("a{b: 1} == a{b: 1}", "messages"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_to_do(rule: str, what: str) -> None:
    with pytest.raises(ValueError, match=what) as caught:
        panlock_kernel.check_rule(rule)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "rule",
    [
        "record.a.exists(x, record.a.exists(y, x == y))",
        "record.a.exists(x, x in record.b)",
        "record.a.exists(x, record.b.contains(x))",
        "record.a.exists(x, size(record) > 1)",
        "record.a.map(x, record.b).size() > 1",
        "record.a.exists(x, [record.b] == x)",
        "record.a.exists(x, record.b + x == '')",
        "record.a.exists(x, x.b.exists(y, x.b.exists(z, y == z)))",
        "record.a.exists(x, x[record.b] == 1)",
        "record.a.exists(x, size(x.c ? record.b : '') > 1)",
    ],
)
def test_a_rule_that_could_cost_more_than_the_record_is_long_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="cost more"):
        panlock_kernel.check_rule(rule)
