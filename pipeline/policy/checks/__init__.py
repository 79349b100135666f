"""What can be wrong between the values of a policy; each check reads the document, however much else is wrong in it."""

from collections.abc import Callable, Iterator

from pipeline.policy.checks.audit import check_witnesses
from pipeline.policy.checks.certificates import check_certificates
from pipeline.policy.checks.domains import check_domains, check_rotations
from pipeline.policy.checks.fields import check_fields
from pipeline.policy.checks.flows import (
    check_authorities,
    check_clean_topics,
    check_producers,
    check_retention,
    check_sealed,
)
from pipeline.policy.checks.holds import (
    check_approvers,
    check_issuers,
    check_policy_approvers,
    check_requesters,
    check_rule_ids,
)
from pipeline.policy.checks.people import check_break_glass, check_keys, check_owners
from pipeline.policy.checks.principals import check_clients, check_denied, check_identities, check_spiffe
from pipeline.policy.checks.recordings import check_replays, check_reveals
from pipeline.policy.checks.strategies import check_strategies
from pipeline.policy.document import Cursor
from pipeline.policy.problems import Problem

Check = Callable[[Cursor], Iterator[Problem]]

CHECKS: tuple[Check, ...] = (
    check_producers,
    check_clean_topics,
    check_retention,
    check_sealed,
    check_authorities,
    check_strategies,
    check_domains,
    check_rotations,
    check_fields,
    check_rule_ids,
    check_approvers,
    check_policy_approvers,
    check_issuers,
    check_requesters,
    check_certificates,
    check_keys,
    check_witnesses,
    check_owners,
    check_break_glass,
    check_identities,
    check_spiffe,
    check_clients,
    check_denied,
    check_replays,
    check_reveals,
)
