"""The countries as a table: what the numbering-plan library says, whatever stood there before."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, delete, insert, select, update

from bridge import schema
from bridge.rating.numbers.country import countries
from bridge.tables import country_codes


def rows(engine: Engine) -> dict[str, dict[str, Any]]:
    with engine.connect() as tx:
        return {row["iso_code"]: dict(row) for row in tx.execute(select(country_codes)).mappings()}


def test_an_upgraded_database_holds_every_country_as_the_library_has_it(engine: Engine) -> None:
    stored = rows(engine)

    assert 235 <= len(stored) <= 260
    assert {
        iso: (row["calling_code"], row["exit_code"], row["national_prefix"] or "") for iso, row in stored.items()
    } == {each.iso: (each.calling_code, each.exit_code, each.national_prefix) for each in countries()}
    assert stored["CA"] == {
        "iso_code": "CA",
        "country": "Canada",
        "calling_code": "1",
        "exit_code": "011",
        "national_prefix": "1",
    }


def test_an_upgrade_puts_right_what_another_release_or_a_hand_wrote(engine: Engine) -> None:
    before = rows(engine)
    with engine.begin() as tx:
        tx.execute(update(country_codes).where(country_codes.c.iso_code == "GB").values(exit_code="99"))
        tx.execute(delete(country_codes).where(country_codes.c.iso_code == "FR"))
        tx.execute(insert(country_codes).values(iso_code="QQ", country="Nowhere", calling_code="0", exit_code="0"))

    assert schema.upgrade(engine) == []

    assert rows(engine) == before
