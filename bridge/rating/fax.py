"""What a fax costs: the pages that the other side confirmed, the minutes, or both. Sent and received are apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.rating.amount import Part, exact, exact_text, micro_of, sixtieths
from bridge.rating.call import CallClass, Direction
from bridge.rating.charge import Charge
from bridge.rating.explanation import heading, outcome, reckoning
from bridge.rating.level import Pricing, Source
from bridge.rating.rate import Increments
from bridge.rating.terms import Terms


@dataclass(frozen=True, slots=True)
class Transmission:
    id: str
    direction: Direction
    start: datetime
    pages: int
    """Confirmed ones. A try that failed half-way counts what got through; what is sent again counts again."""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class FaxExplanation:
    fax: Transmission
    terms: Terms
    cls: CallClass
    pricing: Pricing | None = None
    per_page: int = 0
    billed: int = 0
    parts: tuple[Part, ...] = ()
    amount: int = 0
    micro: int = 0
    note: str = ""

    def document(self) -> dict[str, Any]:
        found = {
            **heading(self.terms),
            "fax": {
                "id": self.fax.id,
                "direction": self.fax.direction.value,
                "at": self.fax.start.astimezone(UTC).isoformat(),
                "pages": self.fax.pages,
                "seconds": self.fax.seconds,
            },
            "class": self.cls.value,
            "note": self.note,
        }
        if self.pricing is not None:
            found |= reckoning(self.pricing, self.fax.seconds, self.billed, 0, (), self.parts, self.amount)
            found["parts"].insert(0, {"pages": self.fax.pages, "per_page": exact_text(self.per_page)})
        return found | outcome(self.terms, self.micro)


def rate_fax(fax: Transmission, terms: Terms) -> Charge:
    package = terms.package
    prices = package.fax_inbound if fax.direction is Direction.INBOUND else package.fax
    if prices is None:
        explanation = FaxExplanation(fax, terms, CallClass.FREE, note="faxes are not billed")
        return Charge(fax.id, CallClass.FREE, "", None, "", None, 0, 0, 0, explanation.note, explanation)

    pricing = Pricing(
        Source.PACKAGE,
        "",
        exact(prices.price),
        Increments(prices.step_seconds, prices.step_seconds),
        has_minute=prices.price > 0,
    )
    billed = pricing.increments.billed(fax.seconds)
    parts = (Part(billed, pricing.minute),) if billed else ()
    per_page = exact(prices.per_page)
    amount = sixtieths(parts) + fax.pages * per_page * 60
    micro = micro_of(amount, package.cost_decimals)
    explanation = FaxExplanation(fax, terms, CallClass.BILLABLE, pricing, per_page, billed, parts, amount, micro)
    per_minute = pricing.minute if pricing.has_minute else None
    return Charge(fax.id, CallClass.BILLABLE, "", Source.PACKAGE, "", per_minute, billed, 0, micro, "", explanation)
