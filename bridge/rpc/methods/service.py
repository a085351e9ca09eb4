"""`service.*`: what WHMCS asks for a service."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from bridge import services
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.line import Line
from bridge.rpc.method import Caller, Id, Method, Params, WriteParams
from bridge.secret import Secret

Name = Annotated[Line, StringConstraints(max_length=128)]
Reason = Annotated[str, StringConstraints(max_length=500)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Choices = Annotated[
    dict[Annotated[str, StringConstraints(max_length=128)], str | int | bool | None], Field(max_length=200)
]


class Lifecycle(WriteParams):
    service_id: Id
    wait_ms: Annotated[int, Field(ge=0, le=20000)] = 15000


class WithReason(Lifecycle):
    reason: Reason | None = None


class Create(Lifecycle):
    client_id: Id
    product_id: Id
    server_id: Id | None = None
    domain: Annotated[str, StringConstraints(max_length=253)] = ""
    username: Name = ""
    password: Password | None = None
    options: Choices = Field(default_factory=dict)
    custom_fields: Choices = Field(default_factory=dict)
    client: Annotated[dict[str, Any], Field(max_length=100, default_factory=dict)]


class ChangePackage(Lifecycle):
    product_id: Id
    options: Choices | None = None


class ChangePassword(Lifecycle):
    password: Password


class Get(Params):
    service_id: Id


def create(bridge: Bridge, caller: Caller, params: Create) -> dict[str, Any]:
    return services.create(
        bridge,
        _asking(bridge, caller, "service.create", params),
        service_id=params.service_id,
        client_id=params.client_id,
        product_id=params.product_id,
        server_id=params.server_id,
        domain=params.domain,
        username=params.username,
        password=Secret(params.password) if params.password is not None else None,
        options=_texts(params.options),
        custom_fields=_texts(params.custom_fields),
    )


def suspend(bridge: Bridge, caller: Caller, params: WithReason) -> dict[str, Any]:
    return services.suspend(
        bridge, _asking(bridge, caller, "service.suspend", params), params.service_id, params.reason
    )


def unsuspend(bridge: Bridge, caller: Caller, params: WithReason) -> dict[str, Any]:
    asking = _asking(bridge, caller, "service.unsuspend", params)
    return services.unsuspend(bridge, asking, params.service_id, params.reason)


def terminate(bridge: Bridge, caller: Caller, params: WithReason) -> dict[str, Any]:
    asking = _asking(bridge, caller, "service.terminate", params)
    return services.terminate(bridge, asking, params.service_id, params.reason)


def renew(bridge: Bridge, caller: Caller, params: WithReason) -> dict[str, Any]:
    return services.renew(bridge, _asking(bridge, caller, "service.renew", params), params.service_id, params.reason)


def change_package(bridge: Bridge, caller: Caller, params: ChangePackage) -> dict[str, Any]:
    options = _texts(params.options) if params.options is not None else None
    asking = _asking(bridge, caller, "service.change_package", params)
    return services.change_package(bridge, asking, params.service_id, params.product_id, options)


def change_password(bridge: Bridge, caller: Caller, params: ChangePassword) -> dict[str, Any]:
    asking = _asking(bridge, caller, "service.change_password", params)
    return services.change_password(bridge, asking, params.service_id, Secret(params.password))


def get(bridge: Bridge, _caller: Caller, params: Get) -> dict[str, Any]:
    return services.get(bridge, params.service_id)


def _asking(bridge: Bridge, caller: Caller, method: str, params: Lifecycle) -> Asking:
    """The part of a call that is about the asking: key, patience, and what was asked without its secrets."""
    asked = params.model_dump(mode="json", exclude={"idempotency_key", "dry_run", "deadline_ms", "wait_ms", "client"})
    if asked.get("password") is not None:
        asked["password"] = bridge.vault.fingerprint(Secret(asked["password"]))
    wait_ms = params.wait_ms if params.deadline_ms is None else min(params.wait_ms, params.deadline_ms)
    return Asking(caller.key_id, method, params.idempotency_key, asked, wait_ms, params.dry_run)


def _texts(choices: dict[str, str | int | bool | None]) -> dict[str, str]:
    """WHMCS sends numbers, ticks and nothings; they are text from here on."""
    return {name: _text(value) for name, value in choices.items() if value is not None}


def _text(value: str | int | bool) -> str:
    return ("on" if value else "") if isinstance(value, bool) else str(value)


METHODS = (
    Method("service.create", "Set a service up: its tenant, its extensions, its limits.", Create, create, "write"),
    Method(
        "service.suspend",
        "Take from a service what its policy says, never its emergency calls.",
        WithReason,
        suspend,
        "write",
    ),
    Method("service.unsuspend", "Give a suspended service back what it had.", WithReason, unsuspend, "write"),
    Method(
        "service.terminate",
        "End a service: disabled now, deleted when its retention is over.",
        WithReason,
        terminate,
        "write",
    ),
    Method("service.renew", "Note that a renewal was paid.", WithReason, renew, "write"),
    Method(
        "service.change_package",
        "Give a service another package or other options.",
        ChangePackage,
        change_package,
        "write",
    ),
    Method(
        "service.change_password",
        "Set the password of the tenant's administrator.",
        ChangePassword,
        change_password,
        "write",
    ),
    Method("service.get", "What is wanted of a service, what is there, and what was asked of late.", Get, get),
)
