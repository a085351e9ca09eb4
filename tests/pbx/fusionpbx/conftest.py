"""FusionPBX as each release has it: a PostgreSQL for the session, and a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pbx.fusionpbx.postgres import VERSIONS, PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def releases(postgres: PostgresServer) -> dict[str, str]:
    """A template database for each release."""
    return {version: postgres.create_release(version) for version in VERSIONS}


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dsn(postgres: PostgresServer, releases: dict[str, str], version: str) -> Iterator[str]:
    name = f"fusionpbx_{version.replace('.', '_')}"
    yield postgres.create(name, template=releases[version])
    postgres.drop(name)
