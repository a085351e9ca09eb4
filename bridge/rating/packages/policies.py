"""The terms of a package that price nothing: policies, guards, options, features and limits. Others read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.rating.packages.document import Table
from bridge.rating.packages.package import LIMIT_MAX, LIMITS, Package
from bridge.rating.packages.parts import LINE, LINE_RULE
from bridge.rating.price import price_text

POLICIES: Mapping[str, tuple[str, ...]] = {
    "quota_action": ("alert", "block", "overage"),
    "suspend_policy": ("dial_restrict", "gateway", "extensions", "domain"),
    "balance_policy": ("prepaid_strict", "prepaid_grace", "allowance_aware", "never"),
    "shortfall": ("carry", "invoice", "negative"),
    "invoice_grouping": ("per_service", "per_client", "attach_to_recurring"),
    "tax": ("at_top_up", "at_usage", "none"),
}
POLICY_DAYS = {"retention_days": (0, 3650), "balance_grace_days": (1, 365)}
CLOSES_EMERGENCY = ("extensions", "domain")
"""Suspended so, nobody can call for help: only where a person answers for it by name (F-19)."""

GUARDS: Mapping[str, tuple[int, int]] = {
    "night_from_hour": (0, 23),
    "night_to_hour": (0, 23),
    "calls_to_one_number_per_hour": (1, 100_000),
    "new_and_expensive_days": (1, 3650),
}
GUARD_PRICES = ("new_and_expensive_per_minute",)

HOW = ("add", "replace")

_FEATURE = r"[a-z][a-z0-9_]{0,63}"
_FEATURE_RULE = "a name of a-z, 0-9 and _, such as voicemail"


def policies(package: Table) -> dict[str, str | int | bool]:
    found: dict[str, str | int | bool] = {}
    for name, choices in POLICIES.items():
        if name in package:
            found[name] = package.choice(name, choices, choices[0])
        package.take(name)
    for name, (least, most) in POLICY_DAYS.items():
        if (days := package.whole(name, least, most)) is not None:
            found[name] = days
    if named := package.text("emergency_accepted_by", LINE, LINE_RULE):
        found["emergency_accepted_by"] = named
    elif (policy := found.get("suspend_policy")) in CLOSES_EMERGENCY:
        package.fault(
            f"is {policy}, and nobody suspended so can call for help; take dial_restrict, or name the person who "
            "answers for it in emergency_accepted_by",
            "suspend_policy",
        )
    if ("balance_grace_days" in found) != (found.get("balance_policy") == "prepaid_grace"):
        package.fault("is for balance_policy prepaid_grace, which needs it", "balance_grace_days")
    return found


def guards(package: Table) -> dict[str, Any]:
    table = package.table("guards")
    if table is None:
        return {}
    found: dict[str, Any] = {name: table.whole(name, least, most) for name, (least, most) in GUARDS.items()}
    found |= {name: table.price(name) for name in GUARD_PRICES}
    table.end()
    return {name: value for name, value in found.items() if value is not None}


def options(package: Table) -> dict[str, dict[str, str]]:
    """By the name of a WHMCS configurable option or product addon: the limit or feature it stands for."""
    table = package.table("options")
    if table is None:
        return {}
    return {name: _option(option) for name in table.names() if (option := table.table(name)) is not None}


def _option(table: Table) -> dict[str, str]:
    if ("limit" in table) == ("feature" in table):
        table.fault("stands for either a limit or a feature")
    how = table.choice("how", HOW, "add")
    limits_known = sorted(LIMITS)
    limit = table.choice("limit", limits_known, limits_known[0])
    feature = table.text("feature", _FEATURE, _FEATURE_RULE)
    table.end()
    return {"feature": feature, "how": how} if feature else {"limit": limit, "how": how}


def features(package: Table) -> dict[str, bool]:
    table = package.table("features")
    if table is None:
        return {}
    for name in table.names():
        if not re.fullmatch(_FEATURE, name):
            table.fault(f"is not {_FEATURE_RULE}", name)
    return {name: table.flag(name) for name in table.names()}


def limits(package: Table) -> dict[str, int]:
    table = package.table("limits")
    if table is None:
        return {}
    found = {name: table.whole(name, most=LIMIT_MAX) for name in sorted(LIMITS)}
    table.end()
    return {name: most for name, most in found.items() if most is not None}


def document(package: Package) -> dict[str, Any]:
    guards = {name: price_text(value) if name in GUARD_PRICES else value for name, value in package.guards.items()}
    return {
        **package.policies,
        "guards": guards,
        "options": {name: dict(option) for name, option in package.options.items()},
        "features": dict(package.features),
        "limits": dict(package.limits),
    }
