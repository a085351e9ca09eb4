"""A package: how the calls of a product are priced, what is free, and what may be called. Values only.

`file.py` reads one from TOML and says what is wrong with it; here everything is right already. Prices are
ten-billionths of the package's currency (`price.py`). None means not set; where that is unlimited the name says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from bridge.rating.call import Direction
from bridge.rating.rate import MINUTES, Increments

MARKUP_PLACES = 4
MARKUP_UNIT: int = 100 * 10**MARKUP_PLACES
"""A markup is in ten-thousandths of a percent: 250000 is 25 %, and a price with it is x (MARKUP_UNIT + 250000)."""

LIMITS = frozenset(
    {
        "extensions",
        "gateways",
        "dids",
        "concurrent_calls",
        "minutes_per_period",
        "fax_pages_per_period",
        "users",
        "devices",
        "ring_groups",
        "ivrs",
        "queues",
    }
)
"""What a package can limit: absent is unlimited, 0 is none."""

LIMIT_MAX = 1_000_000
"""The most that is sold of anything; what is to be more is unlimited."""

NUMBER_TYPES = (
    "fixed_line",
    "mobile",
    "fixed_line_or_mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
"""The kinds of numbers that the numbering plans know."""

HIGH_RISK_TYPES = frozenset({"premium_rate", "personal_number"})
"""Closed unless a package says itself which kinds it blocks."""


class PackageType(StrEnum):
    METERED = "metered"
    UNLIMITED = "unlimited"
    HYBRID = "hybrid"
    FLAT = "flat"


class RatePlan(StrEnum):
    TARIFF = "tariff"
    FLAT = "flat"
    TIERED = "tiered"


class TierMode(StrEnum):
    GRADUATED = "graduated"
    VOLUME = "volume"


class NoRate(StrEnum):
    HOLD = "hold"
    ZERO = "zero"
    REJECT = "reject"


class Charging(StrEnum):
    """How a special number is charged."""

    PER_CALL = "flat_per_call"
    PER_MINUTE = "per_minute"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """The package's own price in one direction: used as is, never marked up. `price` None: increments only."""

    price: int | None = None
    increments: Increments = MINUTES


@dataclass(frozen=True, slots=True)
class Scope:
    """What an allowance covers. Empty means every billable call of these directions."""

    directions: frozenset[Direction] = frozenset({Direction.OUTBOUND})
    countries: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    excepted: tuple[str, ...] = ()
    """Prefixes that are outside, whatever else says."""


@dataclass(frozen=True, slots=True)
class Tier:
    """`up_to_seconds` None: the last. A cut point belongs to the lower tier."""

    up_to_seconds: int | None
    price: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """A country bundle: an allowance and a price of its own for some prefixes."""

    prefixes: tuple[str, ...]
    included_seconds: int
    price: int | None = None
    increments: Increments | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """A price that replaces the deck's for a prefix; never marked up."""

    prefix: str
    price: int
    increments: Increments | None = None
    direction: Literal["outbound", "inbound", "both"] = "outbound"


@dataclass(frozen=True, slots=True)
class Special:
    """A rule for special numbers; the highest priority that matches is the one."""

    pattern: str
    kind: Literal["prefix", "regex"] = "prefix"
    direction: Literal["outbound", "inbound", "both"] = "outbound"
    mode: Charging = Charging.PER_CALL
    per_call: int = 0
    price: int = 0
    step_seconds: int = 60
    priority: int = 10
    name: str = ""
    enabled: bool = True
    effective_from: datetime | None = None
    effective_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Patterns of digits with x for any digit. What is suppressed is not even shown; what is unbilled is shown free."""

    suppress: tuple[str, ...] = ()
    unbilled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conference:
    price: int
    """Per minute and participant."""
    per_session: int = 0
    step_seconds: int = 60
    free_seconds: int = 0
    """Participant-seconds per period."""
    participants_min: int = 1
    suppress_leg_charge: bool = False


@dataclass(frozen=True, slots=True)
class Fax:
    per_page: int = 0
    price: int = 0
    """Per minute."""
    step_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Allowed:
    """Where calls may go. It drives dial plans and never changes a price."""

    countries: frozenset[str] = frozenset()
    block_types: frozenset[str] = HIGH_RISK_TYPES
    block_prefixes: tuple[str, ...] = ()
    allow_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    product_id: int
    type: PackageType
    currency: str
    country: str
    """ISO code of where the PBX stands."""
    tariff: str | None = None
    """The series of decks; None is the provider's default."""
    rate_plan: RatePlan = RatePlan.TARIFF
    tier_mode: TierMode = TierMode.GRADUATED
    markup: int = 0
    """In ten-thousandths of a percent."""
    adder: int = 0

    # numbers
    nanp_10_digit: bool = False
    prefix_correction: bool = False
    trunk_prefix: str = ""
    local_prefix: bool = False
    rewrite: tuple[tuple[str, str], ...] = ()
    area_code: str = ""
    time_zone: str = "UTC"

    # allowances
    included_seconds: int | None = 0
    """Per period; None is without bound."""
    included_scope: Scope = Scope()
    max_covered_price: int | None = None
    fair_use_seconds: int | None = None
    fair_use_concurrency: int | None = None
    overage_price: int | None = None
    usage_period: Literal["anchor", "calendar_month"] = "anchor"
    allowance_proration: Literal["full", "daily"] = "full"
    rollover_periods: int = 0
    carry_over: bool = False
    pool: bool = False
    consume: Literal["billed", "actual"] = "billed"
    inbound_consumes_allowance: bool = False
    free_seconds_per_call: int = 0
    max_call_seconds: int | None = None

    # engines and money
    inbound_tariff: str | None = None
    cost_tariff: str | None = None
    route_class: Literal["value", "premium"] = "value"
    balance: Literal["whmcs_credit", "bridge_wallet"] = "whmcs_credit"
    invoice: Literal["own_invoice", "renewal_invoice"] = "own_invoice"
    realtime: bool = False
    bill_inbound: bool = False
    cost_decimals: int = 6
    no_rate_policy: NoRate = NoRate.HOLD
    fallback: bool = True
    """A destination without a row costs the package's own price (level 7)."""
    unmatched: Literal["normal", "ignore"] = "normal"
    """`ignore`: only special numbers are billed."""

    outbound: OwnPrice | None = None
    inbound: OwnPrice | None = None
    tiers: tuple[Tier, ...] = ()
    destinations: tuple[Bundle, ...] = ()
    overrides: tuple[Override, ...] = ()
    special_numbers: tuple[Special, ...] = ()
    filters: Filters = Filters()
    conference: Conference | None = None
    fax: Fax | None = None
    fax_inbound: Fax | None = None
    """What received faxes cost; None is nothing."""
    destinations_allowed: Allowed | None = None

    # what others read: quotas, guards, provisioning
    policies: Mapping[str, str | int | bool] = field(default_factory=dict)
    """quota_action, suspend_policy, balance_policy, shortfall, invoice_grouping, retention_days, tax"""
    guards: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, bool] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
