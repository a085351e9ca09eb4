"""The periodic jobs of this bridge, beside the keeper's own: each room that has one is named here."""

from __future__ import annotations

from bridge.app import Bridge
from bridge.keeper import Job
from bridge.webhooks import Receive


def periodic_jobs(bridge: Bridge) -> tuple[Job, ...]:
    return ()


def notice_for(bridge: Bridge) -> Receive | None:
    """What a notice from WHMCS sets off."""
    return None
