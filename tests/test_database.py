"""Transactions: what is repeated, what is not, and what the operator is told."""

from __future__ import annotations

import stat
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql
import pytest
from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from bridge import database
from bridge.errors import BridgeError, NotPrepared, OutcomeUnknown, Unavailable
from bridge.secret import Secret
from bridge.tables import installation, nonces
from tests.canary import CANARY, sings
from tests.databases import MariadbServer

MOMENT = datetime(2026, 11, 21, 10, 30, 0, 123456, tzinfo=UTC)


def a_fact(name: str, value: Any = 0) -> dict[str, Any]:
    return {"name": name, "value": value, "updated_at": MOMENT}


def facts(tx: Connection) -> dict[str, Any]:
    rows = tx.execute(select(installation.c.name, installation.c.value))
    return {row.name: row.value for row in rows}


def failing(code: int, times: int) -> Callable[[Connection], int]:
    """Writes a row and then meets this MariaDB error, so many times; afterwards it succeeds."""
    runs: list[int] = []

    def act(tx: Connection) -> int:
        runs.append(1)
        tx.execute(insert(installation).values(a_fact(f"run {len(runs)}")))
        if len(runs) <= times:
            raise DBAPIError("UPDATE", {}, pymysql.err.OperationalError(code, f"password {CANARY} at db.example.com"))
        return len(runs)

    return act


# --- time ------------------------------------------------------------------------------------------------------------


def test_stored_times_come_from_the_database_with_microseconds_r10(engine: Engine) -> None:
    before = datetime.now(UTC)
    found = [database.transact(engine, database.now) for _ in range(5)]
    after = datetime.now(UTC)

    assert all(before - timedelta(milliseconds=1) <= each <= after + timedelta(milliseconds=1) for each in found)
    assert any(each.microsecond % 1000 for each in found)


def test_the_time_can_be_written_and_compared_inside_a_statement_r10(engine: Engine) -> None:
    def act(tx: Connection) -> list[str]:
        later = database.now(tx) + timedelta(minutes=1)
        tx.execute(insert(nonces).values(key_id="abc", nonce="now", expires_at=database.NOW))
        tx.execute(insert(nonces).values(key_id="abc", nonce="later", expires_at=later))
        return list(tx.execute(select(nonces.c.nonce).where(nonces.c.expires_at <= database.NOW)).scalars())

    assert database.transact(engine, act) == ["now"]


def test_a_moment_comes_back_as_it_was_written(engine: Engine) -> None:
    elsewhere = MOMENT.astimezone(datetime.strptime("+0530", "%z").tzinfo)

    with engine.begin() as tx:
        tx.execute(insert(nonces).values(key_id="abc", nonce="n", expires_at=elsewhere))
        found = tx.execute(select(nonces.c.expires_at)).scalar_one()

    assert found == MOMENT
    assert found.tzinfo is UTC


def test_sqlite_tells_the_time_of_the_clock_it_was_given(tmp_path: Path) -> None:
    engine = database.connect(Secret(f"sqlite:///{tmp_path}/clock.db"), clock=lambda: MOMENT)

    assert database.transact(engine, database.now) == MOMENT


# --- repeating -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1213, 1205, 1020, 1047, 2006, 2013, 2055])
def test_a_retryable_error_repeats_the_whole_transaction_r26(sqlite_engine: Engine, code: int) -> None:
    waited: list[float] = []

    runs = database.transact(sqlite_engine, failing(code, times=4), wait=waited.append)

    assert runs == 5
    assert len(waited) == 4
    assert database.transact(sqlite_engine, facts) == {"run 5": 0}


def test_five_attempts_are_enough_r26(sqlite_engine: Engine) -> None:
    waited: list[float] = []

    with pytest.raises(Unavailable) as told:
        database.transact(sqlite_engine, failing(1213, times=5), wait=waited.append)

    assert len(waited) == 4
    assert not sings(str(told.value))
    assert database.transact(sqlite_engine, facts) == {}


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 0.020), (0.5, 0.210), (1.0, 0.400)])
def test_backoff_is_between_20_and_400_ms_by_chance_r26(sqlite_engine: Engine, chance: float, seconds: float) -> None:
    waited: list[float] = []

    database.transact(sqlite_engine, failing(1213, times=1), chance=lambda: chance, wait=waited.append)

    assert waited == [pytest.approx(seconds)]


def test_what_the_caller_understands_passes_unchanged(engine: Engine) -> None:
    def twice(tx: Connection) -> None:
        tx.execute(insert(installation), [a_fact("same"), a_fact("same")])

    with pytest.raises(IntegrityError):
        database.transact(engine, twice)

    assert database.transact(engine, facts) == {}


def test_trouble_of_ours_undoes_the_transaction_and_is_not_repeated(engine: Engine) -> None:
    runs: list[int] = []

    def act(tx: Connection) -> None:
        runs.append(1)
        tx.execute(insert(installation).values(a_fact("half")))
        raise NotPrepared("no handler for product 12")

    with pytest.raises(NotPrepared):
        database.transact(engine, act)

    assert len(runs) == 1
    assert database.transact(engine, facts) == {}


def test_a_deadlock_on_mariadb_costs_neither_writer_anything_r26(mariadb_engine: Engine) -> None:
    with mariadb_engine.begin() as tx:
        tx.execute(insert(installation), [a_fact("left"), a_fact("right")])
    both_hold_one = threading.Barrier(2)
    runs: list[str] = []

    def change(first: str, second: str) -> None:
        met = False

        def act(tx: Connection) -> None:
            nonlocal met
            runs.append(first)
            for name in (first, second):
                here = installation.c.name == name
                found = tx.execute(select(installation.c.value).where(here).with_for_update()).scalar_one()
                tx.execute(update(installation).where(here).values(value=found + 1))
                if not met:
                    met = True
                    both_hold_one.wait(20)

        database.transact(mariadb_engine, act)

    threads = [threading.Thread(target=change, args=pair) for pair in (("left", "right"), ("right", "left"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert database.transact(mariadb_engine, facts) == {"left": 2, "right": 2}
    assert len(runs) > 2


def test_writers_count_every_step_r26(engine: Engine) -> None:
    database.transact(engine, lambda tx: tx.execute(insert(installation).values(a_fact("counter"))))

    def step(tx: Connection) -> None:
        found = tx.execute(select(installation.c.value).with_for_update()).scalar_one()
        tx.execute(update(installation).values(value=found + 1))

    def run() -> None:
        for _ in range(25):
            database.transact(engine, step)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert database.transact(engine, facts) == {"counter": 100}


# --- a lost connection -----------------------------------------------------------------------------------------------


def kill_the_connection(tx: Connection) -> None:
    number = tx.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    with tx.engine.connect() as other:
        other.execute(text(f"KILL {number}"))


def test_a_connection_lost_before_commit_is_made_again_r26(mariadb_engine: Engine) -> None:
    runs: list[int] = []

    def act(tx: Connection) -> None:
        runs.append(1)
        tx.execute(insert(installation).values(a_fact(f"run {len(runs)}")))
        if len(runs) == 1:
            kill_the_connection(tx)
            tx.execute(select(installation))

    database.transact(mariadb_engine, act)

    assert database.transact(mariadb_engine, facts) == {"run 2": 0}


def test_a_connection_lost_during_commit_is_not_repeated_r26(mariadb_engine: Engine) -> None:
    runs: list[int] = []

    def act(tx: Connection) -> None:
        runs.append(1)
        tx.execute(insert(installation).values(a_fact("fact")))
        kill_the_connection(tx)

    with pytest.raises(OutcomeUnknown):
        database.transact(mariadb_engine, act)

    assert len(runs) == 1


def test_a_connection_the_server_closed_meanwhile_goes_unnoticed_r26(
    mariadb_engine: Engine, mariadb: MariadbServer
) -> None:
    with mariadb_engine.connect() as tx:
        number = tx.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    server = database.connect(mariadb.url("mysql"))
    with server.connect() as other:
        other.execute(text(f"KILL {number}"))
    server.dispose()

    database.transact(mariadb_engine, lambda tx: tx.execute(insert(installation).values(a_fact("fact"))))

    assert database.transact(mariadb_engine, facts) == {"fact": 0}


def test_what_is_one_statement_is_one_trip_and_there_for_everybody(
    mariadb_url: Secret,
) -> None:
    single = database.connect(mariadb_url, commits_each=True)
    told = text("SHOW SESSION STATUS WHERE Variable_name IN ('Com_commit', 'Com_rollback', 'Com_insert')")
    for name in ("first", "second"):
        database.transact(single, lambda tx, name=name: tx.execute(insert(installation).values(a_fact(name))))  # type: ignore[misc]  # lambda: bound
    counted = database.transact(single, lambda tx: {name: int(value) for name, value in tx.execute(told)})
    other = database.connect(mariadb_url)
    kept = database.transact(other, facts)
    single.dispose()
    other.dispose()

    assert counted == {"Com_commit": 0, "Com_rollback": 0, "Com_insert": 2}
    assert kept == {"first": 0, "second": 0}


# --- what the operator is told ---------------------------------------------------------------------------------------


def told_by(url: str) -> BridgeError:
    engine = database.connect(Secret(url), connect_seconds=2)
    with pytest.raises(BridgeError) as told:
        database.transact(engine, database.now)
    engine.dispose()
    return told.value


def test_no_database_is_unavailable_without_address_or_password_t20() -> None:
    told = told_by(f"mysql+pymysql://someone:{quote(CANARY, safe='')}@127.0.0.1:1/name")

    assert isinstance(told, Unavailable)
    assert str(told) == "the database does not answer"


def test_a_wrong_password_is_told_without_it_t20(mariadb: MariadbServer) -> None:
    told = told_by(mariadb.url("mysql", password="wrong-" + CANARY).reveal())

    assert isinstance(told, Unavailable)
    assert str(told) == "the database does not let the bridge in; check user and password"


def test_a_missing_database_is_told(mariadb: MariadbServer) -> None:
    told = told_by(mariadb.url("nobody_made_this").reveal())

    assert isinstance(told, Unavailable)
    assert "does not exist" in str(told)


@pytest.mark.parametrize("url", [f"{CANARY}", "sqlite://", "sqlite:///:memory:", "sqlite:///"])
def test_a_url_that_leads_nowhere_is_told_without_quoting_it_t20(url: str) -> None:
    with pytest.raises(NotPrepared) as told:
        database.connect(Secret(url))

    assert "BRIDGE_DATABASE_URL" in str(told.value)
    assert not sings("".join(traceback.format_exception(told.value)))


def test_a_database_without_our_tables_says_what_to_run(tmp_path: Path, empty_mariadb_url: Secret) -> None:
    for url in (Secret(f"sqlite:///{tmp_path}/empty.db"), empty_mariadb_url):
        engine = database.connect(url)

        with pytest.raises(Unavailable, match="run: bridge db upgrade"):
            database.transact(engine, facts)
        engine.dispose()


def test_a_pool_without_a_free_connection_is_overload(migrated_sqlite: Path) -> None:
    engine = database.connect(Secret(f"sqlite:///{migrated_sqlite}"), pool_size=1, pool_overflow=0, pool_seconds=0.01)

    with engine.connect(), pytest.raises(Unavailable) as told:
        database.transact(engine, database.now)

    assert told.value.kind == "overloaded"
    engine.dispose()


def test_an_error_of_the_database_does_not_tell_the_values_t20(engine: Engine) -> None:
    too_much = CANARY * 100

    with pytest.raises(DBAPIError) as told, engine.begin() as tx:
        tx.execute(insert(nonces).values(key_id="abc", nonce=too_much, expires_at=None))

    assert not sings(str(told.value))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable, match="the folder of the database file cannot be made"):
        database.connect(Secret(f"sqlite:///{tmp_path}/file/bridge.db"))


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "bridge.db").write_text("a letter to my aunt, long enough to be looked at" * 100)

    assert str(told_by(f"sqlite:///{tmp_path}/bridge.db")) == "the database file is no database"


# --- how it is opened ------------------------------------------------------------------------------------------------


def test_the_folder_of_the_database_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    engine = database.connect(Secret(f"sqlite:///{tmp_path}/var/bridge.db"))

    database.transact(engine, database.now)

    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    engine.dispose()


def test_sqlite_is_durable_and_lets_readers_through(sqlite_engine: Engine) -> None:
    reading = sqlite_engine.execution_options(read_only=True)

    with sqlite_engine.connect() as tx:
        assert tx.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert tx.execute(text("PRAGMA synchronous")).scalar_one() == 2
        tx.execute(insert(installation).values(a_fact("being written")))
        assert database.transact(reading, facts) == {}


def test_many_may_open_a_new_sqlite_file_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(8)
    told: list[datetime] = []

    def open_it() -> None:
        engine = database.connect(Secret(f"sqlite:///{tmp_path}/new.db"))
        together.wait(10)
        told.append(database.transact(engine, database.now))
        engine.dispose()

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(told) == 8


def test_a_mariadb_session_is_strict_in_utc_and_read_committed_r66(mariadb_engine: Engine) -> None:
    with mariadb_engine.connect() as tx:
        mode, zone, isolation, charset = tx.execute(
            text("SELECT @@sql_mode, @@time_zone, @@tx_isolation, @@character_set_client")
        ).one()

    assert "STRICT_TRANS_TABLES" in mode
    assert (zone, isolation, charset) == ("+00:00", "READ-COMMITTED", "utf8mb4")


def test_a_value_that_does_not_fit_is_refused_rather_than_cut_r66(mariadb_engine: Engine) -> None:
    with pytest.raises(DBAPIError), mariadb_engine.begin() as tx:
        tx.execute(insert(nonces).values(key_id="k" * 65, nonce="n", expires_at=MOMENT))


def test_zero_dates_of_whmcs_can_be_asked_about(mariadb_engine: Engine) -> None:
    with mariadb_engine.begin() as tx:
        tx.execute(text("CREATE TEMPORARY TABLE hosting (id INT, nextduedate DATE NOT NULL)"))
        tx.execute(text("INSERT INTO hosting VALUES (1, '0000-00-00'), (2, '2026-11-21')"))
        never_due = tx.execute(text("SELECT id FROM hosting WHERE nextduedate = '0000-00-00'")).scalars().all()

    assert never_due == [1]
