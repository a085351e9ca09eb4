"""What is wanted of a tenant: the sum of what its services contribute. Pure.

A tenant may serve several WHMCS services. It is restricted as a whole only when all of them are; otherwise only the
suspended service's own extensions and numbers are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, TypeVar

from bridge.pbx.driver import Extension, Gateway, Number, Route, Tenant


class Status(StrEnum):
    """How WHMCS wants a service."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class SuspendPolicy(StrEnum):
    """What a suspension takes away, from the mildest to the strictest. Emergency calls stay open in the first two."""

    DIAL_RESTRICT = "dial_restrict"
    GATEWAY = "gateway"
    EXTENSIONS = "extensions"
    DOMAIN = "domain"


_STRICTEST = list(SuspendPolicy)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one service adds to its tenant."""

    service_id: int
    status: Status
    policy: SuspendPolicy = SuspendPolicy.DIAL_RESTRICT
    limits: tuple[tuple[str, int], ...] = ()
    emergency: frozenset[str] = frozenset()


def living(contributions: Iterable[Contribution]) -> tuple[Contribution, ...]:
    return tuple(each for each in contributions if each.status is not Status.TERMINATED)


def tenant_from(plain: Tenant, contributions: Iterable[Contribution]) -> Tenant:
    """The tenant to have, from the tenant as it would be with every service active."""
    contributions = tuple(contributions)
    plain = replace(plain, emergency=plain.emergency.union(*(each.emergency for each in contributions)))
    alive = living(contributions)
    if not alive:
        return replace(plain, enabled=False)

    wanted = replace(plain, limits=sum_of_limits(alive))
    for each in contributions:
        if each.status is Status.TERMINATED:
            wanted = _without(wanted, each.service_id)
    suspended = [each for each in alive if each.status is Status.SUSPENDED]
    if len(suspended) == len(alive):
        return _restricted(wanted, max((each.policy for each in suspended), key=_STRICTEST.index))
    for each in suspended:
        wanted = _partly_restricted(wanted, each.service_id, each.policy)
    return wanted


def sum_of_limits(contributions: Iterable[Contribution]) -> tuple[tuple[str, int], ...]:
    """Limits add up. A service without a limit is unlimited, and so is then the sum."""
    given = [dict(each.limits) for each in contributions]
    everywhere = set.intersection(*(set(limits) for limits in given)) if given else set()
    return tuple((name, sum(limits[name] for limits in given)) for name in sorted(everywhere))


def _restricted(tenant: Tenant, policy: SuspendPolicy) -> Tenant:
    match policy:
        case SuspendPolicy.DIAL_RESTRICT:
            return replace(tenant, outbound=False)
        case SuspendPolicy.GATEWAY:
            return replace(tenant, gateways=tuple(replace(each, enabled=False) for each in tenant.gateways))
        case SuspendPolicy.EXTENSIONS:
            return replace(tenant, extensions=tuple(replace(each, enabled=False) for each in tenant.extensions))
        case SuspendPolicy.DOMAIN:
            return replace(tenant, enabled=False)


def _partly_restricted(tenant: Tenant, service_id: int, policy: SuspendPolicy) -> Tenant:
    """Others still live here: only what belongs to the service, and the mild policies leave its inbound calls alone."""
    if policy in (SuspendPolicy.DIAL_RESTRICT, SuspendPolicy.GATEWAY):
        extensions = tuple(
            replace(each, outbound=False) if each.service_id == service_id else each for each in tenant.extensions
        )
        return replace(tenant, extensions=extensions)
    return replace(
        tenant,
        extensions=_disabled(tenant.extensions, service_id),
        numbers=_disabled(tenant.numbers, service_id),
    )


def _without(tenant: Tenant, service_id: int) -> Tenant:
    """A terminated service's things, switched off until its retention is over."""
    return replace(
        tenant,
        extensions=_disabled(tenant.extensions, service_id),
        gateways=_disabled(tenant.gateways, service_id),
        numbers=_disabled(tenant.numbers, service_id),
        routes=_disabled(tenant.routes, service_id),
    )


Owned = TypeVar("Owned", Extension, Gateway, Number, Route)


def _disabled(things: tuple[Owned, ...], service_id: int) -> tuple[Owned, ...]:
    return tuple(_off_if(each.service_id == service_id, each) for each in things)


def _off_if(off: bool, thing: Owned) -> Owned:
    return replace(thing, enabled=False) if off else thing


# --- an operator's hand ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """What an operator switched off on the PBX by hand. It stays off through suspend and unsuspend until a hand turns
    it on again."""

    tenant: bool = False
    extensions: frozenset[str] = frozenset()
    gateways: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()

    def __sub__(self, other: Held) -> Held:
        members: dict[str, Any] = {member: getattr(self, member) - getattr(other, member) for member in _KEYS}
        return Held(self.tenant and not other.tenant, **members)

    def __or__(self, other: Held) -> Held:
        members: dict[str, Any] = {member: getattr(self, member) | getattr(other, member) for member in _KEYS}
        return Held(self.tenant or other.tenant, **members)


NOTHING_HELD = Held()


def held_to(held: Held) -> dict[str, Any]:
    document = {each.name: getattr(held, each.name) for each in fields(held)}
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in document.items() if value}


def held_from(document: dict[str, Any]) -> Held:
    members: dict[str, Any] = {
        name: frozenset(value) if isinstance(value, list) else value for name, value in document.items()
    }
    return Held(**members)


def held_by_hand(before: Held, *, applied: Tenant | None, actual: Tenant | None, begun: Held = NOTHING_HELD) -> Held:
    """What is off though we had left it on, and what was off by hand and still is.

    `begun`: what we had begun to switch off without learning how it ended. That it is off is no hand's doing.
    """
    if actual is None:
        return Held()
    made, there = _switches(applied), _switches(actual)
    members: dict[str, Any] = {
        member: frozenset(
            key
            for key, is_on in there[member].items()
            if not is_on
            and (key in getattr(before, member) or (made[member].get(key, False) and key not in getattr(begun, member)))
        )
        for member in _KEYS
    }
    was_on = applied is not None and applied.enabled and not begun.tenant
    return Held(tenant=not actual.enabled and (before.tenant or was_on), **members)


def switched_off(begun: Held, *, applied: Tenant | None, actual: Tenant | None, tenant: Tenant) -> Held:
    """What we are about to switch off of what we had left on or a hand has switched on, and what we had begun to."""
    made, there, wanted = _switches(applied), _switches(actual), _switches(tenant)
    members: dict[str, Any] = {
        member: getattr(begun, member)
        | {
            key
            for key, is_on in wanted[member].items()
            if not is_on and (made[member].get(key, False) or there[member].get(key, False))
        }
        for member in _KEYS
    }
    was_on = any(each is not None and each.enabled for each in (applied, actual))
    return Held(tenant=begun.tenant or (was_on and not tenant.enabled), **members)


def respecting(held: Held, tenant: Tenant) -> Tenant:
    """The tenant to put: as wanted, but for what a hand switched off."""
    return replace(
        tenant,
        enabled=tenant.enabled and not held.tenant,
        extensions=tuple(_off_if(each.number in held.extensions, each) for each in tenant.extensions),
        gateways=tuple(_off_if(each.name in held.gateways, each) for each in tenant.gateways),
        numbers=tuple(_off_if(each.e164 in held.numbers, each) for each in tenant.numbers),
        routes=tuple(_off_if(each.name in held.routes, each) for each in tenant.routes),
    )


_KEYS = {"extensions": "number", "gateways": "name", "numbers": "e164", "routes": "name"}


def _switches(tenant: Tenant | None) -> dict[str, dict[str, bool]]:
    """Whether each object is on, by kind and key."""
    return {
        member: {getattr(each, key): each.enabled for each in getattr(tenant, member)} if tenant else {}
        for member, key in _KEYS.items()
    }
