"""FusionPBX's PostgreSQL: the tables of every release, upgrades while the bridge runs, and what failing means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

import psycopg
import pytest

from bridge.errors import NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.pbx.fusionpbx.catalogue import flag, is_on
from bridge.pbx.fusionpbx.database import Database, Work
from bridge.secret import Secret
from tests.databases import free_port
from tests.pbx.fusionpbx.postgres import PostgresServer

ACME = UUID("11111111-2222-4333-8444-555555555555")
OTHER = UUID("11111111-2222-4333-8444-666666666666")


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    made = Database(partial(Secret, dsn), "PostgreSQL of pbx1")
    yield made
    made.close()


def add(database: Database, domain_uuid: UUID = ACME, *, enabled: bool = True) -> None:
    row = {"domain_uuid": domain_uuid, "domain_name": f"{domain_uuid}.example", "domain_enabled": flag(enabled)}
    database.transact(lambda work: work.insert("v_domains", row))


def names(database: Database) -> list[str]:
    rows = database.transact(lambda work: work.select("v_domains", ["domain_name"], domain_uuid=[ACME, OTHER]))
    return sorted(row["domain_name"] for row in rows)


def test_the_tables_that_are_needed_are_in_every_release(database: Database) -> None:
    assert database.catalogue().missing() == []


def test_calls_are_in_order_of_their_import_from_5_1_on(database: Database, version: str) -> None:
    assert database.catalogue().has_import_time is (version != "5.0.1")


@pytest.mark.parametrize("enabled", [True, False])
def test_a_flag_is_written_and_read_whatever_its_type(database: Database, enabled: bool) -> None:
    add(database)
    row = {"extension_uuid": OTHER, "domain_uuid": ACME, "extension": "101", "enabled": flag(enabled)}
    database.transact(lambda work: work.insert("v_extensions", row))

    read = database.transact(
        lambda work: work.select("v_extensions", ["extension"], flags=["enabled"], domain_uuid=ACME)
    )
    changed = database.transact(
        lambda work: work.update("v_extensions", {"enabled": flag(not enabled)}, extension_uuid=OTHER)
    )
    again = database.transact(lambda work: work.select("v_extensions", [], flags=["enabled"], domain_uuid=ACME))

    assert [(each["extension"], is_on(each["enabled"])) for each in read] == [("101", enabled)]
    assert changed == 1
    assert [is_on(each["enabled"]) for each in again] == [not enabled]


def test_a_column_that_a_release_lacks_is_left_out_and_read_as_nothing(database: Database) -> None:
    row = {"domain_uuid": ACME, "domain_name": "acme.example", "of_another_release": "x"}
    database.transact(lambda work: work.insert("v_domains", row))

    read = database.transact(
        lambda work: work.select("v_domains", ["domain_name", "of_another_release"], domain_uuid=ACME)
    )

    assert read == [{"domain_name": "acme.example", "of_another_release": None}]


@pytest.mark.parametrize("version", ["5.4.4"], indirect=True)
def test_an_upgrade_while_the_bridge_runs_is_not_noticed(database: Database, dsn: str) -> None:
    """Text flags become booleans, a column is renamed: one more attempt, and no error."""
    add(database)
    row = {"extension_uuid": OTHER, "domain_uuid": ACME, "extension": "101", "enabled": "true"}
    database.transact(lambda work: work.insert("v_extensions", row))
    with psycopg.connect(dsn) as operator:
        operator.execute("ALTER TABLE v_extensions ALTER COLUMN enabled TYPE boolean USING enabled::boolean")
        operator.execute("ALTER TABLE v_extensions DROP COLUMN call_timeout")

    read = database.transact(
        lambda work: work.select("v_extensions", ["call_timeout"], flags=["enabled"], domain_uuid=ACME)
    )

    assert read == [{"call_timeout": None, "enabled": "true"}]


class TestTrouble:
    """It is the same whatever the release."""

    @pytest.fixture(autouse=True)
    def version(self) -> str:
        return "5.5.13"

    def test_what_fails_in_the_middle_leaves_nothing(self, database: Database) -> None:
        def act(work: Work) -> None:
            work.insert("v_domains", {"domain_uuid": ACME, "domain_name": "acme.example"})
            raise Refused("no")

        with pytest.raises(Refused):
            database.transact(act)

        assert names(database) == []

    def test_the_same_key_twice_is_refused(self, database: Database) -> None:
        add(database)

        with pytest.raises(Refused, match="duplicate key"):
            add(database)

    def test_nobody_listening_is_not_reached(self) -> None:
        dsn = f"host=127.0.0.1 port={free_port()} user=x dbname=x password=never-told"

        with pytest.raises(NotReached, match="PostgreSQL of pbx1 is not reached") as failed:
            Database(partial(Secret, dsn), "PostgreSQL of pbx1").catalogue()

        assert "never-told" not in str(failed.value)

    def test_a_role_that_is_not_there_is_for_a_person(self, postgres: PostgresServer) -> None:
        with pytest.raises(NotPrepared, match=r"fusionpbx-role\.sql"):
            Database(partial(Secret, postgres.dsn("postgres", user="nobody_here")), "it").catalogue()

    def test_a_right_that_is_missing_is_for_a_person(self, database: Database, dsn: str) -> None:
        with psycopg.connect(dsn) as operator:
            operator.execute("CREATE ROLE poor LOGIN")
        poor = Database(partial(Secret, dsn.replace("user=postgres", "user=poor")), "it")
        try:
            with pytest.raises(NotPrepared, match=r"denied for table v_domains; run sql/fusionpbx-role\.sql"):
                poor.transact(lambda work: work.select("v_domains", ["domain_name"], domain_uuid=ACME))
        finally:
            poor.close()
            with psycopg.connect(dsn) as operator:
                operator.execute("DROP OWNED BY poor; DROP ROLE poor")

    def test_a_connection_that_died_while_nobody_asked_is_made_anew(self, database: Database, dsn: str) -> None:
        add(database)
        _end_all(dsn)

        assert names(database) == [f"{ACME}.example"]

    def test_lost_before_the_commit_nothing_has_changed(self, database: Database, dsn: str) -> None:
        def act(work: Work) -> None:
            work.insert("v_domains", {"domain_uuid": ACME, "domain_name": "acme.example"})
            _end_all(dsn)
            work.delete("v_domains", domain_uuid=OTHER)

        with pytest.raises(NotReached, match="nothing has changed"):
            database.transact(act)

        assert names(database) == []

    def test_lost_at_the_commit_nobody_knows(self, database: Database, dsn: str) -> None:
        def act(work: Work) -> None:
            work.insert("v_domains", {"domain_uuid": ACME, "domain_name": "acme.example"})
            _end_all(dsn)

        with pytest.raises(OutcomeUnknown, match="while it committed"):
            database.transact(act)

    def test_a_row_that_somebody_holds_is_waited_for_and_then_left(self, database: Database, dsn: str) -> None:
        add(database)
        with psycopg.connect(dsn) as operator:
            operator.execute("UPDATE v_domains SET domain_description = 'mine' WHERE domain_uuid = %s", [ACME])
            with pytest.raises(NotReached, match="is busy"):
                database.transact(_hurried(lambda work: work.delete("v_domains", domain_uuid=ACME)))

    def test_no_statement_goes_without_a_condition(self, database: Database) -> None:
        with pytest.raises(AssertionError, match="without a condition"):
            database.transact(lambda work: work.delete("v_domains"))


def _hurried(act: Callable[[Work], int]) -> Callable[[Work], int]:
    def hurried(work: Work) -> int:
        work.connection.execute("SET LOCAL lock_timeout = '50ms'")
        return act(work)

    return hurried


def _end_all(dsn: str) -> None:
    """Every connection but our own is cut."""
    with psycopg.connect(dsn, autocommit=True) as operator:
        operator.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
