"""A keyed one-way token, the same for every spelling of the same number in one token domain.

Not for expiry dates, service codes and parts of a number: there are so few of each that whoever sees a token beside a
value once knows all that carry it.
"""

from pipeline.masking.strategies.strategy import Strategy

TOKEN = Strategy(
    name="token",
    leaves="tok_<key id>_<32 characters>",
    classes=frozenset({"pan", "name", "iban"}),
    keyed=True,
)
