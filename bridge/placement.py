"""Where a new service goes: its handler, its server, its tenant and what the tenant starts with."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bridge import server as servers_
from bridge.app import Bridge
from bridge.errors import Conflict, NotPrepared
from bridge.handler import Handler, domain_for
from bridge.pbx.driver import Extension
from bridge.rating.numbers.country import UnknownCountry
from bridge.secret import Secret
from bridge.server import Server
from bridge.service import SITE_COUNTRY, Chosen, Resources, Service, resources_from, with_options
from bridge.store import handlers, lanes, mirror, operations, packages, placements, servers, services, wishes
from bridge.wanted import Status


@dataclass(frozen=True, slots=True)
class Plan:
    """How a new service would be set up. `server` is None when only a person can say where."""

    handler: Handler
    server: Server | None
    rule: str
    domain: str | None


def plan(
    tx: Connection,
    *,
    service_id: int,
    client_id: int,
    product_id: int,
    server_id: int | None,
    domain: str,
    username: str,
) -> Plan:
    by_server = handlers.of_product(tx, product_id)
    general = by_server.get(0, Handler(product_id))
    known = servers.listed(tx)
    counting = general.server_group is not None or any(each.accounts_max is not None for each in known)
    accounts = servers.accounts(tx) if counting else {}
    choice = servers_.choose(known, asked=server_id, group_id=general.server_group, accounts=accounts)
    handler = by_server.get(choice.server.server_id, general) if choice.server else general
    if not handler.enabled:
        raise Conflict(f"the handler of product {product_id} is disabled, so it takes no new service")
    if choice.server is None:
        return Plan(handler, None, choice.rule, None)
    if not handler.is_manual and handler.driver not in ("", choice.server.driver):
        raise NotPrepared(
            f"the handler of product {product_id} asks for the driver {handler.driver}, "
            f"but server {choice.server.server_id} is a {choice.server.driver}"
        )
    name = domain_for(
        handler.domain,
        domain=domain,
        username=username,
        service_id=service_id,
        client_id=client_id,
        product_id=product_id,
        zone=choice.server.zone or f"server{choice.server.server_id}.invalid",
    )
    return Plan(handler, choice.server, choice.rule, name)


def tenant_for(tx: Connection, bridge: Bridge, plan: Plan, service: Service) -> tuple[int, bool]:
    """The tenant of a new service, and whether it is new too: without a lane before the operation that makes it."""
    assert plan.server is not None
    assert plan.domain is not None
    place = mirror.by_domain(tx, plan.domain, lock=True)
    if place is not None:
        if place.client_id != service.client_id:
            raise Conflict(
                f"the domain of service {service.service_id} belongs to another client's tenant", kind="tenant_mismatch"
            )
        if place.server_id != plan.server.server_id:
            raise Conflict(
                f"the tenant {plan.domain} is on server {place.server_id}; a service joins it there or has another name"
            )
        mirror.set_wanted(tx, place.tenant_id, state="present", delete_after=None)
        return place.tenant_id, False
    tenant_id = mirror.add_tenant(
        tx,
        server_id=plan.server.server_id,
        client_id=service.client_id,
        domain=plan.domain,
        pbx_uuid=identifier(bridge, "tenant", plan.domain),
        description=f"WHMCS client {service.client_id}",
    )
    return tenant_id, True


def was_never_there(tx: Connection, bridge: Bridge, service: Service) -> bool:
    """Whether the tenant of a service is its order and no more: on no PBX, nobody else's, and nothing staff work on."""
    assert service.tenant_id is not None
    alone = len(services.of_tenants(tx, [service.tenant_id])[service.tenant_id]) == 1
    if not alone or not lanes.hold_free(tx, service.tenant_id):
        return False
    there = mirror.load(tx, [service.tenant_id], bridge.vault)[service.tenant_id]
    return there.applied is None and there.actual is None and operations.is_untouched(tx, service.tenant_id)


def forget(tx: Connection, tenant_id: int, moment: datetime) -> None:
    """The tenant is nowhere, and from now on nobody lives there."""
    placements.leave(tx, [each.service_id for each in services.of_tenants(tx, [tenant_id])[tenant_id]], at=moment)
    services.leave_tenant(tx, tenant_id)
    lanes.remove(tx, tenant_id)
    mirror.forget(tx, tenant_id)


def settle(tx: Connection, service: Service, domain: str | None, moment: datetime, *, is_new: bool = False) -> None:
    """Notes where a service lives from now on. `is_new`: it cannot have lived anywhere."""
    if service.tenant_id is not None and service.server_id is not None and domain is not None:
        here = {"tenant_id": service.tenant_id, "server_id": service.server_id}
        note = placements.begin if is_new else placements.place
        note(tx, [service.service_id], **here, domain=domain, at=moment)


def first_extensions(tx: Connection, bridge: Bridge, handler: Handler, tenant_id: int, service: Service) -> None:
    """What a new service starts with: the handler's count, no more than the package's limit."""
    if not handler.extensions:
        return
    limit = dict(service.resources.limits).get("extensions")
    count = handler.extensions if limit is None else min(handler.extensions, limit)
    taken = {each.number for each in mirror.load(tx, [tenant_id], bridge.vault)[tenant_id].plain.extensions}
    free = (str(number) for number in range(handler.first_extension, handler.first_extension + count + len(taken)))
    numbers = [number for number in free if number not in taken][:count]
    wanted = [
        Extension(number, f"Extension {number}", service.service_id, password=new_password(bridge), voicemail=True)
        for number in numbers
    ]
    domain = mirror.domain_of(tx, tenant_id)
    identifiers = {number: identifier(bridge, "extension", f"{domain}/{number}") for number in numbers}
    wishes.want(tx, tenant_id, wanted, uuid_of=identifiers, vault=bridge.vault)


def chosen_resources(
    tx: Connection, product_id: int, options: Mapping[str, str], custom_fields: Mapping[str, str]
) -> tuple[int | None, Chosen]:
    """The product's package as the customer chose it, for where the service stands; and the package's version."""
    package = packages.get(tx, product_id)
    if package is None:
        if packages.is_any(tx) and not handlers.of_product(tx, product_id):
            # Without a package nothing is limited: that is for somebody to say, not for a product nobody prepared.
            raise NotPrepared(f"product {product_id} has no package and no handler; save one with package.save")
        return None, Chosen(Resources(), tuple(sorted(options)))
    document = dict(package.document)
    if iso := custom_fields.get(SITE_COUNTRY):
        document["country"] = iso
    try:
        return package.version, with_options(resources_from(document), options)
    except UnknownCountry as error:
        raise NotPrepared(f"the custom field {SITE_COUNTRY}: {error}") from None


def identifier(bridge: Bridge, kind: str, name: str) -> str:
    """What we call an object before the first attempt to make it, so that no repeat makes a second (R-17)."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bridge:{bridge.settings.instance}:{kind}:{name}"))


def new_password(bridge: Bridge) -> Secret:
    return Secret(base64.b32encode(bridge.random(20)).decode())


def new_service(
    *,
    service_id: int,
    client_id: int,
    product_id: int,
    plan: Plan,
    resources: Resources,
    options: Mapping[str, str],
    custom_fields: Mapping[str, str],
    username: str,
    package_version: int | None,
) -> Service:
    return Service(
        service_id=service_id,
        client_id=client_id,
        product_id=product_id,
        status=Status.ACTIVE,
        server_id=plan.server.server_id if plan.server else None,
        department=plan.handler.department,
        resources=resources,
        options=tuple(sorted(options.items())),
        custom_fields=tuple(sorted(custom_fields.items())),
        username=username,
        package_version=package_version,
    )
