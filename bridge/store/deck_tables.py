"""The table of one deck, as operators query it: `mod_ictvoipbilling_tariff_<provider>_<series>_YYYY_MM[_n]`.

Its name comes from the catalogue alone, consists of a-z, 0-9 and _ alone, is checked whole each time and quoted (T-8).
The vendor's columns come first and ours after them. An operator may change rows; what then cannot be read has no price,
which holds the calls it matches.
"""

from __future__ import annotations

import re
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.exc import DBAPIError

from bridge.database import transact
from bridge.errors import NotPrepared, Unavailable
from bridge.rating.decks.cells import SECONDS_MAX
from bridge.rating.decks.hours import NoHours, hours_text, read_hours
from bridge.rating.decks.rows import DIGITS_MAX, NO_PRICE, PRICE_MAX, DeckRows, Terms, key_of
from bridge.rating.price import PLACES, price_text
from bridge.rating.rate import Band, Increments
from bridge.tables import PREFIX

BEGINNING = f"{PREFIX}tariff_"
NAME_MAX = 64
PIECE_BYTES = 1 << 17
"""A statement stays below every server's max_allowed_packet."""

PIECE_ROWS = 5000
COMPLAINTS_MAX = 100
_BOUND_MAX = 500
_DENIED = 1142
_ALLOW = text("CALL mod_ictvoipbilling_allow_deck(:name)")

_IS_IN_FILE = text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name")
_IS_IN_SCHEMA = text("SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = :name")

_NAME = re.compile(rf"(?=.{{1,{NAME_MAX}}}$){re.escape(BEGINNING)}[a-z0-9_]+_\d{{4}}_\d{{2}}(_\d{{1,3}})?", re.ASCII)
_PREFIX = re.compile(rf"[1-9][0-9]{{0,{DIGITS_MAX - 1}}}", re.ASCII)
_DIGITS = re.compile(rf"[0-9]{{0,{DIGITS_MAX}}}", re.ASCII)

_COLUMNS = (
    ("id", "INT NOT NULL AUTO_INCREMENT", "INTEGER PRIMARY KEY AUTOINCREMENT", "counted"),
    ("ShortDescription", "VARCHAR(255) NOT NULL DEFAULT ''", "TEXT NOT NULL DEFAULT ''", "a short label"),
    ("Description", "VARCHAR(255) NOT NULL DEFAULT ''", "TEXT NOT NULL DEFAULT ''", "where calls go"),
    (
        "Prefix",
        "VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL",
        "TEXT NOT NULL",
        "digits that a number begins with, in international form",
    ),
    ("RateValue", "DECIMAL(20,10) NULL", "TEXT NULL", "price a minute; NULL holds the calls"),
    ("RatePremium", "DECIMAL(20,10) NULL", "TEXT NULL", "price a minute on the premium route"),
    ("Increment", "INT NOT NULL DEFAULT 60", "INTEGER NOT NULL DEFAULT 60", "step, in seconds"),
    ("OldRate", "DECIMAL(20,10) NULL", "TEXT NULL", "the price before"),
    ("status", "TINYINT NOT NULL DEFAULT 1", "INTEGER NOT NULL DEFAULT 1", "0: the own price of the package applies"),
    ("Lastratechangedate", "VARCHAR(255) NOT NULL DEFAULT ''", "TEXT NOT NULL DEFAULT ''", "as the carrier wrote it"),
    ("FirstIncrement", "INT NULL", "INTEGER NULL", "first block, in seconds; NULL is one step"),
    ("SetupFee", "DECIMAL(20,10) NOT NULL DEFAULT 0", "TEXT NOT NULL DEFAULT '0'", "once a charged call"),
    ("MinDuration", "INT NOT NULL DEFAULT 0", "INTEGER NOT NULL DEFAULT 0", "least seconds of a charged call"),
    ("MinCost", "DECIMAL(20,10) NOT NULL DEFAULT 0", "TEXT NOT NULL DEFAULT '0'", "least price of a charged call"),
    ("GraceSeconds", "INT NOT NULL DEFAULT 0", "INTEGER NOT NULL DEFAULT 0", "calls up to this long cost nothing"),
    ("EffectiveFrom", "DATETIME(6) NULL", "TEXT NULL", "UTC; the row is not there before"),
    ("EffectiveTo", "DATETIME(6) NULL", "TEXT NULL", "UTC; the row is not there from then on"),
    ("Hours", "VARCHAR(255) NOT NULL DEFAULT ''", "TEXT NOT NULL DEFAULT ''", "of the week, in the zone of the deck"),
    (
        "CallerPrefix",
        "VARCHAR(15) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''",
        "TEXT NOT NULL DEFAULT ''",
        "only for callers whose number begins so",
    ),
)
COLUMNS = tuple(name for name, *_ in _COLUMNS)


def checked(name: str) -> str:
    """T-8: the one gate that a table's name passes before it stands in a statement."""
    if not _NAME.fullmatch(name):
        raise NotPrepared("the catalogue names a table that is no deck's")
    return name


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def is_there(tx: Connection, name: str) -> bool:
    asked = _IS_IN_FILE if tx.dialect.name == "sqlite" else _IS_IN_SCHEMA
    return tx.execute(asked, {"name": checked(name)}).one_or_none() is not None


def create(engine: Engine, name: str) -> None:
    """Commits by itself. A user that may not make tables is allowed this one, where `sql/grants.sql` was run."""
    try:
        transact(engine, lambda tx: _create(tx, name))
    except Unavailable as denied:
        if not _is_denied(denied):
            raise
        try:
            transact(engine, lambda tx: tx.execute(_ALLOW, {"name": checked(name)}))
        except (DBAPIError, Unavailable) as error:
            raise NotPrepared(
                f"the database user may not make the table {name}; run part 1 of sql/grants.sql, or give it SELECT,"
                " INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX and DROP on that table"
            ) from error
        transact(engine, lambda tx: _create(tx, name))


def _is_denied(trouble: Unavailable) -> bool:
    cause = getattr(trouble.__cause__, "orig", None)
    return getattr(cause, "args", (None,))[:1] == (_DENIED,)


def _create(tx: Connection, name: str) -> None:
    if tx.dialect.name == "sqlite":
        columns = [f'"{column}" {kind}' for column, _, kind, _ in _COLUMNS]
        tx.exec_driver_sql(f"CREATE TABLE {_quoted(tx, name)} ({', '.join(columns)})")
        return
    columns = [f"`{column}` {kind} COMMENT '{comment}'" for column, kind, _, comment in _COLUMNS]
    tx.exec_driver_sql(
        f"CREATE TABLE {_quoted(tx, name)} ({', '.join(columns)}, PRIMARY KEY (`id`))"
        " ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci"
    )


def add_key(tx: Connection, name: str) -> None:
    """What operators look prefixes up by. Made when the rows are there, it costs a quarter."""
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql(f'CREATE INDEX "{checked(name)}_prefix" ON {_quoted(tx, name)} ("Prefix")')
    else:
        tx.exec_driver_sql(f"ALTER TABLE {_quoted(tx, name)} ADD KEY `prefix` (`Prefix`)")


def drop(tx: Connection, name: str) -> None:
    if is_there(tx, name):
        tx.exec_driver_sql(f"DROP TABLE {_quoted(tx, name)}")


# --- writing ----------------------------------------------------------------------------------------------------------


def fill(tx: Connection, name: str, rows: DeckRows, progress: Callable[[int], object] = lambda rows: None) -> None:
    """All rows of a deck into its empty table, numbered from 1 in their order."""
    if not tx.in_transaction():  # what goes past SQLAlchemy begins none, and each row would be committed by itself
        tx.begin()
    written = _Written(rows)
    target = f"INSERT INTO {_quoted(tx, name)} ({', '.join(written.columns)}) VALUES "  # noqa: S608  # of checked names
    connection: Any = tx.connection.driver_connection
    if tx.dialect.name == "sqlite":
        connection.executemany(f"{target}({', '.join('?' * len(written.columns))})", written.values())
        return
    piece: list[bytes] = []
    size = 0
    for number, literals in enumerate(written.literals(), 1):
        piece.append(literals)
        size += len(literals)
        if size > PIECE_BYTES:
            connection.query(target.encode() + b",".join(piece))
            progress(number)
            piece, size = [], 0
    if piece:
        connection.query(target.encode() + b",".join(piece))


class _Written:
    """The rows as values of the table, without the columns in which none says anything."""

    def __init__(self, rows: DeckRows) -> None:
        self.rows = rows
        shared = [_terms_values(terms) for terms in rows.terms_known]
        self.shared_columns = [
            column for column in _DEFAULTS if any(values[column] != _DEFAULTS[column] for values in shared)
        ]
        self.shared = [tuple(values[column] for column in ("Increment", *self.shared_columns)) for values in shared]
        self.own = [(column, values) for column, values in _own_columns(rows) if values]
        self.columns = ["id", "Prefix", "RateValue", "Description", "Increment", *self.shared_columns]
        self.columns += [column for column, _ in self.own]

    def values(self) -> Iterator[tuple[object, ...]]:
        rows = self.rows
        prices = _Prices()
        for row, key in enumerate(rows.keys):
            yield (
                row + 1,
                str(key)[1:],
                prices[rows.prices[row]],
                rows.texts[rows.descriptions[row]],
                *self.shared[rows.terms[row]],
                *(
                    prices[value] if column in _OWN_PRICES else rows.texts[value]
                    for column, values in self.own
                    for value in [_at(values, row, column)]
                ),
            )

    def literals(self) -> Iterator[bytes]:
        """Each row as SQL: digits made of whole numbers, and texts in hexadecimal. Nothing has to be escaped (T-9)."""
        rows = self.rows
        prices = _PriceLiterals()
        texts = [_literal(text) for text in rows.texts]
        shared = [b",".join(map(_literal, values)) for values in self.shared]
        for row, key in enumerate(rows.keys):
            front = b"(%d,'%b',%b,%b,%b" % (
                row + 1,
                str(key)[1:].encode(),
                prices[rows.prices[row]],
                texts[rows.descriptions[row]],
                shared[rows.terms[row]],
            )
            for column, values in self.own:
                value = _at(values, row, column)
                front += b"," + (prices[value] if column in _OWN_PRICES else texts[value])
            yield front + b")"


_OWN_PRICES = frozenset({"RatePremium", "OldRate"})
_DEFAULTS: dict[str, object] = {
    "FirstIncrement": None,
    "SetupFee": "0",
    "MinDuration": 0,
    "MinCost": "0",
    "GraceSeconds": 0,
    "EffectiveFrom": None,
    "EffectiveTo": None,
    "Hours": "",
    "CallerPrefix": "",
    "status": 1,
}


class _Prices(dict[int, str | None]):
    """Prices as text, each written once."""

    def __missing__(self, price: int) -> str | None:
        text = self[price] = None if price == NO_PRICE else price_text(price)
        return text


class _PriceLiterals(dict[int, bytes]):
    def __missing__(self, price: int) -> bytes:
        literal = self[price] = b"NULL" if price == NO_PRICE else price_text(price).encode()
        return literal


def _own_columns(rows: DeckRows) -> tuple[tuple[str, array[int]], ...]:
    return (
        ("ShortDescription", rows.shorts),
        ("Lastratechangedate", rows.changes),
        ("RatePremium", rows.premiums),
        ("OldRate", rows.olds),
    )


def _at(values: array[int], row: int, column: str) -> int:
    return values[row] if row < len(values) else NO_PRICE if column in _OWN_PRICES else 0


def _terms_values(terms: Terms) -> dict[str, object]:
    sold = terms.increments
    return {
        "Increment": sold.step_seconds,
        "FirstIncrement": None if sold.first_seconds == sold.step_seconds else sold.first_seconds,
        "SetupFee": price_text(terms.setup),
        "MinDuration": sold.min_seconds,
        "MinCost": price_text(terms.min_cost),
        "GraceSeconds": sold.grace_seconds,
        "EffectiveFrom": _moment_text(terms.effective_from),
        "EffectiveTo": _moment_text(terms.effective_to),
        "Hours": hours_text(terms.band),
        "CallerPrefix": terms.caller_prefix,
        "status": 0 if terms.is_custom else 1,
    }


def _moment_text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if moment else None


def _literal(value: object) -> bytes:
    if value is None:
        return b"NULL"
    if isinstance(value, int):
        return b"%d" % value
    assert isinstance(value, str)
    return b"_utf8mb4 x'" + value.encode().hex().encode() + b"'"


def set_status(tx: Connection, name: str, prefixes: Sequence[str], *, status: int) -> None:
    """The custom flag of these prefixes: 0 is set, 1 is clear."""
    change = text(f"UPDATE {_quoted(tx, name)} SET status = :status WHERE Prefix IN :prefixes").bindparams(  # noqa: S608  # of checked names
        bindparam("prefixes", expanding=True)
    )
    for start in range(0, len(prefixes), _BOUND_MAX):
        tx.execute(change, {"status": status, "prefixes": list(prefixes[start : start + _BOUND_MAX])})


# --- reading ----------------------------------------------------------------------------------------------------------


def digest(tx: Connection, name: str) -> str:
    """Tells whether anything in the table was changed. Only digests of one kind of database can be compared."""
    if tx.dialect.name == "sqlite":
        rows = tx.exec_driver_sql(f"SELECT * FROM {_quoted(tx, name)} ORDER BY id")  # noqa: S608  # of checked names
        count = found = 0
        for row in rows:
            count, found = count + 1, zlib.crc32(repr(tuple(row)).encode(), found)
        return f"sqlite:{count}:{found}"
    every = ",".join(f"COALESCE(`{column}`,'-')" for column in COLUMNS)
    told = tx.exec_driver_sql(
        "SELECT COUNT(*), COALESCE(SUM(crc), 0), COALESCE(BIT_XOR(crc), 0)"  # noqa: S608  # of checked names
        f" FROM (SELECT CRC32(CONCAT_WS('|',{every})) AS crc FROM {_quoted(tx, name)}) AS each_row"
    ).one()
    return "mariadb:" + ":".join(str(int(each)) for each in told)


def read(tx: Connection, name: str) -> tuple[DeckRows, list[str]]:
    """The rows as they stand now, in order, and what of them nobody can use."""
    amounts = ("RateValue", "RatePremium", "OldRate", "SetupFee", "MinCost")
    asked = [f"CAST({column} AS CHAR)" if column in amounts else column for column in COLUMNS]
    streamed = tx.execution_options(stream_results=True, yield_per=PIECE_ROWS)
    reader = _Reader()
    with streamed.exec_driver_sql(f"SELECT {', '.join(asked)} FROM {_quoted(tx, name)} ORDER BY id") as found:  # noqa: S608  # of checked names
        for row in found:
            reader.take(row)
    return reader.rows.in_order(), reader.complaints


class _Reader:
    """What one cannot read in a row has no price; what has no prefix is not there."""

    def __init__(self) -> None:
        self.rows = DeckRows()
        self.complaints: list[str] = []
        self._prices: dict[str | None, int] = {}
        self._terms: dict[tuple[object, ...], tuple[int, str]] = {}

    def take(self, row: Sequence[Any]) -> None:
        number, short, description, prefix, price, premium, step, old, status, changed, *rest = row
        if not _PREFIX.fullmatch(str(prefix)):
            self._complain(f"row {number}: {str(prefix)[:40]!r} is no prefix; the row is left out")
            return
        terms, trouble = self._terms_of((step, status, *rest))
        amount = self._price(price)
        if trouble or amount == NO_PRICE:
            self._complain(f"row {number}: {trouble or 'no price'}; calls to {prefix} are held")
            amount = NO_PRICE
        rows = self.rows
        rows.add_row(
            key_of(prefix),
            amount,
            terms,
            rows.text_place(description or ""),
            short=rows.text_place(short or ""),
            changed=rows.text_place(changed or ""),
            premium=self._price(premium),
            old=self._price(old),
        )

    def _complain(self, sentence: str) -> None:
        if len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.append(sentence)

    def _price(self, told: str | None) -> int:
        price = self._prices.get(told)
        if price is None:
            price = self._prices[told] = _amount(told)
        return price

    def _terms_of(self, told: tuple[object, ...]) -> tuple[int, str]:
        found = self._terms.get(told)
        if found is None:
            terms, trouble = self._read_terms(*told)
            found = self._terms[told] = self.rows.terms_place(terms), trouble
        return found

    def _read_terms(
        self,
        step: Any,
        status: Any,
        first: Any,
        setup: Any,
        least_seconds: Any,
        least_cost: Any,
        grace: Any,
        start: Any,
        end: Any,
        hours: Any,
        caller: Any,
    ) -> tuple[Terms, str]:
        troubles: list[str] = []

        def within(name: str, value: Any, least: int) -> int:
            if isinstance(value, int) and least <= value <= SECONDS_MAX:
                return value
            troubles.append(f"{name} is {value!r}")
            return max(least, 0)

        increments = Increments(
            first_seconds=within("FirstIncrement", step if first is None else first, 1),
            step_seconds=within("Increment", step, 1),
            min_seconds=within("MinDuration", least_seconds, 0),
            grace_seconds=within("GraceSeconds", grace, 0),
        )
        band: Band | None = None
        try:
            band = read_hours(hours or "")
        except NoHours as why:
            troubles.append(f"Hours: {why}")
        fees = [self._price(setup), self._price(least_cost)]
        if NO_PRICE in fees:
            troubles.append("a fee is not an amount")
        if not _DIGITS.fullmatch(str(caller or "")):
            troubles.append("CallerPrefix is no prefix")
            caller = ""
        try:
            begins, ends = _moment(start), _moment(end)
        except ValueError:
            begins = ends = None
            troubles.append("a date is none")
        terms = Terms(
            increments,
            setup=max(fees[0], 0),
            min_cost=max(fees[1], 0),
            effective_from=begins,
            effective_to=ends,
            band=band,
            caller_prefix=str(caller or ""),
            is_custom=not status,
        )
        return terms, "; ".join(troubles)


def _amount(told: str | None) -> int:
    """Whatever somebody wrote there: an amount that a deck can hold, or none."""
    try:
        scaled = Decimal(str(told)).scaleb(PLACES)
    except InvalidOperation:
        return NO_PRICE
    if not scaled.is_finite() or not 0 <= scaled <= PRICE_MAX or scaled != int(scaled):
        return NO_PRICE
    return int(scaled)


def _moment(told: Any) -> datetime | None:
    if told is None or told == "":
        return None
    found = told if isinstance(told, datetime) else datetime.fromisoformat(str(told))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _quoted(tx: Connection, name: str) -> str:
    return tx.dialect.identifier_preparer.quote_identifier(checked(name))
