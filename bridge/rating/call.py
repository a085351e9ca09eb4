"""A call as it is rated: who called whom, when, and for how many answered seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

SINCE, UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
SECONDS_MAX = 999_999_999


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


def read_instant(text: str) -> datetime:
    """When a call was, in ISO 8601 with its offset. The message of a ValueError is the rule that it breaks."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("is not a time such as 2025-06-30T23:59:59Z") from None
    if moment.tzinfo is None:
        raise ValueError("has no offset from UTC")
    if not SINCE <= moment < UNTIL:
        raise ValueError("is not between 1970 and 2200")
    return moment
