"""The first and last characters, stars between them: truncation as PCI DSS FAQ 1091 bounds it, in one form for all
flows of a policy (`truncation`), for two forms of one number would complete each other."""

from pipeline.masking.strategies.strategy import Strategy

PARTIAL = Strategy(
    name="partial",
    leaves="the first six and last four digits; of an IBAN the country and the last four characters",
    classes=frozenset({"pan", "iban", "pan-part"}),
)
