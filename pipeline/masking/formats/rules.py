"""Field rules that a format brings with it, because its fields are card data by their very numbers."""

from typing import NamedTuple


class StandingRule(NamedTuple):
    """As a policy's field rule; one of the policy's own that can name the same field takes its place."""

    path: str
    class_: str
    strategy: str | None
    domain: str = "default"
    fallback: str | None = None
    joined: bool = False
