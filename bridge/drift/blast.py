"""How many services one sweep or bulk action may touch before a person has to look (F-6). Pure.

    services there are      more than this many stop
    fewer than 40           half of them
    40 and more             20, or 2 in a hundred where that is more

Both figures are settings; 40 is twice the first. What stops does so before the first change, as one batch with one
fingerprint. A person who has seen the preview releases exactly that batch by naming its fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

PREVIEW_MAX = 20


@dataclass(frozen=True, slots=True)
class Limit:
    services: int = 20
    percent: int = 2

    def most(self, active: int) -> int:
        """The most services that may be touched without asking."""
        if active < 2 * self.services:
            return active // 2
        return max(self.services, active * self.percent // 100)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a bulk action would do."""

    action: str
    services: frozenset[int]
    what: str
    """To what, in words for the preview."""
    token: str = ""
    """What else tells this change from another of the same kind to the same services."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A batch that waits for a person."""

    fingerprint: str
    services: int
    most: int
    active: int
    actions: tuple[tuple[str, int], ...]
    preview: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "services": self.services,
            "most": self.most,
            "active": self.active,
            "actions": dict(self.actions),
            "preview": list(self.preview),
        }

    @property
    def told(self) -> str:
        counts = ", ".join(f"{count} x {action}" for action, count in self.actions)
        return f"{self.services} services would be touched where {self.most} of {self.active} may be: {counts}."


def stopped_by(
    changes: Iterable[Change],
    *,
    active: int,
    limit: Limit,
    before: Collection[int] = (),
    released: str | None = None,
) -> Stopped | None:
    """Why this batch may not begin, or None. `before`: services that were touched already and count with it."""
    batch = list(changes)
    touched = frozenset().union(*(each.services for each in batch))
    if not touched or len(touched.union(before)) <= limit.most(active) or is_named(batch, released):
        return None
    actions = Counter(each.action for each in batch)
    return Stopped(
        fingerprint=fingerprint_of(batch),
        services=len(touched.union(before)),
        most=limit.most(active),
        active=active,
        actions=tuple(sorted(actions.items())),
        preview=tuple(f"{each.action}: {each.what}" for each in batch[:PREVIEW_MAX]),
    )


def is_named(batch: Collection[Change], fingerprint: str | None) -> bool:
    """Whether a person who released something meant this."""
    return bool(batch) and fingerprint == fingerprint_of(batch)


def unreleased(fingerprint: str | None, *batches: Collection[Change]) -> str | None:
    """Why a fingerprint that was named released nothing."""
    if fingerprint is None or any(is_named(each, fingerprint) for each in batches):
        return None
    return f"no batch with the fingerprint {fingerprint} is held, so nothing was released"


def fingerprint_of(changes: Iterable[Change]) -> str:
    """The same for the same changes in any order, and for no others."""
    content = sorted([each.action, sorted(each.services), each.token] for each in changes)
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:16]
