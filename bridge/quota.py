"""How much of its limits a service uses: what is wanted for it counts, whether or not a PBX has it yet. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.pbx.driver import Tenant

COUNTED_BY: Mapping[str, str] = {"extensions": "extensions", "gateways": "gateways", "numbers": "dids"}
"""What a tenant has, and the limit that counts it. Routes are counted by none."""

_KEYS = {"extensions": "number", "gateways": "name", "numbers": "e164"}


def used(tenant: Tenant, service_id: int) -> dict[str, list[str]]:
    """What belongs to a service, by the limit that counts it."""
    return {
        limit: [str(getattr(each, _KEYS[member])) for each in getattr(tenant, member) if each.service_id == service_id]
        for member, limit in COUNTED_BY.items()
    }


def over(limits: Mapping[str, int], used_now: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The limits that are exceeded; one that is not there is unlimited."""
    return tuple(sorted(name for name, keys in used_now.items() if name in limits and len(keys) > limits[name]))
