"""In what WHMCS's records differ from what we keep of a service. Pure.

WHMCS's word counts where it is the one who decides: product, options, status. What would move a tenant, rename it, give
it to somebody else or end it because a row is gone is for a person (F-5, F-11, F-13). An operation that is under way,
or a status that WHMCS has yet to hear, makes its status say nothing; the caller leaves such a service out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge.drift.drift import Class, Drift, Remedy, Verb
from bridge.errors import NotPrepared
from bridge.handler import Handler, domain_for
from bridge.service import Resources, Service, with_options
from bridge.wanted import Status
from bridge.whmcs import records

WISHES: Mapping[str, frozenset[Status]] = {
    "Active": frozenset({Status.ACTIVE}),
    "Suspended": frozenset({Status.SUSPENDED}),
    "Fraud": frozenset({Status.SUSPENDED, Status.TERMINATED}),
    "Terminated": frozenset({Status.TERMINATED}),
    "Cancelled": frozenset({Status.TERMINATED}),
    "Pending": frozenset({Status.TERMINATED}),
}
"""What a status of WHMCS may look like here. Completed says nothing: the service was paid for once and stays."""

ADDON_COUNTS = frozenset({"Active", "Suspended"})
"""An add-on in another status was not delivered or is over."""

LIVING = frozenset({"Active", "Suspended"})


@dataclass(frozen=True, slots=True)
class Ours:
    """A service as we keep it, with what is needed to understand it."""

    service: Service
    domain: str | None = None
    """Its tenant's, if it has one."""
    zone: str = ""
    handler: Handler | None = None
    unheard: bool = False
    """WHMCS could not be told the last status; a person was asked to set it there."""


@dataclass(frozen=True, slots=True)
class Theirs:
    """The same service as WHMCS has it."""

    service: records.Service
    options: Mapping[str, str]
    fields: Mapping[str, str]


def options_of(
    choices: Iterable[records.Choice], addons: Iterable[records.ProductAddon], package: Resources | None
) -> dict[str, str]:
    """What was chosen for a service: its configurable options, and the add-ons that its package maps (F-12).

    An add-on counts by its name or its definition's id. One that nobody mapped need not have to do with telephones."""
    chosen = {each.name: each.value for each in choices}
    mapped = dict(package.options) if package else {}
    for addon in addons:
        name = addon.name if addon.name in mapped else str(addon.definition_id)
        if name in mapped and addon.status in ADDON_COUNTS:
            chosen[name] = str(_count(chosen.get(name)) + addon.quantity)
    return chosen


def of_service(ours: Ours, theirs: Theirs | None, *, is_of_our_module: bool, package: Resources | None) -> list[Drift]:
    """Everything in which a service differs. `theirs` is None only where WHMCS said that it has no such row."""
    if theirs is None:
        return [_vanished(ours)] if ours.service.status is not Status.TERMINATED else []
    found = [_status(ours, theirs.service)]
    if ours.service.status is not Status.TERMINATED:
        found += [
            _package(ours, theirs, is_of_our_module=is_of_our_module),
            _options(ours, theirs, package) if is_of_our_module else None,
            _server(ours, theirs.service),
            _domain(ours, theirs.service),
            _username(ours, theirs.service),
            _fields(ours, theirs),
            _owner(ours, theirs.service),
            *(_unmapped(ours, theirs, package) if is_of_our_module else ()),
        ]
    return [each for each in found if each is not None]


def unknown_here(theirs: Theirs) -> Drift | None:
    """A service of our module that WHMCS shows as delivered and that we have never heard of."""
    service = theirs.service
    if service.status not in LIVING:
        return None
    creation = {
        "client_id": service.client_id,
        "product_id": service.product_id,
        "server_id": service.server_id,
        "domain": service.domain,
        "username": service.username,
        "options": dict(theirs.options),
        "custom_fields": dict(theirs.fields),
    }
    return Drift(
        Class.ACTIVE_WITHOUT_TENANT,
        f"{Class.ACTIVE_WITHOUT_TENANT}:service:{service.service_id}",
        f"service {service.service_id} is {service.status} in WHMCS and was never created here",
        service_id=service.service_id,
        actual={"status": service.status, "product_id": service.product_id},
        remedy=Remedy(Verb.CREATE, service.service_id, None, creation) if service.status == "Active" else None,
        suggestion="Press Create on the service in WHMCS, or set its status to what is true.",
    )


def orphan(ours: Ours) -> Drift | None:
    """A living service that has no tenant, though a worker and not a person sets it up."""
    if ours.domain is not None or ours.service.status is Status.TERMINATED:
        return None
    if ours.handler is not None and ours.handler.is_manual:
        return None
    return _drift(ours, Class.ORPHAN_SERVICE, "has no tenant on any PBX", "a tenant", "none", suggestion=_CREATE)


def of_product(before: Mapping[str, Any], now: Mapping[str, Any], product_id: int) -> Drift | None:
    """Module settings or the server group of a product: services that were sold already are not touched by them."""
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if not changed:
        return None
    return Drift(
        Class.PRODUCT_CHANGED,
        f"{Class.PRODUCT_CHANGED}:product:{product_id}",
        f"product {product_id} was changed in WHMCS: {', '.join(changed)}",
        wanted={name: before.get(name) for name in changed},
        actual={name: now.get(name) for name in changed},
        suggestion="Services already sold keep what they have. Look whether handler and package still fit.",
    )


_CREATE = "Press Create on the service in WHMCS; the bridge makes what is missing."
_DECIDE = "Undo the change in WHMCS, or carry it out by hand."


def _vanished(ours: Ours) -> Drift:
    return _drift(
        ours,
        Class.SERVICE_VANISHED,
        "is gone from WHMCS",
        "a row in WHMCS",
        "none",
        suggestion="Nothing was removed. Terminate the service if that is meant, or bring the row back.",
    )


def _status(ours: Ours, theirs: records.Service) -> Drift | None:
    wishes = WISHES.get(theirs.status)
    status = ours.service.status
    if wishes is None or status in wishes:
        return None
    verb: Verb | None = None
    if status is not Status.TERMINATED and theirs.status != "Pending" and not ours.unheard:
        verb = {
            Status.ACTIVE: Verb.UNSUSPEND,
            Status.SUSPENDED: Verb.SUSPEND,
            Status.TERMINATED: Verb.TERMINATE,
        }[Status.SUSPENDED if Status.SUSPENDED in wishes else next(iter(wishes))]
    ended = status is Status.TERMINATED
    return _drift(
        ours,
        Class.STATUS_CHANGED,
        f"is {status} here and {theirs.status} in WHMCS",
        status.value,
        theirs.status,
        verb=verb,
        details={"reason": theirs.suspend_reason},
        suggestion=_CREATE if ended else "Set the status in WHMCS to what is true.",
    )


def _package(ours: Ours, theirs: Theirs, *, is_of_our_module: bool) -> Drift | None:
    service, product_id = ours.service, theirs.service.product_id
    if service.product_id == product_id:
        return None
    return _drift(
        ours,
        Class.PACKAGE_CHANGED,
        f"has product {service.product_id} here and product {product_id} in WHMCS"
        + ("" if is_of_our_module else ", which another module serves"),
        service.product_id,
        product_id,
        verb=Verb.CHANGE_PACKAGE if is_of_our_module else None,
        details={"product_id": product_id, "options": dict(theirs.options)},
        suggestion=_DECIDE,
    )


def _options(ours: Ours, theirs: Theirs, package: Resources | None) -> Drift | None:
    kept, chosen = _plain(dict(ours.service.options)), _plain(theirs.options)
    if kept == chosen:
        return None
    # A name that is new and mapped to nothing looks like an option that was renamed: taking the old one's seats away
    # would be the wrong answer to that.
    renamed = sorted(set(_unmapped_names(theirs.options, package)) - kept.keys())
    lost = sorted(kept.keys() - _plain(theirs.options).keys())
    verb = None if renamed and lost else Verb.CHANGE_PACKAGE
    told = f"; {renamed[0]!r} is mapped to nothing, and {lost[0]!r} is gone" if verb is None else ""
    return _drift(
        ours,
        Class.OPTIONS_CHANGED,
        f"has other options in WHMCS{told}",
        kept,
        chosen,
        verb=verb,
        details={"product_id": theirs.service.product_id, "options": dict(theirs.options)},
        suggestion="Map the option's new name in the package, and the next sweep takes it over." if renamed else "",
    )


def _unmapped(ours: Ours, theirs: Theirs, package: Resources | None) -> Iterator[Drift]:
    product_id = theirs.service.product_id
    for name in _unmapped_names(theirs.options, package):
        yield Drift(
            Class.UNMAPPED_OPTION,
            f"{Class.UNMAPPED_OPTION}:{product_id}:{name}",
            f"option {name!r} of product {product_id} maps to no limit and no feature",
            service_id=ours.service.service_id,
            actual={"option": name},
            suggestion=f"Map {name!r} in the options of the package of product {product_id}.",
        )


def _unmapped_names(options: Mapping[str, str], package: Resources | None) -> tuple[str, ...]:
    if package is None:
        return tuple(sorted(options))
    try:
        return with_options(package, options).unmapped
    except NotPrepared:  # a mapped option whose value is no number: the change of package itself will say so
        return ()


def _server(ours: Ours, theirs: records.Service) -> Drift | None:
    held, named = ours.service.server_id, theirs.server_id
    if named is None or held is None or named == held:
        return None
    return _drift(
        ours,
        Class.SERVER_CHANGED,
        f"lives on server {held}, and WHMCS names server {named}",
        held,
        named,
        suggestion="Move it with service.move, or name the old server in WHMCS again.",
    )


def _domain(ours: Ours, theirs: records.Service) -> Drift | None:
    template = ours.handler.domain if ours.handler else ""
    if ours.domain is None or not theirs.domain or (template and "{domain}" not in template):
        return None
    try:
        named = domain_for(
            template,
            domain=theirs.domain,
            username=ours.service.username,
            service_id=ours.service.service_id,
            client_id=ours.service.client_id,
            product_id=ours.service.product_id,
            zone=ours.zone,
        )
    except NotPrepared:
        named = theirs.domain
    if named == ours.domain:
        return None
    return _drift(
        ours,
        Class.DOMAIN_CHANGED,
        f"is {ours.domain}, and WHMCS names it {named[:80]}",
        ours.domain,
        named,
        suggestion="A tenant is never renamed by itself. Write the old domain in WHMCS, or rename the tenant by hand.",
    )


def _username(ours: Ours, theirs: records.Service) -> Drift | None:
    if not theirs.username or theirs.username == ours.service.username:
        return None
    return _drift(
        ours,
        Class.USERNAME_CHANGED,
        f"has the user name {theirs.username[:80]!r} in WHMCS",
        ours.service.username,
        theirs.username,
        verb=Verb.RENAME_ADMINISTRATOR,
        details={"username": theirs.username},
        suggestion=_DECIDE,
    )


def _fields(ours: Ours, theirs: Theirs) -> Drift | None:
    """Fields that WHMCS does not tell, such as passwords, are left as they are."""
    kept = dict(ours.service.custom_fields)
    changed = {name: value for name, value in theirs.fields.items() if kept.get(name, "") != value}
    if not changed:
        return None
    found = _drift(
        ours,
        Class.FIELDS_CHANGED,
        f"has other custom fields in WHMCS: {', '.join(sorted(changed))}",
        {name: kept.get(name, "") for name in changed},
        changed,
        suggestion=_DECIDE,
    )
    adoption = Remedy(Verb.LEARN_FIELDS, ours.service.service_id, None, {"custom_fields": kept | changed})
    return replace(found, adoption=adoption)


def _owner(ours: Ours, theirs: records.Service) -> Drift | None:
    if theirs.client_id == ours.service.client_id:
        return None
    return _drift(
        ours,
        Class.OWNER_CHANGED,
        f"belongs to client {ours.service.client_id} here and to client {theirs.client_id} in WHMCS",
        ours.service.client_id,
        theirs.client_id,
        suggestion="Settle with both clients what of the tenant goes along; then carry it out by hand.",
    )


def _drift(
    ours: Ours,
    kind: Class,
    what: str,
    wanted: Any,
    actual: Any,
    *,
    verb: Verb | None = None,
    details: Mapping[str, Any] | None = None,
    suggestion: str = "",
) -> Drift:
    service = ours.service
    return Drift(
        kind,
        f"{kind}:service:{service.service_id}",
        f"service {service.service_id} {what}",
        service_id=service.service_id,
        tenant_id=service.tenant_id,
        server_id=service.server_id,
        wanted={"value": wanted},
        actual={"value": actual},
        remedy=Remedy(verb, service.service_id, None, details or {}) if verb is not None else None,
        department=service.department,
        suggestion=suggestion or _DECIDE,
    )


def _plain(options: Mapping[str, str]) -> dict[str, str]:
    """Without what says nothing: a no, a zero, and the label after a bar."""
    short = {name.split("|")[0].strip(): value.split("|")[0].strip() for name, value in options.items()}
    return {name: value for name, value in short.items() if value.lower() not in ("", "0", "no", "off")}


def _count(value: str | None) -> int:
    return int(value) if value is not None and value.isascii() and value.isdigit() else 0
