"""A backup back into a database: all of it proved before the first row is written, then all of it or nothing.

In the same transaction the bridge enters restore mode: nothing is claimed and no write is taken before a named person
has looked and says so. What ran when the backup was made has a lease that is over, and is looked at before it is done
again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine

from bridge import schema
from bridge.database import now, transact
from bridge.errors import Conflict, NotPrepared, OutcomeUnknown, Unavailable
from bridge.life import archive, backup
from bridge.life.backup import Manifest, Progress, quiet
from bridge.life.installation import RESTORE
from bridge.master_key import MasterKey, existing_master_key, parse, put_master_key
from bridge.schema.migrations import Migration, Table
from bridge.store import audit, rows
from bridge.store import installation as facts


@dataclass(frozen=True, slots=True)
class Place:
    """Where to restore to."""

    engine: Engine
    instance: str
    master_key_file: Path


@dataclass(frozen=True, slots=True)
class Report:
    manifest: Manifest
    removed: Mapping[str, int]
    """Rows that were in the way, by table."""
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        removed = sum(self.removed.values())
        return {"backup": self.manifest.to_json(), "removed": removed, "remarks": list(self.remarks)}


def restore(
    place: Place,
    path: Path,
    key: archive.Key,
    *,
    by: str,
    replace: int | None = None,
    accept_other_master_key: bool = False,
    dry_run: bool = False,
    progress: Progress = quiet,
    migrations: Sequence[Migration] | None = None,
) -> Report:
    """Into an empty database; `replace` says how many rows are there and may go."""
    with _opened(path) as file:
        manifest = backup.prove(file, key, progress=progress, migrations=migrations)
        remarks = _about_instance(place, manifest)
        new_key, said = _about_master_key(place.master_key_file, manifest, accept_other=accept_other_master_key)
        remarks += said
        schema.upgrade(place.engine, dry_run=True, migrations=migrations)  # refuses what is there and not ours
        ours = backup.stored_tables(schema.of_this_bridge(migrations))
        in_the_way = transact(place.engine, lambda tx: _occupied(tx, ours))
        _refuse_occupied(in_the_way, replace)
        if dry_run:
            return Report(manifest, in_the_way, tuple(remarks))

        def act(tx: Connection) -> None:
            _refuse_occupied(_occupied(tx, ours), replace)
            file.seek(0)
            _write(tx, backup.read(file, key, progress=progress, migrations=migrations), by, in_the_way)

        schema.upgrade(place.engine, migrations=migrations)
        with _master_key_in_place(place.master_key_file, new_key):
            transact(place.engine, act)
        return Report(manifest, in_the_way, tuple(remarks))


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise NotPrepared(f"{path} cannot be read: {error.strerror}") from error


def _about_instance(place: Place, manifest: Manifest) -> list[str]:
    if manifest.instance == place.instance:
        return []
    return [
        f"the backup was made as {manifest.instance} and this bridge is {place.instance}: callers sign for the name in "
        "BRIDGE_INSTANCE, so set it alike, or tell them the new one"
    ]


# --- rows ------------------------------------------------------------------------------------------------------------


def _occupied(tx: Connection, ours: Mapping[str, Table]) -> dict[str, int]:
    """Rows by table, where there are any."""
    there = schema.present(tx, ours)
    return {name: count for name, count in rows.counts(tx, there).items() if count}


def _refuse_occupied(occupied: Mapping[str, int], replace: int | None) -> None:
    total = sum(occupied.values())
    if total == (replace or 0):
        return
    most = sorted(occupied, key=lambda name: -occupied[name])[:3]
    named = ", ".join(f"{occupied[name]} in {name}" for name in most) or "none"
    raise Conflict(
        f"the database holds {total} rows ({named}{', ...' if len(occupied) > 3 else ''}), and a backup goes into an "
        f"empty one; to remove them for good, stop the bridge and say: --replace {total}"
    )


def _write(tx: Connection, opened: backup.Opened, by: str, removed: Mapping[str, int]) -> None:
    for name in removed:
        rows.remove_all(tx, name)
    for table, columns, batch in opened.batches:
        rows.add(tx, table, columns, batch)
    manifest = opened.manifest
    facts.put(tx, RESTORE, {"by": by, "at": now(tx).isoformat(), "backup_of": manifest.made_at.isoformat()})
    audit.add(
        tx,
        actor=by,
        action="installation.restored",
        subject="installation:restore",
        after=manifest.to_json() | {"removed": sum(removed.values())},
    )


# --- the master key --------------------------------------------------------------------------------------------------


def _about_master_key(path: Path, manifest: Manifest, *, accept_other: bool) -> tuple[MasterKey | None, list[str]]:
    """The key to be put in place, and what to say. Refuses a master key that opens nothing of the backup."""
    own = existing_master_key(path)
    if own is not None and backup.opens(own, manifest):
        return None, []
    if manifest.master_key is not None:
        if own is not None:
            raise Conflict(
                f"{path} is another master key than the one in the backup; move it away, and the right one is put there"
            )
        inside = parse(manifest.master_key.reveal().encode(), where="inside the backup")
        return inside, [f"the master key inside the backup goes into {path}"]
    what = f"{path} is another master key than the one" if own is not None else f"there is no master key at {path}, one"
    if not accept_other:
        raise NotPrepared(
            f"{what} the backup was made with, so its secrets would not open; put that key there first, or go on "
            "without the secrets: --accept-other-master-key"
        )
    return None, ["signing keys and the passwords of servers do not open under this master key: set them again"]


@contextmanager
def _master_key_in_place(path: Path, key: MasterKey | None) -> Iterator[None]:
    """Written before the rows that need it, and away again if they do not come."""
    if key is None:
        yield
        return
    try:
        put_master_key(path, key)
    except OSError as error:
        raise Unavailable(f"the master key cannot be put into {path}: {error.strerror}") from error
    try:
        yield
    except OutcomeUnknown:
        raise  # the rows may have come, and then they need it
    except BaseException:
        path.unlink(missing_ok=True)
        raise
