"""Providers: whose price lists there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from bridge.database import NOW
from bridge.tables import providers


@dataclass(frozen=True, slots=True)
class Provider:
    slug: str
    name: str
    kind: str = "carrier"
    currency: str | None = None
    tariff: str | None = None
    """The series that packages without a tariff take."""
    reading: Mapping[str, Any] = field(default_factory=dict)
    """How its last price list was read: `mapping` by column, and what else the list itself does not say."""
    filters: Mapping[str, str] = field(default_factory=dict)
    scope: Mapping[str, str] = field(default_factory=dict)


def get(tx: Connection, slug: str) -> Provider | None:
    row = tx.execute(select(providers).where(providers.c.slug == slug)).one_or_none()
    return _provider(row) if row else None


def listed(tx: Connection) -> list[Provider]:
    return [_provider(row) for row in tx.execute(select(providers).order_by(providers.c.slug))]


def save(tx: Connection, provider: Provider) -> None:
    changed = {
        "name": provider.name,
        "kind": provider.kind,
        "currency": provider.currency,
        "tariff": provider.tariff,
        "reading": dict(provider.reading),
        "filters": dict(provider.filters),
        "scope": dict(provider.scope),
        "updated_at": NOW,
    }
    mine = providers.c.slug == provider.slug
    if tx.execute(update(providers).where(mine).values(changed)).rowcount == 0:
        tx.execute(insert(providers).values(**changed, slug=provider.slug, created_at=NOW))


def remove(tx: Connection, slug: str) -> None:
    tx.execute(delete(providers).where(providers.c.slug == slug))


def _provider(row: Row[Any]) -> Provider:
    return Provider(row.slug, row.name, row.kind, row.currency, row.tariff, row.reading, row.filters, row.scope)
