"""What a call costs us: the carrier's own deck, with its own increments. The other side of a margin."""

from __future__ import annotations

from bridge.rating.amount import Part, exact, micro_of, sixtieths
from bridge.rating.call import Call, Direction
from bridge.rating.money import Money
from bridge.rating.terms import Terms

DECIMALS = 6


def cost_of(call: Call, terms: Terms) -> Money | None:
    """In the currency of the cost deck. None where no carrier was used, or its deck has no price for the number."""
    digits = terms.meaning(call).digits if call.direction is Direction.OUTBOUND else ""
    deck = terms.cost.at(call.moment) if terms.cost and digits else None
    row = deck.find(digits, call.moment) if deck else None
    if deck is None or row is None or not row.is_priced:
        return None
    price = row.premium if terms.package.route_class == "premium" and row.premium is not None else row.price
    billed = row.increments.billed(call.seconds)
    parts = (Part(billed, exact(price)),)
    amount = sixtieths(parts, setup=exact(row.setup), least=exact(row.min_cost)) if billed else 0
    return Money(micro_of(amount, DECIMALS), deck.currency)
