"""Rotation of the master key (T-21): a new version, everything brought under it in the background, the old ones gone.

rotate   adds a version; what is sealed from then on is under it, and what was sealed before still opens
reseal   brings older values under the newest version, a few at a time, each only if nobody changed it meanwhile
prune    drops the older versions, once nothing needs them
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bridge.app import Bridge
from bridge.database import transact
from bridge.errors import Conflict, Unavailable
from bridge.logs import say
from bridge.master_key import KEY_BYTES, MasterKey, change_master_key, existing_master_key
from bridge.store import audit, seals
from bridge.store.seals import Sealed, SealedColumn

log = logging.getLogger("bridge.rotation")

BATCH = 100
VALUES_MAX = 2000
"""In one turn of the job; the next turn goes on."""

SETTLING_SECONDS = 120
"""What was being written while the key was rotated is written by then: no transaction lives that long."""


@dataclass(frozen=True, slots=True)
class Status:
    newest: int
    versions: tuple[int, ...]
    values: Mapping[int, int]
    """How many values are sealed under which version."""

    @property
    def waiting(self) -> int:
        """Values that are still to be brought under the newest version."""
        return sum(count for version, count in self.values.items() if version in self.versions[:-1])

    @property
    def lost(self) -> int:
        """Values under a version that the file does not hold."""
        return sum(count for version, count in self.values.items() if version not in self.versions)

    def to_json(self) -> dict[str, Any]:
        values = {str(version): self.values.get(version, 0) for version in sorted({*self.versions, *self.values})}
        return {"newest": self.newest, "values": values, "waiting": self.waiting, "without_key": self.lost}


def status(bridge: Bridge) -> Status:
    key = _key(bridge)
    return Status(key.newest, tuple(sorted(key.versions)), transact(bridge.engine, seals.counts))


def rotate(bridge: Bridge, *, by: str, dry_run: bool = False) -> int:
    """The number of the new version."""
    added = bridge.random(KEY_BYTES)
    if dry_run:
        return _key(bridge).rotated(added).newest
    changed = change_master_key(bridge.settings.master_key_file, lambda key: key.rotated(added))
    bridge.vault.follow()
    _note(bridge, by, "master_key.rotated", {"newest": changed.newest})
    return changed.newest


def prune(bridge: Bridge, *, by: str, seconds_since_rotation: float, dry_run: bool = False) -> tuple[int, ...]:
    """The versions that are dropped. Refuses while anything is sealed under one of them."""
    if not _key(bridge).older:
        return ()
    if seconds_since_rotation < SETTLING_SECONDS:
        raise Conflict(
            "the master key was changed just now, and what was being written then may still come under an older "
            f"version; try again in {SETTLING_SECONDS - seconds_since_rotation:.0f} seconds"
        )
    dropped: list[int] = []

    def change(key: MasterKey) -> MasterKey:
        values = transact(bridge.engine, seals.counts)
        needed = {version: values[version] for version in key.older if values[version]}
        if needed:
            told = ", ".join(f"{count} under version {version}" for version, count in needed.items())
            raise Conflict(
                f"older versions of the master key are still needed: {told}; bridge serve or bridge work brings them "
                "under the newest within minutes"
            )
        dropped.extend(key.older)
        return key.pruned()

    if dry_run:
        change(_key(bridge))
    else:
        change_master_key(bridge.settings.master_key_file, change)
        _note(bridge, by, "master_key.pruned", {"dropped": dropped})
    return tuple(dropped)


def reseal(bridge: Bridge) -> dict[str, Any] | None:
    """Brings values under the newest version. What does not open is left as it is, and told."""
    bridge.vault.follow()
    older = bridge.vault.older
    if not older:
        return {"resealed": 0}
    resealed, unopened = 0, list[str]()
    for column in seals.COLUMNS:
        resealed += _reseal(bridge, column, older, at_most=VALUES_MAX - resealed, unopened=unopened)
    if unopened:
        say(log, logging.ERROR, "sealed values do not open", count=len(unopened), first=unopened[0])
    return {"resealed": resealed, "unopened": len(unopened), "newest": bridge.vault.newest}


def _reseal(bridge: Bridge, column: SealedColumn, older: Collection[int], *, at_most: int, unopened: list[str]) -> int:
    done, after = 0, None
    while done < at_most:
        found = transact(bridge.engine, partial(seals.page, column=column, versions=older, after=after, limit=BATCH))
        if not found:
            break
        changed = [(old, value) for old in found if (value := _under_newest(bridge, old, unopened)) is not None]
        done += transact(bridge.engine, partial(_put, column=column, changed=changed))
        after = found[-1].key  # past those that do not open as well
    return done


def _under_newest(bridge: Bridge, old: Sealed, unopened: list[str]) -> bytes | None:
    try:
        return bridge.vault.seal(bridge.vault.open(old.value, place=old.place), place=old.place)
    except Unavailable:
        unopened.append(old.place)
        return None


def _put(tx: Connection, *, column: SealedColumn, changed: Sequence[tuple[Sealed, bytes]]) -> int:
    return sum(seals.put(tx, column, old, value) for old, value in changed)


def _key(bridge: Bridge) -> MasterKey:
    found = existing_master_key(bridge.settings.master_key_file)
    if found is None:
        raise Unavailable(f"there is no master key at {bridge.settings.master_key_file}")
    return found


def _note(bridge: Bridge, by: str, action: str, after: dict[str, Any]) -> None:
    transact(
        bridge.engine,
        lambda tx: audit.add(tx, actor=by, action=action, subject="installation:master_key", after=after),
    )
