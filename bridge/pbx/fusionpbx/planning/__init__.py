"""What has to be written so that a tenant of FusionPBX is as wanted, and what the switch is told afterwards. Pure.

    rows       what differs, and nothing else: a tenant that is right already has none
    keys       of the cache, deleted after the commit
    steps      for the switch, taken after the keys; each may be taken twice

An object that is new has the identifier that follows from the tenant's marker and its own name (R-17), so that a second
attempt meets what the first one made.
"""

from __future__ import annotations

from uuid import UUID

from bridge.pbx.driver import Tenant
from bridge.pbx.fusionpbx.inventory import Inventory
from bridge.pbx.fusionpbx.planning import dialplan, extensions, gateways, tenant
from bridge.pbx.fusionpbx.planning.change import Means, Plan


def plan(found: Inventory | None, wanted: Tenant, means: Means) -> Plan:
    """`wanted` has a marker, and has passed `demand.py`."""
    assert wanted.marker is not None
    made = Plan(made=set(found.made) if found else set())
    uuid = found.uuid if found else UUID(wanted.marker)
    tenant.domain(made, found, wanted, uuid, means)
    leaving = gateways.gateways(made, found, wanted, uuid)
    phones = extensions.extensions(made, found, wanted, uuid, means)
    dialplan.numbers(made, found, wanted, uuid, leaving)
    dialplan.routes_out(made, found, wanted, uuid, leaving)
    dialplan.guard_rules(made, found, wanted, uuid, leaving, phones, means)
    tenant.administrator(made, found, wanted, uuid, means)
    tenant.limits(made, found, wanted, uuid)
    tenant.notes(made, found, wanted, uuid)
    return made
