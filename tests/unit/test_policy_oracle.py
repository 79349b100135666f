"""Whoever writes card numbers and sees their tokens beside a truncation can try a million numbers (PCI DSS 3.5.1)."""

import pytest

from pipeline.policy import PolicyError, parse_policy
from tests.policy_text import POLICY

OTHER = """\
  chargebacks:
    producers: [refunds]
    consumers: [{consumer}]
    fields:
      - {{path: $.pan, class: pan, strategy: token, domain: {domain}}}
    scan: {{pan: {scan}}}
"""
DOMAINS = "token_domains: {cards: {key: k1}}\n"


@pytest.mark.parametrize("domain", ["default", "cards"])
@pytest.mark.parametrize("scan", ["partial", "redact"])
@pytest.mark.parametrize("consumer", ["checkout", "refunds"])
def test_no_principal_reads_any_clean_topic_whatever_its_flow_and_domain(domain: str, scan: str, consumer: str) -> None:
    text = POLICY + OTHER.format(consumer=consumer, domain=domain, scan=scan) + DOMAINS
    with pytest.raises(PolicyError) as raised:
        parse_policy(text, "p.yaml")
    (problem,) = raised.value.problems
    assert problem.field == "flows.chargebacks.consumers[0]"
    assert "a principal" in problem.what


def test_a_consumer_that_writes_nothing_may_read_tokens_beside_a_truncation() -> None:
    text = POLICY + OTHER.format(consumer="ledger", domain="cards", scan="partial") + DOMAINS
    assert parse_policy(text, "p.yaml").flows["chargebacks"].fields[0].domain == "cards"
