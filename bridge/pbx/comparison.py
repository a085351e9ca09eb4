"""In what a PBX is not as wanted, and one fingerprint for content. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from operator import itemgetter
from typing import Any

from bridge.pbx.driver import Capabilities, Difference, Extension, Gateway, Number, Route, Tenant
from bridge.pbx.wire import object_to_json, tenant_to_json
from bridge.secret import Secret

KEYS: dict[str, str] = {"extension": "number", "gateway": "name", "number": "e164", "route": "name"}
"""What an object of each kind is told apart by, inside its tenant."""

_OWN_NOTES = frozenset({"service_id", "emergency"})


def differences(wanted: Tenant, actual: Tenant, capabilities: Capabilities) -> tuple[Difference, ...]:
    """Everything that differs, the tenant first and then object by object. What the PBX does not keep is left out."""
    kinds: tuple[tuple[str, Sequence[Any], Sequence[Any]], ...] = (
        ("extension", wanted.extensions, actual.extensions),
        ("gateway", wanted.gateways, actual.gateways),
        ("number", wanted.numbers, actual.numbers),
        ("route", wanted.routes, actual.routes),
    )
    found = list(_of_tenant(wanted, actual, capabilities))
    for kind, ours, theirs in kinds:
        if f"{kind}s" in capabilities.objects:
            found += _of_objects(kind, ours, theirs, capabilities)
    return tuple(found)


def unmet(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """The differences that a `put` takes away: all but the objects nobody here knows."""
    return tuple(each for each in found if each.member != "unknown")


def hash_of(content: Tenant | Extension | Gateway | Number | Route) -> str:
    """The same for equal content, whatever the order of its objects. Secrets and our own notes are left out."""
    if isinstance(content, Tenant):
        document = _without_notes(tenant_to_json(content))
        for kind, key in KEYS.items():
            document[f"{kind}s"] = sorted(map(_without_notes, document[f"{kind}s"]), key=itemgetter(key))
    else:
        document = _without_notes(object_to_json(content))
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _of_tenant(wanted: Tenant, actual: Tenant, capabilities: Capabilities) -> Iterator[Difference]:
    members = ["domain", "marker", "description", "enabled"]
    if capabilities.dial_restrict:
        members.append("outbound")
    if "administrator" in capabilities.objects and wanted.admin_username:  # nobody named: whoever it is may stay
        members += ["admin_username", "admin_password"]
    yield from _of_members("tenant", members, wanted, actual, capabilities)

    if "limits" in capabilities.objects:
        ours, theirs = dict(wanted.limits), dict(actual.limits)
        for name in sorted(capabilities.limits & (ours.keys() | theirs.keys())):
            if ours.get(name) != theirs.get(name):
                yield Difference("tenant", f"limit {name}", _limit(ours.get(name)), _limit(theirs.get(name)))


def _of_objects(
    kind: str, wanted: Sequence[Any], actual: Sequence[Any], capabilities: Capabilities
) -> Iterator[Difference]:
    key = KEYS[kind]
    ours = {getattr(each, key): each for each in wanted}
    theirs = {getattr(each, key): each for each in actual}
    for name in sorted(ours.keys() | theirs.keys()):
        what = f"{kind} {name}"
        if name not in theirs:
            yield Difference(what, "missing")
        elif name not in ours:
            yield Difference(what, "unknown")
        else:
            one = ours[name]
            left_out = _OWN_NOTES | {key} | (set() if capabilities.dial_restrict else {"outbound"})
            members = [each.name for each in fields(one) if each.name not in left_out]
            yield from _of_members(what, members, one, theirs[name], capabilities)


def _of_members(
    what: str, members: Iterable[str], wanted: object, actual: object, capabilities: Capabilities
) -> Iterator[Difference]:
    for member in members:
        ours, theirs = getattr(wanted, member), getattr(actual, member)
        if member in ("password", "admin_password"):
            if capabilities.secrets_readable and ours is not None and theirs is not None and ours != theirs:
                yield Difference(what, member, "***", "another")
        elif ours != theirs:
            yield Difference(what, member, _text(ours), _text(theirs))


def _without_notes(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _OWN_NOTES}


def _limit(value: int | None) -> str:
    return "unlimited" if value is None else str(value)


def _text(value: object) -> str:
    if isinstance(value, Secret):
        raise TypeError("a secret is never put into words")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
