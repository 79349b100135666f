"""docs/policy.md tells of every key, of no other, and its example is a policy."""

import re
from pathlib import Path

import pytest

from pipeline.policy import parse_policy
from pipeline.policy.models import (
    Audit,
    BreakGlass,
    Clean,
    Csv,
    FieldRule,
    Flow,
    HoldRule,
    Issuer,
    Oidc,
    Part,
    Person,
    Policy,
    PolicyApprovers,
    Principal,
    Recording,
    Roles,
    Scan,
    Spec,
    TokenDomain,
)

TEXT = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
PARTS = {
    "The file": Policy,
    "A principal": Principal,
    "An OIDC client": Oidc,
    "A person": Person,
    "An issuer": Issuer,
    "Roles on the broker": Roles,
    "Audit keys": Audit,
    "Policy approvers": PolicyApprovers,
    "Break-glass": BreakGlass,
    "Token domain": TokenDomain,
    "A flow": Flow,
    "Spec": Spec,
    "Clean topic": Clean,
    "Recording": Recording,
    "CSV": Csv,
    "Field rule": FieldRule,
    "Scan": Scan,
    "Hold rule": HoldRule,
}


def rows(title: str) -> dict[str, str]:
    """Key → default, as the section's table has them."""
    section = re.split(r"^#+ ", TEXT.split(f"# {title}\n", 1)[1], flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \|", section, re.MULTILINE))


@pytest.mark.parametrize("title", PARTS)
def test_every_key_is_told_and_no_other(title: str) -> None:
    part: type[Part] = PARTS[title]
    assert set(rows(title)) == {field.alias or name for name, field in part.model_fields.items()}


@pytest.mark.parametrize("title", PARTS)
def test_what_is_required_is_told_as_such(title: str) -> None:
    part: type[Part] = PARTS[title]
    required = {field.alias or name for name, field in part.model_fields.items() if field.is_required()}
    assert {key for key, default in rows(title).items() if default == "required"} == required


def test_the_example_is_a_policy() -> None:
    example = TEXT.split("```yaml\n")[1].split("```")[0]
    assert parse_policy(example, "docs/policy.md").flows["payments"].hold[0].quorum == 2
