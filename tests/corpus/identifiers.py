"""Identifiers that are numbers: of orders, traces, devices, people, accounts."""

import random
from collections.abc import Callable
from typing import Final

from tests.corpus.networks import check_digit

Kinds = dict[str, tuple[Callable[[random.Random], str], str, str]]


def digits(chance: random.Random, length: int) -> str:
    """No zero in front: it is a number somewhere."""
    return str(chance.randrange(10 ** (length - 1), 10**length))


def any_digits(chance: random.Random, length: int) -> str:
    return "".join(chance.choices("0123456789", k=length))


def checked(body: str) -> str:
    return body + check_digit(body)


def id63(chance: random.Random) -> str:
    return str(chance.randrange(1 << 63))


def snowflake(chance: random.Random) -> str:
    """Milliseconds since 2010 or 2015 above 22 bits of worker and sequence."""
    since = chance.choice([1288834974657, 1420070400000])
    return str((1764000000000 + chance.randrange(-(10**10), 10**10) - since) << 22 | chance.randrange(1 << 22))


def order16(chance: random.Random) -> str:
    return digits(chance, 16)


def order_dated(chance: random.Random) -> str:
    return f"20{chance.randint(20, 27)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}{any_digits(chance, 8)}"


def imei(chance: random.Random) -> str:
    return checked(chance.choice(["35", "35", "35", "86", "01", "99"]) + any_digits(chance, 12))


def imeisv(chance: random.Random) -> str:
    return chance.choice(["35", "86"]) + any_digits(chance, 14)


def iccid(chance: random.Random) -> str:
    return checked("89" + any_digits(chance, chance.choice([16, 17])))


def imsi(chance: random.Random) -> str:
    return chance.choice(["310", "262", "208", "460", "405"]) + any_digits(chance, 12)


def chinese_id(chance: random.Random) -> str:
    born = f"{chance.randint(1950, 2005)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
    return f"{chance.choice([11, 31, 44, 51, 62, 65])}{any_digits(chance, 4)}{born}{any_digits(chance, 4)}"


def aadhaar(chance: random.Random) -> str:
    return f"{digits(chance, 4)} {any_digits(chance, 4)} {any_digits(chance, 4)}"


def cnpj(chance: random.Random) -> str:
    text = any_digits(chance, 8)
    return f"{text[:2]}.{text[2:5]}.{text[5:]}/0001-{any_digits(chance, 2)}"


def iban(chance: random.Random) -> str:
    country, bban = chance.choice(
        [
            ("DE", any_digits(chance, 18)),
            ("FR", any_digits(chance, 23)),
            ("ES", any_digits(chance, 20)),
            ("GB", "BARC" + any_digits(chance, 14)),
            ("NL", "INGB" + any_digits(chance, 10)),
            ("PL", any_digits(chance, 24)),
        ]
    )
    value = int("".join(str(int(mark, 36)) for mark in bban + country + "00"))
    text = f"{country}{98 - value % 97:02}{bban}"
    return text if chance.random() < 0.5 else " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def phone(chance: random.Random) -> str:
    a, b, c = any_digits(chance, 3), any_digits(chance, 3), any_digits(chance, 4)
    return chance.choice(
        [
            f"+1 ({a}) {b}-{c}",
            f"+49 {a} {b}{c}",
            f"+44 20 7{b} {c}",
            f"{a}-{b}-{c}",
            f"{a}.{b}.{c} x{b}",
            f"+33{a}{b}{c}",
            f"00{digits(chance, 2)} {a} {b} {c}",
            f"+{digits(chance, 2)}{a}{b}{c}",
            f"+{digits(chance, 2)}-{a}-{b}-{c}",
        ]
    )


def phones(chance: random.Random) -> str:
    return chance.choice([" ", " / ", ", ", "\n", "; "]).join(phone(chance) for _ in range(2))


def routing_and_account(chance: random.Random) -> str:
    return f"{any_digits(chance, 9)}{chance.choice([' ', '-', '/'])}{any_digits(chance, chance.choice([7, 8, 10, 12]))}"


def bare(lengths: list[int]) -> Callable[[random.Random], str]:
    return lambda chance: digits(chance, chance.choice(lengths))


def vin(chance: random.Random) -> str:
    return "".join(chance.choices("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", k=11)) + any_digits(chance, 6)


def numbers_in_a_row(chance: random.Random) -> str:
    """A line of a table or a log: numbers that have nothing to do with each other."""
    return chance.choice([" ", "  ", "\t"]).join(digits(chance, chance.choice([3, 4, 4, 5])) for _ in range(6))


ORDERS: Final = "order_id orderId orderNumber transaction_id txnId invoice_no"
STRINGS: Kinds = {
    "id-63-bit": (id63, "id trace_id user_id requestId eventId", "id {} stored|request id: {}"),
    "snowflake": (snowflake, "id snowflake tweet_id messageId", "message id {}"),
    "order-16-digits": (order16, ORDERS, "order {} shipped|Order no. {}|transaction id {}"),
    "order-dated": (order_dated, ORDERS, "order {} shipped|invoice {}"),
    "number-17-digits": (bare([17]), "id reference sequence trackingId", "reference {}"),
    "imei": (imei, "imei IMEI deviceImei device_id", "IMEI {}|imei: {}"),
    "imeisv": (imeisv, "imeisv deviceId", "IMEISV {}"),
    "iccid": (iccid, "iccid sim simNumber", "ICCID {}"),
    "imsi": (imsi, "imsi subscriber_id", "IMSI {}"),
    "national-id-18": (chinese_id, "national_id idNumber", "ID number {}"),
    "aadhaar": (aadhaar, "aadhaar uid", "Aadhaar {}"),
    "cnpj": (cnpj, "cnpj tax_id", "CNPJ {}"),
    "iban": (iban, "iban IBAN creditorIban", "IBAN {}|to {} please"),
    "phone": (phone, "phone phoneNumber mobile fax tel", "call {}|tel. {}|fax {}"),
    "phones": (phones, "phones contact", "call {}"),
    "routing-account": (routing_and_account, "bank routing", "routing and account {}"),
    "bank-account": (bare([8, 9, 10, 11, 12]), "bank_account accountNo iban_bban", "bank account {}"),
    "clabe": (bare([18]), "clabe", "CLABE {}"),
    "vin": (vin, "vin vehicle", "VIN {}"),
    "card-id": (
        bare([10, 12, 13, 16, 19]),
        "card_id cardReference card_token_id cardCreatedAt",
        "card id {}|card ref {}",
    ),
    "ssn": (lambda chance: f"{any_digits(chance, 3)}-{any_digits(chance, 2)}-{any_digits(chance, 4)}", "ssn", "SSN {}"),
    "numbers-in-a-row": (numbers_in_a_row, "row samples counts", "counts: {}"),
}
NUMBERS: Kinds = {
    "id-63-bit-integer": (id63, "id trace_id user_id requestId eventId", ""),
    "snowflake-integer": (snowflake, "id snowflake messageId", ""),
    "order-16-digits-integer": (order16, ORDERS, ""),
    "imei-integer": (lambda chance: imei(chance).lstrip("0"), "imei device_id", ""),
    "number-13-digits-integer": (bare([13]), "id sequence offset", ""),
}
