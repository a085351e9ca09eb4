"""What the fields of the products that people come from mean here: percent of the base, and three kinds of zero."""

from __future__ import annotations

from bridge.rating.packages.package import MARKUP_UNIT, PackageType
from bridge.rating.price import price_text, read_price

_PER_PERCENT = MARKUP_UNIT // 100


class BelowCost(ValueError):
    """A person has to say what is meant: as the vendor reads it, calls are sold below their base price."""


def markup_percent(vendor_value: str) -> str:
    """A surcharge, from the vendor's percent of the base: 120 there is 20 here (products.md 4.3)."""
    hundred = read_price("100")
    value = read_price(vendor_value)
    if value < hundred:
        raise BelowCost(
            f"a markup of {vendor_value} is {vendor_value} % of the base price there, and sells below it; "
            "is a surcharge meant, which would be written as a markup_percent here?"
        )
    return price_text(value - hundred)


def included(kind: PackageType, free_minutes: int, *, realtime: bool) -> dict[str, int]:
    """The vendor's one field of free minutes, as the keys that say it here (products.md 5.1 and 5.4).

    Billed in real time they are each call's; else the period's, where 0 is without bound in an unlimited package.
    """
    if realtime:
        return {"free_seconds_per_call": free_minutes * 60}
    if kind is PackageType.UNLIMITED and free_minutes == 0:
        return {}
    return {"included_seconds_per_period": free_minutes * 60}


def limit(value: int) -> int | None:
    """A PBX's own limit, where 0 and -1 are no cap."""
    return value if value > 0 else None
