"""Reading WHMCS by SQL: SELECT only, with a database user that has no other right.

The database may be older than ours has to be: nothing here needs more than MySQL 5.7 or MariaDB 10.3 offer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, Connection, Engine, bindparam, exc, text

from bridge.errors import NotPrepared, NotReached
from bridge.whmcs import questions
from bridge.whmcs.reading import ReadRecords, Row, RowPage
from bridge.whmcs.records import Records

_COLUMNS_OF_MARIADB = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name IN :names"
)
_COLUMNS_OF_SQLITE = (
    "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'"
)

_NOT_SET_UP = {
    1044: "the database user of BRIDGE_WHMCS_DATABASE_URL may not use WHMCS's database",
    1045: "WHMCS's database does not let the bridge in; check user and password of BRIDGE_WHMCS_DATABASE_URL",
    1049: "the database named in BRIDGE_WHMCS_DATABASE_URL does not exist",
    1142: "the database user of BRIDGE_WHMCS_DATABASE_URL may not read one of WHMCS's tables; see sql/grants.sql",
    1143: "the database user of BRIDGE_WHMCS_DATABASE_URL may not read one of WHMCS's columns; see sql/grants.sql",
}


def sql_records(engine: Engine) -> Records:
    return ReadRecords(SqlSource(engine))


class SqlSource:
    """Rows straight from the tables. What the questions need is compared with what is there before the first one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(read_only=True)
        self._columns: questions.Columns | None = None

    def installation(self) -> Row:
        with self._reading() as tx:
            settings: dict[str, Any] = {
                row[0]: row[1] for row in tx.execute(questions.configuration(("SystemURL", "Version")))
            }
            return {
                "system_url": settings.get("SystemURL", ""),
                "version": settings.get("Version", ""),
                "installation_id": tx.execute(questions.addon_setting("installation_id")).scalar(),
                "host": _host(tx),
            }

    def page(self, question: str, *, modules: Sequence[str] | None, after: int, limit: int) -> RowPage:
        parameters: dict[str, Any] = {"after": after, "limit": limit + 1}
        if modules is not None:
            parameters["modules"] = list(modules)
        with self._reading() as tx:
            found = _rows(tx, questions.BY_PAGE[question](self._there(tx)), parameters)
        return RowPage(found[:limit], complete=len(found) <= limit)

    def of(self, question: str, ids: Sequence[int]) -> Sequence[Row]:
        with self._reading() as tx:
            return _rows(tx, questions.BY_IDS[question](self._there(tx)), {"ids": list(ids)})

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as tx:
                self._there(tx)
                yield tx
        except exc.TimeoutError as error:
            raise NotReached("every connection to WHMCS's database is in use", kind="unavailable") from error
        except exc.DBAPIError as error:
            first = error.orig.args[0] if error.orig is not None and error.orig.args else None
            if isinstance(first, int) and first in _NOT_SET_UP:
                raise NotPrepared(_NOT_SET_UP[first]) from error
            self._columns = None  # an upgrade of WHMCS may have changed the tables: look again
            number = f" (error {first})" if isinstance(first, int) else ""
            raise NotReached(f"WHMCS's database could not be read{number}", kind="unavailable") from error

    def _there(self, tx: Connection) -> questions.Columns:
        if self._columns is None:
            self._columns = _checked(_columns(tx))
        return self._columns


def _columns(tx: Connection) -> questions.Columns:
    if tx.dialect.name == "sqlite":
        listing = tx.execute(text(_COLUMNS_OF_SQLITE))
    else:
        names: BindParameter[list[str]] = bindparam("names", expanding=True)
        listing = tx.execute(text(_COLUMNS_OF_MARIADB).bindparams(names), {"names": list(questions.NEEDED)})
    found: dict[str, set[str]] = {}
    for table_name, column_name in listing:
        found.setdefault(str(table_name), set()).add(str(column_name))
    return {name: frozenset(columns) for name, columns in found.items()}


def _checked(there: questions.Columns) -> questions.Columns:
    lacking = questions.missing_from(there)
    if lacking:
        raise NotPrepared(
            f"WHMCS's database lacks {', '.join(lacking)}, or the bridge's user may not read it; "
            "see sql/grants.sql, or read WHMCS through the addon",
            missing=lacking,
        )
    return there


def _rows(tx: Connection, question: Any, parameters: Mapping[str, Any]) -> list[Row]:
    found = tx.execute(question, parameters)
    names = list(found.keys())
    return [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in found]


def _plain(value: Any) -> str | int | None:
    """A column's value as it also travels over the addon's endpoint: a word, a number or nothing."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (date, datetime, Decimal)):
        return str(value)
    raise NotReached(f"WHMCS's database holds a {type(value).__name__} where none was expected", kind="unavailable")


def _host(tx: Connection) -> str:
    if tx.dialect.name == "sqlite":
        return "sqlite"
    name, schema = tx.execute(text("SELECT @@hostname, DATABASE()")).one()
    return f"{name}/{schema}"
