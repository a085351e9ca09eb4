"""The throw-away databases themselves: what is missing is said, and nothing of a test is left for the next."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func, insert, select, text

from bridge.database import NOW
from bridge.tables import audit, installation
from tests.databases import empty_again, required


def test_a_missing_program_is_skipped_by_name_and_an_error_on_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="Exotica is not installed"):
        required("no-such-program", "Exotica")

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Exotica is not installed"):
        required("no-such-program", "Exotica")


def test_a_used_database_is_as_new_again(mariadb_engine: Engine) -> None:
    with mariadb_engine.begin() as tx:
        tx.execute(insert(installation).values(name="fact", value=1, updated_at=NOW))
        tx.execute(insert(audit).values(at=NOW, actor="a", action="b", subject="c"))
    with mariadb_engine.connect() as tx:
        tx.execute(insert(audit).values(at=NOW, actor="a", action="b", subject="undone"))

    empty_again(mariadb_engine)

    with mariadb_engine.begin() as tx:
        assert tx.execute(select(func.count()).select_from(installation)).scalar_one() == 0
        added = tx.execute(insert(audit).values(at=NOW, actor="a", action="b", subject="c"))
        assert added.inserted_primary_key is not None
        assert added.inserted_primary_key.id == 1
        assert tx.execute(text("SELECT COUNT(*) FROM mod_ictvoipbilling_migrations")).scalar_one() == 1
