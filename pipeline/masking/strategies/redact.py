"""A label in the value's place, the same for all values of a class."""

from pipeline.masking.strategies.strategy import Strategy

REDACT = Strategy(
    name="redact",
    leaves="a label, as [REDACTED:PAN]",
    classes=frozenset({"pan", "sad", "expiry", "name", "iban", "service-code", "pan-part"}),
)
