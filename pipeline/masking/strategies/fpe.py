"""Format-preserving encryption (FF1): a number of the same length and BIN that is never a valid card number.

Whoever has the key reads it: it remains cardholder data.
"""

from pipeline.masking.strategies.strategy import Strategy

FPE = Strategy(
    name="fpe",
    leaves="a number of the same length with the same first six digits, which fails the check digit",
    classes=frozenset({"pan"}),
    keyed=True,
    keeps=True,
)
