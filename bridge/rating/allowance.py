"""Free time of a period: which calls it covers, in which order, and what becomes of it when the period ends.

A call is billed first and covered then, so that covered + charged = billed, always. The narrower allowance goes first:
a country bundle, then what earlier periods left over, then the package's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bridge.rating.packages.package import Bundle, Package
from bridge.rating.price import rounded
from bridge.rating.usage import Usage

INCLUDED = "included"
ROLLED_OVER = "rolled over"
CONFERENCE = "conference"


class Allowance(NamedTuple):
    name: str
    seconds: int | None
    """None has no end."""


class Covered(NamedTuple):
    """What an allowance did for one call."""

    allowance: str
    of: int | None
    before: int
    """Seconds that calls had taken from it before this one."""
    seconds: int
    """Billed seconds of this call that it covers."""
    consumed: int
    """What it gave for them: the same, or where the package counts actual seconds at most those."""


def bundle_name(bundle: Bundle) -> str:
    """The same for every version of a package, so that a change inside a period forgets nothing (F-26)."""
    return f"bundle {' '.join(bundle.prefixes)}"


def included_in(package: Package) -> tuple[Allowance, ...]:
    """The package's own time. Without bound it may have a bound of fair use."""
    if package.included_seconds is None:
        return (Allowance(INCLUDED, package.fair_use_seconds),)
    included = Allowance(INCLUDED, package.included_seconds)
    return (Allowance(ROLLED_OVER, 0), included) if package.rollover_periods else (included,)


def cover(allowances: Iterable[Allowance], usage: Usage, *, billed: int, spoken: int | None) -> tuple[Covered, ...]:
    """What covers a call, nothing taken yet. `spoken`: where actual seconds are counted, how many there were."""
    covered: list[Covered] = []
    for allowance in allowances:
        if billed == 0:
            break
        size = size_of(allowance, usage)
        before = usage.consumed.get(allowance.name, 0)
        left = None if size is None else max(0, size - before)
        if left == 0:
            continue
        needed = billed if spoken is None else min(billed, spoken)
        if left is None or needed <= left:
            seconds, consumed = billed, needed
        else:
            seconds = consumed = left
        covered.append(Covered(allowance.name, size, before, seconds, consumed))
        billed -= seconds
        spoken = None if spoken is None else max(0, spoken - consumed)
    return tuple(covered)


def consume(usage: Usage, covered: Iterable[Covered]) -> None:
    for part in covered:
        usage.consumed[part.allowance] += part.consumed


def size_of(allowance: Allowance, usage: Usage) -> int | None:
    if allowance.name == ROLLED_OVER:
        return sum(usage.rolled_over)
    granted = usage.granted.get(allowance.name)
    return allowance.seconds if granted is None else granted


def prorated(seconds: int, *, days: int, of_days: int) -> int:
    """The share of an allowance that some days of a period get."""
    return rounded(seconds * days, of_days)


def rolled_over(package: Package, usage: Usage) -> tuple[int, ...]:
    """What a period leaves to the next one, the oldest first; it expires after so many periods."""
    if package.included_seconds is None or package.rollover_periods == 0:
        return ()
    taken = usage.consumed.get(ROLLED_OVER, 0)
    left = []
    for seconds in usage.rolled_over:
        used = min(seconds, taken)
        taken -= used
        left.append(seconds - used)
    own = usage.granted.get(INCLUDED, package.included_seconds)
    left.append(max(0, own - usage.consumed.get(INCLUDED, 0)))
    return tuple(left[-package.rollover_periods :])
