"""Whom the bridge serves and whether it may act: the WHMCS it is pinned to (F-5), its machine (R-41), restore mode.

    fact        written                              stops                                 until
    whmcs       at first sight of WHMCS              sweeps and words to another WHMCS     a person confirms the other
    machines    by the first process that asks       workers on another machine            a person confirms the machine
    restore     by `bridge restore`                  workers and every write by RPC        a person says that it is over

Another WHMCS is one whose address, random id or database host differs: a staging copy, a restored backup, a moved
host. The bridge cannot know which, so it does nothing for it and asks. When the old one answers again, it goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from bridge import once
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.errors import Conflict, NotPrepared, Unavailable
from bridge.life.machine import Machine
from bridge.people import summons
from bridge.store import audit, tasks
from bridge.store import installation as facts
from bridge.whmcs import records

WHMCS, MACHINES, RESTORE = "whmcs", "machines", "restore"

LOOK_SECONDS = 60
"""So long a look at WHMCS's identity is good for."""

_WHMCS_TASK, _MACHINE_TASK = "installation:whmcs", "installation:machine"
_TOLD = {"system_url": "address", "installation_id": "random id", "host": "database host"}


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at WHMCS found."""

    fingerprint: str
    differs: tuple[str, ...]
    """In what it is another than the pinned one; nothing: it is ours."""

    @property
    def why_not(self) -> str | None:
        if not self.differs:
            return None
        what = " and ".join(_TOLD[each] for each in self.differs)
        return (
            f"WHMCS answers with another {what} than the one this bridge serves, so nothing is done for it; "
            f"confirm it by installation.confirm with the fingerprint {self.fingerprint}, or mend the connection"
        )


# --- which WHMCS -----------------------------------------------------------------------------------------------------


def identity_of(seen: records.Installation) -> dict[str, str | None]:
    parts = urlsplit(seen.system_url.strip())
    address = f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
    return {"system_url": address, "installation_id": seen.installation_id, "host": seen.host}


def fingerprint_of(identity: Mapping[str, str | None]) -> str:
    return hashlib.sha256(json.dumps(dict(identity), sort_keys=True).encode()).hexdigest()[:16]


def differing(pinned: Mapping[str, str | None], seen: Mapping[str, str | None]) -> tuple[str, ...]:
    """What one of the two does not know says nothing: the addon may be activated after the first sight."""
    return tuple(name for name in _TOLD if pinned.get(name) and seen.get(name) and pinned[name] != seen[name])


def look(bridge: Bridge, *, dry_run: bool = False) -> Sight:
    """Which WHMCS answers now. The first one ever is pinned; another one is written down and a person is asked."""
    if bridge.records is None:
        raise NotPrepared("WHMCS is not set up to be read; set BRIDGE_WHMCS_DATABASE_URL or install the addon")
    seen = identity_of(bridge.records.installation())
    if dry_run:
        return transact(bridge.engine, lambda tx: _compared(facts.get(tx, WHMCS) or {}, seen))
    return transact(bridge.engine, lambda tx: _note(tx, seen))


def assert_ours(bridge: Bridge) -> None:
    """Raises NotPrepared while another WHMCS answers than the one served. Looks again when the last look is old."""

    def standing(tx: Connection) -> tuple[str | None, bool]:
        held = facts.get(tx, WHMCS) or {}
        looked = held.get("looked_at")
        is_fresh = looked is not None and now(tx) - datetime.fromisoformat(looked) < timedelta(seconds=LOOK_SECONDS)
        return _why_not(held), is_fresh

    why_not, is_fresh = transact(bridge.engine, standing)
    if bridge.records is not None and not is_fresh:
        why_not = look(bridge).why_not
    if why_not is not None:
        raise NotPrepared(why_not)


def why_not_ours(tx: Connection) -> str | None:
    """The same from what was seen last, inside a transaction."""
    return _why_not(facts.get(tx, WHMCS) or {})


def _compared(held: Mapping[str, Any], seen: dict[str, str | None]) -> Sight:
    return Sight(fingerprint_of(seen), differing(held.get("pinned") or {}, seen))


def _why_not(held: Mapping[str, Any]) -> str | None:
    stranger = held.get("stranger")
    return None if stranger is None else _compared(held, stranger).why_not


def _note(tx: Connection, seen: dict[str, str | None]) -> Sight:
    moment = now(tx).isoformat()
    first = {"pinned": seen, "since": moment, "looked_at": moment, "stranger": None}
    if facts.put_first(tx, WHMCS, first):
        audit.add(tx, actor="bridge", action="installation.pinned", subject="installation:whmcs", after=seen)
        return Sight(fingerprint_of(seen), ())
    held = facts.get(tx, WHMCS, lock=True)
    sight = _compared(held, seen)
    known = held["pinned"] if sight.differs else {**held["pinned"], **{n: v for n, v in seen.items() if v}}
    stranger = seen if sight.differs else None
    facts.put(tx, WHMCS, {**held, "pinned": known, "looked_at": moment, "stranger": stranger})
    if stranger is not None and stranger != held.get("stranger"):
        _ask_about_stranger(tx, held["pinned"], stranger, sight)
    elif stranger is None and held.get("stranger") is not None:
        tasks.close(
            tx, _WHMCS_TASK, state=tasks.COMPLETED, by="bridge", reason="the WHMCS that is served answers again"
        )
        audit.add(tx, actor="bridge", action="installation.is_back", subject="installation:whmcs", after=seen)
    return sight


def _ask_about_stranger(
    tx: Connection, pinned: dict[str, str | None], stranger: dict[str, str | None], sight: Sight
) -> None:
    audit.add(
        tx, actor="bridge", action="installation.stranger", subject="installation:whmcs", before=pinned, after=stranger
    )
    summons.ask(
        tx,
        open_key=_WHMCS_TASK,
        kind="installation",
        department="default",
        title="Another WHMCS answers",
        cause=sight.why_not or "",
        suggestion="Is it a staging copy or a restored backup? Then mend the connection. Did WHMCS move? Confirm it.",
        details={"served": pinned, "answers": stranger, "fingerprint": sight.fingerprint},
        told_as=f"installation:whmcs:{sight.fingerprint}",
    )


# --- may we work at all ----------------------------------------------------------------------------------------------


def may_work(bridge: Bridge) -> str | None:
    """Why workers do not claim and writes are refused now; None: they do."""
    return transact(bridge.engine, lambda tx: why_not_work(tx, bridge.machine))


def why_not_work(tx: Connection, machine: Machine | None) -> str | None:
    """The same inside a transaction: one question, cheap enough for every claim."""
    held = facts.several(tx, (RESTORE, MACHINES))
    restore = held.get(RESTORE)
    if restore:
        return (
            f"the bridge was restored by {restore['by']} and waits: look at what it would do, then confirm by "
            "installation.confirm that the restore is over"
        )
    if machine is None or machine.machine_id in (held.get(MACHINES) or {}):
        return None
    return _arrive(tx, machine)


def assert_may_work(bridge: Bridge) -> None:
    why_not = may_work(bridge)
    if why_not is not None:
        raise Unavailable(why_not, kind="read_only")


def enter_restore(bridge: Bridge, *, actor: str, reason: str) -> None:
    """A database that was restored says what was true once. Nothing acts on it before a person has looked."""

    def act(tx: Connection) -> None:
        facts.put(tx, RESTORE, {"since": now(tx).isoformat(), "by": actor, "reason": reason})
        audit.add(tx, actor=actor, action="restore.entered", subject="installation:restore", reason=reason)

    transact(bridge.engine, act)


def _arrive(tx: Connection, machine: Machine) -> str | None:
    """The first machine ever is taken in; another one asks a person, for it may be a copy."""
    entry = {"name": machine.name, "boot_id": machine.boot_id, "since": now(tx).isoformat()}
    if facts.put_first(tx, MACHINES, {machine.machine_id: entry}):
        return None
    known = facts.get(tx, MACHINES, lock=True) or {}
    if machine.machine_id in known:
        return None
    names = ", ".join(sorted(each["name"] for each in known.values())) or "no machine"
    cause = (
        f"this bridge runs on {names}, and now a copy of it on {machine.name}; it does nothing there before "
        f"installation.confirm names the machine {machine.machine_id[:16]}"
    )
    summons.ask(
        tx,
        open_key=_MACHINE_TASK,
        kind="installation",
        department="default",
        title=f"A copy of the bridge started on {machine.name}",
        cause=cause,
        suggestion="Two bridges on one WHMCS would both act. Stop one of them; then confirm the machine that stays.",
        details={"known": known, "machine": {"fingerprint": machine.machine_id[:16], **entry}},
        told_as=f"installation:machine:{machine.machine_id[:16]}",
    )
    return cause


# --- what a person says ----------------------------------------------------------------------------------------------


def shown(bridge: Bridge) -> dict[str, Any]:
    """What is pinned, what differs, and whether anything is done at all."""

    def act(tx: Connection) -> dict[str, Any]:
        held = facts.several(tx, (WHMCS, MACHINES, RESTORE))
        whmcs = held.get(WHMCS) or {}
        stranger = whmcs.get("stranger")
        return {
            "whmcs": {
                "served": whmcs.get("pinned"),
                "since": whmcs.get("since"),
                "looked_at": whmcs.get("looked_at"),
                "answers": stranger,
                "fingerprint": fingerprint_of(stranger) if stranger else None,
            },
            "machines": [
                {"fingerprint": number[:16], **entry} for number, entry in sorted((held.get(MACHINES) or {}).items())
            ],
            "restore": held.get(RESTORE),
        }

    told = transact(bridge.engine, act)
    return told | {
        "machine": bridge.machine.machine_id[:16] if bridge.machine else None,
        "why_not": may_work(bridge),
    }


def confirm_whmcs(bridge: Bridge, asking: Asking, *, fingerprint: str, person: str, reason: str) -> dict[str, Any]:
    """A named person says that the other WHMCS is the one to serve from now on."""

    def act(tx: Connection) -> dict[str, Any]:
        held = facts.get(tx, WHMCS, lock=True) or {}
        stranger = held.get("stranger")
        if stranger is None or fingerprint_of(stranger) != fingerprint:
            raise Conflict("no other WHMCS of this fingerprint was seen; look at installation.get")
        facts.put(tx, WHMCS, {**held, "pinned": stranger, "since": now(tx).isoformat(), "by": person, "stranger": None})
        _confirmed(tx, asking, "whmcs", person, reason, before=held["pinned"], after=stranger)
        tasks.close(tx, _WHMCS_TASK, state=tasks.COMPLETED, by=person, reason=reason or "confirmed")
        return {"confirmed": "whmcs", "fingerprint": fingerprint}

    return once.write(bridge, asking, act)


def confirm_machine(
    bridge: Bridge, asking: Asking, *, fingerprint: str, person: str, reason: str, beside: bool
) -> dict[str, Any]:
    """A named person says that this machine is the bridge's now; `beside`: the others stay."""

    def act(tx: Connection) -> dict[str, Any]:
        machine = bridge.machine
        if machine is None or machine.machine_id[:16] != fingerprint:
            raise Conflict("that is not the machine that answers here; look at installation.get")
        known = facts.get(tx, MACHINES, lock=True) or {}
        entry = {"name": machine.name, "boot_id": machine.boot_id, "since": now(tx).isoformat(), "by": person}
        kept = {**(known if beside else {}), machine.machine_id: entry}
        facts.put(tx, MACHINES, kept)
        _confirmed(tx, asking, "machine", person, reason, before=known, after=kept)
        tasks.close(tx, _MACHINE_TASK, state=tasks.COMPLETED, by=person, reason=reason or "confirmed")
        return {"confirmed": "machine", "fingerprint": fingerprint}

    return once.write(bridge, asking, act)


def leave_restore(bridge: Bridge, asking: Asking, *, person: str, reason: str) -> dict[str, Any]:
    """A named person has looked at what the restored bridge would do."""

    def act(tx: Connection) -> dict[str, Any]:
        held = facts.get(tx, RESTORE, lock=True)
        if not held:
            raise Conflict("the bridge is not in restore mode")
        facts.put(tx, RESTORE, None)
        _confirmed(tx, asking, "restore", person, reason, before=held, after={"over": True})
        return {"confirmed": "restored"}

    answer = once.write(bridge, asking, act)
    bridge.bell.ring()
    return answer


def _confirmed(
    tx: Connection, asking: Asking, what: str, person: str, reason: str, *, before: Any, after: dict[str, Any]
) -> None:
    audit.add(
        tx,
        actor=f"{person} by {asking.caller}",
        action="installation.confirm",
        subject=f"installation:{what}",
        before=before,
        after=after,
        reason=reason,
    )
