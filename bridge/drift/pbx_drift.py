"""In what a PBX differs from what is wanted of a tenant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge.drift.drift import SHOWN_MAX, Class, Drift, Remedy, Verb, shown
from bridge.pbx.comparison import KEYS, differences
from bridge.pbx.driver import Capabilities, Difference, Tenant
from bridge.wanted import NOTHING_HELD, Contribution, Held, held_by_hand, living, respecting, tenant_from

UNKNOWN_TENANTS_MAX = 500
"""So many findings a server; a PBX with more tenants of somebody else is told about in one."""

_STATE = frozenset({"enabled", "outbound"})


@dataclass(frozen=True, slots=True)
class Kept:
    """A tenant as the mirror keeps it."""

    tenant_id: int
    server_id: int
    plain: Tenant
    contributions: tuple[Contribution, ...]
    applied: Tenant | None
    held: Held
    department: str = ""
    switching_off: Held = NOTHING_HELD
    """What a worker had begun to switch off without learning how it ended."""


@dataclass(frozen=True, slots=True)
class Compared:
    drifts: tuple[Drift, ...]
    held: Held


def of_tenant(kept: Kept, actual: Tenant | None, capabilities: Capabilities) -> Compared:
    """What a worker would change here if it came by now, and what it would leave alone."""
    wanted = tenant_from(kept.plain, kept.contributions)
    if actual is None:
        return Compared((_missing(kept, wanted),) if living(kept.contributions) else (), Held())
    if actual.marker != wanted.marker:
        return Compared((_anothers(kept, actual),), kept.held)

    held = held_by_hand(kept.held, applied=kept.applied, actual=actual, begun=kept.switching_off)
    sorted_out: dict[Class, list[Difference]] = {}
    for each in differences(respecting(held, wanted), actual, capabilities):
        sorted_out.setdefault(class_of(each), []).append(each)
    return Compared(tuple(_drift(kept, kind, found, actual) for kind, found in sorted_out.items()), held)


def without_service(kept: Kept) -> Drift | None:
    if kept.contributions:
        return None
    return Drift(
        Class.TENANT_WITHOUT_SERVICE,
        f"{Class.TENANT_WITHOUT_SERVICE}:tenant:{kept.tenant_id}",
        f"tenant {kept.plain.domain} belongs to no service",
        tenant_id=kept.tenant_id,
        server_id=kept.server_id,
        suggestion="Nothing was removed. Find out whose it is, or take it off the PBX by hand.",
    )


def of_listing(
    server_id: int, there: Iterable[str], *, ours: Mapping[str, int], homes: Mapping[str, int]
) -> list[Drift]:
    """Tenants that a PBX has and we do not know there. `ours`: tenants of this server; `homes`: every tenant's server.

    They are findings and nothing else: nobody asked the bridge for them."""
    strangers = sorted(set(there) - ours.keys())
    twice = [each for each in strangers if each in homes]
    unknown = [each for each in strangers if each not in homes]
    found = [_twice(server_id, domain, homes[domain]) for domain in twice]
    found += [_unknown(server_id, f"server:{server_id}:{domain}", f"tenant {domain}") for domain in unknown[:_MANY]]
    if len(unknown) > _MANY:
        rest = len(unknown) - _MANY
        found.append(_unknown(server_id, f"server:{server_id}", f"{rest} tenants beside the {_MANY} that are listed"))
    return found


def of_numbers(pairs: Iterable[tuple[str, int]]) -> list[Drift]:
    """Public numbers that are wanted or were seen in more than one tenant."""
    homes: dict[str, set[int]] = {}
    for number, tenant_id in pairs:
        homes.setdefault(number, set()).add(tenant_id)
    return [
        Drift(
            Class.DUPLICATE,
            f"{Class.DUPLICATE}:number:{number}",
            f"number {number} is in {len(tenants)} tenants",
            tenant_id=min(tenants),
            actual={"tenants": sorted(tenants)[:SHOWN_MAX]},
            suggestion="Leave the number with one tenant.",
        )
        for number, tenants in sorted(homes.items())
        if len(tenants) > 1
    ]


def class_of(difference: Difference) -> Class:
    if difference.member == "missing":
        return Class.MISSING_ON_PBX
    if difference.member == "unknown":
        return Class.UNKNOWN_ON_PBX
    return Class.STATE_DRIFT if difference.member in _STATE else Class.ATTRIBUTE_DRIFT


_MANY = UNKNOWN_TENANTS_MAX


def _drift(kept: Kept, kind: Class, found: list[Difference], actual: Tenant) -> Drift:
    named = ", ".join(f"{each.what} {each.member}" for each in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    repair = Remedy(Verb.REPAIR, None, kept.tenant_id)
    return Drift(
        kind,
        f"{kind}:tenant:{kept.tenant_id}",
        f"{kept.plain.domain}: {named}{more}",
        tenant_id=kept.tenant_id,
        server_id=kept.server_id,
        wanted=shown(found, "wanted"),
        actual=shown(found, "actual"),
        remedy=None if kind is Class.UNKNOWN_ON_PBX else repair,
        adoption=_adoption(kept, found, actual),
        department=kept.department,
        suggestion="Look at the tenant on the PBX; have the sweep repair it, or want what is there.",
    )


def _adoption(kept: Kept, found: list[Difference], actual: Tenant) -> Remedy | None:
    """Wanting what is there: the objects that differ, as they are, but on or off as it was wanted."""
    names = {each.what for each in found if each.what != "tenant" and each.member != "missing"}
    objects = []
    for kind, key in KEYS.items():
        wanted = {getattr(each, key): each for each in getattr(kept.plain, f"{kind}s")}
        for each in getattr(actual, f"{kind}s"):
            name = getattr(each, key)
            if f"{kind} {name}" in names:
                objects.append(_as_ours(each, wanted.get(name), kept))
    return Remedy(Verb.IMPORT_OBJECTS, None, kept.tenant_id, {"objects": tuple(objects)}) if objects else None


def _as_ours(there: Any, wanted: Any, kept: Kept) -> Any:
    alone = kept.contributions[0].service_id if len(kept.contributions) == 1 else None
    members: dict[str, Any] = {"service_id": wanted.service_id if wanted is not None else alone}
    if wanted is not None:
        members["enabled"] = wanted.enabled
        if hasattr(wanted, "outbound"):
            members["outbound"] = wanted.outbound
    return replace(there, **members)


def _missing(kept: Kept, wanted: Tenant) -> Drift:
    return Drift(
        Class.MISSING_ON_PBX,
        f"{Class.MISSING_ON_PBX}:tenant:{kept.tenant_id}",
        f"tenant {wanted.domain} is not on the PBX",
        tenant_id=kept.tenant_id,
        server_id=kept.server_id,
        wanted={"tenant": "present"},
        actual={"tenant": "absent"},
        remedy=Remedy(Verb.REPAIR, None, kept.tenant_id),
        department=kept.department,
        suggestion="Find out who removed it; then have the sweep make it again, or terminate its services.",
    )


def _anothers(kept: Kept, actual: Tenant) -> Drift:
    whose = "nobody's marker" if actual.marker is None else "another's marker"
    return Drift(
        Class.UNKNOWN_ON_PBX,
        f"{Class.UNKNOWN_ON_PBX}:tenant:{kept.tenant_id}",
        f"{actual.domain} is there and carries {whose}",
        tenant_id=kept.tenant_id,
        server_id=kept.server_id,
        wanted={"marker": kept.plain.marker},
        actual={"marker": actual.marker},
        department=kept.department,
        suggestion="Find out whose tenant it is. The bridge leaves it alone.",
    )


def _twice(server_id: int, domain: str, home: int) -> Drift:
    return Drift(
        Class.DUPLICATE,
        f"{Class.DUPLICATE}:server:{server_id}:{domain}",
        f"tenant {domain} is on server {home} and on server {server_id} as well",
        server_id=server_id,
        wanted={"server_id": home},
        actual={"server_id": server_id},
        suggestion="Take the one that is not in use off its PBX by hand.",
    )


def _unknown(server_id: int, place: str, what: str) -> Drift:
    return Drift(
        Class.UNKNOWN_ON_PBX,
        f"{Class.UNKNOWN_ON_PBX}:{place}",
        f"{what} on server {server_id}: nobody here knows of it",
        server_id=server_id,
        suggestion="Find out whose it is. The bridge leaves it alone.",
    )
