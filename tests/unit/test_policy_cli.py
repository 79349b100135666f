"""`panlock policy` in a process: data to stdout, messages to stderr, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

from pipeline.policy import parse_policy
from pipeline.policy.explain import explain
from tests import changing
from tests.policy_text import POLICY


def panlock(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "cli.app", *arguments], capture_output=True, text=True, timeout=60)


def test_a_good_policy_gets_its_summary_and_the_notice_of_clear_quarantine(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    done = panlock("policy", "check", str(file))
    assert done.returncode == 0
    assert "large-refund" in done.stdout
    assert "ana@pay.example, cy@pay.example" in done.stdout
    assert "is fine: 9 topics, 8 lanes" in done.stderr
    assert "PCI DSS 3.5.1, 3.5.1.2): quarantine.payments.checkout, quarantine.payments.refunds" in done.stderr
    summary = json.loads(panlock("policy", "check", str(file), "--json").stdout)
    assert summary["ok"] is True
    assert summary["flows"]["payments"]["hold"] == [
        {"id": "large-refund", "quorum": 2, "approvers": ["ana@pay.example", "cy@pay.example"], "expires": "4h"}
    ]


def test_a_bad_policy_exits_with_2_and_every_problem_on_stderr(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace("lanes: 8", "lanes: 0").replace("expires: 4h", "expires: 4"))
    done = panlock("policy", "check", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split(" ")[1] for line in done.stderr.splitlines()] == ["lanes:", "flows.payments.hold[0].expires:"]
    told = panlock("policy", "check", str(file), "--json")
    assert told.returncode == 2
    found = json.loads(told.stdout)
    assert found["ok"] is False
    assert [problem["field"] for problem in found["problems"]] == ["lanes", "flows.payments.hold[0].expires"]
    assert all(problem["remedy"] for problem in found["problems"])


def test_a_policy_that_is_not_there_exits_with_2(tmp_path: Path) -> None:
    done = panlock("policy", "check", str(tmp_path / "none.yaml"))
    assert done.returncode == 2
    assert "cannot be read: No such file or directory" in done.stderr


def test_the_schema_is_json_and_knows_the_keys_as_the_file_writes_them() -> None:
    schema = json.loads(panlock("policy", "schema").stdout)
    assert "class" in schema["$defs"]["FieldRule"]["properties"]
    assert schema["$defs"]["HoldRule"]["properties"]["expires"]["type"] == "string"


def test_where_nobody_approves_the_policy_check_says_so(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    assert "no policy_approvers: workers run any policy" in panlock("policy", "check", str(file)).stderr
    file.write_text(changing.POLICY)
    told = panlock("policy", "check", str(file)).stderr
    assert "its author and 2 other people of: ana@pay.example, ben@pay.example" in told


def test_a_policy_is_told_in_sentences(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    told = panlock("policy", "explain", str(file)).stdout
    for sentence in (
        "payments: written by checkout (whom the broker's ACL attests), refunds",
        "$.card.number (pan) becomes a token",
        "$.card.cvv (sad) is removed.",
        "keeps its first six and last four digits",
        "waits up to 4h for 2 of: ana@pay.example, cy@pay.example",
        "nobody else is asked",
    ):
        assert sentence in told


def test_explaining_tells_who_changes_the_policy() -> None:
    told = "\n".join(explain(parse_policy(changing.POLICY, "p")))
    assert "changed by its author and 2 others of: ana@pay.example" in told
