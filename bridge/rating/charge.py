"""What one call costs, and why: class, price, seconds and money from one function.

This is the plain engine: readable, and what the one for columns has to equal to the micro-unit.

call -> class -> price -> billed seconds -> less free time -> parts with one price each -> one division, one rounding
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from bridge.rating import tiers
from bridge.rating.allowance import consume, cover
from bridge.rating.amount import Part, exact, micro_of, sixtieths
from bridge.rating.call import Call, CallClass, Direction
from bridge.rating.explanation import Explanation
from bridge.rating.level import NoPrice, Pricing, Source
from bridge.rating.packages.package import NoRate
from bridge.rating.pricing import price_for
from bridge.rating.terms import Listed, Meaning, Terms
from bridge.rating.usage import Usage

OVERAGE = "beyond the allowance"

WITHOUT_AMOUNT = (CallClass.UNRATED, CallClass.INVALID, CallClass.SHORT)
"""Unless nobody answered: then there is nothing to wait for."""


class Explained(Protocol):
    def document(self) -> dict[str, Any]: ...


class Charge(NamedTuple):
    """Of a call, a conference or a fax."""

    call_id: str
    cls: CallClass
    number: str
    """E.164 digits of the other side, or ""."""
    source: Source | None
    prefix: str
    per_minute: int | None
    """Exact (`amount.py`); None where there is no one price per minute."""
    billed_seconds: int
    free_seconds: int
    micro: int | None
    """Of the package's currency; None where the call waits for a price."""
    note: str
    explanation: Explained


def rate_call(call: Call, terms: Terms, usage: Usage) -> Charge:
    """Rate a call as the next of its period. `usage` moves by what it takes."""
    meaning = terms.meaning(call)
    for special in meaning.specials:
        if special.is_valid(call.moment):
            return _priced(call, terms, meaning, special.pricing, usage, is_coverable=False)
    settled = class_without_price(call, terms, meaning)
    if settled is not None:
        return _settled(call, terms, meaning, *settled)

    listed = terms.listed(call, meaning)
    is_coverable = not _is_dear(listed, terms)
    pricing = price_for(call.direction, meaning, terms, listed, in_bundle=is_coverable)
    if isinstance(pricing, NoPrice):
        is_free = terms.package.no_rate_policy is NoRate.ZERO and not pricing.is_held
        return _settled(call, terms, meaning, CallClass.FREE if is_free else CallClass.UNRATED, pricing.reason)
    return _priced(call, terms, meaning, pricing, usage, is_coverable=is_coverable)


def class_without_price(call: Call, terms: Terms, meaning: Meaning) -> tuple[CallClass, str] | None:
    """What a call is that no price is sought for, and why."""
    package, kind = terms.package, meaning.called.kind
    for each in meaning.filters:
        if each.says(call):
            return each.cls, f"filter {each.pattern}"
    if call.direction is Direction.LOCAL:
        return kind if kind in (CallClass.EMERGENCY, CallClass.FEATURE) else CallClass.INTERNAL, ""
    is_outbound = call.direction is Direction.OUTBOUND
    if is_outbound and kind in (CallClass.EMERGENCY, CallClass.INTERNAL, CallClass.FEATURE):
        return kind, ""
    if package.unmatched == "ignore":
        return CallClass.SUPPRESSED, "only special numbers are billed"
    if call.in_conference and package.conference is not None and package.conference.suppress_leg_charge:
        return CallClass.EXCLUDED, "charged as a conference"
    if not is_outbound:
        return None if package.bill_inbound else (CallClass.FREE, "inbound is not billed")
    if meaning.is_toll_free:
        return CallClass.FREE, "toll-free"
    if kind is CallClass.SHORT:
        return kind, "no price for a short number"
    if kind is CallClass.INVALID:
        return kind, "; ".join(meaning.called.notes)
    return None


def _is_dear(listed: Listed | None, terms: Terms) -> bool:
    """Too dear in the deck for any allowance or bundle, whatever the call is charged (F-27)."""
    dearest = terms.package.max_covered_price
    if dearest is None or listed is None:
        return False
    return listed.rate.price > dearest or not listed.rate.is_priced


def _priced(
    call: Call, terms: Terms, meaning: Meaning, pricing: Pricing, usage: Usage, *, is_coverable: bool
) -> Charge:
    package = terms.package
    billed = pricing.increments.billed(call.seconds)
    is_special = pricing.source is Source.SPECIAL
    free_per_call = 0 if is_special else min(billed, package.free_seconds_per_call)
    spoken = max(0, call.seconds - free_per_call) if package.consume == "actual" else None
    allowances = meaning.allowances if is_coverable else ()
    covered = cover(allowances, usage, billed=billed - free_per_call, spoken=spoken)
    free = free_per_call + sum(part.seconds for part in covered)

    has_overage = is_coverable and meaning.is_in_scope and not pricing.keeps_price
    overage = package.overage_price if has_overage else None
    before = usage.tier_seconds
    parts = _parts(pricing, terms, billed - free, overage=overage, before=before)
    amount = sixtieths(parts, setup=pricing.setup, least=pricing.least) if parts else 0
    micro = micro_of(amount, package.cost_decimals)

    consume(usage, covered)
    if pricing.in_tiers and overage is None:
        usage.tier_seconds += billed - free
        usage.tier_micro += micro

    is_short = call.direction is Direction.OUTBOUND and meaning.called.kind is CallClass.SHORT
    cls = CallClass.SHORT if is_short else CallClass.BILLABLE
    note = note_of(call, terms, meaning)
    explanation = Explanation(
        call,
        terms,
        meaning,
        cls,
        pricing,
        billed,
        free_per_call,
        covered,
        parts,
        before,
        amount,
        micro,
        note,
        not is_coverable,
    )
    per_minute = None
    if pricing.has_minute:
        per_minute = parts[0].minute if parts else pricing.minute
    return Charge(
        call.id, cls, meaning.number, pricing.source, pricing.prefix, per_minute, billed, free, micro, note, explanation
    )


def _parts(pricing: Pricing, terms: Terms, seconds: int, *, overage: int | None, before: int) -> tuple[Part, ...]:
    if seconds == 0:
        return ()
    if overage is not None:
        return (Part(seconds, exact(overage), OVERAGE),)
    if pricing.in_tiers:
        return tiers.parts_of(terms.package.tiers, terms.package.tier_mode, before=before, seconds=seconds)
    return (Part(seconds, pricing.minute),)


def _settled(call: Call, terms: Terms, meaning: Meaning, cls: CallClass, reason: str) -> Charge:
    micro = None if cls in WITHOUT_AMOUNT and call.seconds > 0 else 0
    note = note_of(call, terms, meaning, reason)
    explanation = Explanation(call, terms, meaning, cls, micro=micro, note=note)
    return Charge(call.id, cls, meaning.number, None, "", None, 0, 0, micro, note, explanation)


def note_of(call: Call, terms: Terms, meaning: Meaning, reason: str = "") -> str:
    longest = terms.package.max_call_seconds
    if longest is not None and call.seconds > longest:
        reason = f"{reason}; longer than {longest} s" if reason else f"longer than {longest} s"
    if meaning.note:
        reason = f"{meaning.note}; {reason}" if reason else meaning.note
    return reason
