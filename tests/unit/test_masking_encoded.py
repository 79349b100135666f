"""Card numbers inside of encodings are replaced where they stand; allow-lists and closed schemas are kept."""

import base64
import json

import panlock_kernel
import pytest

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")
PAN = "4111111111111111"
MASKED = "411111******1111"


def enforce(value: object, **config: object) -> tuple[int, str | None, object]:
    flow = panlock_kernel.Flow(json.dumps(config).encode(), KEYRING)
    verdict, place, _, masked, *_ = flow.enforce("p", [None], [json.dumps(value).encode()], [()])[0]
    return verdict, place, None if masked is None else json.loads(masked)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("q=%34111+x%2F4111111111111111", "q=%34111+x%2F411111******1111"),
        ("a %3411111111111111%31 b", f"a {MASKED} b"),
        ("&#52;111111111111111;", f"{MASKED};"),
        ("x " + base64.b64encode(PAN.encode()).decode() + " y", f"x {MASKED} y"),
        (PAN.encode().hex(), MASKED),
        (json.dumps({"n": PAN, "b": 1}), json.dumps({"n": MASKED, "b": 1})),
        (json.dumps({"n": int(PAN)}), json.dumps({"n": MASKED})),
        (json.dumps([json.dumps([int(PAN)])]), json.dumps([json.dumps([MASKED])])),
    ],
)
def test_what_is_encoded_is_replaced_and_the_rest_stays(text: str, masked: str) -> None:
    assert enforce({"note": text}) == (0, None, {"note": masked})
    assert enforce({"note": masked}) == (0, None, {"note": masked})


def test_each_class_is_masked_by_its_own_strategy() -> None:
    value = {"cvv": "123", "note": f"card {PAN}, DE89370400440532013000", "pin": 1234}
    scan = {"pan": "partial", "sad": "redact", "iban": "partial"}
    assert enforce(value, scan=scan)[2] == {
        "cvv": "[REDACTED:SAD]",
        "note": f"card {MASKED}, DE****************3000",
        "pin": "[REDACTED:SAD]",
    }
    assert enforce(value, scan={"pan": "partial", "sad": "drop"})[2] == {
        "note": f"card {MASKED}, DE89370400440532013000"
    }


def test_an_allowed_path_is_left_alone_and_its_neighbours_are_not() -> None:
    value = {"ref": {"a": PAN, "b": PAN}, "c": [int(PAN)]}
    masked = {"ref": {"a": PAN, "b": MASKED}, "c": [int(PAN)]}
    assert enforce(value, allow=["$.ref.a", "$.c[*]"])[2] == masked


def test_a_field_rule_goes_before_the_allow_list() -> None:
    fields = [{"path": "$.a", "class": "pan", "strategy": "redact"}]
    assert enforce({"a": PAN}, fields=fields, allow=["$.a"])[2] == {"a": "[REDACTED:PAN]"}


def test_a_closed_schema_rejects_what_no_rule_declares() -> None:
    fields = [{"path": "$.a", "class": "pan", "strategy": "redact"}, {"path": "$.b[*]", "class": "clear"}]
    closed = {"fields": fields, "closed": True}
    assert enforce({"a": PAN, "b": ["x", PAN]}, **closed)[2] == {"a": "[REDACTED:PAN]", "b": ["x", MASKED]}
    assert enforce({"a": None, "z": None}, **closed)[0] == 0
    verdict, place, _ = enforce({"b": ["x"], "c": {"d": 1}}, **closed)
    assert (panlock_kernel.REJECTIONS[-verdict - 1], place) == ("undeclared-field", "$.c.d")
