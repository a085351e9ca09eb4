"""What a call would cost: by a loaded package, or for a service as it is sold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bridge import packages
from bridge.app import Bridge
from bridge.database import transact
from bridge.errors import NotFound, NotPrepared
from bridge.rating.call import Call
from bridge.rating.quote import quote
from bridge.rating.usage import Usage
from bridge.store import mirror, services
from bridge.terms import terms_of


@dataclass(frozen=True, slots=True)
class Sold:
    """A service, as far as what its calls cost is concerned."""

    product_id: int
    version: int | None
    """Of its product's package; None is the newest."""
    extensions: tuple[str, ...] = ()
    """Of its tenant."""
    country: str | None = None
    area_code: str | None = None
    """Where it stands, if elsewhere than its package says."""


def quoted(bridge: Bridge, call: Call, *, product_id: int | None, service_id: int | None) -> dict[str, Any]:
    """In a period that begins with this call: nothing of an allowance is used, no tier is reached."""
    if (product_id is None) == (service_id is None):
        raise NotPrepared("name a package_id or a service_id, one of them", kind="invalid_params")
    sold = Sold(product_id, None) if product_id is not None else sold_as(bridge, service_id or 0)
    package = packages.of_product(bridge, sold.product_id, sold.version)
    terms = terms_of(
        bridge,
        package,
        moment=call.moment,
        extensions=sold.extensions,
        country=sold.country,
        area_code=sold.area_code,
        version=sold.version,
    )
    return quote(call, terms, Usage()).document()


def sold_as(bridge: Bridge, service_id: int) -> Sold:
    def act(tx: Connection) -> Sold:
        service = services.get(tx, service_id)
        if service is None:
            raise NotFound(f"service {service_id} is not known here", service_id=service_id)
        extensions = [] if service.tenant_id is None else mirror.extension_numbers(tx, service.tenant_id)
        where = service.site_country, service.site_area_code
        return Sold(service.product_id, service.package_version, tuple(extensions), *where)

    return transact(bridge.engine, act)
