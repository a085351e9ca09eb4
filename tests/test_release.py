"""From one release to the next (F-2, R-68), and the bridge as it is installed.

There is no earlier release yet. What is tried in its place: this release is the earlier one, and the next has one more
migration. Rows written before are kept, and the code of this release works on the schema of the next.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from bridge import database, schema, services, tables
from bridge.app import Bridge
from bridge.database import transact
from bridge.errors import NotPrepared, Refused
from bridge.life import backup, release
from bridge.schema import migrations
from bridge.schema.migrations import read, read_all
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.store import installation as facts
from bridge.vault import Vault
from tests.archives import KEY, back_up, create
from tests.databases import required
from tests.factories import asking, run_all, with_handler, with_memory_pbx
from tests.test_grants import Granted, granted  # noqa: F401  # a fixture is found by its name

ROOT = Path(__file__).parent.parent
SERVICES, OPERATIONS = tables.services.name, tables.operations.name

NEXT_SQL = f"""
CREATE TABLE mod_ictvoipbilling_moods (
  name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'What it is called',
  since DATETIME(6) NULL COMMENT 'From when on',
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='How services feel';
ALTER TABLE {SERVICES} ADD COLUMN mood VARCHAR(10) NOT NULL DEFAULT 'calm' COMMENT 'How it is';
ALTER TABLE {SERVICES} ADD COLUMN mood_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'One each';
ALTER TABLE {SERVICES} ADD UNIQUE KEY services_mood_token (mood_token);
ALTER TABLE {OPERATIONS} ADD KEY operations_actor (kind, id);
"""
THIS = read_all(migrations.folder())
NEXT = [*THIS, read("0099_next", NEXT_SQL)]


@pytest.fixture(params=["sqlite", "mariadb"])
def fresh(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Bridge]:
    """This release at work, on a database that nobody else uses."""
    if request.param == "sqlite":
        url = Secret(f"sqlite:///{tmp_path}/bridge.db")
    else:
        url = request.getfixturevalue("empty_mariadb_url")
    engine = database.connect(url)
    schema.upgrade(engine)
    bridge = Bridge(settings=settings, engine=engine, vault=Vault(bytes(32)))
    with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge, 42)
    assert run_all(bridge) == 1
    yield bridge
    engine.dispose()


def rows_of(engine: Engine, name: str) -> list[dict[str, Any]]:
    with engine.connect() as tx:
        return [dict(row) for row in tx.execute(text(f"SELECT * FROM {name}")).mappings()]


def next_release(bridge: Bridge, **changed: Any) -> release.Plan:
    given: dict[str, Any] = {"by": "kim", "back_up": None, "release": "0.2.0", "migrations": NEXT, **changed}
    return release.upgrade(bridge.engine, **given)


# --- an upgrade ------------------------------------------------------------------------------------------------------


def test_an_upgrade_keeps_every_row_and_adds_what_is_new_f2(fresh: Bridge) -> None:
    before = rows_of(fresh.engine, SERVICES)

    planned = next_release(fresh)

    [after] = rows_of(fresh.engine, SERVICES)
    assert (after.pop("mood"), after.pop("mood_token")) == ("calm", None)
    assert [after] == before
    assert rows_of(fresh.engine, "mod_ictvoipbilling_moods") == []
    assert schema.check(fresh.engine, migrations=NEXT) == []
    assert (planned.migrations, planned.new_tables) == (("0099_next",), ("mod_ictvoipbilling_moods",))


def test_the_code_of_the_release_before_works_on_the_schema_of_the_next_r68(fresh: Bridge) -> None:
    next_release(fresh)

    for service_id in (43, 44):
        create(fresh, service_id)
    assert run_all(fresh) == 2
    services.suspend(fresh, asking("service.suspend"), 42, "overdue")
    assert run_all(fresh) == 1

    assert [services.get(fresh, number)["operations"][0]["state"] for number in (42, 43, 44)] == ["succeeded"] * 3
    assert [row["mood_token"] for row in rows_of(fresh.engine, SERVICES)] == [None, None, None]
    assert schema.check(fresh.engine) == []
    schema.ensure_current(fresh.engine)


def test_the_backup_is_made_before_anything_changes(fresh: Bridge, tmp_path: Path) -> None:
    def before_it() -> object:
        assert "mood" not in rows_of(fresh.engine, SERVICES)[0]
        return back_up(fresh.engine, tmp_path / "a.backup", master_key=bytes(32), migrations=NEXT)

    next_release(fresh, back_up=before_it)

    with (tmp_path / "a.backup").open("rb") as file:
        assert backup.prove(file, KEY).migrations == tuple((each.version, each.name, each.checksum) for each in THIS)


def test_without_its_backup_an_upgrade_does_not_begin(fresh: Bridge) -> None:
    def refused() -> object:
        raise Refused("the disk is full")

    with pytest.raises(Refused, match="the disk is full"):
        next_release(fresh, back_up=refused)
    assert schema.check(fresh.engine, migrations=NEXT) == ["0099_next is not applied; run: bridge db upgrade"]
    assert "mood" not in rows_of(fresh.engine, SERVICES)[0]


def test_an_upgrade_that_died_half_way_goes_on_where_it_was(fresh: Bridge) -> None:
    with fresh.engine.connect() as tx:
        for statement in NEXT[-1].statements[:2]:
            for sql in migrations.sqlite_statements(statement) if tx.dialect.name == "sqlite" else [statement.sql]:
                tx.exec_driver_sql(sql)
        tx.commit()

    assert next_release(fresh).migrations == ("0099_next",)
    assert schema.check(fresh.engine, migrations=NEXT) == []


def test_an_upgrade_twice_is_an_upgrade_once(fresh: Bridge) -> None:
    next_release(fresh)
    again = next_release(fresh, back_up=lambda: pytest.fail("there is nothing to back up for"))

    assert (again.migrations, again.before) == ((), "0.2.0")
    upgrades = [row for row in rows_of(fresh.engine, tables.audit.name) if row["action"] == "release.upgrade"]
    assert len(upgrades) == 1


def test_which_release_a_database_has_seen_is_written_down(fresh: Bridge) -> None:
    release.upgrade(fresh.engine, by="kim", back_up=None, release="0.1.0")
    planned = next_release(fresh)

    told = transact(fresh.engine, lambda tx: facts.get(tx, "release:0.2.0"))
    assert planned.before == "0.1.0"
    assert (told["by"], told["before"], told["migrations"]) == ("kim", "0.1.0", ["0099_next"])


def test_older_code_does_not_upgrade_the_database_of_a_newer_release(fresh: Bridge) -> None:
    next_release(fresh)

    with pytest.raises(NotPrepared, match="0099_next was made by a newer bridge"):
        release.plan(fresh.engine)


# --- only adding (R-68) ----------------------------------------------------------------------------------------------


def test_every_migration_after_the_first_release_only_adds_r68() -> None:
    assert [told for migration in THIS[1:] for told in release.narrowing(migration)] == []
    assert release.narrowing(NEXT[-1]) == []


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (f"ALTER TABLE {SERVICES} ADD COLUMN mood VARCHAR(10) NOT NULL COMMENT 'x';", "older code cannot add a row"),
        (f"ALTER TABLE {SERVICES} ADD UNIQUE KEY one_each (client_id);", "refuses rows that older code may write"),
    ],
)
def test_what_would_stop_older_code_is_refused_before_anything_is_done_r68(fresh: Bridge, sql: str, told: str) -> None:
    narrow = [*THIS, read("0099_narrow", sql)]

    with pytest.raises(NotPrepared, match=f"0099_narrow: .*{told}"):
        release.upgrade(fresh.engine, by="kim", back_up=None, migrations=narrow)
    assert schema.check(fresh.engine, migrations=narrow) == ["0099_narrow is not applied; run: bridge db upgrade"]


def test_a_new_database_has_no_older_code_to_mind(tmp_path: Path) -> None:
    engine = database.connect(Secret(f"sqlite:///{tmp_path}/new.db"))
    narrow = [*THIS, read("0099_narrow", f"ALTER TABLE {SERVICES} ADD UNIQUE KEY one_each (client_id);")]

    assert release.plan(engine, migrations=narrow).needs_backup is False
    engine.dispose()


def test_the_schema_user_may_upgrade_and_back_up_r67(granted: Granted, tmp_path: Path) -> None:  # noqa: F811  # the fixture
    engine = granted.engines["bridge_schema"]

    release.upgrade(engine, by="kim", back_up=None)
    made = back_up(engine, tmp_path / "a.backup", master_key=bytes(32))

    assert made.total >= 2


# --- as it is installed ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Installed:
    """A virtual environment with the bridge's wheel in it, used from a folder that is nowhere near the checkout."""

    python: Path
    package: Path
    folder: Path

    def run(self, *arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("BRIDGE_", "PYTHON"))}
        done = subprocess.run(
            [self.python.parent / "bridge", *arguments],
            cwd=self.folder,
            env=clean | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, done.stderr
        return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `pip install .` builds it."""
    out = tmp_path_factory.mktemp("wheel")
    mine = ROOT / ".venv/uv/bin/uv"
    uv = str(mine) if mine.exists() else required("uv", "uv")
    by_uv = subprocess.run([uv, "build", "--wheel", "--out-dir", out, ROOT], capture_output=True, text=True)
    if by_uv.returncode != 0:  # where only a mirror can be reached, pip knows it
        pip = [str(ROOT / ".venv/uv/bin/python"), "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(out), str(ROOT)]
        by_pip = subprocess.run(pip, capture_output=True, text=True)
        assert by_pip.returncode == 0, by_uv.stderr + by_pip.stderr
    [found] = out.glob("*.whl")
    return found


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Installed:
    """Dependencies are those of this environment, as the lock file has them; the bridge is the wheel's."""
    where = tmp_path / "venv"
    venv.create(where, with_pip=False, symlinks=True)
    python = where / "bin" / "python"
    [site] = (where / "lib").glob("python*/site-packages")
    shutil.unpack_archive(wheel, site, format="zip")
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(dependencies + "\n")
    script = python.parent / "bridge"
    script.write_text(f"#!{python}\nfrom bridge.__main__ import main\nmain()\n")
    script.chmod(0o755)
    (tmp_path / "home").mkdir()
    return Installed(python, site / "bridge", tmp_path / "home")


def test_the_wheel_carries_what_the_bridge_needs(wheel: Path, installed: Installed) -> None:
    [metadata] = installed.package.parent.glob("whmcs_voip_bridge-*.dist-info/METADATA")
    told = metadata.read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required_names = [line.removeprefix("Requires-Dist: ") for line in told.splitlines() if "Requires-Dist" in line]

    assert sorted(each.name for each in (installed.package / "sql").glob("0*.sql")) == sorted(
        each.name for each in (ROOT / "sql").glob("0*.sql")
    )
    extras = [
        f"{each}; extra == '{name}'" for name, wanted in project["optional-dependencies"].items() for each in wanted
    ]
    assert sorted(required_names) == sorted([*project["dependencies"], *extras])
    assert not (installed.package.parent / "tests").exists()
    entry = next(installed.package.parent.glob("*.dist-info/entry_points.txt")).read_text()
    assert "bridge = bridge.__main__:main" in entry


def test_everything_works_from_any_folder_after_installing(installed: Installed) -> None:
    where = subprocess.run(
        [installed.python, "-c", "import bridge; print(bridge.__file__)"],
        cwd=installed.folder,
        capture_output=True,
        text=True,
    ).stdout
    assert Path(where.strip()).is_relative_to(installed.package), "it is the wheel that is tried, not the checkout"

    assert "backup" in installed.run("--help").stdout
    shown = json.loads(installed.run("keys", "add", "whmcs-main", "--json").stdout)
    assert shown.keys() == {"key_id", "secret"}
    assert (installed.folder / "var" / "bridge.db").is_file()
    assert installed.run("db", "check").stdout == "The schema is current.\n"
    demo = json.loads(installed.run("demo", "--once", "--json").stdout)
    assert demo["tied_out"] is True
    assert demo["operations"] >= 8


def test_an_installed_bridge_is_upgraded_with_its_backup_and_the_code_before_goes_on_r68(installed: Installed) -> None:
    def keys() -> Sequence[str]:
        return [each["key_id"] for each in json.loads(installed.run("keys", "list", "--json").stdout)]

    installed.run("keys", "add", "whmcs-main")
    (installed.folder / "words").write_text("four words are enough")
    (installed.package / "sql" / "0099_next.sql").write_text(NEXT_SQL)  # the next release is installed

    assert "bridge db upgrade" in installed.run("keys", "list", code=1).stderr
    refused = installed.run("upgrade", code=1).stderr
    assert "0099_next is to be applied to a database of 2 rows: name a file for the backup" in refused
    assert json.loads(installed.run("upgrade", "--dry-run", "--json").stdout)["needs_backup"] is True
    told = installed.run("upgrade", "--backup", "a.backup", "--passphrase-file", "words").stdout
    assert "systemctl restart bridge.service" in told
    assert keys() == ["whmcs-main"]

    (installed.package / "sql" / "0099_next.sql").unlink()  # and the one before is put back
    installed.run("keys", "add", "another")
    assert keys() == ["another", "whmcs-main"]
    installed.run(
        "restore", "a.backup", "--passphrase-file", "words", BRIDGE_DATABASE_URL="sqlite:///elsewhere/bridge.db"
    )
