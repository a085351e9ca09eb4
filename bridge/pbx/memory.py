"""The reference driver: a PBX in memory, which does all that `driver.py` promises and forgets it when it ends.

It is what the other parts are tested with, and what the simulated PBX of the demo keeps its tenants in. Besides the
verbs it has two more sides: `by_hand` is what an operator does on the PBX behind the bridge's back, `trouble` is what
goes wrong between the two. Every verb is made of outside calls, counted in `trouble.calls`: one look, and one write
per thing that differs, as with a real PBX, so that failing the N-th of them proves something.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, TypeVar

from bridge.errors import BridgeError, Conflict, NotFound, NotReached, OutcomeUnknown, Refused
from bridge.pbx import demand
from bridge.pbx.comparison import KEYS, differences, unmet
from bridge.pbx.driver import CallPage, CallRecord, Capabilities, Check, Driver, Surroundings, Tenant
from bridge.pbx.setting import Setting
from bridge.secret import Secret

Answer = TypeVar("Answer")

SETTINGS: tuple[Setting, ...] = ()

EVERYTHING = Capabilities(
    dial_restrict=True,
    objects=frozenset({"extensions", "gateways", "numbers", "routes", "limits", "administrator"}),
    limits=frozenset({"concurrent_calls", "dids", "extensions", "gateways", "users"}),
)

_ORDER = ("gateway", "extension", "number", "route")
"""What is pointed at is made first and removed last."""


def connect(config: Mapping[str, str], secrets: Mapping[str, Secret], surroundings: Surroundings) -> Driver:
    return MemoryPbx()


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one outside call: before its effect, or after it so that only the answer is lost."""

    error: BridgeError
    after_effect: bool = False


@dataclass(slots=True)
class Trouble:
    """What goes wrong between the bridge and the PBX."""

    calls: int = 0
    """Outside calls so far, failed ones too."""
    outage: bool = False
    faults: dict[int, Fault] = field(default_factory=dict)

    def fail(self, nth: int, error: BridgeError, *, after_effect: bool = False) -> None:
        """Let the nth outside call from now fail, the next being 1."""
        self.faults[self.calls + nth] = Fault(error, after_effect)

    def clear(self) -> None:
        self.outage = False
        self.faults.clear()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A tenant as the PBX has it, and which of its objects a `put` made."""

    tenant: Tenant
    made: frozenset[tuple[str, str]] = frozenset()


class MemoryPbx:
    def __init__(self, capabilities: Capabilities = EVERYTHING, version: str = "memory 1") -> None:
        self._capabilities = capabilities
        self._version = version
        self._lock = threading.RLock()
        self._kept: dict[str, _Kept] = {}
        self._calls: list[CallRecord] = []
        self.trouble = Trouble()
        self.by_hand = Hand(self._lock, self._kept, self._calls)
        self.broken_checks: dict[str, Check] = {}
        """What a connection test finds instead, by name of the check."""

    # --- the verbs ---------------------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def find(self, domain: str) -> Tenant | None:
        kept = self._look(domain)
        return self._as_read(kept.tenant) if kept else None

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        if tenant.marker is None:
            raise Refused(f"{tenant.domain} is not put: it has no marker", kind="pbx_rejected")
        demand.check(tenant, self._capabilities)

        kept = self._look(tenant.domain)
        if kept is not None:
            _may_touch(kept.tenant, tenant.marker, adopt=adopt)
        changed = self._put_tenant(kept, tenant)
        changed |= self._put_objects(kept or _Kept(Tenant(tenant.domain)), tenant)

        if changed:
            self._verify(tenant)

    def remove(self, tenant: Tenant) -> None:
        kept = self._look(tenant.domain)
        if kept is None:
            return
        _may_touch(kept.tenant, tenant.marker, adopt=False)

        def erase() -> None:
            # the marker is read again in the moment of removal
            now = self._kept.get(tenant.domain)
            if now is not None:
                _may_touch(now.tenant, tenant.marker, adopt=False)
                del self._kept[tenant.domain]

        self._outside(f"remove {tenant.domain}", erase)

    def calls(self, after: str, limit: int = 1000) -> CallPage:
        start = int(match[1]) if (match := re.fullmatch(r"call-(\d{1,12})", after)) else 0
        if limit < 1 or (after and (match is None or start > len(self._calls))):
            raise Refused(f"this PBX gave out no call cursor {after[:32]!a}", kind="pbx_rejected")

        page = self._outside("read calls", lambda: tuple(self._calls[start : start + limit]))
        return CallPage(page, after=f"call-{start + len(page)}")

    def domains(self) -> Sequence[str]:
        return self._outside("list tenants", lambda: sorted(self._kept))

    def checks(self) -> Iterable[Check]:
        found = (
            ("authentication", "the bridge is let in"),
            ("authorisation", "tenants can be listed"),
            ("allow_list", "the bridge's address is allowed"),
            ("version", self._version),
            ("clock", "0 s apart"),
            ("call_records", "call records can be read"),
        )
        for name, detail in found:
            try:
                self._outside(f"check {name}", lambda: None)
            except (NotReached, OutcomeUnknown) as error:
                yield Check(name, "fail", 0, str(error), "start the PBX, or wait until it is back")
            else:
                yield self.broken_checks.get(name) or Check(name, "ok", 0, detail)

    # --- put, step by step -------------------------------------------------------------------------------------------

    def _put_tenant(self, kept: _Kept | None, wanted: Tenant) -> bool:
        """The tenant itself: one write if anything about it differs. The marker comes with the first write."""
        plain = replace(wanted, extensions=(), gateways=(), numbers=(), routes=(), limits=self._enforced(wanted))
        if kept is not None:
            plain = replace(plain, admin_password=plain.admin_password or kept.tenant.admin_password)
            if plain == replace(kept.tenant, extensions=(), gateways=(), numbers=(), routes=()):
                return False

        def write() -> None:
            now = self._kept.get(wanted.domain) or _Kept(Tenant(wanted.domain))
            same = {f"{kind}s": getattr(now.tenant, f"{kind}s") for kind in KEYS}
            self._kept[wanted.domain] = replace(now, tenant=replace(plain, **same))

        self._outside(f"write tenant {wanted.domain}", write)
        return True

    def _put_objects(self, kept: _Kept, wanted: Tenant) -> bool:
        writes: list[tuple[str, str, object]] = []
        removals: list[tuple[str, str]] = []
        for kind in _ORDER:
            theirs, ours = _by_key(kept.tenant, kind), _by_key(wanted, kind)
            for name, one in ours.items():
                finished = _as_kept(one, theirs.get(name))
                if finished != theirs.get(name) or (kind, name) not in kept.made:
                    writes.append((kind, name, finished))
            removals += [(kind, name) for name in theirs if name not in ours and (kind, name) in kept.made]

        for kind, name, one in writes:
            self._outside(f"write {kind} {name}", partial(self._write, wanted.domain, kind, name, one))
        for kind, name in reversed(removals):
            self._outside(f"remove {kind} {name}", partial(self._write, wanted.domain, kind, name, None))
        return bool(writes or removals)

    def _write(self, domain: str, kind: str, name: str, one: object | None) -> None:
        """Set or remove one object of a tenant that is there."""
        kept = self._kept.get(domain)
        if kept is None:
            raise OutcomeUnknown(f"{domain} went away while it was being written")
        if kind == "number" and one is not None:
            other = next(
                (each for each, its in self._kept.items() if each != domain and name in _by_key(its.tenant, kind)), None
            )
            if other is not None:
                raise Conflict(f"number {name} belongs to {other} on this PBX", kind="pbx_conflict")
        made = kept.made - {(kind, name)} if one is None else kept.made | {(kind, name)}
        self._kept[domain] = _Kept(_with(kept.tenant, kind, name, one), made)

    def _verify(self, wanted: Tenant) -> None:
        kept = self._look(wanted.domain)
        left = unmet(differences(wanted, kept.tenant, self._capabilities)) if kept else ()
        if kept is None or left:
            raise OutcomeUnknown(
                f"{wanted.domain} is not as it was written" + (f": {left[0].what}, {left[0].member}" if left else "")
            )

    # --- the outside -------------------------------------------------------------------------------------------------

    def _look(self, domain: str) -> _Kept | None:
        return self._outside(f"read tenant {domain}", lambda: self._kept.get(domain))

    def _outside(self, asked: str, effect: Callable[[], Answer]) -> Answer:
        with self._lock:
            self.trouble.calls += 1
            fault = self.trouble.faults.pop(self.trouble.calls, None)
            if self.trouble.outage:
                raise NotReached(f"{asked}: the PBX in memory does not answer")
            if fault and not fault.after_effect:
                raise fault.error
            answer = effect()
            if fault:
                raise fault.error
            return answer

    def _enforced(self, tenant: Tenant) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(each for each in tenant.limits if each[0] in self._capabilities.limits))

    def _as_read(self, tenant: Tenant) -> Tenant:
        if self._capabilities.secrets_readable:
            return tenant
        return replace(
            tenant,
            admin_password=None,
            extensions=tuple(replace(each, password=None) for each in tenant.extensions),
            gateways=tuple(replace(each, password=None) for each in tenant.gateways),
        )


class Hand:
    """What an operator does on the PBX itself, and the telephones: nobody asks the bridge."""

    def __init__(self, lock: AbstractContextManager[Any], kept: dict[str, _Kept], calls: list[CallRecord]) -> None:
        self._lock = lock
        self._kept = kept
        self._calls = calls

    def see(self, domain: str) -> Tenant | None:
        """The tenant as it is, even in an outage."""
        with self._lock:
            kept = self._kept.get(domain)
            return kept.tenant if kept else None

    def domains(self) -> list[str]:
        with self._lock:
            return sorted(self._kept)

    def add(self, tenant: Tenant) -> None:
        """A tenant nobody asked the bridge for."""
        with self._lock:
            self._kept[tenant.domain] = _Kept(_without_notes(tenant))

    def change(self, domain: str, change: Callable[[Tenant], Tenant]) -> None:
        """Any edit. An object that is new is made by hand; one that stays is still the bridge's."""
        with self._lock:
            kept = self._kept.get(domain)
            if kept is None:
                raise NotFound(f"there is no tenant {domain}")
            tenant = _without_notes(change(kept.tenant))
            there = {(kind, name) for kind in KEYS for name in _by_key(tenant, kind)}
            self._kept[domain] = _Kept(tenant, kept.made & there)

    def enable(self, domain: str, number: str, *, enabled: bool) -> None:
        self._edit_extension(domain, number, enabled=enabled)

    def rename(self, domain: str, number: str, *, name: str) -> None:
        self._edit_extension(domain, number, name=name)

    def remove(self, domain: str) -> None:
        with self._lock, suppress(KeyError):
            del self._kept[domain]

    def ring(self, call: CallRecord) -> None:
        """A call that has ended: its record is what the next page of `calls` brings."""
        with self._lock:
            self._calls.append(call)

    def _edit_extension(self, domain: str, number: str, **members: Any) -> None:
        def edit(tenant: Tenant) -> Tenant:
            one = _by_key(tenant, "extension").get(number)
            if one is None:
                raise NotFound(f"{domain} has no extension {number}")
            return _with(tenant, "extension", number, replace(one, **members))

        self.change(domain, edit)


def _may_touch(actual: Tenant, marker: str | None, *, adopt: bool) -> None:
    if actual.marker is None and not adopt:
        raise Conflict(
            f"{actual.domain} is there and carries no marker; adopt it or choose another", kind="pbx_conflict"
        )
    if marker is None or actual.marker not in (None, marker):
        raise Conflict(f"{actual.domain} is there and belongs to someone else", kind="pbx_conflict")


def _by_key(tenant: Tenant, kind: str) -> dict[str, Any]:
    return {getattr(each, KEYS[kind]): each for each in getattr(tenant, f"{kind}s")}


def _with(tenant: Tenant, kind: str, name: str, one: object | None) -> Tenant:
    objects = _by_key(tenant, kind) | {name: one}
    kept = tuple(objects[each] for each in sorted(objects) if objects[each] is not None)
    changed: Tenant = replace(tenant, **{f"{kind}s": kept})  # type: ignore[arg-type]  # one of four kinds of tuple
    return changed


def _as_kept(wanted: Any, actual: Any) -> Any:
    """The object as the PBX keeps it: without the bridge's note, and with the password it has unless one is given."""
    members: dict[str, Any] = {"service_id": None}
    if any(each.name == "password" for each in fields(wanted)) and wanted.password is None and actual is not None:
        members["password"] = actual.password
    return replace(wanted, **members)


def _without_notes(tenant: Tenant) -> Tenant:
    return replace(
        tenant,
        **{f"{kind}s": tuple(_as_kept(each, None) for each in getattr(tenant, f"{kind}s")) for kind in KEYS},  # type: ignore[arg-type]  # one of four kinds of tuple
    )
