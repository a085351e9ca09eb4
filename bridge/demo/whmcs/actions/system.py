"""WHMCS about itself: version, administrators, settings, health."""

from __future__ import annotations

import base64

from sqlalchemy import Connection, select, update

from bridge.demo.whmcs import tables
from bridge.demo.whmcs.actions.billing import client_row
from bridge.demo.whmcs.asked import Asked, Declined, Reply, collection
from bridge.demo.whmcs.standin import StandIn


def whmcs_details(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    return {"whmcs": {"version": whmcs.version, "canonicalversion": f"{whmcs.version}-release.1"}}


def get_admin_details(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    admin = tx.execute(select(tables.admins).where(tables.admins.c.id == asked.admin_id)).mappings().first()
    return {
        "adminid": asked.admin_id,
        "name": admin["name"] if admin else "",
        "notes": "",
        "signature": "",
        "allowedpermissions": "Main Homepage,List Clients,API Access",
        "departments": "1",
        "requesttime": whmcs.moment(),
        "whmcs": {"version": whmcs.version, "canonicalversion": f"{whmcs.version}-release.1"},
    }


def get_admin_users(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    """Shows neither `result` nor `status`."""
    rows = tables.admins
    wanted = select(rows).order_by(rows.c.id)
    if not asked.flag("include_disabled"):
        wanted = wanted.where(rows.c.disabled == 0)
    if "roleid" in asked:
        wanted = wanted.where(rows.c.roleid == asked.whole("roleid"))
    found = [
        {"id": row["id"], "roleId": row["roleid"], "username": row["username"], "isDisabled": bool(row["disabled"])}
        for row in tx.execute(wanted).mappings()
    ]
    return {"result": None, "count": len(found), "admin_users": found}


def get_configuration_value(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.configuration
    value = tx.execute(select(rows.c.value).where(rows.c.setting == asked.raw("setting"))).scalar()
    if value is None:
        raise Declined("Invalid Setting")
    return {"setting": asked.raw("setting"), "value": value}


def set_configuration_value(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.configuration
    mine = rows.c.setting == asked.raw("setting")
    if tx.execute(select(rows.c.id).where(mine)).first() is None:
        raise Declined("Invalid Setting")
    tx.execute(update(rows).where(mine).values(value=asked.text("value")))
    return {"value_changed": True}


def create_sso_token(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    client_row(tx, asked.whole("client_id"), "Client ID Not Found")
    token = whmcs.random(20).hex()
    return {"access_token": token, "redirect_url": f"https://whmcs.example/oauth/singlesignon.php?access_token={token}"}


def encrypt_password(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    """A ciphertext that differs each time, as WHMCS's does. It hides nothing: the stand-in has no secrets."""
    return {"password": base64.b64encode(whmcs.random(6) + asked.raw("password2").encode()).decode()}


def decrypt_password(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    try:
        return {"password": base64.b64decode(asked.raw("password2"), validate=True)[6:].decode()}
    except ValueError as error:
        raise Declined("Unable to decrypt") from error


def get_automation_log(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.configuration
    last = tx.execute(select(rows.c.value).where(rows.c.setting == "lastDailyCronInvocationTime")).scalar()
    return {
        "currentDatetime": whmcs.moment(),
        "lastDailyCronInvocationTime": last or tables.NO_MOMENT,
        "statistics": "",
    }


def get_payment_methods(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    found = [{"module": "banktransfer", "displayname": "Bank Transfer"}]
    return {"totalresults": len(found), **collection("paymentmethods", "paymentmethod", found)}


def get_health_status(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    return {"checks": {"success": [], "warning": [], "danger": []}}


def module_configuration(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    if asked.raw("moduleType") not in ("gateway", "registrar", "addon", "fraud"):
        raise Declined("Invalid module type. Supported module types include: gateway, registrar, addon, fraud")
    raise Declined("An invalid module name was supplied")


ACTIONS = {
    "WhmcsDetails": whmcs_details,
    "GetAdminDetails": get_admin_details,
    "GetAdminUsers": get_admin_users,
    "GetConfigurationValue": get_configuration_value,
    "SetConfigurationValue": set_configuration_value,
    "CreateSsoToken": create_sso_token,
    "EncryptPassword": encrypt_password,
    "DecryptPassword": decrypt_password,
    "GetAutomationLog": get_automation_log,
    "GetPaymentMethods": get_payment_methods,
    "GetHealthStatus": get_health_status,
    "UpdateModuleConfiguration": module_configuration,
    "ActivateModule": module_configuration,
    "DeactivateModule": module_configuration,
    "GetModuleConfigurationParameters": module_configuration,
}
