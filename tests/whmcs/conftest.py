from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bridge.database import connect
from bridge.demo.whmcs.standin import StandIn, create_tables
from bridge.secret import Secret
from tests.whmcs.standin import a_standin


@pytest.fixture(scope="session")
def empty_whmcs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """WHMCS's tables with nothing in them: made once, copied for each test."""
    path = tmp_path_factory.mktemp("whmcs") / "whmcs.db"
    engine = connect(Secret(f"sqlite:///{path}"))
    create_tables(engine)
    engine.dispose()
    return path


@pytest.fixture
def whmcs_sqlite(empty_whmcs_file: Path, tmp_path: Path) -> Iterator[Engine]:
    path = tmp_path / "whmcs.db"
    shutil.copy(empty_whmcs_file, path)
    engine = connect(Secret(f"sqlite:///{path}"))
    yield engine
    engine.dispose()


@pytest.fixture
def whmcs_mariadb(empty_mariadb_url: Secret) -> Iterator[Engine]:
    engine = connect(empty_mariadb_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "mariadb"])
def whmcs_engine(request: pytest.FixtureRequest) -> Engine:
    """WHMCS's database, of one kind after the other."""
    found: Engine = request.getfixturevalue(f"whmcs_{request.param}")
    return found


@pytest.fixture
def whmcs(whmcs_sqlite: Engine) -> StandIn:
    return a_standin(whmcs_sqlite)


@pytest.fixture
def whmcs9(whmcs_sqlite: Engine) -> StandIn:
    return a_standin(whmcs_sqlite, version="9.0.1")
