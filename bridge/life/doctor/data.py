"""The bridge's own database: reachable, new enough, set as the bridge relies on, and with the rights it needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from bridge import schema
from bridge.database import transact
from bridge.errors import BridgeError, Unavailable
from bridge.life.doctor.check import Check, Found, fail, note, ok, warn
from bridge.life.doctor.patient import Patient
from bridge.rights import EVERYTHING, Right, beyond, lacking, rights_in, statements
from bridge.schema.migrations import folder
from bridge.store import deck_tables, ground
from bridge.tables import audit

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

CLOCK_WARN_SECONDS = 5
CLOCK_FAIL_SECONDS = 60
CONNECTIONS_MIN = 50


def read(patient: Patient, act: Callable[[Connection], T]) -> T:
    """A question to the database, without waiting for those that write."""
    if patient.engine is None:
        raise Unavailable("there is no database to ask")
    return transact(patient.engine.execution_options(read_only=True), act)


def reachable(patient: Patient) -> Iterator[Found]:
    if "engine" in patient.trouble:
        yield fail(patient.trouble["engine"], "correct BRIDGE_DATABASE_URL")
    elif patient.engine is None:
        yield fail("the database file is not there yet", "run: bridge db upgrade")
    else:
        found = read(patient, ground.look)
        where = "an embedded file" if found.kind == "sqlite" else "a server"
        yield ok(f"{found.kind} {found.version}, {where}")
        if found.kind == "sqlite":
            yield note("one process at a time writes an embedded file", "use MariaDB or MySQL for more than a trial")


def version(patient: Patient) -> Iterator[Found]:
    found = read(patient, ground.look)
    wrong = schema.too_old(found.version) if found.kind != "sqlite" else None
    if wrong:
        yield fail(wrong, "use MariaDB 10.6 or MySQL 8.0.1 or later for the bridge's own tables")
    else:
        yield ok(f"{found.kind} {found.version} has what the bridge relies on")


def storage(patient: Patient) -> Iterator[Found]:
    strange = read(patient, ground.tables_elsewhere)
    if strange:
        yield fail(", ".join(strange), "ALTER TABLE ... ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4")
    else:
        yield ok("every table of ours takes part in transactions")


def session(patient: Patient) -> Iterator[Found]:
    found = read(patient, ground.look)
    if found.kind == "sqlite":
        yield ok("an embedded database is strict about transactions and keeps UTC as it is told")
        return
    wrong = []
    if not found.strict:
        wrong.append("values that do not fit are cut instead of refused (no strict mode)")
    if found.time_zone != "+00:00":
        wrong.append(f"the session's time zone is {found.time_zone}, not UTC")
    if found.isolation != "READ COMMITTED":
        wrong.append(f"transactions are {found.isolation}, not READ COMMITTED")
    if wrong:
        yield fail("; ".join(wrong), "a proxy before the database, or its init_connect, overrides what the bridge sets")
    else:
        yield ok("strict, UTC, READ COMMITTED")


def clock(patient: Patient) -> Iterator[Found]:
    before = patient.clock()
    there = read(patient, ground.look).at
    after = patient.clock()
    apart = max((before - there).total_seconds(), (there - after).total_seconds(), 0.0)
    told = f"the database's clock and this host's are {apart:.1f} s apart"
    if apart > CLOCK_FAIL_SECONDS:
        yield fail(told, "let both keep time by NTP; signatures are refused when clocks differ")
    elif apart > CLOCK_WARN_SECONDS:
        yield warn(told, "let both keep time by NTP")
    else:
        yield ok(told)


def durability(patient: Patient) -> Iterator[Found]:
    found = read(patient, ground.look)
    if found.flush_at_commit not in (None, 1):
        yield fail(
            f"innodb_flush_log_at_trx_commit is {found.flush_at_commit}: a power cut takes back what was accepted",
            "set innodb_flush_log_at_trx_commit=1, on every node of a cluster",
        )
    elif found.connections_max is not None and found.connections_max < CONNECTIONS_MIN:
        yield warn(f"the database takes {found.connections_max} connections in all", "raise max_connections")
    else:
        yield ok("what is committed is on disk")


def current(patient: Patient) -> Iterator[Found]:
    assert patient.engine is not None
    missing = schema.check(patient.engine)
    for sentence in missing:
        yield fail(sentence, "run: bridge db upgrade")
    if not missing:
        yield ok("current")


def rights(patient: Patient) -> Iterator[Found]:
    if patient.engine is None or patient.engine.dialect.name == "sqlite":
        yield ok("an embedded file has no users")
        return
    try:
        lines, here = read(patient, lambda tx: (ground.grants(tx), ground.schema_name(tx)))
    except BridgeError as trouble:
        yield note(f"the grants cannot be read: {trouble}", "compare them with sql/grants.sql by hand")
        return
    held = [each for each in rights_in(lines) if not deck_tables.is_name(each.table)]  # allowed one by one, as needed
    wanted = wanted_rights(here)
    if missing := lacking(wanted, held):
        yield fail(f"the user lacks {_few(missing)}", "run part 2 of sql/grants.sql")
    too_many = beyond(wanted, held)
    if any(each.verb in ("UPDATE", "DELETE", EVERYTHING) and _is_audit(each) for each in too_many):
        yield warn(
            f"the audit trail could be rewritten with these rights: {_few(too_many)}",
            "give the service the user of part 2 of sql/grants.sql, and db upgrade the user bridge_schema",
        )
    elif too_many:
        yield warn(f"the user may do more than it needs: {_few(too_many)}", "compare with sql/grants.sql")
    elif not missing:
        yield ok("as sql/grants.sql gives them")


def wanted_rights(here: str) -> list[Right]:
    """What the service needs, out of the file that an operator runs."""
    given = statements((folder() / "grants.sql").read_text(encoding="utf-8"))
    return rights_in((each.replace("bridge_database", here) for each in given), user="bridge")


def _is_audit(right: Right) -> bool:
    return right.table in ("*", audit.name)


def _few(rights_: list[Right]) -> str:
    told = [re.sub(r"\s+", " ", str(each)) for each in rights_]
    return ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


_ASKED = ("database",)

CHECKS = (
    Check("database", "Nothing is accepted that is not written down first.", reachable, ("settings",)),
    Check("database.version", "Older servers lack SKIP LOCKED and checked constraints.", version, _ASKED),
    Check("database.storage", "A table without transactions can be half written.", storage, _ASKED),
    Check("database.session", "Times, limits and locks mean what the bridge thinks they mean.", session, _ASKED),
    Check("database.clock", "Due times come from the database, signatures from this host.", clock, _ASKED),
    Check("database.durability", "An accepted call survives a power cut, or it was not accepted.", durability, _ASKED),
    Check("schema", "Old tables under new code lose what is written to them.", current, _ASKED),
    Check("grants", "A service that can only do its own work can only break its own work.", rights, ("schema",)),
)
