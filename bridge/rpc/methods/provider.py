"""`provider.*`: whose price lists there are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bridge import providers
from bridge.app import Bridge
from bridge.line import Line
from bridge.rpc.method import Caller, Method, Params, WriteParams, asking_of

Name = Annotated[Line, StringConstraints(min_length=1, max_length=255)]
Part = Annotated[Line, StringConstraints(max_length=64)]
Pattern = Annotated[Line, StringConstraints(max_length=64)]


class Filters(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    suppress: list[Pattern] = Field(default_factory=list, max_length=200)
    unbilled: list[Pattern] = Field(default_factory=list, max_length=200)


class Scope(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    vendor: Part = ""
    carrier: Part = ""
    scope: Part = ""


class Save(WriteParams):
    """What is not named is left as it is; an empty currency or tariff is taken away."""

    name: Name
    kind: Literal["carrier", "pbx", "hybrid"] | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^([A-Z]{3})?$")] | None = None
    tariff: Annotated[Part, Field(description="What packages without a tariff take, by its name.")] | None = None
    filters: Annotated[Filters, Field(description="Numbers that no package shows, or bills.")] | None = None
    scope: Scope | None = None


class Delete(WriteParams):
    name: Name


class List(Params):
    pass


def save(bridge: Bridge, caller: Caller, params: Save) -> dict[str, Any]:
    told = params.model_dump(include={"kind", "currency", "tariff", "filters", "scope"}, exclude_none=True)
    return providers.save(bridge, asking_of(caller, "provider.save", params), params.name, told)


def listed(bridge: Bridge, _caller: Caller, _params: List) -> dict[str, Any]:
    return {"providers": providers.listed(bridge)}


def delete(bridge: Bridge, caller: Caller, params: Delete) -> dict[str, Any]:
    return providers.delete(bridge, asking_of(caller, "provider.delete", params), params.name)


METHODS = (
    Method("provider.save", "Say of a provider what its price lists do not say.", Save, save, "write"),
    Method("provider.list", "The providers, and how the last list of each was read.", List, listed),
    Method("provider.delete", "Take a provider away that has no deck.", Delete, delete, "write"),
)
