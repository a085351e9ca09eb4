"""What the methods about extensions, gateways, numbers and routes have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from bridge import objects
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.edit import Thing
from bridge.objects import Where
from bridge.pbx.demand import is_unsafe
from bridge.rpc.method import Caller, Id, Params, WriteParams
from bridge.secret import Secret


def _safe(text: str) -> str:
    if is_unsafe(text):
        raise PydanticCustomError("unsafe_text", "has a character that a switch would act on")
    return text


def _safe_pattern(text: str) -> str:
    if is_unsafe(text, pattern=True):
        raise PydanticCustomError("unsafe_text", "has a character that a switch would act on")
    return text


Domain = Annotated[str, StringConstraints(min_length=1, max_length=253, to_lower=True)]
Text = Annotated[str, StringConstraints(max_length=128), AfterValidator(_safe)]
Host = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:\[\]_-]+$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_safe_pattern)]
Password = Annotated[str, StringConstraints(min_length=8, max_length=128), AfterValidator(_safe)]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}$")]
E164 = Annotated[str, StringConstraints(pattern=r"^\+?[1-9][0-9]{6,14}$")]

_ASKING = {"idempotency_key", "dry_run", "deadline_ms", "wait_ms"}
_PLACE = {"service_id", "server_id", "domain", "to_service_id"}


def _one_place(service_id: int | None, server_id: int | None, domain: str | None, *, is_write: bool) -> None:
    if (service_id is None) == (server_id is None) or (service_id is not None and domain is not None):
        raise PydanticCustomError("one_place", "name a service_id, or a server_id and the domain of a tenant on it")
    if is_write and service_id is None and domain is None:
        raise PydanticCustomError("one_place", "name the domain of a tenant on the server")


class ListObjects(Params):
    """Of a service's tenant, of one tenant on a server, or of a whole server."""

    service_id: Id | None = None
    server_id: Id | None = None
    domain: Domain | None = None
    page: Annotated[int, Field(ge=1, le=100_000)] = 1
    limit: Annotated[int, Field(ge=1, le=500)] = 100

    @model_validator(mode="after")
    def _is_one_place(self) -> ListObjects:
        _one_place(self.service_id, self.server_id, self.domain, is_write=False)
        return self


class EditObject(WriteParams):
    """In a service's tenant, or in a tenant on a server. A member that is absent stays as it is."""

    service_id: Id | None = None
    server_id: Id | None = None
    domain: Domain | None = None
    wait_ms: Annotated[int, Field(ge=0, le=20000)] = 15000

    @model_validator(mode="after")
    def _is_one_place(self) -> EditObject:
        _one_place(self.service_id, self.server_id, self.domain, is_write=True)
        return self


def listed(bridge: Bridge, kind: type[Thing], params: ListObjects) -> dict[str, Any]:
    return objects.listed(bridge, kind, _where(params), page=params.page, limit=params.limit)


def save(
    bridge: Bridge, caller: Caller, method: str, kind: type[Thing], params: EditObject, *, key: str
) -> dict[str, Any]:
    asking, where = _asking(bridge, caller, method, params), _where(params)
    return objects.save(bridge, asking, kind, where, _key(params, key), _given(params, key))


def remove(
    bridge: Bridge, caller: Caller, method: str, kind: type[Thing], params: EditObject, *, key: str
) -> dict[str, Any]:
    asking, where = _asking(bridge, caller, method, params), _where(params)
    return objects.remove(bridge, asking, kind, where, _key(params, key))


def assign(
    bridge: Bridge,
    caller: Caller,
    method: str,
    kind: type[Thing],
    params: EditObject,
    *,
    key: str,
    to_service_id: int | None,
) -> dict[str, Any]:
    asking, where = _asking(bridge, caller, method, params), _where(params)
    return objects.assign(bridge, asking, kind, where, _key(params, key), to_service_id=to_service_id)


def _where(params: ListObjects | EditObject) -> Where:
    return Where(params.service_id, params.server_id, params.domain)


def _key(params: EditObject, key: str) -> str:
    return str(getattr(params, key)).removeprefix("+")


def _given(params: EditObject, key: str) -> Mapping[str, Any]:
    members = params.model_dump(exclude=_ASKING | _PLACE | {key}, exclude_none=True, by_alias=True)
    if "password" in members:
        members["password"] = Secret(members["password"])
    return members


def _asking(bridge: Bridge, caller: Caller, method: str, params: EditObject) -> Asking:
    asked = params.model_dump(mode="json", exclude=_ASKING, by_alias=True)
    if asked.get("password") is not None:
        asked["password"] = bridge.vault.fingerprint(Secret(asked["password"]))
    wait_ms = params.wait_ms if params.deadline_ms is None else min(params.wait_ms, params.deadline_ms)
    return Asking(caller.key_id, method, params.idempotency_key, asked, wait_ms, params.dry_run)
