"""A deck as CSV, as the vendor's own tables name their columns. Read again, it is the same deck."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bridge.rating.decks.hours import hours_text
from bridge.rating.decks.rows import DeckRows
from bridge.rating.price import price_text
from bridge.rating.rate import Rate

COLUMNS = (
    "Prefix",
    "Description",
    "RateValue",
    "Increment",
    "ShortDescription",
    "RatePremium",
    "FirstIncrement",
    "SetupFee",
    "MinDuration",
    "MinCost",
    "GraceSeconds",
    "OldRate",
    "EffectiveFrom",
    "EffectiveTo",
    "Lastratechangedate",
    "status",
    "Hours",
    "CallerPrefix",
)


def export_lines(rows: DeckRows) -> Iterator[str]:
    """Line by line, each with its end; prefixes as people sort them."""
    yield ",".join(COLUMNS) + "\r\n"
    for row in sorted(range(len(rows)), key=lambda row: str(rows.keys[row])):
        yield ",".join(map(_cell, cells_of(rows.rate(row)))) + "\r\n"


def cells_of(rate: Rate) -> tuple[str, ...]:
    """In the order of COLUMNS."""
    sold = rate.increments
    return (
        rate.prefix,
        harmless(rate.description),
        price_text(rate.price) if rate.is_priced else "",
        str(sold.step_seconds),
        harmless(rate.short_description),
        "" if rate.premium is None else price_text(rate.premium),
        str(sold.first_seconds),
        price_text(rate.setup),
        str(sold.min_seconds),
        price_text(rate.min_cost),
        str(sold.grace_seconds),
        "" if rate.old_price is None else price_text(rate.old_price),
        _moment(rate.effective_from),
        _moment(rate.effective_to),
        harmless(rate.changed_on),
        "0" if rate.is_custom else "1" if rate.is_priced else "blocked",
        hours_text(rate.band),
        rate.caller_prefix,
    )


def _moment(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else ""


def harmless(text: str) -> str:
    """No spreadsheet takes it for a formula (T-13)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _cell(text: str) -> str:
    if any(sign in text for sign in ',"\r\n') or text.startswith("#"):
        return '"' + text.replace('"', '""') + '"'
    return text
