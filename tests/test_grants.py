"""`sql/grants.sql` is run as it stands, and each user tries what it may and what it may not (R-67, T-24)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from bridge import database, schema, tables, tariff_edits, tariffs
from bridge.app import Bridge
from bridge.schema.migrations import folder
from bridge.settings import Settings
from bridge.store import deck_tables
from bridge.vault import Vault
from bridge.whmcs.questions import NEEDED, OPTIONAL
from tests.databases import MariadbServer
from tests.tariffing import activated

AUDIT = tables.audit.name


def parts() -> list[str]:
    """Both parts, without remarks."""
    whole = (folder() / "grants.sql").read_text()
    _, first, second = re.split(r"-- --- part \d.*", whole)
    return [re.sub(r"--.*", "", part) for part in (first, second)]


@dataclass(frozen=True, slots=True)
class Granted:
    engines: Mapping[str, Engine]

    def may(self, user: str, sql: str) -> bool:
        """Whether this user can do it; what it did is undone."""
        with self.engines[user].connect() as tx:
            try:
                tx.execute(text(sql))
            except DBAPIError as error:
                if error.orig is None or error.orig.args[0] not in (1044, 1142, 1143):  # command denied
                    raise
                return False
        return True


@pytest.fixture(scope="module")
def granted(mariadb: MariadbServer) -> Iterator[Granted]:
    mariadb.create("whmcs_here")
    root = database.connect(mariadb.url("whmcs_here"))
    with root.begin() as tx:
        for name, columns in NEEDED.items():
            every = (*columns, *OPTIONAL.get(name, ()), "password")
            tx.execute(text(f"CREATE TABLE {name} ({', '.join(f'`{column}` INT' for column in dict.fromkeys(every))})"))
        tx.execute(text("CREATE TABLE tbladmins (id INT, password VARCHAR(100))"))

    passwords = {"bridge": "BRIDGE", "bridge_schema": "SCHEMA", "bridge_reports": "REPORTS", "bridge_whmcs": "WHMCS"}
    engines = {
        user: database.connect(
            mariadb.url("whmcs_here" if user == "bridge_whmcs" else "bridge_here", user=user, password=f"of-{word}")
        )
        for user, word in passwords.items()
    }
    for part in parts():
        with root.begin() as tx:
            for statement in filter(str.strip, filled(part).split(";")):
                tx.execute(text(statement))
        schema.upgrade(engines["bridge_schema"])  # after part 1; after part 2 there is nothing left to do

    yield Granted(engines)
    for engine in (root, *engines.values()):
        engine.dispose()
    for name in ("bridge_here", "whmcs_here"):
        mariadb.drop(name)


def filled(sql: str) -> str:
    sql = sql.replace("bridge_database", "bridge_here").replace("whmcs_database", "whmcs_here")
    return sql.replace("bridge.host", "127.0.0.1").replace("PASSWORD-OF-", "of-")


def test_the_schema_user_makes_every_table_r67(granted: Granted) -> None:
    assert schema.check(granted.engines["bridge_schema"]) == []


def test_the_service_reads_and_writes_data_and_nothing_else_r67(granted: Granted) -> None:
    for name in tables.metadata.tables.keys() - {AUDIT, tables.migrations.name}:
        assert granted.may("bridge", f"SELECT * FROM {name} FOR UPDATE"), name
        assert granted.may("bridge", f"DELETE FROM {name}"), name
    assert not granted.may("bridge", "CREATE TABLE mod_ictvoipbilling_more (id INT)")
    assert not granted.may("bridge", f"ALTER TABLE {tables.jobs.name} ADD COLUMN more INT")
    assert not granted.may("bridge", f"DROP TABLE {tables.jobs.name}")
    assert not granted.may("bridge", f"DELETE FROM {tables.migrations.name}")


def test_the_service_makes_the_tables_of_decks_and_no_others_t8(granted: Granted) -> None:
    engine, name = granted.engines["bridge"], "mod_ictvoipbilling_tariff_telnyx_outbound_2025_06"

    deck_tables.create(engine, name)
    database.transact(engine, lambda tx: deck_tables.add_key(tx, name))

    assert granted.may("bridge", f"UPDATE {name} SET status = 0 WHERE Prefix = '2779'")
    assert granted.may("bridge", f"DROP TABLE {name}")
    for other in (
        "mod_ictvoipbilling_audit",
        "mod_ictvoipbilling_tariff_x",
        f"{name}` TO x; --",
        f"{name}\n",
        name.upper(),
    ):
        with granted.engines["bridge"].connect() as tx, pytest.raises(DBAPIError):
            tx.execute(text("CALL mod_ictvoipbilling_allow_deck(:name)"), {"name": other})


def test_the_service_can_check_its_schema_r67(granted: Granted) -> None:
    assert schema.check(granted.engines["bridge"]) == []


def test_the_audit_trail_can_only_be_added_to_and_chained_t24(granted: Granted) -> None:
    a_row = f"INSERT INTO {AUDIT} (at, actor, action, subject) VALUES (UTC_TIMESTAMP(6), 'a', 'b', 'c')"

    assert granted.may("bridge", a_row)
    assert granted.may("bridge", f"SELECT * FROM {AUDIT} ORDER BY id FOR UPDATE")
    assert granted.may("bridge", f"UPDATE {AUDIT} SET sealed_no = 1, chain = 'x' WHERE sealed_no IS NULL")
    for column in ("actor", "action", "subject", "reason", "at"):
        assert not granted.may("bridge", f"UPDATE {AUDIT} SET {column} = NULL WHERE id = 1")
    assert not granted.may("bridge", f"DELETE FROM {AUDIT}")
    assert not granted.may("bridge", f"TRUNCATE TABLE {AUDIT}")


def test_the_reporting_user_reads_and_sees_no_signing_key_r67(granted: Granted) -> None:
    for name in tables.metadata.tables.keys() - {tables.keys.name}:
        assert granted.may("bridge_reports", f"SELECT * FROM {name}"), name
    assert not granted.may("bridge_reports", f"SELECT * FROM {tables.keys.name}")
    assert not granted.may("bridge_reports", f"DELETE FROM {tables.jobs.name}")


def test_the_whmcs_user_reads_what_the_questions_need_and_no_password_r67(granted: Granted) -> None:
    for name, columns in NEEDED.items():
        listed = ", ".join(f"`{column}`" for column in (*columns, *OPTIONAL.get(name, ())))
        assert granted.may("bridge_whmcs", f"SELECT {listed} FROM {name}"), name
        assert not granted.may("bridge_whmcs", f"UPDATE {name} SET `{columns[0]}` = 1"), name
    for name in ("tblhosting", "tblservers", "tblclients", "tbladmins"):
        assert not granted.may("bridge_whmcs", f"SELECT password FROM {name}"), name


def test_the_users_of_the_bridge_see_nothing_of_whmcs_r67(granted: Granted) -> None:
    for user in ("bridge", "bridge_schema", "bridge_reports"):
        assert not granted.may(user, "SELECT * FROM whmcs_here.tblhosting")


def test_the_service_brings_a_price_list_into_force_with_no_more_rights_r67(granted: Granted) -> None:
    bridge = Bridge(settings=Settings(), engine=granted.engines["bridge"], vault=Vault(bytes(32)))

    done = activated(bridge, effective=datetime(2025, 7, 1, tzinfo=UTC))
    with granted.engines["bridge"].begin() as tx:
        tx.execute(text(f"UPDATE {done['table']} SET status = 0 WHERE Prefix = '44'"))
    noticed = tariff_edits.notice(bridge)

    assert (noticed["edited"], noticed["troubles"]) == ([done["table"]], [])
    assert tariffs.listed(bridge)[0]["deck_state"] == 2
