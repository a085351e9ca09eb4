"""`package.*`: what the calls of a product cost, and what it gives."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from bridge import packages
from bridge.app import Bridge
from bridge.rpc.method import Caller, Id, Method, Params, WriteParams, asking_of

Document = Annotated[
    dict[str, Any],
    Field(min_length=1, description="The keys below [package] of a package file; amounts as text."),
]


class Save(WriteParams):
    package: Document


class Get(Params):
    product_id: Id
    version: Annotated[int, Field(ge=1, le=2**53)] | None = None


class List(Params):
    pass


class Lint(Params):
    """A document that was never saved, or a product's package."""

    package: Document | None = None
    product_id: Id | None = None


def save(bridge: Bridge, caller: Caller, params: Save) -> dict[str, Any]:
    notes: list[str] = []
    package = packages.read(params.package, notes)
    return packages.save(bridge, asking_of(caller, "package.save", params), package) | {"notes": notes}


def get(bridge: Bridge, _caller: Caller, params: Get) -> dict[str, Any]:
    return packages.get(bridge, params.product_id, params.version)


def listed(bridge: Bridge, _caller: Caller, _params: List) -> dict[str, Any]:
    return {"packages": packages.listed(bridge)}


def lint(bridge: Bridge, _caller: Caller, params: Lint) -> dict[str, Any]:
    return packages.lint(bridge, product_id=params.product_id, document=params.package)


METHODS = (
    Method("package.save", "Add a version of what a product gives and what its calls cost.", Save, save, "write"),
    Method("package.get", "What a product gives and what its calls cost.", Get, get),
    Method("package.list", "The packages there are.", List, listed),
    Method("package.lint", "What a package says that is probably not meant.", Lint, lint),
)
