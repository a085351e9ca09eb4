"""From one release to the next: what an upgrade would do on this host, and doing it in the order that can be undone.

    check ──> back up what is there ──> add to the schema ──> check again ──> write it down ──> restart the services

A release only adds to the schema (R-68): what ran before goes on running on the new one, so nothing has to be stopped
first, and going back to the code of the release before needs no change of the database. What a release removes, it
removes from a schema that the release before no longer used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from bridge import __version__, schema
from bridge.database import now, transact
from bridge.errors import NotPrepared
from bridge.life import backup
from bridge.schema.migrations import AddColumn, AddKey, Create, Migration
from bridge.store import audit, rows
from bridge.store import installation as facts

FACT = "release:"
"""Which releases this database has seen: a fact each, with when and by whom."""


@dataclass(frozen=True, slots=True)
class Plan:
    release: str
    before: str | None
    """The release that upgraded this database last, where that is known."""
    migrations: tuple[str, ...]
    new_tables: tuple[str, ...]
    rows: int

    @property
    def needs_backup(self) -> bool:
        return bool(self.migrations) and self.rows > 0

    def to_json(self) -> dict[str, Any]:
        return {
            "release": self.release,
            "before": self.before,
            "migrations": list(self.migrations),
            "new_tables": list(self.new_tables),
            "rows": self.rows,
            "needs_backup": self.needs_backup,
        }


def narrowing(migration: Migration) -> list[str]:
    """What in a migration would break the code of the release before, a sentence each (R-68)."""
    made = {each.table.name for each in migration.statements if isinstance(each, Create)}
    optional = {
        (each.table, each.column.name)
        for each in migration.statements
        if isinstance(each, AddColumn) and each.column.null and not each.column.default
    }
    told = []
    for statement in migration.statements:
        match statement:
            case AddColumn(table, column) if table not in made and not column.null and not column.default:
                told.append(f"{migration.name}: {table}.{column.name} has no default, so older code cannot add a row")
            case AddKey(table, key) if key.unique and table not in made:
                if not any((table, column) in optional for column in key.columns):
                    told.append(f"{migration.name}: {key.name} refuses rows that older code may write")
    return told


def plan(engine: Engine, *, release: str = __version__, migrations: Sequence[Migration] | None = None) -> Plan:
    """What an upgrade would do. It refuses what it could not finish."""
    known = schema.of_this_bridge(migrations)
    missing = schema.upgrade(engine, dry_run=True, migrations=known)
    coming = [migration for migration in known if migration.name in missing]
    told = [each for migration in coming for each in narrowing(migration)]
    if told and len(coming) < len(known):  # a new database has no older code
        raise NotPrepared("; ".join(told))
    new_tables = [each.table.name for migration in coming for each in migration.statements if isinstance(each, Create)]

    def look(tx: Connection) -> Plan:
        applied = schema.applied(tx, migrations=known)
        counts = rows.counts(tx, backup.stored_tables(applied))
        seen = facts.named(tx, FACT, limit=1000) if applied else []
        before = seen[-1].removeprefix(FACT) if seen else None
        return Plan(release, before, tuple(missing), tuple(new_tables), sum(counts.values()))

    return transact(rows.snapshot(engine), look)


def upgrade(
    engine: Engine,
    *,
    by: str,
    back_up: Callable[[], object] | None,
    release: str = __version__,
    migrations: Sequence[Migration] | None = None,
) -> Plan:
    """Does what `plan` says. `back_up` is None where a person decided against one."""
    planned = plan(engine, release=release, migrations=migrations)
    if planned.needs_backup and back_up is not None:
        back_up()
    schema.upgrade(engine, migrations=migrations)
    if wrong := schema.check(engine, migrations=migrations):
        raise NotPrepared(f"the schema was upgraded and is not as it should be: {wrong[0]}")
    transact(engine, lambda tx: _write_down(tx, planned, by))
    return planned


def _write_down(tx: Connection, planned: Plan, by: str) -> None:
    told = planned.to_json() | {"by": by, "at": now(tx).isoformat()}
    if facts.put_first(tx, FACT + planned.release, told):
        audit.add(tx, actor=by, action="release.upgrade", subject=f"release:{planned.release}", after=told)
