"""The countries as a table, for whoever asks in SQL: written from the numbering-plan library and never by hand."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from bridge.rating.numbers.country import countries
from bridge.rating.numbers.country_name import country_name
from bridge.tables import country_codes


def refill(tx: Connection) -> None:
    """As the library has them now."""
    wanted = [
        {
            "iso_code": each.iso,
            "country": country_name(each.iso),
            "calling_code": each.calling_code,
            "exit_code": each.exit_code,
            "national_prefix": each.national_prefix or None,
        }
        for each in countries()
    ]
    there = [dict(row) for row in tx.execute(select(country_codes).order_by(country_codes.c.iso_code)).mappings()]
    if there != wanted:
        tx.execute(delete(country_codes))
        tx.execute(insert(country_codes), wanted)
