"""What a strategy is. The bytes it leaves are made in the kernel (kernel/src/strategy.rs)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Strategy:
    """`leaves`: what stands in the value's place, for people. `classes`: those that it is for.

    `keyed`: it works under the key of a token domain. `keeps`: cardholder data remains, in another form (PCI DSS).
    """

    name: str
    leaves: str
    classes: frozenset[str]
    keyed: bool = False
    keeps: bool = False
