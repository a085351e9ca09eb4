"""A service: what a customer bought in WHMCS, and what it gives its tenant. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from bridge.errors import NotPrepared
from bridge.rating.numbers.country import country
from bridge.rating.packages.package import LIMIT_MAX, LIMITS
from bridge.wanted import Contribution, Status, SuspendPolicy

How = Literal["add", "replace"]

SITE_COUNTRY, SITE_AREA_CODE = "site_country", "site_area_code"
"""The custom fields of WHMCS that say where a service stands, if elsewhere than its package says (F-28)."""


@dataclass(frozen=True, slots=True)
class Option:
    """What a WHMCS configurable option or product addon stands for."""

    limit: str | None = None
    feature: str | None = None
    how: How = "add"


@dataclass(frozen=True, slots=True)
class Resources:
    """What a package gives: limits (absent is unlimited, 0 is none), features, and how a service ends."""

    limits: tuple[tuple[str, int], ...] = ()
    features: tuple[tuple[str, bool], ...] = ()
    options: tuple[tuple[str, Option], ...] = ()
    suspend_policy: SuspendPolicy = SuspendPolicy.DIAL_RESTRICT
    retention_days: int | None = None
    emergency: frozenset[str] = frozenset()
    """The numbers for help of the package's country."""


@dataclass(frozen=True, slots=True)
class Service:
    service_id: int
    client_id: int
    product_id: int
    status: Status
    tenant_id: int | None = None
    server_id: int | None = None
    department: str = ""
    resources: Resources = Resources()
    options: tuple[tuple[str, str], ...] = ()
    custom_fields: tuple[tuple[str, str], ...] = ()
    over_limit: tuple[str, ...] = ()
    username: str = ""
    generation: int = 0
    suspend_reason: str | None = None
    package_version: int | None = None
    welcomed_at: datetime | None = None

    @property
    def site_country(self) -> str | None:
        return dict(self.custom_fields).get(SITE_COUNTRY) or None

    @property
    def site_area_code(self) -> str | None:
        return dict(self.custom_fields).get(SITE_AREA_CODE) or None

    def contribution(self) -> Contribution:
        given = self.resources
        return Contribution(self.service_id, self.status, given.suspend_policy, given.limits, given.emergency)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the chosen options make of a package, and the options that nobody mapped."""

    resources: Resources
    unmapped: tuple[str, ...] = field(default=())


def with_options(package: Resources, options: Mapping[str, str]) -> Chosen:
    """The package with the options a customer chose: each adds to a limit, replaces it, or switches a feature.

    What replaces comes first, so that what else was bought is added to it.
    """
    limits, features = dict(package.limits), dict(package.features)
    mapped = dict(package.options)
    known = {each: mapped.get(each) or mapped.get(each.split("|")[0].strip()) for each in sorted(options)}
    found = [(written, option) for written, option in known.items() if option is not None]
    for written, option in sorted(found, key=lambda each: each[1].how != "replace"):
        if option.feature is not None:
            features[option.feature] = _quantity(written, options[written]) > 0
        elif option.limit is not None:
            amount = _quantity(written, options[written])
            if option.how == "replace":
                limits[option.limit] = amount
            elif option.limit in limits:
                limits[option.limit] += amount
            # An unlimited limit stays unlimited, whatever is added to it.
            if amount and limits.get(option.limit, 0) > LIMIT_MAX:
                raise NotPrepared(f"the option {written!r} makes {option.limit} more than {LIMIT_MAX}")
    chosen = replace(package, limits=tuple(sorted(limits.items())), features=tuple(sorted(features.items())))
    return Chosen(chosen, tuple(written for written, option in known.items() if option is None))


def is_on(value: str) -> bool:
    """WHMCS's ways of saying yes."""
    return value.strip().lower() in {"1", "on", "yes", "true"}


def _quantity(option: str, value: str) -> int:
    """The number an option stands for: '5', or '5 x phones' from a drop-down, a tick as one, nothing as none."""
    leading = value.split("|")[0].strip()
    digits = leading.split(" ")[0]
    if digits.isascii() and digits.isdigit() and len(digits) <= 9:
        return int(digits)
    if is_on(leading):
        return 1
    if leading == "" or leading.lower() in {"no", "off", "none"}:
        return 0
    raise NotPrepared(f"the option {option!r} is mapped, but its value is neither a number nor yes or no")


def resources_from(package: Mapping[str, Any]) -> Resources:
    """The part of a package that a PBX sees. What is wrong is named by the path of its key."""
    limits = _table(package, "limits")
    for name, value in limits.items():
        if name not in LIMITS:
            raise NotPrepared(f"limits.{name} is not a limit; there are {', '.join(sorted(LIMITS))}")
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise NotPrepared(f"limits.{name} is not a whole number of 0 or more")
    features = _table(package, "features")
    for name, value in features.items():
        if not isinstance(value, bool):
            raise NotPrepared(f"features.{name} is neither true nor false")
    days = package.get("retention_days")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= 3650):
        raise NotPrepared("retention_days is not a whole number from 0 to 3650")
    policy = package.get("suspend_policy", SuspendPolicy.DIAL_RESTRICT)
    if policy not in set(SuspendPolicy):
        raise NotPrepared(f"suspend_policy is not one of {', '.join(SuspendPolicy)}")
    return Resources(
        limits=tuple(sorted(limits.items())),
        features=tuple(sorted(features.items())),
        options=tuple(sorted((name, _option(name, value)) for name, value in _table(package, "options").items())),
        suspend_policy=SuspendPolicy(policy),
        retention_days=days,
        emergency=_emergency(package),
    )


def _emergency(package: Mapping[str, Any]) -> frozenset[str]:
    """As kept, or those of the country of a package that is read for the first time."""
    kept = package.get("emergency")
    if kept is not None:
        return frozenset(kept)
    iso = package.get("country")
    return country(iso).emergency if iso else frozenset()


def resources_to(resources: Resources) -> dict[str, Any]:
    """The same, as a document."""
    document: dict[str, Any] = {
        "limits": dict(resources.limits),
        "features": dict(resources.features),
        "options": {name: _option_to(option) for name, option in resources.options},
        "suspend_policy": resources.suspend_policy.value,
    }
    if resources.emergency:
        document["emergency"] = sorted(resources.emergency)
    if resources.retention_days is not None:
        document["retention_days"] = resources.retention_days
    return document


def _table(package: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = package.get(name, {})
    if not isinstance(value, Mapping):
        raise NotPrepared(f"{name} is not a table")
    return dict(value)


def _option(name: str, value: Any) -> Option:
    path = f"options.{name!r}"
    if not isinstance(value, Mapping):
        raise NotPrepared(f"{path} is not a table such as {{ limit = 'extensions', how = 'add' }}")
    unknown = sorted(set(value) - {"limit", "feature", "how"})
    if unknown:
        raise NotPrepared(f"{path}.{unknown[0]} is not known; an option has limit or feature, and how")
    limit, feature, how = value.get("limit"), value.get("feature"), value.get("how", "add")
    if (limit is None) == (feature is None):
        raise NotPrepared(f"{path} maps to either a limit or a feature")
    if limit is not None and limit not in LIMITS:
        raise NotPrepared(f"{path}.limit {limit!r} is not a limit; there are {', '.join(sorted(LIMITS))}")
    if how not in ("add", "replace"):
        raise NotPrepared(f"{path}.how is neither add nor replace")
    return Option(limit=limit, feature=feature, how=how)


def _option_to(option: Option) -> dict[str, str]:
    if option.feature is not None:
        return {"feature": option.feature, "how": option.how}
    return {"limit": option.limit or "", "how": option.how}
