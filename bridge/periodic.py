"""The periodic jobs of this bridge, beside the keeper's own: each room that has one is named here."""

from __future__ import annotations

from typing import Any

from bridge import notices, sweep
from bridge.app import Bridge
from bridge.keeper import Job
from bridge.webhooks import Receive


def periodic_jobs(bridge: Bridge) -> tuple[Job, ...]:
    return (
        Job("escalate", 60, _escalate),
        Job("digest", 300, _digest),
    )


def notice_for(bridge: Bridge) -> Receive:
    """What a notice from WHMCS sets off: a look at its service soon, or at everything."""
    return lambda notice: sweep.notice(bridge, notice.service_id)


def _escalate(bridge: Bridge) -> dict[str, Any] | None:
    return {"escalated": notices.escalate(bridge)}


def _digest(bridge: Bridge) -> dict[str, Any] | None:
    return {"notice_id": notices.digest(bridge)}
