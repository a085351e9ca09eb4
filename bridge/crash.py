"""Named places at which a proof kills the process. In production nothing listens and nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    CLAIM_BEFORE_COMMIT = "claim.before_commit"
    CLAIM_AFTER_COMMIT = "claim.after_commit"
    STEP_BEFORE = "step.before"
    STEP_AFTER = "step.after"
    RECORD_BEFORE_COMMIT = "record.before_commit"
    RECORD_AFTER_COMMIT = "record.after_commit"


Crash = Callable[[Point], None]


def never(point: Point) -> None:
    """Production's answer at every point."""
