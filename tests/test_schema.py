"""The schema three times over: as `tables.py` declares it, as `sql/` makes it, and as each database tells it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from bridge import database, schema, tables
from bridge.errors import NotPrepared
from bridge.schema import migrations
from bridge.schema.existing import what_is_there
from bridge.schema.migrations import Column, Table, add_up, as_schema, folder, read, read_all
from bridge.secret import Secret
from tests.databases import MariadbServer

DOMAINS = "mod_ictvoipbilling_domains"

FIRST = """
CREATE TABLE mod_ictvoipbilling_migrations (
  version INT NOT NULL, name VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  checksum VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, applied_at DATETIME(6) NOT NULL,
  PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE mod_ictvoipbilling_apples (
  id BIGINT NOT NULL AUTO_INCREMENT COMMENT 'It''s a row; (or, so they say) a number',
  kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  story LONGTEXT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY apples_kind (kind)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
"""
SECOND = """
-- Apples are weighed.
ALTER TABLE mod_ictvoipbilling_apples ADD COLUMN grams BIGINT NOT NULL DEFAULT 0 COMMENT 'Weight';
ALTER TABLE mod_ictvoipbilling_apples ADD KEY apples_grams (grams, id);
"""
SMALL = [read("0001_apples", FIRST), read("0002_weights", SECOND)]


@pytest.fixture(params=["sqlite", "mariadb"])
def new_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        url = Secret(f"sqlite:///{tmp_path}/new.db")
    else:
        url = request.getfixturevalue("empty_mariadb_url")
    engine = database.connect(url)
    yield engine
    engine.dispose()


def everything_in(engine: Engine) -> dict[str, Table]:
    with engine.connect() as tx:
        found = what_is_there(tx, list(tables.metadata.tables))
    if engine.dialect.name == "sqlite":  # SQLAlchemy lets it count every whole number that is a key of its own
        return {name: replace(table, columns=tuple(map(uncounted, table.columns))) for name, table in found.items()}
    return found


def uncounted(column: Column) -> Column:
    return replace(column, counted=False)


def names_in(engine: Engine) -> set[str]:
    where = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'mod%'"
        if engine.dialect.name == "sqlite"
        else "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    )
    with engine.connect() as tx:
        return set(tx.execute(text(where)).scalars())


def do(engine: Engine, sql: str) -> None:
    with engine.begin() as tx:
        tx.execute(text(sql))


# --- the same three times --------------------------------------------------------------------------------------------


def differences(declared: dict[str, Table], made: dict[str, Table]) -> str:
    """What to write where, so that both say the same."""
    lines = []
    for name in sorted(declared.keys() | made.keys()):
        nothing = Table(name, (), ())
        here, there = declared.get(name, nothing), made.get(name, nothing)
        lines += [f"sql/ lacks in {name}:        {line}" for line in schema.lacking(here, there)]
        lines += [f"tables.py lacks in {name}:   {line}" for line in schema.lacking(there, here)]
    return "\n".join(lines)


def test_sql_makes_what_tables_py_declares(engine: Engine, new_engine_like: Callable[[Engine], Engine]) -> None:
    declared = new_engine_like(engine)
    tables.metadata.create_all(declared)

    told = differences(everything_in(declared), everything_in(engine))

    assert not told, f"sql/ and bridge/tables.py differ:\n{told}\nthen run: make schema"


@pytest.fixture
def new_engine_like(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Engine], Engine]]:
    made: list[Engine] = []

    def make(engine: Engine) -> Engine:
        if engine.dialect.name == "sqlite":
            url = Secret(f"sqlite:///{tmp_path}/declared.db")
        else:
            url = request.getfixturevalue("empty_mariadb_url")
        made.append(database.connect(url))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


def test_schema_sql_is_the_sum_of_the_migrations() -> None:
    told = as_schema(add_up(read_all(folder())).values())

    assert (folder() / "schema.sql").read_text() == told, "sql/schema.sql is behind the migrations; run: make schema"


def test_every_table_and_column_is_explained() -> None:
    whole = add_up(read_all(folder()))

    silent = [name for name, table in whole.items() if len(table.comment) < 20]
    silent += [
        f"{name}.{column.name}" for name, table in whole.items() for column in table.columns if len(column.comment) < 8
    ]
    too_long = [column.name for table in whole.values() for column in table.columns if len(column.comment) > 255]

    assert silent == []
    assert too_long == []


def test_mariadb_shows_the_explanations(mariadb_engine: Engine) -> None:
    with mariadb_engine.connect() as tx:
        found = tx.execute(
            text(
                "SELECT column_comment FROM information_schema.columns"
                " WHERE table_schema = DATABASE() AND table_name = :name AND column_name = 'checksum'"
            ),
            {"name": tables.migrations.name},
        ).scalar_one()

    assert found.startswith("SHA-256 over what the statements said")


def test_every_table_carries_our_prefix_and_a_primary_key_r69() -> None:
    whole = add_up(read_all(folder()))

    assert all(name.startswith(tables.PREFIX) and len(name) <= 64 for name in whole)
    assert all(table.primary for table in whole.values())


def test_migrations_are_numbered_without_a_gap() -> None:
    known = read_all(folder())

    assert [migration.version for migration in known] == list(range(1, len(known) + 1))
    assert {f"{migration.name}.sql" for migration in known} | {"schema.sql", "grants.sql", "fusionpbx-role.sql"} == {
        path.name for path in folder().iterdir()
    }


# --- upgrading -------------------------------------------------------------------------------------------------------


def test_an_upgrade_makes_everything_and_a_second_one_nothing_r68(new_engine: Engine) -> None:
    known = [migration.name for migration in read_all(folder())]

    assert schema.check(new_engine) == [f"{name} is not applied; run: bridge db upgrade" for name in known]
    assert schema.upgrade(new_engine, dry_run=True) == known
    assert names_in(new_engine) == set()

    assert schema.upgrade(new_engine) == known
    assert schema.upgrade(new_engine) == []
    assert schema.check(new_engine) == []
    assert database.transact(new_engine, schema.pending) == []


def test_an_upgrade_reaches_databases_that_hold_rows_r68(new_engine: Engine) -> None:
    schema.upgrade(new_engine, migrations=SMALL[:1])
    do(new_engine, "INSERT INTO mod_ictvoipbilling_apples (kind) VALUES ('boskoop')")

    assert schema.upgrade(new_engine, migrations=SMALL) == ["0002_weights"]

    with new_engine.connect() as tx:
        assert tx.execute(text("SELECT id, kind, grams FROM mod_ictvoipbilling_apples")).all() == [(1, "boskoop", 0)]
    assert schema.check(new_engine, migrations=SMALL) == []


class Killed(BaseException):
    """The process ends here."""


def killed_at(engine: Engine, when: str, nth: int) -> Callable[[], int]:
    """Dies before or after the n-th statement that changes something; answers how many were met."""
    met: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if re.match(r"\s*(CREATE|ALTER|INSERT)", statement):
            met.append(statement)
            if len(met) == nth:
                raise Killed

    event.listen(engine, f"{when}_cursor_execute", listen)
    return lambda: len(met)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_upgrade_killed_anywhere_goes_on_where_it_was_r68(
    when: str, new_engine: Engine, mariadb: MariadbServer, tmp_path: Path
) -> None:
    """SQLite makes an index apart from its table, so it has one more statement to die at."""
    for nth in range(1, 20):
        if new_engine.dialect.name == "sqlite":
            url = Secret(f"sqlite:///{tmp_path}/killed-{nth}.db")
        else:
            url = mariadb.create(f"killed_{when}_{nth}")
        dying = database.connect(url)
        met = killed_at(dying, when, nth)
        try:
            schema.upgrade(dying, migrations=SMALL)
        except Killed:
            pass
        else:
            assert met() == nth - 1
            assert nth > 6
            break
        dying.dispose()

        engine = database.connect(url)
        schema.upgrade(engine, migrations=SMALL)
        assert schema.check(engine, migrations=SMALL) == []
        engine.dispose()
    dying.dispose()


def test_two_upgrades_at_once_do_no_harm_r25(new_engine: Engine) -> None:
    together = threading.Barrier(2)
    applied: list[list[str]] = []

    def run() -> None:
        together.wait(10)
        applied.append(schema.upgrade(new_engine, migrations=SMALL))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(applied) == 2
    assert schema.check(new_engine, migrations=SMALL) == []


def test_an_upgrade_overtaken_between_looking_and_making_sees_that_it_is_done_r25(empty_mariadb_url: Secret) -> None:
    """MariaDB answers 1050, 1060 or 1061 then; what is there is looked at before it is believed."""
    engine, faster = database.connect(empty_mariadb_url), database.connect(empty_mariadb_url)
    overtaken: list[str] = []

    def overtake(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if re.match(r"\s*(CREATE|ALTER)", statement):
            overtaken.append(statement)
            do(faster, statement)

    event.listen(engine, "before_cursor_execute", overtake)

    assert schema.upgrade(engine, migrations=SMALL) == ["0001_apples", "0002_weights"]
    assert len(overtaken) == 4
    assert schema.check(engine, migrations=SMALL) == []
    engine.dispose()
    faster.dispose()


# --- what is not ours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "strange",
    [
        f"CREATE TABLE {DOMAINS} (id INT NOT NULL, domain VARCHAR(100) NOT NULL, tariff INT NULL)",
        f"CREATE TABLE {DOMAINS} (id INT NOT NULL PRIMARY KEY)",
        f"CREATE VIEW {DOMAINS} AS SELECT 1 AS id",
    ],
)
def test_a_table_of_another_product_is_never_touched(new_engine: Engine, strange: str) -> None:
    do(new_engine, strange)
    with new_engine.connect() as tx:
        before = tx.execute(text(f"SELECT * FROM {DOMAINS}")).keys()

    for attempt in (schema.upgrade, lambda engine: schema.upgrade(engine, dry_run=True)):
        with pytest.raises(NotPrepared) as told:
            attempt(new_engine)
        assert DOMAINS in str(told.value)

    with new_engine.connect() as tx:
        assert tx.execute(text(f"SELECT * FROM {DOMAINS}")).keys() == before
    assert names_in(new_engine) <= {DOMAINS}


def test_a_table_like_ours_with_one_column_more_is_not_ours(new_engine: Engine) -> None:
    schema.upgrade(new_engine)
    do(new_engine, f"ALTER TABLE {DOMAINS} ADD COLUMN colour INT NULL")
    do(new_engine, f"DELETE FROM {tables.migrations.name}")

    with pytest.raises(NotPrepared) as told:
        schema.upgrade(new_engine)

    assert "`colour` INT" in str(told.value)
    assert "BRIDGE_DATABASE_URL" in str(told.value)
    assert "bridge db upgrade" in str(told.value)


def test_a_column_of_the_next_release_with_another_kind_is_not_ours(new_engine: Engine) -> None:
    schema.upgrade(new_engine, migrations=SMALL[:1])
    do(new_engine, "ALTER TABLE mod_ictvoipbilling_apples ADD COLUMN grams VARCHAR(20) NULL")

    with pytest.raises(NotPrepared, match="grams"):
        schema.upgrade(new_engine, migrations=SMALL)


def test_a_migration_that_changed_after_it_was_applied_is_told(new_engine: Engine) -> None:
    schema.upgrade(new_engine, migrations=SMALL)
    changed = [read("0001_apples", FIRST.replace("VARCHAR(32)", "VARCHAR(33)")), SMALL[1]]

    with pytest.raises(NotPrepared, match="0001_apples was applied here with other contents"):
        schema.upgrade(new_engine, migrations=changed)

    assert "0001_apples was applied here with other contents" in schema.check(new_engine, migrations=changed)[0]


def test_remarks_and_line_breaks_may_change() -> None:
    assert (
        read("0002_weights", SECOND.replace("-- Apples are weighed.", "-- It's the weight; of apples.\n\n")).checksum
        == SMALL[1].checksum
    )


def test_a_database_of_a_newer_bridge_still_serves_this_one_r68(new_engine: Engine) -> None:
    schema.upgrade(new_engine, migrations=SMALL)

    assert schema.check(new_engine, migrations=SMALL[:1]) == []
    assert schema.upgrade(new_engine, migrations=SMALL[:1]) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DROP TABLE mod_ictvoipbilling_apples", "the table mod_ictvoipbilling_apples is gone"),
        ("ALTER TABLE mod_ictvoipbilling_apples DROP COLUMN story", "mod_ictvoipbilling_apples lacks `story`"),
        ("DROP INDEX apples_kind {on}", "mod_ictvoipbilling_apples lacks UNIQUE KEY apples_kind"),
    ],
)
def test_check_says_what_was_lost(new_engine: Engine, damage: str, told: str) -> None:
    schema.upgrade(new_engine, migrations=SMALL)
    on = "" if new_engine.dialect.name == "sqlite" else "ON mod_ictvoipbilling_apples"
    do(new_engine, damage.format(on=on))

    [found] = schema.check(new_engine, migrations=SMALL)

    assert found.startswith(told)


# --- what is too old -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("10.11.19-MariaDB-0+deb12u1", True),
        ("10.6.0-MariaDB", True),
        ("5.5.5-10.6.12-MariaDB-log", True),
        ("11.4.2-MariaDB", True),
        ("10.5.29-MariaDB", False),
        ("5.5.5-10.3.39-MariaDB", False),
        ("8.0.1", True),
        ("8.4.3-0ubuntu0.24.04.1", True),
        ("8.0.0-dmr", False),
        ("5.7.44-log", False),
        ("something else", False),
    ],
)
def test_mariadb_before_10_6_and_mysql_before_8_0_1_are_refused_r66(version: str, good: bool) -> None:
    told = schema.too_old(version)

    assert (told is None) == good
    if told:
        assert version in told
        assert "BRIDGE_DATABASE_URL" in told


def test_a_server_that_does_not_store_in_innodb_is_refused_r66(empty_mariadb_url: Secret) -> None:
    engine = database.connect(empty_mariadb_url)

    @event.listens_for(engine, "connect")
    def prefer_myisam(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION default_storage_engine = 'MyISAM'")

    with pytest.raises(NotPrepared, match="MyISAM"):
        schema.upgrade(engine)
    engine.dispose()


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_migration_is_read_as_it_stands() -> None:
    apples = SMALL[0].statements[1]

    assert isinstance(apples, migrations.Create)
    assert [column.name for column in apples.table.columns] == ["id", "kind", "story"]
    assert apples.table.columns[0].comment == "It's a row; (or, so they say) a number"
    assert apples.table.lines() == [
        "`id` BIGINT NOT NULL AUTO_INCREMENT",
        "`kind` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL",
        "`story` LONGTEXT NULL",
        "PRIMARY KEY (`id`)",
        "UNIQUE KEY apples_kind (`kind`)",
    ]


def test_sqlite_is_told_the_same_in_its_own_words() -> None:
    assert [
        sql for each in (*SMALL[0].statements[1:], *SMALL[1].statements) for sql in migrations.sqlite_statements(each)
    ] == [
        "CREATE TABLE `mod_ictvoipbilling_apples` (`id` INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,"
        " `kind` VARCHAR(32) NOT NULL, `story` TEXT)",
        "CREATE UNIQUE INDEX `apples_kind` ON `mod_ictvoipbilling_apples` (`kind`)",
        "ALTER TABLE `mod_ictvoipbilling_apples` ADD COLUMN `grams` INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX `apples_grams` ON `mod_ictvoipbilling_apples` (`grams`, `id`)",
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE tblhosting;",
        "UPDATE tblhosting SET domainstatus = 'Active';",
        "CREATE TABLE a (id INT NOT NULL, PRIMARY KEY (id))",
        "CREATE TABLE a (price FLOAT NOT NULL);",
        "CREATE TABLE a (id INT NOT NULL;",
        "ALTER TABLE a DROP COLUMN b;",
        "CREATE TABLE a (id INT COMMENT 'back\\slash');",
    ],
)
def test_a_migration_may_not_say_what_cannot_be_looked_for(sql: str) -> None:
    with pytest.raises(ValueError, match="migration"):
        read("0003_strange", sql)


def test_a_schema_reads_back_as_itself() -> None:
    whole = add_up(read_all(folder()))
    again = add_up([read("0001_again", as_schema(whole.values()))])

    assert again == whole
    assert as_schema(again.values()) == as_schema(whole.values())
