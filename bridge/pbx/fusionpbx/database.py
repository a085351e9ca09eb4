"""FusionPBX's PostgreSQL: one transaction a question, and what its failing means.

what happened                                   means
no connection, lost before the commit           NotReached: nothing has changed
lost at the commit                              OutcomeUnknown
a lock, a deadlock, a statement that took long  NotReached
a column or type that is not there any more     the catalogue is read again, and the whole once more
a right that is missing                         NotPrepared, naming what to run
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.pbx.fusionpbx.catalogue import READ, Catalogue
from bridge.secret import Secret

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30
IDLE_MAX = 8

Answer = TypeVar("Answer")
Row = dict[str, Any]

_CHANGED = (errors.UndefinedColumn, errors.UndefinedTable, errors.DatatypeMismatch, errors.UndefinedFunction)
_LATER = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.QueryCanceled,
    errors.TooManyConnections,
)


@dataclass(frozen=True, slots=True)
class Work:
    """What may be done within one transaction. Names of tables and columns are the code's own (T-8)."""

    connection: psycopg.Connection[Row]
    catalogue: Catalogue

    def select(self, table: str, columns: Sequence[str], *, flags: Sequence[str] = (), **where: object) -> list[Row]:
        """The rows in which each of `where` is so. A column that this release lacks is None; a flag comes as text."""
        if not self.catalogue.has(table):
            return []
        there = [name for name in (*columns, *flags) if self.catalogue.has(table, name)]
        asked = [sql.SQL("{0}::text AS {0}" if name in flags else "{0}").format(sql.Identifier(name)) for name in there]
        statement = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.SQL(", ").join(asked), sql.Identifier(table), _all_of(where)
        )
        lacking = dict.fromkeys({*columns, *flags} - set(there))
        return [{**row, **lacking} for row in self.connection.execute(statement, _bound(where))]

    def insert(self, table: str, row: Mapping[str, object]) -> None:
        known = {name: value for name, value in row.items() if self.catalogue.has(table, name)}
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, known)),
            sql.SQL(", ").join(sql.Placeholder() * len(known)),
        )
        self.connection.execute(statement, list(known.values()))

    def update(self, table: str, row: Mapping[str, object], **where: object) -> int:
        known = {name: value for name, value in row.items() if self.catalogue.has(table, name)}
        if not known:
            return 0
        assigned = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in known)
        statement = sql.SQL("UPDATE {} SET {} WHERE {}").format(sql.Identifier(table), assigned, _all_of(where))
        return self.connection.execute(statement, [*known.values(), *_bound(where)]).rowcount

    def delete(self, table: str, **where: object) -> int:
        statement = sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(table), _all_of(where))
        return self.connection.execute(statement, _bound(where)).rowcount


def _all_of(where: Mapping[str, object]) -> sql.Composed:
    """There is always one: no statement reaches every tenant by leaving its condition out."""
    assert where, "a statement without a condition"
    forms = {True: sql.SQL("{} = ANY(%s)"), False: sql.SQL("{} = %s")}
    return sql.SQL(" AND ").join(
        forms[isinstance(value, list)].format(sql.Identifier(name)) for name, value in where.items()
    )


def _bound(where: Mapping[str, object]) -> list[object]:
    return list(where.values())


class Database:
    """Connections are opened when they are needed, and a few are kept."""

    def __init__(self, dsn: Callable[[], Secret], where: str) -> None:
        """`dsn` is asked for whenever a connection is made."""
        self._dsn = dsn
        self.where = where
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection[Row]] = []
        self._catalogue: Catalogue | None = None
        # A driver is dropped when its server's configuration changes, by whoever used it last.
        weakref.finalize(self, _close_all, self._idle)

    def transact(self, act: Callable[[Work], Answer]) -> Answer:
        """Everything that `act` asks, or nothing of it. It may be called twice."""
        try:
            return self._attempt(act)
        except _CHANGED:
            self._catalogue = None  # an upgrade while the bridge runs
        try:
            return self._attempt(act)
        except _CHANGED as error:
            raise NotPrepared(
                f"{self.where} has not the tables of a FusionPBX that the bridge knows: {_said(error)}"
            ) from None

    def catalogue(self) -> Catalogue:
        return self.transact(lambda work: work.catalogue)

    def close(self) -> None:
        with self._lock:
            _close_all(self._idle)

    def _attempt(self, act: Callable[[Work], Answer]) -> Answer:
        with self._begun() as connection:
            try:
                answer = act(Work(connection, self._known(connection)))
            except _CHANGED:
                raise
            except errors.InsufficientPrivilege as error:
                raise NotPrepared(f"{self.where}: {_said(error)}; run sql/fusionpbx-role.sql there") from None
            except _LATER as error:
                raise NotReached(f"{self.where} is busy: {_said(error)}") from None
            except (psycopg.OperationalError, psycopg.InterfaceError):
                raise NotReached(f"{self.where} was lost; nothing has changed") from None
            except psycopg.Error as error:
                raise Refused(f"{self.where} refuses: {_said(error)}", kind="pbx_rejected") from None
            try:
                connection.commit()
            except _LATER as error:
                raise NotReached(f"{self.where} is busy: {_said(error)}") from None
            except (psycopg.OperationalError, psycopg.InterfaceError):
                raise OutcomeUnknown(f"{self.where} was lost while it committed") from None
            return answer

    def _known(self, connection: psycopg.Connection[Row]) -> Catalogue:
        if self._catalogue is None:
            rows = connection.execute(READ).fetchall()
            self._catalogue = Catalogue.of((row["table_name"], row["column_name"]) for row in rows)
        return self._catalogue

    @contextlib.contextmanager
    def _begun(self) -> Iterator[psycopg.Connection[Row]]:
        """A connection in a transaction. One that was kept may have died since; it is found out before anything."""
        connection = self._kept()
        try:
            yield connection
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                connection.rollback()
            if connection.closed or connection.broken:
                connection.close()
            else:
                self._keep(connection)
            raise
        self._keep(connection)

    def _kept(self) -> psycopg.Connection[Row]:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._opened()
            try:
                connection.execute("SELECT 1")
                return connection
            except psycopg.Error:
                connection.close()

    def _keep(self, connection: psycopg.Connection[Row]) -> None:
        with self._lock:
            if len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _opened(self) -> psycopg.Connection[Row]:
        dsn = self._dsn()
        try:
            return psycopg.connect(
                dsn.reveal(),
                connect_timeout=CONNECT_SECONDS,
                options=f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout=5s -c timezone=UTC",
                application_name="whmcs-voip-bridge",
                row_factory=dict_row,
            )
        except psycopg.OperationalError as error:
            raise self._not_let_in(error) from None

    def _not_let_in(self, error: psycopg.OperationalError) -> BridgeError:
        """PostgreSQL tells why in words only, while nobody has signed in."""
        told = str(error)
        if "password authentication failed" in told or "no password supplied" in told:
            return NotPrepared(f"{self.where} refuses the role's password; it was set by sql/fusionpbx-role.sql")
        if "no pg_hba.conf entry" in told:
            return NotPrepared(f"{self.where} refuses our address; add a line for it to pg_hba.conf, or use the agent")
        if "does not exist" in told:
            return NotPrepared(f"{self.where} has no such database or role; run sql/fusionpbx-role.sql there")
        return NotReached(f"{self.where} is not reached")


def _close_all(connections: list[psycopg.Connection[Row]]) -> None:
    while connections:
        connections.pop().close()


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or type(error).__name__
