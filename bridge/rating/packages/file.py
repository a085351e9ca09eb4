"""A package as a TOML file or a JSON document, read into a `Package` and written back: the same package either way.

Everything that is wrong is told at once, a sentence each, with the path of its key. What has a meaning is accepted;
what has one and is hardly meant so is for `lint.py`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bridge.rating.packages import parts, policies
from bridge.rating.packages.currency import DECIMALS
from bridge.rating.packages.document import Fault, Faulty, Table, located
from bridge.rating.packages.package import (
    LIMIT_MAX,
    MARKUP_PLACES,
    MARKUP_UNIT,
    NoRate,
    Package,
    PackageType,
    RatePlan,
    TierMode,
)
from bridge.rating.packages.parts import DIGITS, DIGITS_RULE, LINE, LINE_RULE, SECONDS_MAX, price_or_none
from bridge.rating.price import PLACES, UNIT, price_text
from bridge.rating.rate import Increments

Note = Callable[[str], object]

FILE_BYTES_MAX = 4_000_000
PRODUCT_ID_MAX = 2**53
PER_MARKUP: int = 10 ** (PLACES - MARKUP_PLACES)
"""What the unit of a markup is as a price is read."""

PERIODS: tuple[Literal["anchor", "calendar_month"], ...] = ("anchor", "calendar_month")
PRORATIONS: tuple[Literal["full", "daily"], ...] = ("full", "daily")
CONSUMED: tuple[Literal["billed", "actual"], ...] = ("billed", "actual")
ROUTES: tuple[Literal["value", "premium"], ...] = ("value", "premium")
BALANCES: tuple[Literal["whmcs_credit", "bridge_wallet"], ...] = ("whmcs_credit", "bridge_wallet")
INVOICES: tuple[Literal["own_invoice", "renewal_invoice"], ...] = ("own_invoice", "renewal_invoice")
UNMATCHED: tuple[Literal["normal", "ignore"], ...] = ("normal", "ignore")


class BadPackage(Faulty):
    """Not a package: everything that is wrong with it."""


def load_package(path: Path, *, note: Note = lambda _sentence: None) -> Package:
    """A package from its file. What is wrong is told with the file, and the line where there is one."""
    text = _text_of(path)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadPackage([Fault((), f"is not TOML: {error}")], str(path)) from None
    faults: list[Fault] = []
    whole = Table(document, (), faults)
    whole.require("package")
    package = whole.table("package")
    whole.end()
    try:
        if faults or package is None:
            raise BadPackage(faults)
        return read_package(document["package"], note=note)
    except BadPackage as error:
        raise BadPackage(located(error.faults, text), str(path)) from None


def read_package(document: Mapping[str, Any], *, note: Note = lambda _sentence: None) -> Package:
    """A package from the keys below `[package]`. `note` hears how something was read that may be meant otherwise."""
    faults: list[Fault] = []
    table = Table(document, ("package",), faults)
    package = _package(table, note)
    table.end()
    if not faults:
        _refuse_contradictions(package, table)
    if faults:
        raise BadPackage(faults)
    return package


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise BadPackage([Fault((), f"is more than {FILE_BYTES_MAX} bytes")], str(path))
        return content.decode("utf-8-sig")
    except OSError as error:
        raise BadPackage([Fault((), f"cannot be read: {error.strerror}")], str(path)) from None
    except UnicodeDecodeError as error:
        raise BadPackage([Fault((), f"is not UTF-8 at byte {error.start}")], str(path)) from None


def _package(table: Table, note: Note) -> Package:
    table.require("name", "product_id", "type", "currency", "country")
    kind = table.choice("type", PackageType, PackageType.METERED)
    rate_plan = table.choice("rate_plan", RatePlan, RatePlan.TARIFF)
    included = table.whole("included_seconds_per_period", most=SECONDS_MAX)
    if included is None and kind is PackageType.HYBRID:
        table.require("included_seconds_per_period")
    return Package(
        name=table.text("name", LINE, LINE_RULE),
        product_id=table.count("product_id", least=1, most=PRODUCT_ID_MAX),
        type=kind,
        currency=_currency(table),
        country=parts.country(table, "country"),
        tariff=_series(table, "tariff"),
        rate_plan=rate_plan,
        tier_mode=table.choice("tier_mode", TierMode, TierMode.GRADUATED),
        markup=_markup(table),
        adder=table.price("adder_per_minute") or 0,
        nanp_10_digit=table.flag("nanp_10_digit"),
        prefix_correction=table.flag("prefix_correction"),
        trunk_prefix=table.text("trunk_prefix", DIGITS, DIGITS_RULE),
        local_prefix=table.flag("local_prefix"),
        rewrite=parts.rewrite(table),
        area_code=table.text("area_code", DIGITS, DIGITS_RULE),
        time_zone=_time_zone(table),
        included_seconds=None if included is None and kind is PackageType.UNLIMITED else included or 0,
        included_scope=parts.scope(table),
        max_covered_price=table.price("max_covered_price"),
        fair_use_seconds=table.whole("fair_use_seconds", most=SECONDS_MAX),
        fair_use_concurrency=table.whole("fair_use_concurrency", 1, LIMIT_MAX),
        overage_price=table.price("overage_per_minute"),
        usage_period=table.choice("usage_period", PERIODS, "anchor"),
        allowance_proration=table.choice("allowance_proration", PRORATIONS, "full"),
        rollover_periods=table.count("rollover_periods", most=3),
        carry_over=table.flag("carry_over"),
        pool=table.flag("pool"),
        consume=table.choice("consume", CONSUMED, "billed"),
        inbound_consumes_allowance=table.flag("inbound_consumes_allowance"),
        free_seconds_per_call=table.count("free_seconds_per_call", most=SECONDS_MAX),
        max_call_seconds=table.whole("max_call_seconds", 1, SECONDS_MAX),
        inbound_tariff=_series(table, "inbound_tariff"),
        cost_tariff=_series(table, "cost_tariff"),
        route_class=table.choice("route_class", ROUTES, "value"),
        balance=table.choice("balance", BALANCES, "whmcs_credit"),
        invoice=table.choice("invoice", INVOICES, "own_invoice"),
        realtime=table.flag("realtime"),
        bill_inbound=table.flag("bill_inbound"),
        cost_decimals=table.count("cost_decimals", 6, most=6),
        no_rate_policy=table.choice("no_rate_policy", NoRate, NoRate.HOLD),
        fallback=table.flag("fallback", default=True),
        unmatched=table.choice("unmatched", UNMATCHED, "normal"),
        outbound=parts.own_price(table, "outbound"),
        inbound=parts.own_price(table, "inbound"),
        tiers=parts.tiers(table, note, in_force=rate_plan is RatePlan.TIERED),
        destinations=parts.bundles(table),
        overrides=parts.overrides(table),
        special_numbers=parts.special_numbers(table),
        filters=parts.filters(table),
        conference=parts.conference(table),
        fax=parts.fax(table, "fax"),
        fax_inbound=parts.fax(table, "fax_inbound"),
        destinations_allowed=parts.destinations_allowed(table),
        policies=policies.policies(table),
        guards=policies.guards(table),
        options=policies.options(table),
        features=policies.features(table),
        limits=policies.limits(table),
    )


def _currency(table: Table) -> str:
    code = table.text("currency", LINE, LINE_RULE)
    if code and code not in DECIMALS:
        meant = f"; is {code.upper()} meant?" if code.upper() in DECIMALS else ""
        table.fault(f"is '{code}', which is no currency of ISO 4217{meant}", "currency")
    return code


def _series(table: Table, name: str) -> str | None:
    return table.text(name, LINE, LINE_RULE) or None


def _markup(table: Table) -> int:
    markup, finer = divmod(table.signed("markup_percent") or 0, PER_MARKUP)
    if finer:
        table.fault(f"has more than {MARKUP_PLACES} decimals", "markup_percent")
    if markup < -MARKUP_UNIT:
        table.fault("is below -100: a call would pay its caller", "markup_percent")
    return markup


def _time_zone(table: Table) -> str:
    name = table.text("time_zone", r"[A-Za-z0-9_+/-]{1,64}", "a time zone such as Europe/London", "UTC")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        table.fault(f"is '{name}', which is no time zone known here, such as Europe/London", "time_zone")
    return name


def _refuse_contradictions(package: Package, table: Table) -> None:
    """What each for itself could be meant, and together cannot."""
    if package.type is PackageType.UNLIMITED:
        if package.included_seconds == 0:
            table.fault("is 0 in an unlimited package; leave it out", "included_seconds_per_period")
        if package.fair_use_seconds == 0:
            table.fault("is 0 in an unlimited package, of which nothing is left; leave it out", "fair_use_seconds")
    if package.rate_plan is RatePlan.TIERED and not package.tiers:
        table.fault("is missing; rate_plan tiered needs it", "tiers")
    if package.rate_plan is RatePlan.FLAT and (package.outbound is None or package.outbound.price is None):
        table.fault("is missing; rate_plan flat needs it", "outbound", "per_minute")
    _refuse_two_prices(package, table)


def _refuse_two_prices(package: Package, table: Table) -> None:
    """One prefix has one price in one direction."""
    prices: dict[tuple[str, str], tuple[int, Increments | None]] = {}
    for place, override in enumerate(package.overrides):
        ways = ("outbound", "inbound") if override.direction == "both" else (override.direction,)
        for way in ways:
            price = (override.price, override.increments)
            if prices.setdefault((override.prefix, way), price) != price:
                told = f"is {override.prefix}, which another override has {way} at another price"
                table.fault(told, "overrides", place, "prefix")
                break
    owners: dict[str, int] = {}
    for place, bundle in enumerate(package.destinations):
        for prefix in bundle.prefixes:
            if owners.setdefault(prefix, place) != place:
                told = f"has {prefix}, which destinations[{owners[prefix]}] has too"
                table.fault(told, "destinations", place, "prefixes")


# --- a package becomes a document ------------------------------------------------------------------------------------


def package_document(package: Package) -> dict[str, Any]:
    """The keys below `[package]` that `read_package` reads this package from, defaults written out."""
    document: dict[str, Any] = {
        "name": package.name,
        "product_id": package.product_id,
        "type": package.type.value,
        "currency": package.currency,
        "country": package.country,
        "tariff": package.tariff,
        "rate_plan": package.rate_plan.value,
        "tier_mode": package.tier_mode.value,
        "markup_percent": markup_text(package.markup),
        "adder_per_minute": price_text(package.adder),
        "nanp_10_digit": package.nanp_10_digit,
        "prefix_correction": package.prefix_correction,
        "trunk_prefix": package.trunk_prefix,
        "local_prefix": package.local_prefix,
        "rewrite": [list(rule) for rule in package.rewrite],
        "area_code": package.area_code,
        "time_zone": package.time_zone,
        "included_seconds_per_period": package.included_seconds,
        "max_covered_price": price_or_none(package.max_covered_price),
        "fair_use_seconds": package.fair_use_seconds,
        "fair_use_concurrency": package.fair_use_concurrency,
        "overage_per_minute": price_or_none(package.overage_price),
        "usage_period": package.usage_period,
        "allowance_proration": package.allowance_proration,
        "rollover_periods": package.rollover_periods,
        "carry_over": package.carry_over,
        "pool": package.pool,
        "consume": package.consume,
        "inbound_consumes_allowance": package.inbound_consumes_allowance,
        "free_seconds_per_call": package.free_seconds_per_call,
        "max_call_seconds": package.max_call_seconds,
        "inbound_tariff": package.inbound_tariff,
        "cost_tariff": package.cost_tariff,
        "route_class": package.route_class,
        "balance": package.balance,
        "invoice": package.invoice,
        "realtime": package.realtime,
        "bill_inbound": package.bill_inbound,
        "cost_decimals": package.cost_decimals,
        "no_rate_policy": package.no_rate_policy.value,
        "fallback": package.fallback,
        "unmatched": package.unmatched,
        **parts.document(package),
        **policies.document(package),
    }
    return {name: value for name, value in document.items() if value not in (None, "", [], {})}


def markup_text(markup: int) -> str:
    """In percent: 25, 33.3333."""
    return price_text(markup * PER_MARKUP)


def factor_text(markup: int) -> str:
    """What a markup multiplies a price by: 1.25."""
    return price_text((MARKUP_UNIT + markup) * UNIT // MARKUP_UNIT)
