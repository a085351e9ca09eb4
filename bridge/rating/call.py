"""A call as it is rated: who called whom, when, and for how many answered seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Direction(StrEnum):
    OUTBOUND = "outbound"
    INBOUND = "inbound"
    LOCAL = "local"

    __hash__ = str.__hash__  # an enumeration's own takes longer, and a call asks for it a dozen times


class CallClass(StrEnum):
    """What a call turned out to be."""

    BILLABLE = "billable"
    """Priced, also where the price comes to nothing."""
    FREE = "free"
    INTERNAL = "internal"
    FEATURE = "feature"
    EMERGENCY = "emergency"
    SHORT = "short"
    EXCLUDED = "excluded"
    SUPPRESSED = "suppressed"
    UNRATED = "unrated"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    direction: Direction
    caller: str
    called: str
    start: datetime
    seconds: int
    """Answered seconds; 0 where nobody answered."""
    answer: datetime | None = None
    extension: str = ""
    by_gateway: bool = True
    """It crossed a carrier: then a short number is not an extension."""
    description: str = ""
    """What the PBX says of it, such as `voicemail`; filters may ask for a word of it."""
    in_conference: bool = False
    """It brought somebody into a conference room, which has a price of its own."""

    @property
    def moment(self) -> datetime:
        """What decides its price: the answer, or the start where nobody answered."""
        return self.answer or self.start
