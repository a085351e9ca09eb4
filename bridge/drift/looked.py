"""What a sweep looked at, and what it found. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bridge.drift.drift import Drift

BATCH = 100
"""So many services or tenants are looked at in one go."""


@dataclass(slots=True)
class Looked:
    """What was looked at, and what was found. Filled as the looking goes on."""

    drifts: list[Drift] = field(default_factory=list)
    services: set[int] = field(default_factory=set)
    """Compared with WHMCS's records."""
    own: set[int] = field(default_factory=set)
    """Looked through in our own tables."""
    tenants: set[int] = field(default_factory=set)
    """Compared with their PBX."""
    servers: set[int] = field(default_factory=set)
    """Whose tenants were listed."""
    generations: dict[int, int] = field(default_factory=dict)
    lives_in: dict[int, int] = field(default_factory=dict)
    """The tenant of each service."""
    dwellers: dict[int, frozenset[int]] = field(default_factory=dict)
    """The services of each tenant."""
    numbers: set[tuple[str, int]] = field(default_factory=set)
    """(public number, tenant) as wanted or seen."""
    products: dict[str, dict[str, Any]] | None = None
    """What WHMCS says of our products; None where it was not asked."""
    left: int = 0
    """Services and tenants that were left alone because something is under way."""
    skipped: list[tuple[int, str]] = field(default_factory=list)
    """Servers, or tenants of them, that could not be looked at, and why."""
