"""The life of a delivery: one notice through one channel. Pure.

due ──claimed──> sending ──taken──> sent
 ^                  │
 │<── not yet ──────┤ nothing was sent; or it was, and the channel may repeat
 │                  ├──> failed     refused, switched off, or tried too often
 │                  └──> unknown    sent, and the answer was lost, by a channel that may not repeat

The intent is written down before anything is sent: who finds a delivery `sending` whose lease is over knows that it may
have gone out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.errors import BridgeError, NotPrepared, OutcomeUnknown, Refused


class Unwanted(Refused):
    """The receiver wants no more of this: the channel is switched off."""


class State(StrEnum):
    DUE = "due"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (0, 5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""Before the first attempt, the second, and so on; after the last there is none."""


@dataclass(frozen=True, slots=True)
class Delivery:
    id: int
    notice_id: int
    department: str
    """Whose channel it is."""
    channel: str
    webhook_id: str
    state: State
    attempts: int
    due_at: datetime
    epoch: int = 0
    cause: str | None = None
    sent_at: datetime | None = None

    @property
    def way(self) -> str:
        return f"{self.department}/{self.channel}"


def sent(delivery: Delivery, *, now: datetime, remark: str | None = None) -> Delivery:
    return replace(delivery, state=State.SENT, attempts=delivery.attempts + 1, sent_at=now, cause=remark)


def after_trouble(delivery: Delivery, trouble: BridgeError, *, may_repeat: bool, now: datetime) -> Delivery:
    """What an attempt that went wrong leads to."""
    tried = replace(delivery, attempts=delivery.attempts + 1, cause=str(trouble)[:500])
    if isinstance(trouble, Unwanted):
        return replace(tried, state=State.FAILED)
    if not may_repeat and isinstance(trouble, OutcomeUnknown):
        return replace(tried, state=State.UNKNOWN)
    if not may_repeat and isinstance(trouble, Refused) and not isinstance(trouble, NotPrepared):
        return replace(tried, state=State.FAILED)
    if tried.attempts >= len(WAITS):
        return replace(tried, state=State.FAILED)
    return replace(tried, state=State.DUE, due_at=now + WAITS[tried.attempts])


def found_begun(delivery: Delivery, *, may_repeat: bool) -> Delivery | None:
    """What becomes of one whose sender went away while sending; None: it is simply sent again."""
    if may_repeat:
        return None
    gone = "its sender went away while it was being sent; it may have gone out or not"
    return replace(delivery, state=State.UNKNOWN, attempts=delivery.attempts + 1, cause=gone)


def given_up(delivery: Delivery, why: str) -> Delivery:
    return replace(delivery, state=State.FAILED, cause=why[:500])
