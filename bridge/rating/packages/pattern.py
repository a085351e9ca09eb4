"""Regular expressions that people write into a package: short, and of a shape that no number can keep busy for long."""

from __future__ import annotations

import re

LENGTH_MAX = 100
VARIABLE_MAX = 3
"""Repeats of no fixed length; each multiplies the work by the length of the number."""

_REPLACEMENT = re.compile(r"([0-9]|\\[1-9]|\\g<[1-9]>)*")
_PARTS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\)?(?:[*+?]|\{[0-9,]*\})|.", re.DOTALL)


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, ready. A ValueError names the rule it breaks."""
    if len(pattern) > LENGTH_MAX:
        raise ValueError(f"is longer than {LENGTH_MAX} characters")
    parts = _PARTS.findall(pattern)
    if any(part.startswith(")") and part not in (")", ")?") for part in parts):
        raise ValueError("repeats a group; repeat single characters, such as \\d{10}")
    if any(re.fullmatch(r"\\[1-9]", part) for part in parts) or "(?P=" in pattern:
        raise ValueError("refers back to a group; only what it is replaced with may")
    if sum(_is_variable(part) for part in parts) > VARIABLE_MAX:
        raise ValueError(f"has more than {VARIABLE_MAX} repeats of no fixed length")
    try:
        return re.compile(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from None


def check_replacement(pattern: re.Pattern[str], replacement: str) -> None:
    """What a match is replaced with: digits, and \\1 to \\9 for its groups."""
    if not _REPLACEMENT.fullmatch(replacement):
        raise ValueError("may hold digits, and \\1 to \\9 for the groups of its pattern")
    groups = [int(group) for group in re.findall(r"\\(?:g<)?([1-9])", replacement)]
    if groups and max(groups) > pattern.groups:
        raise ValueError(f"refers to group {max(groups)}, and its pattern has {pattern.groups}")


def _is_variable(part: str) -> bool:
    return part in ("*", "+") or (part.startswith("{") and "," in part)
