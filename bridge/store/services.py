"""Services as WHMCS wants them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, bindparam, func, insert, select, update

from bridge.database import NOW
from bridge.secret import Secret
from bridge.service import Resources, Service, resources_from, resources_to
from bridge.store.requests import Request
from bridge.tables import domains, handlers, requests, services
from bridge.vault import Vault
from bridge.wanted import Status


def get(tx: Connection, service_id: int, *, lock: bool = False) -> Service | None:
    found = select(services).where(services.c.service_id == service_id)
    row = tx.execute(found.with_for_update() if lock else found).one_or_none()
    return service_from(row) if row else None


@dataclass(frozen=True, slots=True)
class Held:
    """A service that nobody else changes until the transaction ends, and what every call asks next."""

    service: Service | None
    moment: datetime
    domain: str | None = None
    """Its tenant's."""
    driver: str | None = None
    """What the handler of its product asks for; None where nothing is said."""
    request: Request | None = None
    """What the caller's key stands for so far."""


_DOMAIN = select(domains.c.domain).where(domains.c.id == services.c.tenant_id).scalar_subquery()
_DRIVER = (
    select(handlers.c.driver)
    .where(
        handlers.c.product_id == services.c.product_id,
        (handlers.c.server_id == services.c.server_id) | (handlers.c.server_id == 0),
    )
    .order_by(handlers.c.server_id.desc())
    .limit(1)
    .scalar_subquery()
)
_ASKED = select(bindparam("this_service", type_=BigInteger).label("service_id")).subquery("asked")
_KEY = (
    select(
        bindparam("this_service", type_=BigInteger).label("service_id"),
        *(requests.c[name] for name in ("method", "params_hash", "operation_id", "answer", "expires_at")),
    )
    .where(requests.c.caller == bindparam("this_caller"), requests.c.idempotency_key == bindparam("this_key"))
    .subquery("known")
)
_HELD: list[ColumnElement[Any]] = [
    *(column for column in services.c if column.name not in ("password", "created_at", "updated_at")),
    NOW.label("moment"),
    _DOMAIN.label("domain"),
    _DRIVER.label("driver"),
    *(column.label(f"key_{column.name}") for column in _KEY.c if column.name != "service_id"),
]
_LOCK = (
    select(*_HELD)
    .select_from(
        _ASKED.outerjoin(services, services.c.service_id == _ASKED.c.service_id).outerjoin(
            _KEY, _KEY.c.service_id == _ASKED.c.service_id
        )
    )
    .with_for_update()
)


def lock(tx: Connection, service_id: int, *, caller: str, key: str | None) -> Held:
    """One question for all of it, whether or not the service is there: a call is a dozen questions, each a trip."""
    row = tx.execute(_LOCK, {"this_service": service_id, "this_caller": caller, "this_key": key}).one()
    request = None
    if row.key_method is not None:
        request = Request(row.key_method, row.key_params_hash, row.key_operation_id, row.key_answer, row.key_expires_at)
    service = service_from(row) if row.service_id is not None else None
    return Held(service, row.moment, row.domain, row.driver, request)


def of_tenants(tx: Connection, tenant_ids: Sequence[int]) -> dict[int, list[Service]]:
    found = select(services).where(services.c.tenant_id.in_(tenant_ids)).order_by(services.c.service_id)
    sharing: dict[int, list[Service]] = {tenant_id: [] for tenant_id in tenant_ids}
    for row in tx.execute(found):
        sharing[row.tenant_id].append(service_from(row))
    return sharing


def page(tx: Connection, *, after: int = 0, limit: int = 500) -> list[Service]:
    """Every service, a page at a time, by id."""
    found = select(services).where(services.c.service_id > after).order_by(services.c.service_id).limit(limit)
    return [service_from(row) for row in tx.execute(found)]


def count_by_status(tx: Connection) -> dict[str, int]:
    found = select(services.c.status, func.count().label("total")).group_by(services.c.status)
    return {row.status: row.total for row in tx.execute(found)}


def known(tx: Connection, service_ids: Iterable[int]) -> set[int]:
    found = select(services.c.service_id).where(services.c.service_id.in_(list(service_ids)))
    return {service_id for (service_id,) in tx.execute(found)}


_ADD = insert(services).values(password=None, created_at=NOW, updated_at=NOW)
_SAVE = update(services).where(services.c.service_id == bindparam("this_service")).values(updated_at=NOW)


def add(tx: Connection, service: Service) -> None:
    tx.execute(_ADD, _changing(service) | {"service_id": service.service_id})


def save(tx: Connection, service: Service, *, before: Service | None = None) -> None:
    """`before` is the service as it was read under lock: then only what changed is written."""
    changed = _changing(service)
    if before is not None:
        was = _changing(before)
        changed = {name: value for name, value in changed.items() if value != was[name]}
    tx.execute(_SAVE, {"this_service": service.service_id, **changed})


def save_over_limit(tx: Connection, service_id: int, over_limit: Sequence[str]) -> None:
    tx.execute(update(services).where(services.c.service_id == service_id).values(over_limit=list(over_limit)))


def relocate(tx: Connection, tenant_id: int, *, server_id: int) -> None:
    """Every service of a tenant lives where the tenant does."""
    tx.execute(update(services).where(services.c.tenant_id == tenant_id).values(server_id=server_id, updated_at=NOW))


def leave_tenant(tx: Connection, tenant_id: int) -> None:
    """The tenant is gone; what its services were is kept."""
    tx.execute(update(services).where(services.c.tenant_id == tenant_id).values(tenant_id=None, updated_at=NOW))


def save_password(tx: Connection, service_id: int, password: Secret, vault: Vault) -> None:
    sealed = vault.seal(password, place=place_of(service_id))
    tx.execute(update(services).where(services.c.service_id == service_id).values(password=sealed))


def password_of(tx: Connection, service_id: int, vault: Vault) -> Secret | None:
    row = tx.execute(select(services.c.password).where(services.c.service_id == service_id)).one_or_none()
    if row is None or row.password is None:
        return None
    return vault.open(row.password, place=place_of(service_id))


def place_of(service_id: int) -> str:
    return f"services.password.{service_id}"


def _changing(service: Service) -> dict[str, Any]:
    return {
        "tenant_id": service.tenant_id,
        "client_id": service.client_id,
        "product_id": service.product_id,
        "server_id": service.server_id,
        "department": service.department,
        "status": service.status.value,
        "resources": resources_to(service.resources),
        "options": dict(service.options),
        "custom_fields": dict(service.custom_fields),
        "over_limit": list(service.over_limit),
        "username": service.username,
        "generation": service.generation,
        "suspend_reason": service.suspend_reason,
        "package_version": service.package_version,
        "welcomed_at": service.welcomed_at,
    }


def service_from(row: Row[Any]) -> Service:
    resources: Resources = resources_from(row.resources)
    return Service(
        service_id=row.service_id,
        client_id=row.client_id,
        product_id=row.product_id,
        status=Status(row.status),
        tenant_id=row.tenant_id,
        server_id=row.server_id,
        department=row.department,
        resources=resources,
        options=tuple(sorted(row.options.items())),
        custom_fields=tuple(sorted(row.custom_fields.items())),
        over_limit=tuple(row.over_limit),
        username=row.username,
        generation=row.generation,
        suspend_reason=row.suspend_reason,
        package_version=row.package_version,
        welcomed_at=row.welcomed_at,
    )
