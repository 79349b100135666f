"""policy.yaml → Policy: the one source of topics, ACLs, masking, holds and retention."""

from pipeline.policy.load import load_policy, parse_policy
from pipeline.policy.models import Policy
from pipeline.policy.problems import PolicyError, Problem

__all__ = ["Policy", "PolicyError", "Problem", "load_policy", "parse_policy"]
