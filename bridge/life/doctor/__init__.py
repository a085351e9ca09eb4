"""Doctor: every check with what was found, why it matters and how to mend it.

A check is a function in one of the files beside this one, and a line in that file's list. It is handed a `Patient`,
reads, and says what it found; it writes nothing. What breaks in a check, or takes too long, is a failure of that check
and of no other. A check whose ground is missing is skipped, so that the first red line is the one to mend.

    host.py       settings, files, disk, what listens
    data.py       the bridge's database
    billing.py    WHMCS: its API, its records, the addon
    work.py       keys, servers, people, and whether anything waits too long
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.life.doctor import billing, data, host, work
from bridge.life.doctor.check import Check, Result, examined
from bridge.life.doctor.patient import Patient

SECONDS_MAX = 15.0
"""So long may one check take."""


def checks() -> tuple[Check, ...]:
    return (*host.CHECKS, *data.CHECKS, *billing.CHECKS, *work.CHECKS)


def examine(
    patient: Patient,
    asked: Sequence[Check] | None = None,
    *,
    seconds: float = SECONDS_MAX,
    tell: Callable[[str], object] = lambda name: None,
) -> list[Result]:
    """Every result, in order. `tell` hears which check comes next."""
    results: list[Result] = []
    unwell: set[str] = set()
    for check in checks() if asked is None else asked:
        tell(check.name)
        found = examined(check, patient, unwell, seconds)
        if any(each.status in ("fail", "skip") for each in found):
            unwell.add(check.name)
        results += found
    return results


def is_well(results: Sequence[Result]) -> bool:
    """Whether nothing failed. A warning is for a person and stops nothing."""
    return all(each.status != "fail" for each in results)
