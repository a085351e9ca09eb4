"""The way to the database: how it is opened, what time it is there, and transactions that survive bad luck.

what went wrong                         what `transact` does
a deadlock, a busy lock, a lost line    the whole of it again, at most 5 times
the line lost during COMMIT             OutcomeUnknown: read back before doing anything else
no database, no room, no right          Unavailable, in words without address or password
anything else, such as a double key     passes unchanged; the caller knows what it means
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, create_engine, event, func, literal_column, make_url, select
from sqlalchemy import exc as trouble

from bridge.errors import BridgeError, NotPrepared, OutcomeUnknown, Unavailable
from bridge.tables import Utc

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from bridge.secret import Secret

T = TypeVar("T")

ATTEMPTS_MAX = 5
BACKOFF_MIN_SECONDS = 0.020
BACKOFF_MAX_SECONDS = 0.400

NOW = func.utc_timestamp(literal_column("6"), type_=Utc())
"""The database's own time, for use inside a statement; SQLite learns the function in `connect`."""

# Strict about what is written. NO_ZERO_DATE stays out: WHMCS's tables hold zero dates, and we have to ask about them.
_SQL_MODE = "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

_BUSY = {1213, 1205, 1020, 1047}
_LOST = {2006, 2013, 2055, 1053, 1158, 1159, 1160, 1161, 1927, 4031}
_UNKNOWN_IN_COMMIT = _LOST | {1047}  # a Galera node that left while it certified may or may not have committed

_MARIADB_WORDS: dict[int, str] = {
    **dict.fromkeys((2002, 2003, 2005, 2026), "the database does not answer"),
    **dict.fromkeys(
        (1044, 1045, 1129, 1130, 1698, 2059, 2061), "the database does not let the bridge in; check user and password"
    ),
    **dict.fromkeys((1142, 1143), "the database user may not do this; compare its rights with sql/grants.sql"),
    **dict.fromkeys((1040, 1203, 1226), "the database has no connection left for the bridge"),
    **dict.fromkeys((1290, 1792, 1836), "the database is read-only at present"),
    **dict.fromkeys((1021, 1114), "the database has no room left"),
    **dict.fromkeys((1054, 1146), "the schema is not the one this bridge needs; run: bridge db upgrade"),
    1049: "the database named in BRIDGE_DATABASE_URL does not exist; create it first",
}
_SQLITE_WORDS: dict[int, str] = {
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_READONLY: "the database file cannot be written",
    sqlite3.SQLITE_PERM: "the database file cannot be used with these rights",
    sqlite3.SQLITE_FULL: "the database has no room left",
    sqlite3.SQLITE_IOERR: "the disk under the database file has failed",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged",
    sqlite3.SQLITE_NOTADB: "the database file is no database",
}


def connect(
    url: Secret,
    *,
    pool_size: int = 10,
    pool_overflow: int = 10,
    pool_seconds: float = 5,
    connect_seconds: int = 5,
    read_seconds: int = 30,
    write_seconds: int = 30,
    commits_each: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Engine:
    """The engine behind a database URL. Nothing is opened yet. `clock` is what time it is in SQLite.

    `commits_each`: for one statement that may be repeated. On MariaDB it commits by itself: one trip, where COMMIT is a
    second.
    """
    target = _read_url(url)
    if target.get_backend_name() == "sqlite":
        return _sqlite(target, clock, pool_size, pool_overflow, pool_seconds)
    return create_engine(
        target,
        isolation_level="AUTOCOMMIT" if commits_each else "READ COMMITTED",
        skip_autocommit_rollback=commits_each,  # it would be a trip that does nothing
        hide_parameters=True,  # an error tells the statement, never the values: they may be secret
        pool_size=pool_size,
        max_overflow=pool_overflow,
        pool_timeout=pool_seconds,
        pool_recycle=600,
        pool_reset_on_return=None,  # every transaction here is ended by who began it; a rollback after it costs a trip
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": connect_seconds,
            "read_timeout": read_seconds,
            "write_timeout": write_seconds,
            "init_command": f"SET SESSION sql_mode='{_SQL_MODE}', time_zone='+00:00', innodb_lock_wait_timeout=10",
        },
    )


def now(tx: Connection) -> datetime:
    """What time it is in the database: the only clock that stored times come from (R-10)."""
    found: datetime = tx.execute(select(NOW)).scalar_one()
    return found


def transact(
    engine: Engine,
    act: Callable[[Connection], T],
    *,
    chance: Callable[[], float] = random.random,
    wait: Callable[[float], object] = time.sleep,
) -> T:
    """What `act` answers, committed. It may run more than once, so it touches nothing but the database."""
    commits_each = engine.dialect.skip_autocommit_rollback
    for attempts_left in reversed(range(ATTEMPTS_MAX)):
        committing = False
        try:
            with engine.connect() as tx:
                answer = act(tx)
                committing = True
                if not commits_each:
                    tx.commit()
                return answer
        except trouble.TimeoutError as error:
            raise Unavailable("every database connection is in use", kind="overloaded") from error
        except trouble.DBAPIError as error:
            if not _may_repeat(error, committing=committing):
                raise
            if attempts_left == 0:
                raise Unavailable("the database was too busy for this, several times over") from error
        wait(BACKOFF_MIN_SECONDS + (BACKOFF_MAX_SECONDS - BACKOFF_MIN_SECONDS) * chance())
    raise AssertionError("the last attempt returns or raises")


def _may_repeat(error: trouble.DBAPIError, *, committing: bool) -> bool:
    """Whether all of it can be done again. Raises what the trouble means, when it has a meaning of its own."""
    code = _code(error)
    if isinstance(error.orig, sqlite3.Error):
        again, unknown = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), code == sqlite3.SQLITE_IOERR
    else:
        again, unknown = code in _BUSY or code in _LOST or error.connection_invalidated, code in _UNKNOWN_IN_COMMIT
        unknown = unknown or error.connection_invalidated
    if committing and unknown:
        raise OutcomeUnknown("the database was lost while it committed; it may or may not have", kind="unavailable")
    if told := _told(error, code):
        raise told from error
    return again


def _told(error: trouble.DBAPIError, code: int) -> BridgeError | None:
    if not isinstance(error.orig, sqlite3.Error):
        words = _MARIADB_WORDS.get(code)
    elif code == sqlite3.SQLITE_ERROR and "no such " in str(error.orig):
        words = _MARIADB_WORDS[1146]
    else:
        words = _SQLITE_WORDS.get(code)
    return Unavailable(words) if words else None


def _code(error: trouble.DBAPIError) -> int:
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # without the extension SQLite adds above it
    first = error.orig.args[0] if error.orig is not None and error.orig.args else 0
    return first if isinstance(first, int) else 0


def _read_url(url: Secret) -> URL:
    try:
        return make_url(url.reveal())
    except (trouble.ArgumentError, ValueError):
        raise NotPrepared(
            "BRIDGE_DATABASE_URL is not a database URL; is a sign in its password not %-encoded?"
        ) from None  # the cause would quote it


def _sqlite(url: URL, clock: Callable[[], datetime], pool_size: int, pool_overflow: int, pool_seconds: float) -> Engine:
    if not url.database or url.database == ":memory:":
        raise NotPrepared("BRIDGE_DATABASE_URL names no file; SQLite needs one, such as sqlite:///var/bridge.db")
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Unavailable(f"the folder of the database file cannot be made: {error.strerror}") from error
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=pool_overflow,
        pool_timeout=pool_seconds,
        connect_args={"timeout": 10, "check_same_thread": False},
    )

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # sqlite3 would begin late and commit early; `begin` below takes over
        connection.create_function("utc_timestamp", 1, lambda _digits: clock().strftime("%Y-%m-%d %H:%M:%S.%f"))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # what was accepted survives a power cut

    def begin(connection: Connection) -> None:
        """Writers queue at the start, so none of them finds halfway that another was first."""
        options: dict[str, Any] = dict(connection.get_execution_options())
        connection.exec_driver_sql("BEGIN" if options.get("read_only") else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine
