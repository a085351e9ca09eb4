"""Why a call costs what it costs, as a document that is enough to compute it again.

{"package": "Premium", "call": {"to": "0044 20...", "seconds": 37, ...}, "number": "4420...", "steps": [...],
 "class": "billable", "price": {"source": "tariff", "prefix": "44", "base": "0.01", "markup_percent": "25", ...},
 "seconds": {"answered": 37, "billed": 42, "free_per_call": 0, "covered": [...], "charged": 42},
 "parts": [{"seconds": 42, "per_minute": "0.0125"}], "unrounded": "0.00875", "charge": "0.008750", ...}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.rating.allowance import Covered
from bridge.rating.amount import Part, amount_text, exact, exact_text
from bridge.rating.call import Call, CallClass, Direction
from bridge.rating.level import Pricing, Source
from bridge.rating.numbers.validator import Side, judge
from bridge.rating.packages.package import MARKUP_PLACES
from bridge.rating.price import PLACES, micro_text, price_text, rounded
from bridge.rating.rate import Increments

if TYPE_CHECKING:
    from bridge.rating.terms import Meaning, Terms

RULES = 1
"""Counts how charges are made: a change that gives another amount for the same call is another number."""


class Explanation(NamedTuple):
    call: Call
    terms: Terms
    meaning: Meaning
    cls: CallClass
    pricing: Pricing | None = None
    billed: int = 0
    free_per_call: int = 0
    covered: tuple[Covered, ...] = ()
    parts: tuple[Part, ...] = ()
    tier_seconds_before: int = 0
    amount: int = 0
    """In sixtieths of exact prices (`amount.py`), before the one rounding."""
    micro: int | None = None
    note: str = ""
    is_dear: bool = False
    """Its row is dearer than the package lets an allowance cover."""

    def document(self) -> dict[str, Any]:
        """As JSON can hold it: prices and amounts are plain decimals in quotes, times are UTC."""
        call, called = self.call, self.meaning.called
        found = heading(self.terms)
        found["call"] = {
            "id": call.id,
            "direction": call.direction.value,
            "from": call.caller,
            "to": call.called,
            "at": call.moment.astimezone(UTC).isoformat(),
            "seconds": call.seconds,
        }
        found["number"] = called.number
        found["steps"] = [*called.steps]
        found["class"] = self.cls.value
        found["note"] = self.note
        if self.cls is CallClass.UNRATED and (doubt := self._doubt()):
            found["doubt"] = doubt
        if self.pricing is not None:
            found |= reckoning(
                self.pricing, call.seconds, self.billed, self.free_per_call, self.covered, self.parts, self.amount
            )
            if self.pricing.in_tiers:
                found["seconds"]["in_tiers_before"] = self.tier_seconds_before
            if reason := self._reason_not_covered(self.pricing):
                found["seconds"]["not_covered"] = reason
        found |= outcome(self.terms, self.micro)
        return found

    def _doubt(self) -> str:
        """What is odd about a number that has no price: mostly, that it was written in another way than is read."""
        if self.call.direction is not Direction.OUTBOUND:
            return ""
        return judge(self.terms.site, self.call.called, direction=Direction.OUTBOUND, side=Side.CALLED).issue

    def _reason_not_covered(self, pricing: Pricing) -> str:
        """Why free time of the package is none for this call; "" where it may cover it, or there is none."""
        package = self.terms.package
        if package.included_seconds == 0 and not package.destinations:
            return ""
        if pricing.source is Source.SPECIAL:
            return "a special number"
        if self.is_dear:
            return "dearer than what an allowance covers"
        has_any = self.covered or any(allowance.seconds != 0 for allowance in self.meaning.allowances)
        return "" if has_any else "out of the scope of the allowance"


def heading(terms: Terms) -> dict[str, Any]:
    return {
        "rules": RULES,
        "program": terms.program,
        "package": terms.package.name,
        "package_version": terms.package_version,
    }


def outcome(terms: Terms, micro: int | None) -> dict[str, Any]:
    decimals = terms.package.cost_decimals
    return {
        "rounding": "half up, once",
        "decimals": decimals,
        "charge": None if micro is None else micro_text(micro, decimals),
        "currency": terms.package.currency,
    }


def reckoning(
    pricing: Pricing,
    answered: int | list[int],
    billed: int,
    free_per_call: int,
    covered: Iterable[Covered],
    parts: Iterable[Part],
    amount: int,
) -> dict[str, Any]:
    """From the price to the amount. Who is billed together answered for so many seconds each."""
    return {
        "price": _price_document(pricing),
        "seconds": {
            "answered": answered,
            "billed": billed,
            "free_per_call": free_per_call,
            "covered": [part._asdict() for part in covered],
            "charged": sum(part.seconds for part in parts),
        },
        "parts": [_part_document(part) for part in parts],
        "unrounded": amount_text(amount),
    }


def _price_document(pricing: Pricing) -> dict[str, Any]:
    """Setup and minimum are as they are charged: a tariff's with its markup."""
    increments = pricing.increments
    found: dict[str, Any] = {"source": pricing.source.value, "prefix": pricing.prefix}
    if pricing.deck:
        found |= {"deck": pricing.deck, "deck_state": pricing.deck_state}
    if pricing.name:
        found["name"] = pricing.name
    if pricing.base is not None:
        found |= {
            "base": price_text(pricing.base),
            "adder": exact_text(exact(pricing.adder)),
            "markup_percent": _percent_text(pricing.markup),
        }
    if pricing.has_minute:
        found["per_minute"] = exact_text(pricing.minute)
    found |= {
        "setup": exact_text(pricing.setup),
        "min_cost": exact_text(pricing.least),
        "first_seconds": increments.first_seconds,
        "step_seconds": increments.step_seconds,
    }
    if increments.min_seconds:
        found["min_seconds"] = increments.min_seconds
    if increments.grace_seconds:
        found["grace_seconds"] = increments.grace_seconds
    return found


@lru_cache
def _percent_text(markup: int) -> str:
    return price_text(markup * 10 ** (PLACES - MARKUP_PLACES))


def _part_document(part: Part) -> dict[str, Any]:
    found = {"seconds": part.seconds, "per_minute": exact_text(part.minute)}
    return found | {"reason": part.reason} if part.reason else found


def recompute(document: Mapping[str, Any]) -> int | None:
    """The charge in micro-units, from its explanation alone and in fractions: another way to the same amount."""
    if "price" not in document:
        return None if document["charge"] is None else 0
    price, seconds, parts = document["price"], document["seconds"], document["parts"]
    increments = Increments(
        price["first_seconds"], price["step_seconds"], price.get("min_seconds", 0), price.get("grace_seconds", 0)
    )
    answered = seconds["answered"] if isinstance(seconds["answered"], list) else [seconds["answered"]]
    charged = sum(map(increments.billed, answered)) - seconds["free_per_call"]
    charged -= sum(part["seconds"] for part in seconds["covered"])
    if charged != sum(part.get("seconds", 0) for part in parts):
        raise ValueError("the explanation contradicts itself: its parts are not the seconds that are charged")
    if not parts:
        return 0
    total = sum((_part_amount(part, price) for part in parts), Fraction(price["setup"]))
    total = max(total, Fraction(price["min_cost"]))
    step: int = 1_000_000 // 10 ** int(document["decimals"])
    return rounded(total.numerator * 1_000_000, total.denominator * step) * step


def _part_amount(part: Mapping[str, Any], price: Mapping[str, Any]) -> Fraction:
    if "pages" in part:
        return Fraction(part["pages"]) * Fraction(part["per_page"])
    if "base" in price and "reason" not in part:
        minute = (Fraction(price["base"]) + Fraction(price["adder"])) * (1 + Fraction(price["markup_percent"]) / 100)
    else:
        minute = Fraction(part["per_minute"])
    return Fraction(part["seconds"]) * minute / 60
