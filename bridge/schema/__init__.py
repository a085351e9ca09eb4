"""The schema in the database against the schema in `sql/`: what is missing, and making it so.

Every statement is looked for before it is run and each is a transaction of its own, so an upgrade that died goes on
where it was, and two at once do no harm. What is found under one of our names and is not ours is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from bridge import tables
from bridge.database import NOW, transact
from bridge.errors import NotPrepared
from bridge.schema.existing import what_is_there
from bridge.schema.migrations import (
    AddColumn,
    AddKey,
    Column,
    Create,
    Migration,
    Statement,
    Table,
    add_up,
    folder,
    for_sqlite,
    read_all,
    sqlite_statements,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MARIADB_MIN = (10, 6, 0)
MYSQL_MIN = (8, 0, 1)

_ALREADY_THERE = {1050, 1060, 1061}  # another upgrade was a moment faster


def upgrade(engine: Engine, *, dry_run: bool = False, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing, and name it. What could stand in the way is looked for before the first change."""
    known = of_this_bridge(migrations)
    missing = transact(_reading(engine), lambda tx: _missing(tx, known))
    if dry_run:
        return [migration.name for migration in missing]

    whole = add_up(known)
    for migration in missing:
        for statement in migration.statements:
            transact(engine, partial(_make, statement=statement, whole=whole))
        transact(engine, partial(_record, migration=migration))
    if tables.country_codes.name in whole:
        _refill_countries(engine)
    return [migration.name for migration in missing]


def _refill_countries(engine: Engine) -> None:
    """Its rows come with the release, as its columns do."""
    from bridge.store.country_codes import refill  # the numbering plans are read for this alone

    with suppress(IntegrityError):  # another upgrade wrote them first
        transact(engine, refill)


def check(engine: Engine, *, migrations: Sequence[Migration] | None = None) -> list[str]:
    """What is missing or different, a sentence each; nothing when the schema is current."""
    known = of_this_bridge(migrations)
    return transact(_reading(engine), lambda tx: _check(tx, known))


def ensure_current(engine: Engine) -> None:
    """Refuses to go on with another schema. An embedded database that holds nothing yet is set up on the spot."""
    missing = check(engine)
    if not missing:
        return
    if engine.dialect.name == "sqlite" and not transact(_reading(engine), lambda tx: _applied(tx)):
        upgrade(engine)
        return
    raise NotPrepared(f"the schema is not current: {_few(missing)}; run: bridge db upgrade")


def pending(tx: Connection, *, migrations: Sequence[Migration] | None = None) -> list[str]:
    """The migrations not applied yet, by name: one short question, for those who ask often."""
    applied = _applied(tx)
    return [migration.name for migration in of_this_bridge(migrations) if migration.version not in applied]


def applied(tx: Connection, *, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """The migrations this database was made by, as this bridge has them. It refuses those of a newer bridge."""
    told = [(version, each.name, each.checksum) for version, each in sorted(_applied(tx).items())]
    return known_here(told, migrations=migrations)


def known_here(
    told: Sequence[tuple[int, str, str]], *, migrations: Sequence[Migration] | None = None
) -> list[Migration]:
    """Migrations told by version, name and checksum, as this bridge has them."""
    known = {migration.version: migration for migration in of_this_bridge(migrations)}
    for version, name, checksum in told:
        if version not in known:
            raise NotPrepared(f"{name} was made by a newer bridge than this one; use that one")
        if known[version].checksum != checksum:
            raise NotPrepared(
                f"{name} is another here than {known[version].name} of this bridge; use the one it was made by"
            )
    return [known[version] for version, _, _ in told]


def of_this_bridge(migrations: Sequence[Migration] | None) -> Sequence[Migration]:
    """Every migration there is, or those handed in."""
    return read_all(folder()) if migrations is None else migrations


def present(tx: Connection, names: Collection[str]) -> list[str]:
    """Those of the named tables that exist."""
    return list(what_is_there(tx, names))


def too_old(version: str) -> str | None:
    """A sentence when the server behind this version text lacks what the bridge relies on (R-66)."""
    mariadb = re.search(r"(\d+)\.(\d+)\.(\d+)-mariadb", version, re.IGNORECASE)
    numbers = mariadb or re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers is None or tuple(map(int, numbers.groups())) < (MARIADB_MIN if mariadb else MYSQL_MIN):
        return (
            f"the database is {version}, and the bridge's own tables need MariaDB 10.6 or MySQL 8.0.1 or later; "
            "an older WHMCS database can stay as it is: name a newer database beside it in BRIDGE_DATABASE_URL"
        )
    return None


# --- deciding --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Applied:
    name: str
    checksum: str


def _missing(tx: Connection, known: Sequence[Migration]) -> list[Migration]:
    _refuse_unsuitable(tx)
    applied = _applied(tx)
    if changed := _changed(known, applied):
        raise NotPrepared(changed[0])
    missing = [migration for migration in known if migration.version not in applied]

    whole = add_up(known)
    present = what_is_there(tx, whole)
    for migration in missing:
        for statement in migration.statements:
            _is_done(tx, statement, present, whole)  # refuses what is in its place and not ours
    return missing


def _check(tx: Connection, known: Sequence[Migration]) -> list[str]:
    _refuse_unsuitable(tx)
    applied = _applied(tx)
    missing = [f"{each.name} is not applied; run: bridge db upgrade" for each in known if each.version not in applied]
    expected = add_up(migration for migration in known if migration.version in applied)
    present = what_is_there(tx, expected)
    for name, table in expected.items():
        if name not in present:
            missing.append(f"the table {name} is gone; restore it from a backup")
            continue
        missing += [f"{name} lacks {line}" for line in lacking(_as_told_here(tx, table), present[name])]
    return _changed(known, applied) + missing


def lacking(wanted: Table, there: Table) -> list[str]:
    """What one table has and the other has not, in the lines of `sql/`."""
    lines = [str(column) for column in wanted.columns if column not in there.columns]
    lines += [f"PRIMARY KEY ({', '.join(wanted.primary)})"] if wanted.primary != there.primary else []
    return lines + sorted(str(key) for key in wanted.keys - there.keys)


def _is_done(tx: Connection, statement: Statement, present: Mapping[str, Table], whole: Mapping[str, Table]) -> bool:
    """Whether what a statement makes is there. Something else in its place belongs to somebody else."""
    match statement:
        case Create(table):
            if table.name not in present:
                return False
            there = present[table.name]
            missing = lacking(_as_told_here(tx, table), there)
            strange = lacking(there, _as_told_here(tx, whole[table.name]))
            if missing or strange:
                raise _stranger(table.name, missing, strange)
        case AddColumn(name, column):
            wanted = _as_told_here(tx, Table(name, (column,), ())).columns[0]
            found = [each for each in _columns_of(present, name) if each.name == column.name]
            if not found:
                return False
            if found != [wanted]:
                raise _stranger(name, [str(wanted)], [str(found[0])])
        case AddKey(name, key):
            keys = [each for each in present[name].keys if each.name == key.name] if name in present else []
            if not keys:
                return False
            if keys != [key]:
                raise _stranger(name, [str(key)], [str(keys[0])])
    return True


def _columns_of(present: Mapping[str, Table], name: str) -> tuple[Column, ...]:
    return present[name].columns if name in present else ()


def _as_told_here(tx: Connection, table: Table) -> Table:
    return for_sqlite(table) if tx.dialect.name == "sqlite" else table


def _stranger(name: str, missing: Sequence[str], strange: Sequence[str]) -> NotPrepared:
    found = f"it has {_few(strange)}" if strange else "columns of ours are not in it"
    needs = f", where the bridge needs {_few(missing)}" if missing else ""
    return NotPrepared(
        f"there is already a table {name} that the bridge did not make: {found}{needs}. It was left alone. "
        "If another product owns it, give the bridge a database of its own in BRIDGE_DATABASE_URL; "
        "if nobody needs it, rename it; then run: bridge db upgrade"
    )


def _few(lines: Sequence[str]) -> str:
    return ", ".join(lines[:3]) + (f" and {len(lines) - 3} more" if len(lines) > 3 else "")


def _changed(known: Sequence[Migration], applied: Mapping[int, _Applied]) -> list[str]:
    return [
        f"{applied[each.version].name} was applied here with other contents than the {each.name} of this bridge: this "
        "database was made by another build; use that one, or start with an empty database if nothing in it is needed"
        for each in known
        if each.version in applied and applied[each.version].checksum != each.checksum
    ]


# --- asking and changing ---------------------------------------------------------------------------------------------


def _reading(engine: Engine) -> Engine:
    return engine.execution_options(read_only=True)


def _applied(tx: Connection) -> dict[int, _Applied]:
    if not what_is_there(tx, [tables.migrations.name]):
        return {}
    columns = tables.migrations.c
    rows = tx.execute(select(columns.version, columns.name, columns.checksum))
    return {version: _Applied(name, checksum) for version, name, checksum in rows}


def _refuse_unsuitable(tx: Connection) -> None:
    if tx.dialect.name == "sqlite":
        return
    version, storage = tx.execute(text("SELECT VERSION(), @@default_storage_engine")).one()
    if wrong := too_old(version):
        raise NotPrepared(wrong)
    if storage.lower() != "innodb":
        raise NotPrepared(f"the database stores tables in {storage} by default; the bridge needs InnoDB")


def _make(tx: Connection, statement: Statement, whole: Mapping[str, Table]) -> None:
    name = statement.table.name if isinstance(statement, Create) else statement.table
    if _is_done(tx, statement, what_is_there(tx, [name]), whole):
        return
    try:
        for sql in sqlite_statements(statement) if tx.dialect.name == "sqlite" else [statement.sql]:
            tx.execution_options(no_parameters=True).exec_driver_sql(sql)
    except DBAPIError as error:
        code = error.orig.args[0] if error.orig is not None and error.orig.args else None
        if code not in _ALREADY_THERE or not _is_done(tx, statement, what_is_there(tx, [name]), whole):
            raise


def _record(tx: Connection, migration: Migration) -> None:
    row = {"version": migration.version, "name": migration.name, "checksum": migration.checksum, "applied_at": NOW}
    try:
        tx.execute(insert(tables.migrations).values(row))
    except IntegrityError:  # another upgrade wrote it first
        if changed := _changed([migration], _applied(tx)):
            raise NotPrepared(changed[0]) from None
