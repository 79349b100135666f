"""The scan of all that no field rule names: what is found, what is left, and what it becomes."""

import json

import panlock_kernel
import pytest

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")


def scan(value: str, strategy: str = "partial") -> str:
    flow = panlock_kernel.Flow(json.dumps({"scan": strategy}).encode(), KEYRING)
    verdict, place, _, masked, _, _, _, _ = flow.enforce("p", [None], [value.encode()], [()])[0]
    assert verdict == 0, place
    return masked.decode()


# Test numbers that schemes and payment providers publish.
@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111", "4222222222222", "5555555555554444", "2223003122003222",
        "378282246310005", "371449635398431", "6011111111111117", "30569309025904", "36227206271667",
        "3530111333300000", "6200000000000005", "6759649826438453", "2200000000000004", "6076000000000006",
        "5066991111111118", "9792030000000000", "5060990580000217499", "135410014004955",
    ],
)  # fmt: skip
def test_published_test_numbers_of_every_scheme_are_found(number: str) -> None:
    for value in (f'"{number}"', number, f'["x{number}y"]', f'{{"{number}":1}}'):
        assert number not in scan(value), value


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("card 4111111111111111, thanks", "card 411111******1111, thanks"),
        ("4111 1111 1111 1111", "411111******1111"),
        ("4111-1111-1111-1111", "411111******1111"),
        ("3782 822463 10005", "378282*****0005"),
        ("4111 1111-1111 1111", "411111******1111"),
        ("exp: 4111 1111 1111 1111 12/27", "exp: 411111******1111 12/27"),
        ("4111111111111111 123", "411111******1111 123"),
        ("no 7 4111111111111111", "no 7 411111******1111"),
        ("4111111111111111 5555555555554444", "411111******1111 555555******4444"),
        ("PAN=4111111111111111;CVV", "PAN=411111******1111;CVV"),
        ("ü4111111111111111ü", "ü411111******1111ü"),
    ],
)
def test_only_the_digits_of_a_card_number_are_replaced_in_a_text(text: str, masked: str) -> None:
    assert json.loads(scan(json.dumps(text))) == masked
    assert json.loads(scan(json.dumps(text, ensure_ascii=False))) == masked
    assert json.loads(scan(json.dumps({text: 1}))) == {masked: 1}


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # wrong check digit
        "9111111111111111",  # no scheme's prefix
        "41111111111111111",  # a bare run that is too long: no part of it is a candidate
        "00004111111111111111",
        "411111111111",  # no Visa has twelve digits
        "4000000000000000006",  # nineteen digits, as a random identifier has: nothing says card
        "4111    1111    1111    1111",
        "2026-11-24T04:08:00.123456Z",
        "550e8400-e29b-41d4-a716-446655440000",
        "+49 30 1234567 ext 89",
        "411111******1111",
    ],
)
def test_what_is_no_card_number_stays(text: str) -> None:
    assert scan(json.dumps(text)) == json.dumps(text)


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("4111111111111111", '"411111******1111"'),
        ("-4111111111111111", '"411111******1111"'),
        ("4111111111111111.0", '"411111******1111"'),
        ("4111111111111111.99", "4111111111111111.99"),
        ("4.111111111111111e15", '"411111******1111"'),
        ("4111111111111111000e-3", '"411111******1111"'),
        ("0.4111111111111111E+16", '"411111******1111"'),
        ("4111111111111111e3", '"411111******1111"'),
        ("0.4111111111111111", "0.4111111111111111"),
        ("4111111111111112", "4111111111111112"),
        ("1764000000000", "1764000000000"),
        ("4.111111111111111e16", "4.111111111111111e16"),
    ],
)
def test_numbers_are_read_by_value_and_become_texts(value: str, masked: str) -> None:
    assert scan(value) == masked
    assert scan(f'{{"a":[{value}, 1]}}') == f'{{"a":[{masked}, 1]}}'


def test_escapes_hide_no_digits_and_those_around_stay_as_they_are() -> None:
    assert scan(r'"\u0034\u0031\u0031\u0031 1111\u00201111-1111"') == '"411111******1111"'
    assert scan(r'"\u00e9\n4111111111111111\/\"\ud83d\ude00"') == r'"\u00e9\n411111******1111\/\"\ud83d\ude00"'


@pytest.mark.parametrize(
    ("strategy", "masked"),
    [
        ("partial", '{"a":"x 411111******1111","b":["411111******1111"],"c":"411111******1111"}'),
        ("redact", '{"a":"x [REDACTED:PAN]","b":["[REDACTED:PAN]"],"c":"[REDACTED:PAN]"}'),
        ("drop", '{"b":["[REDACTED:PAN]"]}'),
    ],
)
def test_each_strategy_does_its_part(strategy: str, masked: str) -> None:
    pan = "4111111111111111"
    assert scan(f'{{"a":"x {pan}","b":[{pan}],"c":{pan}}}', strategy) == masked


def test_a_dropped_member_takes_its_masked_name_with_it() -> None:
    pan = "4111111111111111"
    assert scan(f'{{"a":1,"{pan}":"{pan}","b":2}}', "drop") == '{"a":1,"b":2}'
    assert scan(f'{{"{pan}":{pan},"b":2}}', "drop") == '{"b":2}'
    assert scan(f'{{"a":"x{pan}","{pan}":{pan}}}', "drop") == "{}"


def test_of_two_numbers_that_share_a_group_the_first_is_one() -> None:
    # 40000000 40000004 and 40000004 40000000 both are card numbers
    assert scan('"card 40000000 40000004 40000000"', "redact") == '"card [REDACTED:PAN] 40000000"'


def test_what_masking_leaves_never_reads_as_a_card_number_with_what_stands_beside_it() -> None:
    # of the first number 6759 stays: with the digits behind it that is a Maestro number, and is masked as well
    assert scan('"4111110000056759 6498 2643 8453"') == '"411111******675964******8453"'


def test_digits_behind_a_token_make_no_card_number_with_its_tail() -> None:
    token = "tok_k1_" + "a" * 28 + "4222"
    assert scan(f'"{token} 2222 2222 2220"') == f'"{token} 2222 2222 2220"'
    assert scan(f'"{token} 4111111111111111"') == f'"{token} 411111******1111"'
