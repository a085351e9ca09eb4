"""Providers: whose price lists there are, in what currency, and which tariff their calls take where none is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from bridge import once
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import transact
from bridge.errors import Conflict, NotFound, NotPrepared
from bridge.rating.packages.currency import DECIMALS
from bridge.rating.packages.document import Fault, Table, path_text
from bridge.rating.packages.parts import filters as read_filters
from bridge.slug import slug
from bridge.store import audit
from bridge.store import providers as store
from bridge.store import tariffs as tariff_store
from bridge.store.providers import Provider

KINDS = ("carrier", "pbx", "hybrid")


def save(bridge: Bridge, asking: Asking, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A provider by its name. What `changes` does not hold is left as it is; an empty text takes a value away."""
    mine = slug(name)

    def act(tx: Connection) -> dict[str, Any]:
        before = store.get(tx, mine)
        after = _changed(tx, before or Provider(mine, name), {"name": name, **changes})
        store.save(tx, after)
        told = _answer(after, tariff_store.count_of_provider(tx, mine))
        audit.add(
            tx,
            actor=asking.caller,
            action="provider.save",
            subject=f"provider:{mine}",
            before=_answer(before) if before else None,
            after=_answer(after),
        )
        return told

    return once.write(bridge, asking, act)


def listed(bridge: Bridge) -> list[dict[str, Any]]:
    def act(tx: Connection) -> list[dict[str, Any]]:
        return [_answer(each, tariff_store.count_of_provider(tx, each.slug)) for each in store.listed(tx)]

    return transact(bridge.engine, act)


def delete(bridge: Bridge, asking: Asking, name: str) -> dict[str, Any]:
    """A provider without a deck; calls name their decks, and decks their provider."""
    mine = slug(name)

    def act(tx: Connection) -> dict[str, Any]:
        found = store.get(tx, mine)
        if found is None:
            raise NotFound(f"there is no provider {name!r}")
        decks = tariff_store.count_of_provider(tx, mine)
        if decks:
            raise Conflict(f"decks of the provider {mine} ({decks}) may have priced calls; it stays")
        store.remove(tx, mine)
        audit.add(tx, actor=asking.caller, action="provider.delete", subject=f"provider:{mine}", before=_answer(found))
        return {"provider": mine, "deleted": True}

    return once.write(bridge, asking, act)


def _changed(tx: Connection, provider: Provider, changes: Mapping[str, Any]) -> Provider:
    told: dict[str, Any] = {
        key: value or None if key in ("currency", "tariff") else value for key, value in changes.items()
    }
    if (currency := told.get("currency")) and currency not in DECIMALS:
        raise NotPrepared(f"{currency!r} is not a currency; write its ISO 4217 code, such as USD")
    if tariff := told.get("tariff"):
        told["tariff"] = slug(tariff)
        if not any(each.direction == "outbound" for each in tariff_store.active(tx, told["tariff"])):
            raise NotFound(f"there is no tariff {tariff!r} for outbound calls; import its list first")
    if "filters" in told:
        told["filters"] = _filters(told["filters"])
    return replace(provider, **told)


def _filters(told: Mapping[str, Any]) -> dict[str, list[str]]:
    faults: list[Fault] = []
    found = read_filters(Table({"filters": dict(told)}, (), faults))
    if faults:
        wrong = [(path_text(each.path), each.told) for each in faults]
        raise NotPrepared("; ".join(map(str, faults)), kind="invalid_params", fields=wrong)
    return {"suppress": list(found.suppress), "unbilled": list(found.unbilled)}


def _answer(provider: Provider, decks: int | None = None) -> dict[str, Any]:
    told = {
        "provider": provider.slug,
        "name": provider.name,
        "kind": provider.kind,
        "currency": provider.currency,
        "tariff": provider.tariff,
        "reading": dict(provider.reading),
        "filters": dict(provider.filters),
        "scope": dict(provider.scope),
    }
    return told if decks is None else told | {"decks": decks}
