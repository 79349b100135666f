"""Card numbers that no issuer gave out: random digits under a network's published ranges, with their check digit.

Ranges: the networks' own publications as of November 2026, kept apart from kernel/data/iin.tsv on purpose: a range that
is missing there is to be noticed here.
"""

import random
from typing import NamedTuple


class Network(NamedTuple):
    """`ranges`: first and last prefix, of equal length; `lengths`: digits in all, the usual one repeated."""

    name: str
    ranges: tuple[tuple[str, str], ...]
    lengths: tuple[int, ...]


NETWORKS = (
    Network("visa", (("4", "4"),), (16, 16, 16, 16, 16, 16, 16, 16, 13, 19)),
    Network("mastercard", (("51", "55"), ("2221", "2720")), (16,)),
    Network("amex", (("34", "34"), ("37", "37")), (15,)),
    Network("discover", (("6011", "6011"), ("622126", "622925"), ("644", "649"), ("65", "65")), (16,) * 9 + (19,)),
    Network("diners", (("300", "305"), ("36", "36"), ("38", "39")), (14, 14, 14, 16)),
    Network("jcb", (("3528", "3589"),), (16,) * 9 + (19,)),
    Network("unionpay", (("62", "62"),), (16, 16, 16, 17, 18, 19, 19)),
    Network(
        "maestro",
        (
            ("5018", "5018"),
            ("5020", "5020"),
            ("5038", "5038"),
            ("5893", "5893"),
            ("6304", "6304"),
            ("6759", "6759"),
            ("6761", "6763"),
        ),
        (16, 16, 16, 16, 18, 19, 12, 13, 14, 15),
    ),
    Network("mir", (("2200", "2204"),), (16, 16, 16, 19)),
    Network("rupay", (("60", "60"), ("65", "65"), ("81", "82"), ("508", "508")), (16,)),
    Network(
        "elo",
        (
            ("401178", "401179"),
            ("431274", "431274"),
            ("438935", "438935"),
            ("504175", "504175"),
            ("506699", "506778"),
            ("509000", "509999"),
            ("627780", "627780"),
            ("636297", "636297"),
            ("636368", "636368"),
            ("650031", "650033"),
            ("650405", "650439"),
            ("650901", "650978"),
            ("651652", "651679"),
            ("655000", "655019"),
        ),
        (16,),
    ),
    Network("troy", (("9792", "9792"), ("65", "65")), (16,)),
    Network("verve", (("506099", "506198"), ("507865", "507964"), ("650002", "650027")), (16, 16, 18, 19)),
    Network("uatp", (("1", "1"),), (15,)),
)


class Card(NamedTuple):
    network: str
    digits: str


def card(chance: random.Random, network: Network) -> Card:
    low, high = chance.choice(network.ranges)
    prefix = str(chance.randint(int(low), int(high))).zfill(len(low))
    length = chance.choice(network.lengths)
    body = prefix + "".join(chance.choices("0123456789", k=length - 1 - len(prefix)))
    return Card(network.name, body + check_digit(body))


def check_digit(body: str) -> str:
    """Luhn (ISO/IEC 7812-1 annex B) over the digits before it."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body)))
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)
