"""The card numbers and CVVs of the demo: the networks' own test numbers, which no bank has issued.

The CVVs lie between 700 and 999 (four digits for American Express) so that no offset or sequence number of a run, which
stay in the hundreds, is one of them: see deploy.demo.search for why that matters.
"""

from typing import NamedTuple


class Card(NamedTuple):
    network: str
    number: str
    cvv: str


CARDS = (
    Card("Visa", "4111111111111111", "737"),
    Card("Mastercard", "5555555555554444", "829"),
    Card("American Express", "378282246310005", "7391"),
    Card("Discover", "6011111111111117", "964"),
    Card("JCB", "3530111333300000", "783"),
    Card("Diners Club", "30569309025904", "918"),
    Card("Maestro", "6759649826438453", "872"),
    Card("UnionPay", "6200000000000005", "946"),
)


def spaced(number: str, separator: str = " ") -> str:
    """In fours, as people write it."""
    return separator.join(number[at : at + 4] for at in range(0, len(number), 4))
