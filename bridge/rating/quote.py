"""A quote: what one call would cost and why, what it would cost us, and what is left of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from bridge.rating.call import Call
from bridge.rating.charge import Charge, rate_call
from bridge.rating.cost import cost_of
from bridge.rating.money import Money
from bridge.rating.price import micro_text
from bridge.rating.telling import sentences
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage


class Quote(NamedTuple):
    charge: Charge
    currency: str
    decimals: int
    cost: Money | None
    """None where no carrier is used, or its deck has no price for the number."""

    @property
    def margin(self) -> Money | None:
        """None where either side is not known, or the two are in two currencies."""
        if self.charge.micro is None or self.cost is None or self.cost.currency != self.currency:
            return None
        return Money(self.charge.micro, self.currency) - self.cost

    @property
    def charge_text(self) -> str | None:
        return None if self.charge.micro is None else micro_text(self.charge.micro, self.decimals)

    def document(self) -> dict[str, Any]:
        explanation = self.charge.explanation.document()
        return {
            "charge": self.charge_text,
            "currency": self.currency,
            "class": self.charge.cls.value,
            "billed_seconds": self.charge.billed_seconds,
            "free_seconds": self.charge.free_seconds,
            "cost": self.cost and str(self.cost),
            "cost_currency": self.cost and self.cost.currency,
            "margin": self.margin and str(self.margin),
            "note": self.charge.note,
            "sentences": sentences(explanation),
            "explanation": explanation,
        }


def quote(call: Call, terms: Terms, usage: Usage) -> Quote:
    """`usage` moves as by any call; a fresh one is a period that begins with it."""
    charge = rate_call(call, terms, usage)
    return Quote(charge, terms.package.currency, terms.package.cost_decimals, cost_of(call, terms))
