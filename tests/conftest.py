"""What tests are given: databases of both kinds, a Bridge on each, and a run that listens for the canary.

sqlite_engine, mariadb_engine   a migrated, empty database
engine                          one after the other: the test runs on both
empty_mariadb_url               a new MariaDB database with nothing in it, for tests of the schema
mariadb_url                     a new migrated one, for tests that start processes
bridge                          a Bridge with short waits, on both databases
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bridge import database, schema
from bridge.app import Bridge
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.vault import Vault
from tests.canary import files_that_sing, sings, tables_that_sing
from tests.databases import MariadbServer, empty_again, mariadb_server

_number = itertools.count(1)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariadbServer]:
    with mariadb_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "bridge.db"
    engine = database.connect(Secret(f"sqlite:///{path}"))
    schema.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def migrated_mariadb(mariadb: MariadbServer) -> Secret:
    return _migrated(mariadb.create("migrated"))


@pytest.fixture
def sqlite_engine(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Engine]:
    path = tmp_path / "bridge.db"
    shutil.copy(migrated_sqlite, path)
    engine = database.connect(Secret(f"sqlite:///{path}"))
    yield engine
    _assert_silent(engine)
    engine.dispose()


@pytest.fixture
def mariadb_engine(migrated_mariadb: Secret) -> Iterator[Engine]:
    engine = database.connect(migrated_mariadb)
    yield engine
    _assert_silent(engine)
    empty_again(engine)
    engine.dispose()


@pytest.fixture(params=["sqlite", "mariadb"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found


@pytest.fixture
def empty_mariadb_url(mariadb: MariadbServer) -> Iterator[Secret]:
    name = f"fresh_{next(_number)}"
    url = mariadb.create(name)
    yield url
    engine = database.connect(url)
    _assert_silent(engine)
    engine.dispose()
    mariadb.drop(name)


@pytest.fixture
def mariadb_url(empty_mariadb_url: Secret) -> Secret:
    return _migrated(empty_mariadb_url)


@pytest.fixture
def settings() -> Settings:
    """Production's settings with the waits of a test."""
    return Settings(
        retry_seconds=2,
        retry_jitter_seconds=0,
        probe_seconds=1,
        lease_seconds=1,
        drain_seconds=5,
        announce_check_seconds=1,
        seal_seconds=1,
    )


@pytest.fixture
def bridge(engine: Engine, settings: Settings, request: pytest.FixtureRequest) -> Iterator[Bridge]:
    single = None
    if engine.dialect.name != "sqlite":
        single = database.connect(request.getfixturevalue("migrated_mariadb"), commits_each=True)
    yield Bridge(settings=settings, engine=engine, vault=Vault(os.urandom(32)), single=single, random=os.urandom)
    if single is not None:
        single.dispose()


def _migrated(url: Secret) -> Secret:
    engine = database.connect(url)
    schema.upgrade(engine)
    engine.dispose()
    return url


def _assert_silent(engine: Engine) -> None:
    assert tables_that_sing(engine) == [], "T-20: a secret can be read in these columns"


def pytest_configure() -> None:
    """Everything is logged for the canary's sake, but not each statement and row; the tables are looked through."""
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test in whose output or files a secret can be read has failed, whatever it thought of itself (T-20)."""
    report = yield
    if call.when == "teardown" and report.passed:
        said = [title for title, content in report.sections if sings(content)]
        folder = getattr(item, "funcargs", {}).get("tmp_path")
        left = files_that_sing(folder) if isinstance(folder, Path) and folder.exists() else []
        if said or left:
            report.outcome = "failed"
            report.longrepr = f"T-20: a secret can be read in {', '.join([*said, *left])}"
    return report
