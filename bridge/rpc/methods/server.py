"""`server.*`: the PBXs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from bridge import servers
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.line import Line
from bridge.rpc.method import Caller, Id, Method, Params, WriteParams, asking_of
from bridge.secret import Secret

Word = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Domain = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9.-]+$")]


class Upsert(WriteParams):
    server_id: Id
    name: Annotated[Line, StringConstraints(min_length=1, max_length=255)] | None = None
    driver: Word | None = None
    config: Annotated[dict[Word, str | int | bool], Field(max_length=50)] | None = None
    secrets: Annotated[dict[Word, Annotated[str, StringConstraints(max_length=1000)]], Field(max_length=20)] | None = (
        None
    )
    enabled: bool | None = None
    default: bool | None = None
    accounts_max: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    group_id: Id | None = None
    zone: Domain | None = None
    cdr_group: Word | None = None


class List(Params):
    pass


class One(Params):
    server_id: Id


class Change(WriteParams):
    server_id: Id


class Because(WriteParams):
    server_id: Id
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Override(Because):
    on: bool = True


def upsert(bridge: Bridge, caller: Caller, params: Upsert) -> dict[str, Any]:
    members = ("name", "driver", "enabled", "accounts_max", "group_id", "zone", "cdr_group")
    changed = {name: getattr(params, name) for name in members if name in params.model_fields_set}
    if params.default is not None:
        changed["is_default"] = params.default
    secrets = {name: Secret(value) for name, value in params.secrets.items()} if params.secrets is not None else None
    asked = params.model_dump(mode="json", exclude={"idempotency_key", "dry_run", "deadline_ms", "secrets"})
    asked["secrets"] = {name: bridge.vault.fingerprint(value) for name, value in (secrets or {}).items()}
    asking = Asking(caller.key_id, "server.upsert", params.idempotency_key, asked, 0, params.dry_run)
    config = {name: str(value) for name, value in params.config.items()} if params.config is not None else None
    return servers.upsert(bridge, asking, server_id=params.server_id, changed=changed, config=config, secrets=secrets)


def listed(bridge: Bridge, _caller: Caller, _params: List) -> dict[str, Any]:
    return {"servers": servers.listed(bridge)}


def test(bridge: Bridge, caller: Caller, params: Change) -> dict[str, Any]:
    return servers.test(bridge, params.server_id, caller.key_id)


def accounts(bridge: Bridge, _caller: Caller, params: One) -> dict[str, Any]:
    return {"accounts": servers.accounts(bridge, params.server_id)}


def sync(bridge: Bridge, caller: Caller, params: Change) -> dict[str, Any]:
    return servers.sync(bridge, asking_of(caller, "server.sync", params), params.server_id)


def pause(bridge: Bridge, caller: Caller, params: Because) -> dict[str, Any]:
    return servers.pause(bridge, asking_of(caller, "server.pause", params), params.server_id, params.reason)


def resume(bridge: Bridge, caller: Caller, params: Change) -> dict[str, Any]:
    return servers.resume(bridge, asking_of(caller, "server.resume", params), params.server_id)


def override(bridge: Bridge, caller: Caller, params: Override) -> dict[str, Any]:
    asking = asking_of(caller, "server.override", params)
    return servers.override(bridge, asking, params.server_id, on=params.on, reason=params.reason)


METHODS = (
    Method("server.upsert", "Add a server or change how it is reached.", Upsert, upsert, "write"),
    Method("server.list", "Every server and how it is.", List, listed),
    Method("server.test", "Test the connection to a server, check by check.", Change, test, "write"),
    Method("server.accounts", "Every tenant a server has, beside what the bridge knows.", One, accounts),
    Method("server.sync", "Read a server's tenants into the mirror.", Change, sync, "write"),
    Method("server.pause", "Queue everything for a server, for maintenance.", Because, pause, "write"),
    Method("server.resume", "Do what was queued during maintenance, and go on.", Change, resume, "write"),
    Method("server.override", "Let automation run although the test is not green.", Override, override, "write"),
)
