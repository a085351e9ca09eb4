"""What a conference costs: the time of everybody in the room, whoever they are, and a fee for the room.

Each participant's time is billed for itself, so that who stays a second longer starts a step of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.rating.allowance import CONFERENCE, Allowance, Covered, consume, cover
from bridge.rating.amount import Part, exact, micro_of, sixtieths
from bridge.rating.call import CallClass
from bridge.rating.charge import Charge
from bridge.rating.explanation import heading, outcome, reckoning
from bridge.rating.level import Pricing, Source
from bridge.rating.rate import Increments
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage


@dataclass(frozen=True, slots=True)
class Session:
    """From the first who joins to the last who leaves."""

    id: str
    start: datetime
    participants: tuple[int, ...]
    """How many seconds each of them stayed."""


@dataclass(frozen=True, slots=True)
class ConferenceExplanation:
    session: Session
    terms: Terms
    cls: CallClass
    pricing: Pricing | None = None
    billed: int = 0
    covered: tuple[Covered, ...] = ()
    parts: tuple[Part, ...] = ()
    amount: int = 0
    micro: int = 0
    note: str = ""

    def document(self) -> dict[str, Any]:
        found = {
            **heading(self.terms),
            "conference": {
                "id": self.session.id,
                "at": self.session.start.astimezone(UTC).isoformat(),
                "participants": len(self.session.participants),
            },
            "class": self.cls.value,
            "note": self.note,
        }
        if self.pricing is not None:
            answered = [*self.session.participants]
            found |= reckoning(self.pricing, answered, self.billed, 0, self.covered, self.parts, self.amount)
        return found | outcome(self.terms, self.micro)


def rate_conference(session: Session, terms: Terms, usage: Usage) -> Charge:
    """Rate a session as the next of its period."""
    room = terms.package.conference
    if room is None:
        return _free(session, terms, "conferences are not billed")
    if len(session.participants) < room.participants_min:
        return _free(session, terms, f"fewer than {room.participants_min} participants")

    steps = Increments(room.step_seconds, room.step_seconds)
    pricing = Pricing(Source.PACKAGE, "", exact(room.price), steps, setup=exact(room.per_session))
    billed = sum(map(steps.billed, session.participants))
    covered = cover((Allowance(CONFERENCE, room.free_seconds),), usage, billed=billed, spoken=None)
    free = sum(part.seconds for part in covered)
    parts = (Part(billed - free, pricing.minute),) if billed > free else ()
    amount = sixtieths(parts, setup=pricing.setup) if parts else 0
    micro = micro_of(amount, terms.package.cost_decimals)

    consume(usage, covered)
    explanation = ConferenceExplanation(
        session, terms, CallClass.BILLABLE, pricing, billed, covered, parts, amount, micro
    )
    return Charge(
        session.id, CallClass.BILLABLE, "", Source.PACKAGE, "", pricing.minute, billed, free, micro, "", explanation
    )


def _free(session: Session, terms: Terms, note: str) -> Charge:
    explanation = ConferenceExplanation(session, terms, CallClass.FREE, note=note)
    return Charge(session.id, CallClass.FREE, "", None, "", None, 0, 0, 0, note, explanation)
