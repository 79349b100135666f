"""Field rules: what is masked, how, and what stays as it was."""

import json

import panlock_kernel
import pytest

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32, "k0": b"0" * 32}, "k1")
OTHER = panlock_kernel.Keyring({"k1": b"2" * 32}, "k1")
TOKEN = "tok_k1_a2dyajw5bipeaehklq5ejcx4me5mgsjl"


def mask(
    value: str, *fields: tuple[str, str, str], scan: str = "partial", keyring: panlock_kernel.Keyring = KEYRING
) -> tuple[str, list[dict[str, str]]]:
    rules = [{"path": path, "class": class_, "strategy": strategy} for path, class_, strategy in fields]
    flow = panlock_kernel.Flow(json.dumps({"fields": rules, "scan": scan}).encode(), keyring)
    verdict, place, _, masked, _, masking, _, _ = flow.enforce("p", [None], [value.encode()], [()])[0]
    assert verdict == 0, place
    return masked.decode(), json.loads(masking)


def pan(strategy: str, path: str = "$.n") -> tuple[str, str, str]:
    return path, "pan", strategy


def test_a_token_is_the_keyed_hash_of_the_digits_however_they_are_written() -> None:
    for written in ('"4111111111111111"', '"4111 1111 1111 1111"', '"4111-1111-1111-1111"', "4111111111111111",
                    "4111111111111111.0", "4.111111111111111e15", r'"\u0034111111111111111"'):  # fmt: skip
        assert mask(f'{{"n":{written}}}', pan("token"))[0] == f'{{"n":"{TOKEN}"}}', written
    assert TOKEN not in mask('{"n":4111111111111111}', pan("token"), keyring=OTHER)[0]


@pytest.mark.parametrize(
    ("value", "partial"),
    [
        ('"4111111111111111"', "411111******1111"),
        ('"4111 1111-1111 1111"', "411111******1111"),
        ("4111111111111111", "411111******1111"),
        ('"4111111111111111110"', "411111*********1110"),
        ('"378282246310005"', "378282*****0005"),
        ('"30569309025904"', "**********5904"),
        ('"4222222222222"', "*********2222"),
        ('"501800000009"', "********0009"),
        ('"9999999999999999"', "999999******9999"),
        ('"12345678901"', "[REDACTED:PAN]"),
        ('"4111x1111"', "[REDACTED:PAN]"),
        ('""', "[REDACTED:PAN]"),
        ("12.5", "[REDACTED:PAN]"),
        ("true", "[REDACTED:PAN]"),
    ],
)
def test_partial_shows_no_more_than_pci_dss_allows(value: str, partial: str) -> None:
    masked, findings = mask(f'{{"n":{value}}}', pan("partial"))
    assert masked == f'{{"n":"{partial}"}}'
    assert findings[0]["strategy"] == ("redact" if partial.startswith("[") else "partial")


@pytest.mark.parametrize("value", ['"any text"', '""', "17", "-1.5e3", "true", "false", '"4111111111111111"'])
def test_a_rule_masks_every_text_and_number_whole_whatever_it_looks_like(value: str) -> None:
    assert mask(f'{{"n":{value}}}', pan("redact"))[0] == '{"n":"[REDACTED:PAN]"}'
    assert mask(f'{{"n":{value}}}', pan("token"))[0].startswith('{"n":"tok_k1_')
    assert mask(f'{{"n":{value}}}', ("$.n", "sad", "redact"))[0] == '{"n":"[REDACTED:SAD]"}'


def test_null_stays() -> None:
    for strategy in ("drop", "redact", "partial", "token"):
        assert mask('{"n": null}', pan(strategy)) == ('{"n": null}', [])


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ('{"cvv":1}', "{}"),
        ('{ "cvv" : 1 }', "{  }"),
        ('{"cvv":1,"a":2}', '{"a":2}'),
        ('{ "cvv": 1, "a": 2 }', '{ "a": 2 }'),
        ('{"a":2,"cvv":1}', '{"a":2}'),
        ('{ "a": 2, "cvv": 1 }', '{ "a": 2 }'),
        ('{"a":2,"cvv":1,"b":3}', '{"a":2,"b":3}'),
        ('{"cvv":1,"b":{"cvv":2}}', '{"b":{}}'),
        ('{"a":{"cvv":"1","cvv2":2},"b":[{"cvv":1}]}', '{"a":{"cvv2":2},"b":[{}]}'),
        ('{"cvv":null}', '{"cvv":null}'),
    ],
)
def test_a_dropped_member_goes_with_one_comma(value: str, masked: str) -> None:
    assert mask(value, ("$..cvv", "sad", "drop"))[0] == masked


def test_several_dropped_members_leave_valid_json_wherever_they_stand() -> None:
    rules = [("$.x", "sad", "drop"), ("$.y", "sad", "drop")]
    for order in ("xya", "xay", "axy", "xy", "yxab", "axby", "abxy"):
        value = "{" + ", ".join(f'"{name}": "{name}"' for name in order) + "}"
        stays = {name: name for name in order if name not in "xy"}
        assert json.loads(mask(value, *rules)[0]) == stays


def test_items_and_the_root_are_redacted_where_members_are_dropped() -> None:
    masked, findings = mask('{"cvv":["123",{"a":1},4]}', ("$.cvv[*].a", "sad", "drop"), ("$.x[*]", "sad", "drop"))
    assert (masked, len(findings)) == ('{"cvv":["123",{},4]}', 1)
    masked, findings = mask('["123", 4]', ("$[*]", "sad", "drop"))
    assert masked == '["[REDACTED:SAD]", "[REDACTED:SAD]"]'
    assert findings[0] == {"by": "field", "class": "sad", "path": "$[0]", "strategy": "redact"}
    assert mask('"123"', ("$", "sad", "drop"))[0] == '"[REDACTED:SAD]"'


def test_tokens_of_known_keys_are_left_alone_and_others_are_not() -> None:
    old = TOKEN.replace("tok_k1_", "tok_k0_")
    for strategy in ("redact", "partial", "token"):
        assert mask(f'{{"n":"{TOKEN}"}}', pan(strategy)) == (f'{{"n":"{TOKEN}"}}', [])
        assert mask(f'{{"n":"{old}"}}', pan(strategy)) == (f'{{"n":"{old}"}}', [])
        assert mask(f'{{"n":"{TOKEN.replace("k1", "k7")}"}}', pan(strategy))[1]
    assert mask(f'{{"n":"{TOKEN}"}}', pan("drop"))[0] == "{}"
    assert mask(f'{{"n":"{TOKEN}"}}', ("$.n", "sad", "redact"))[0] == '{"n":"[REDACTED:SAD]"}'


def test_a_card_number_in_the_guise_of_a_token_is_masked() -> None:
    guise = "tok_k1_" + "a" * 10 + "4222222222222253" + "a" * 6
    assert "4222222222222253" not in mask(f'{{"n":"{guise}"}}', pan("token"))[0]
    assert "4222222222222253" not in mask(f'{{"free":"{guise}"}}')[0]


def test_where_two_rules_meet_sad_counts_and_then_the_first() -> None:
    assert mask('{"n":"1"}', pan("token"), ("$..n", "sad", "redact"))[0] == '{"n":"[REDACTED:SAD]"}'
    assert mask('{"n":"1"}', pan("redact"), pan("token", "$..n"))[0] == '{"n":"[REDACTED:PAN]"}'


def test_rules_match_names_as_they_read_unescaped() -> None:
    assert mask(r'{"\u006e":"1"}', pan("redact"))[0] == r'{"\u006e":"[REDACTED:PAN]"}'
    quoted = pan("redact", """$["a.b"]['c"d']""")
    assert mask('{"a.b":{"c\\"d":"1"}}', quoted)[0] == '{"a.b":{"c\\"d":"[REDACTED:PAN]"}}'


def test_findings_tell_place_class_strategy_and_origin_in_order() -> None:
    value = '{"card":{"number":"4111111111111111","cvv":"123"},"note":"pay 4111111111111111"}'
    _, findings = mask(value, pan("token", "$.card.number"), ("$..cvv", "sad", "drop"))
    assert findings == [
        {"by": "field", "class": "pan", "key": "k1", "path": "$.card.number", "strategy": "token"},
        {"by": "field", "class": "sad", "path": "$.card.cvv", "strategy": "drop"},
        {"by": "scan", "class": "pan", "path": "$.note", "strategy": "partial"},
    ]


def test_bytes_that_are_not_masked_come_out_identical() -> None:
    value = '\n{ "a" : 1.50e+3 ,\t"b":"\\u00e9\\/ü" , "n":"4111111111111111" ,"c":[ ] }\r\n'
    assert mask(value, pan("redact"))[0] == value.replace("4111111111111111", "[REDACTED:PAN]")
