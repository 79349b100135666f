"""What can be done to a class of data. A strategy or format that comes later is one line here and one arm in
kernel/src/strategy.rs."""

from types import MappingProxyType

from pipeline.errors import PanlockError

# The first is the default. Sensitive authentication data is never kept in any form (PCI DSS 3.3.1), so no token of it.
STRATEGIES = MappingProxyType(
    {
        "pan": ("token", "partial", "redact", "drop"),
        "sad": ("drop", "redact"),
    }
)


class StrategyError(PanlockError):
    """A strategy that the class of data does not allow."""


def strategy_of(class_: str, strategy: str | None) -> str:
    """The strategy of a field rule, or its class's default. Raises StrategyError."""
    allowed = STRATEGIES.get(class_)
    if allowed is None:
        raise StrategyError(f"class {class_!r} is unknown: use {' or '.join(STRATEGIES)}")
    if strategy is None:
        return allowed[0]
    if strategy not in allowed:
        raise StrategyError(f"strategy {strategy!r} is not for class {class_}: use {', '.join(allowed)}")
    return strategy
