"""One edit of what is in a tenant: which object, before and after, and what speaks against it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge import quota
from bridge.errors import Conflict, NotFound, Refused
from bridge.pbx import demand
from bridge.pbx.comparison import KEYS
from bridge.pbx.driver import Extension, Gateway, Number, Route, Tenant
from bridge.pbx.wire import object_to_json
from bridge.service import Service
from bridge.wanted import Held, Status, living, sum_of_limits

Thing = Extension | Gateway | Number | Route
WORDS: Mapping[type[Thing], str] = {Extension: "extension", Gateway: "gateway", Number: "number", Route: "route"}

_NAME = r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}"
_PATTERNS: Mapping[type[Thing], str] = {
    Extension: r"[0-9]{1,15}",
    Gateway: _NAME,
    Number: r"[1-9][0-9]{6,14}",
    Route: _NAME,
}
_REQUIRED: Mapping[type[Thing], tuple[str, ...]] = {Gateway: ("host",), Route: ("pattern", "gateway")}
_TARGETS: tuple[type[Thing], ...] = (Extension, Gateway)
"""What the calls of a number may go to."""


@dataclass(frozen=True, slots=True)
class Room:
    """A tenant while it is edited."""

    plain: Tenant
    applied: Tenant | None
    actual: Tenant | None
    held: Held
    members: tuple[Service, ...]
    asked_by: int | None
    """The service that was named; None when the tenant was."""

    def wanted(self, kind: type[Thing], key: str) -> Thing | None:
        return _in(self.plain, kind, key)

    def made_by_hand(self, kind: type[Thing], key: str) -> Thing | None:
        """On the PBX, and neither wanted nor made by us."""
        known = _in(self.plain, kind, key) or _in(self.applied, kind, key)
        return None if known else _in(self.actual, kind, key)

    def is_leaving(self, kind: type[Thing], key: str) -> bool:
        return self.wanted(kind, key) is None and _in(self.applied, kind, key) is not None

    def is_held(self, kind: type[Thing], key: str) -> bool:
        held: frozenset[str] = getattr(self.held, f"{WORDS[kind]}s")
        return key in held

    def alive(self) -> tuple[Service, ...]:
        return tuple(each for each in self.members if each.status is not Status.TERMINATED)

    def member(self, service_id: int) -> Service:
        for each in self.alive():
            if each.service_id == service_id:
                return each
        raise NotFound(f"service {service_id} does not live in {self.plain.domain}", service_id=service_id)


@dataclass(frozen=True, slots=True)
class Edit:
    """One object before and after; None is wanted by nobody."""

    kind: type[Thing]
    key: str
    before: Thing | None
    after: Thing | None
    is_freed: bool = False
    """A hand had switched it off, and whoever asks says that it is on again."""

    @property
    def what(self) -> str:
        return f"{WORDS[self.kind]} {self.key}"

    @property
    def owner(self) -> int | None:
        thing = self.before or self.after
        return thing.service_id if thing else None

    def changes(self) -> list[dict[str, Any]]:
        """What differs, member by member, and no password ever."""
        if self.before is None and self.after is None:
            return []
        if self.before is None or self.after is None:
            return [{"what": self.what, "from": _shown(self.before), "to": _shown(self.after)}]
        before, after = object_to_json(self.before), object_to_json(self.after)
        changed: list[dict[str, Any]] = [
            {"what": name, "from": before[name], "to": after[name]} for name in before if before[name] != after[name]
        ]
        if getattr(self.before, "password", None) != getattr(self.after, "password", None):
            changed.append({"what": "password"})
        if self.is_freed:
            changed.append({"what": "held_by_hand", "from": True, "to": False})
        return changed

    def made_in(self, tenant: Tenant) -> Tenant:
        """The tenant with this edit."""
        member = f"{WORDS[self.kind]}s"
        others = [each for each in getattr(tenant, member) if getattr(each, KEYS[WORDS[self.kind]]) != self.key]
        things: dict[str, Any] = {member: tuple(others) if self.after is None else (*others, self.after)}
        return replace(tenant, **things)


def assert_key(kind: type[Thing], key: str) -> None:
    if not re.fullmatch(_PATTERNS[kind], key, re.ASCII):
        raise Refused(
            f"this cannot be the name of a {WORDS[kind]}",
            kind="invalid_params",
            fields=[(KEYS[WORDS[kind]], "string_pattern_mismatch")],
        )


def new(kind: type[Thing], key: str, given: Mapping[str, Any]) -> Thing:
    missing = [(name, "missing") for name in _REQUIRED.get(kind, ()) if name not in given]
    if missing:
        named = ", ".join(name for name, _ in missing)
        raise Refused(f"a new {WORDS[kind]} needs {named}", kind="invalid_params", fields=missing)
    members: dict[str, Any] = {KEYS[WORDS[kind]]: key, **given}
    return kind(**members)


def assert_owner(room: Room, edit: Edit) -> None:
    """Who asks in the name of a service leaves alone what another service of the same tenant has."""
    owner = edit.before.service_id if edit.before else None
    if room.asked_by is not None and owner is not None and owner != room.asked_by:
        raise Conflict(
            f"{edit.what} belongs to service {owner}; ask in its name, or assign it first", service_id=room.asked_by
        )


def assert_allowed(room: Room, kind: type[Thing], service_id: int | None) -> None:
    """One more is within the package's limit. Nothing is deleted when it is not; nothing new is made either."""
    limit_name = quota.COUNTED_BY.get(f"{WORDS[kind]}s")
    if service_id is not None:
        limits = dict(room.member(service_id).resources.limits)
        used = len(quota.used(room.plain, service_id).get(limit_name or "", []))
        whose = f"service {service_id}"
    else:
        limits = dict(sum_of_limits(living(each.contribution() for each in room.members)))
        used = len(getattr(room.plain, f"{WORDS[kind]}s"))
        whose = room.plain.domain
    if limit_name is not None and limit_name in limits and used >= limits[limit_name]:
        raise Conflict(
            f"{whose} has {used} {limit_name} and its package allows {limits[limit_name]}", service_id=service_id
        )


def assert_sound(room: Room, edit: Edit) -> None:
    """Nothing in it that a switch would act on (T-10, T-11), and it leads to nothing that is not there."""
    assert edit.after is not None
    wrong = demand.malformed(edit.made_in(Tenant(room.plain.domain)))
    if wrong:
        raise Refused("; ".join(wrong), kind="invalid_params", fields=[(WORDS[edit.kind], "unsafe_text")])
    if isinstance(edit.after, Route) and _in(room.plain, Gateway, edit.after.gateway) is None:
        raise NotFound(f"{room.plain.domain} has no gateway {edit.after.gateway}")
    if isinstance(edit.after, Number):
        _assert_target(room, edit.after)


def assert_unused(room: Room, edit: Edit) -> None:
    """Nothing that is wanted leads to what is wanted no more."""
    using = [f"route {each.name}" for each in room.plain.routes if edit.kind is Gateway and each.gateway == edit.key]
    if edit.kind in _TARGETS:
        using += [f"number {each.e164}" for each in room.plain.numbers if each.target == edit.key]
    if using:
        raise Conflict(f"{edit.what} is used by {', '.join(using)}; change or remove that first")


def _assert_target(room: Room, number: Number) -> None:
    """Where it leads already, wanted or by hand, is left alone: a PBX has more to lead to than is kept here."""
    before = room.wanted(Number, number.e164) or room.made_by_hand(Number, number.e164)
    if not number.target or (isinstance(before, Number) and before.target == number.target):
        return
    if not any(_in(room.plain, kind, number.target) for kind in _TARGETS):
        what = f"no extension or gateway {number.target}, so number {number.e164} cannot lead there"
        raise NotFound(f"{room.plain.domain} has {what}")


def _in(tenant: Tenant | None, kind: type[Thing], key: str) -> Thing | None:
    if tenant is None:
        return None
    found: list[Thing] = [
        each for each in getattr(tenant, f"{WORDS[kind]}s") if getattr(each, KEYS[WORDS[kind]]) == key
    ]
    return found[0] if found else None


def _shown(thing: Thing | None) -> dict[str, Any] | None:
    return object_to_json(thing) if thing else None
