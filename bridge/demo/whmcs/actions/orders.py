"""Orders, upgrades and cancellations. A repeated order is a second order."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from bridge.demo.whmcs import tables
from bridge.demo.whmcs.actions.billing import client_row
from bridge.demo.whmcs.asked import Asked, Declined, Reply
from bridge.demo.whmcs.standin import StandIn


def add_order(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    client_id = asked.whole("clientid")
    client_row(tx, client_id)
    products = asked.array("pid") or {"0": asked.raw("pid")}
    domains = asked.array("domain") or {"0": asked.raw("domain")}
    made = tables.add(tx, tables.orders, userid=client_id, ordernum=whmcs.random(4).hex(), date=whmcs.moment())
    order_id = made
    services = []
    for place, product_id in products.items():
        product = tx.execute(select(tables.products).where(tables.products.c.id == int(product_id or 0))).first()
        if product is None:
            raise Declined("Product ID Not Found")
        service = tables.add(
            tx,
            tables.hosting,
            userid=client_id,
            orderid=order_id,
            packageid=product.id,
            domain=str(domains.get(place, "")),
            regdate=whmcs.day(),
            nextduedate=whmcs.day(),
        )
        services.append(service)
    return {"orderid": order_id, "serviceids": ",".join(map(str, services)), "invoiceid": 0}


def accept_order(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    """Without auto-setup the services become Active, and no module was called."""
    orders, hosting = tables.orders, tables.hosting
    order_id = asked.whole("orderid")
    order = tx.execute(select(orders.c.status).where(orders.c.id == order_id)).scalar()
    if order is None:
        raise Declined("Order ID not found or Status not Pending")
    if order != "Pending":
        raise Declined("Order ID not found or Status not Pending")
    tx.execute(update(orders).where(orders.c.id == order_id).values(status="Active"))
    columns: dict[str, object] = {"domainstatus": "Active"}
    if "serverid" in asked:
        columns["server"] = asked.whole("serverid")
    tx.execute(update(hosting).where(hosting.c.orderid == order_id).values(**columns))
    return {}


def upgrade_product(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    hosting = tables.hosting
    service = tx.execute(select(hosting).where(hosting.c.id == asked.whole("serviceid"))).mappings().first()
    if service is None:
        raise Declined("Service ID Not Found")
    kind = asked.raw("type")
    if kind not in ("product", "configoptions"):
        raise Declined("Invalid Upgrade Type")
    if asked.flag("calconly"):
        return {"price": "0.00", "type": kind}
    made = tables.add(tx, tables.orders, userid=service["userid"], ordernum=whmcs.random(4).hex(), date=whmcs.moment())
    upgrade = tables.add(
        tx,
        tables.upgrades,
        userid=service["userid"],
        relid=service["id"],
        type="package" if kind == "product" else "configoptions",
        originalvalue=str(service["packageid"]),
        newvalue=f"{asked.whole('newproductid')},{asked.raw('newproductbillingcycle').lower()}",
    )
    return {
        "orderid": made,
        "upgradeid": upgrade,
        "invoiceid": 0,
        "type": kind,
    }


def add_cancel_request(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    hosting = tables.hosting
    service = tx.execute(select(hosting).where(hosting.c.id == asked.whole("serviceid"))).mappings().first()
    if service is None:
        raise Declined("Service ID Not Found")
    kind = asked.raw("type") or "Immediate"
    if kind not in ("Immediate", "End of Billing Period"):
        raise Declined("Invalid Cancellation Type")
    tables.add(
        tx, tables.cancel_requests, date=whmcs.moment(), relid=service["id"], reason=asked.text("reason"), type=kind
    )
    return {"serviceid": service["id"], "userid": service["userid"]}


ACTIONS = {
    "AddOrder": add_order,
    "AcceptOrder": accept_order,
    "UpgradeProduct": upgrade_product,
    "AddCancelRequest": add_cancel_request,
}
