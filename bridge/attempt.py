"""One attempt to make a PBX match what is wanted: look, change what differs, look again. No transaction is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bridge.crash import Crash, Point
from bridge.errors import Conflict, OutcomeUnknown
from bridge.handler import Adopt
from bridge.pbx.comparison import differences, unmet
from bridge.pbx.driver import Driver, Tenant
from bridge.store.mirror import Mirror
from bridge.wanted import (
    NOTHING_HELD,
    Contribution,
    Held,
    held_by_hand,
    living,
    respecting,
    switched_off,
    tenant_from,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an attempt left behind on the PBX."""

    applied: Tenant | None
    actual: Tenant | None
    held: Held
    """All of it was in the mirror, or was written there before anything was done: see `Intend`."""


Intend = Callable[[Held, Held], None]
"""Writes down what a hand holds and what is about to be switched off, before it is (R-2)."""


def match(
    driver: Driver,
    mirror: Mirror,
    contributions: tuple[Contribution, ...],
    *,
    adopt: Adopt,
    crash: Crash,
    intend: Intend,
) -> Seen:
    """Makes the tenant as wanted. Where nobody wants it, and there is none or never was ours, nothing is done.

    If this ends before it is known how, the next attempt has to tell what a hand switched off from what we did.
    """
    wanted = tenant_from(mirror.plain, contributions)
    actual = driver.find(wanted.domain)
    if not living(contributions) and (actual is None or _is_anothers(mirror, actual)):
        return Seen(None, None, Held())
    if actual is not None:
        _may_touch(wanted, actual, adopt)

    held = held_by_hand(mirror.held, applied=mirror.applied, actual=actual, begun=mirror.switching_off)
    tenant = respecting(held, wanted)
    off = switched_off(mirror.switching_off, applied=mirror.applied, actual=actual, tenant=tenant)
    if off != NOTHING_HELD and (held, off) != (mirror.held, mirror.switching_off):
        intend(held, off)
    return Seen(tenant, _put(driver, tenant, adopt=adopt, crash=crash), held)


def make_elsewhere(
    driver: Driver, mirror: Mirror, contributions: tuple[Contribution, ...], *, adopt: Adopt, crash: Crash
) -> Seen:
    """Makes the tenant on another PBX than it lives on. What a hand had switched off at home is off there, too."""
    if not living(contributions):
        raise Conflict(f"nobody lives in {mirror.plain.domain} any more, so it is not moved")
    tenant = respecting(mirror.held, tenant_from(mirror.plain, contributions))
    actual = driver.find(tenant.domain)
    if actual is not None:
        _may_touch(tenant, actual, adopt)
    return Seen(tenant, _put(driver, tenant, adopt=adopt, crash=crash), mirror.held)


def retire(driver: Driver, mirror: Mirror, *, crash: Crash) -> None:
    """Switches off a tenant that lives elsewhere now. Everything stays in it; nothing of it rings or registers."""
    actual = driver.find(mirror.plain.domain)
    if actual is None:
        return
    _may_touch(mirror.plain, actual, "never")
    off = replace(
        actual,
        enabled=False,
        gateways=tuple(replace(each, enabled=False) for each in actual.gateways),
        numbers=tuple(replace(each, enabled=False) for each in actual.numbers),
        routes=tuple(replace(each, enabled=False) for each in actual.routes),
    )
    if off != actual:
        _put(driver, off, adopt="never", crash=crash)


def _put(driver: Driver, tenant: Tenant, *, adopt: Adopt, crash: Crash) -> Tenant:
    """Puts, and looks: the tenant as it is there, which is as it was wanted."""
    crash(Point.STEP_BEFORE)
    try:
        driver.put(tenant, adopt=adopt == "always")
    except OutcomeUnknown:
        seen = driver.find(tenant.domain)
        if seen is None or unmet(differences(tenant, seen, driver.capabilities)):
            raise
    else:
        seen = driver.find(tenant.domain)
    crash(Point.STEP_AFTER)
    if seen is None:
        raise OutcomeUnknown(f"{tenant.domain} was put and is not there")
    left = unmet(differences(tenant, seen, driver.capabilities))
    if left:
        named = ", ".join(f"{each.what} {each.member}" for each in left[:5])
        raise OutcomeUnknown(f"{tenant.domain} was put and is not as wanted: {named}")
    return seen


def remove(driver: Driver, mirror: Mirror, *, crash: Crash) -> Seen:
    """Deletes the tenant, if it still carries our marker in the moment of deletion."""
    actual = driver.find(mirror.plain.domain)
    if actual is not None and not _is_anothers(mirror, actual):
        _may_touch(mirror.plain, actual, "never")
        crash(Point.STEP_BEFORE)
        try:
            driver.remove(mirror.plain)
        except OutcomeUnknown:
            if driver.find(mirror.plain.domain) is not None:
                raise
        crash(Point.STEP_AFTER)
        if driver.find(mirror.plain.domain) is not None:
            raise OutcomeUnknown(f"{mirror.plain.domain} was removed and is still there")
    return Seen(None, None, Held())


def _is_anothers(mirror: Mirror, actual: Tenant) -> bool:
    """We never made it there, and what is there under its name says so: it does not carry our marker."""
    return mirror.applied is None and actual.marker != mirror.plain.marker


def _may_touch(wanted: Tenant, actual: Tenant, adopt: Adopt) -> None:
    if actual.marker == wanted.marker:
        return
    if actual.marker is not None:
        raise Conflict(f"{wanted.domain} is there and carries another's marker", kind="pbx_conflict")
    if adopt != "always":
        raise Conflict(
            f"{wanted.domain} is there and nobody marked it; adopt it by the handler's setting, or remove it",
            kind="pbx_conflict",
        )
