"""The periodic jobs of this bridge, beside the keeper's own: each room that has one is named here."""

from __future__ import annotations

from typing import Any

from bridge import leftover, rotation
from bridge.app import Bridge
from bridge.keeper import Job
from bridge.people import notices


def periodic_jobs(bridge: Bridge) -> tuple[Job, ...]:
    return (
        Job("escalate", 60, _escalate),
        Job("digest", 300, _digest),
        Job("clear_leftovers", 3600, leftover.clear_due),
        Job("reseal", 60, rotation.reseal),
    )


def _escalate(bridge: Bridge) -> dict[str, Any] | None:
    return {"escalated": notices.escalate(bridge)}


def _digest(bridge: Bridge) -> dict[str, Any] | None:
    return {"notice_id": notices.digest(bridge)}
