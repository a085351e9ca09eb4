"""The packages of products, every version kept. The newest of a product is the one in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from bridge.database import NOW
from bridge.tables import extended_rates, extended_rates_tariff

_NEWEST = (
    select(extended_rates.c.product_id, func.max(extended_rates.c.version).label("version"))
    .group_by(extended_rates.c.product_id)
    .subquery()
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A version of a product's package: the keys below `[package]` as a document."""

    product_id: int
    version: int
    name: str
    document: dict[str, Any]
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """The tariffs and the country of a version, for those who ask by SQL."""

    country: str
    calling_code: str
    currency: str
    tariff: str | None = None
    inbound_tariff: str | None = None
    cost_tariff: str | None = None


def get(tx: Connection, product_id: int, version: int | None = None) -> Stored | None:
    """A version of a product's package, or the newest."""
    columns = extended_rates.c
    asked = select(extended_rates).where(columns.product_id == product_id).order_by(columns.version.desc()).limit(1)
    row = tx.execute(asked if version is None else asked.where(columns.version == version)).one_or_none()
    return _stored(row) if row else None


def listed(tx: Connection) -> list[Stored]:
    """The newest of each product."""
    columns = extended_rates.c
    is_newest = (columns.product_id == _NEWEST.c.product_id) & (columns.version == _NEWEST.c.version)
    asked = select(extended_rates).join(_NEWEST, is_newest).order_by(columns.product_id)
    return [_stored(row) for row in tx.execute(asked)]


def is_any(tx: Connection) -> bool:
    """Whether any product was given a package: then one without is a product that nobody prepared."""
    return tx.execute(select(extended_rates.c.id).limit(1)).one_or_none() is not None


def add(tx: Connection, product_id: int, *, name: str, document: dict[str, Any], assigned: Assigned, actor: str) -> int:
    """Packages are never changed: a new version is added, and numbered."""
    last = get(tx, product_id)
    version = (last.version if last else 0) + 1
    tx.execute(
        insert(extended_rates).values(
            product_id=product_id, version=version, name=name, package=document, created_at=NOW, created_by=actor[:128]
        )
    )
    tx.execute(
        insert(extended_rates_tariff).values(
            product_id=product_id,
            version=version,
            country=assigned.country,
            country_code=assigned.calling_code,
            currency=assigned.currency,
            tariff=assigned.tariff,
            inbound_tariff=assigned.inbound_tariff,
            cost_tariff=assigned.cost_tariff,
        )
    )
    return version


def _stored(row: Row[Any]) -> Stored:
    return Stored(row.product_id, row.version, row.name, row.package, row.created_at, row.created_by)
