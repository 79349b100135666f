"""When two paths can name the same field of some document."""

import pytest

from pipeline.policy.checks.fields import meet

MEET = [
    ("$.a.b", "$.a.b"),
    ("$.a.b", "$[\"a\"]['b']"),
    ("$..b", "$.a.b"),
    ("$..b", "$..b"),
    ("$..b", '$..["b"]'),
    ("$..a.b", "$.c..b"),
    ("$.x.y..n", "$..y.n"),
    ("$.x.y..n", "$..b.n"),
    ("$.a[*].c", "$..c"),
    ("$.a[*]..c", "$.a[*].b[*].c"),
    ("$['a.b']", '$["a.b"]'),
    ('$["a\\"b"]', "$['a\"b']"),
]
APART = [
    ("$.a", "$.b"),
    ("$.a", "$.a.a"),
    ("$.a.b", "$['a.b']"),
    ("$.a[*]", "$.a"),
    ("$.a[*].c", "$.a.b.c"),
    ("$['[*]']", "$[*]"),
    ("$['..']", "$..x"),
    ("$..a", "$..b"),
    ("$..a.b", "$..c.b"),
    ("$", "$..a"),
]


@pytest.mark.parametrize(("one", "other"), MEET)
def test_paths_that_meet(one: str, other: str) -> None:
    assert meet(one, other)
    assert meet(other, one)


@pytest.mark.parametrize(("one", "other"), APART)
def test_paths_that_never_meet(one: str, other: str) -> None:
    assert not meet(one, other)
    assert not meet(other, one)


def test_long_paths_are_compared_without_running_out_of_stack() -> None:
    assert meet("$" + "..a" * 300, "$" + ".a" * 500)
    assert not meet("$" + "..a" * 300, "$" + ".a" * 299)
