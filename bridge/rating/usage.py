"""What a service used in one period: the only thing that rating a call changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Usage:
    """Counters from the start of the period. Rating moves them in order of the calls; whoever keeps them locks them."""

    consumed: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Seconds taken from each allowance, by its name (`allowance.py`)."""
    granted: Mapping[str, int] = field(default_factory=dict)
    """Allowances that are not as large as the package says, this period: prorated, pooled or carried over."""
    rolled_over: tuple[int, ...] = ()
    """Seconds that earlier periods left over, the oldest first."""
    tier_seconds: int = 0
    tier_micro: int = 0
    """What the calls of the tiers were charged so far."""

    def copy(self) -> Usage:
        return Usage(
            defaultdict(int, self.consumed), self.granted, self.rolled_over, self.tier_seconds, self.tier_micro
        )
