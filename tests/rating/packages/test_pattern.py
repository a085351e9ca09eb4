"""Patterns that people write into a package, and what no number may be kept busy with."""

from __future__ import annotations

import re

import pytest

from bridge.rating.packages.pattern import check_replacement, compiled


@pytest.mark.parametrize(
    "pattern",
    [
        r"^9(\d{10})$",
        "13[0-9]{2}",
        "^0?1[38]00",
        "(44|0)?20",
        r"^\+?1",
        "[)+]+",
        r"\)+",
        "^(1300|1800)",
        r"^9\d*\d+\d{2,}$",
    ],
)
def test_an_ordinary_pattern_is_taken(pattern: str) -> None:
    assert compiled(pattern).pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        ("1" * 101, "is longer than 100 characters"),
        ("(1+)+", "repeats a group"),
        ("(1|11)*$", "repeats a group"),
        (r"(\d+){10}", "repeats a group"),
        (r"((\d))+", "repeats a group"),
        (r"(\d+)\1", "refers back to a group"),
        (r"(?P<a>\d+)(?P=a)", "refers back to a group"),
        (r"\d*\d*\d*\d*", "has more than 3 repeats of no fixed length"),
        (r"\d{1,9}\d{1,9}\d+\d?\d{2,}", "has more than 3 repeats of no fixed length"),
        ("[1", "is no regular expression"),
        ("*1", "is no regular expression"),
        ("1{99999999999}", "is no regular expression"),
    ],
)
def test_a_pattern_that_could_take_long_or_means_nothing_is_refused(pattern: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        compiled(pattern)


def test_digits_of_other_scripts_are_no_digits() -> None:
    assert compiled(r"\d+").search("٥") is None


@pytest.mark.parametrize("replacement", ["", "1", r"1\1", r"44\g<1>"])
def test_a_replacement_is_digits_and_groups(replacement: str) -> None:
    check_replacement(re.compile(r"^9(\d)"), replacement)


@pytest.mark.parametrize("replacement", [r"\2", r"\g<2>", r"\0", "$1", "+1", "a", "\\"])
def test_a_replacement_with_anything_else_is_refused(replacement: str) -> None:
    with pytest.raises(ValueError, match=r"may hold digits|its pattern has 1"):
        check_replacement(re.compile(r"^9(\d)"), replacement)
