"""What the tables of this FusionPBX have. Read from the catalogue of its database, and no version number is believed.

Releases differ in columns and in how they write yes and no, and an upgrade changes both while the bridge runs. So a
flag is read as text, whatever its type, and written as a text that PostgreSQL takes for either; a column that is not
there is left out of a row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

READ = (
    "SELECT c.relname AS table_name, a.attname AS column_name FROM pg_catalog.pg_attribute a"
    " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace"
    " AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND NOT a.attisdropped"
)
"""Of every table, whether the role may read it or not: information_schema would hide those that it may not."""

YES, NO = "true", "false"

NEEDED: Mapping[str, tuple[str, ...]] = {
    "v_domains": ("domain_uuid", "domain_name", "domain_enabled", "domain_description"),
    "v_domain_settings": ("domain_setting_uuid", "domain_uuid", "domain_setting_category", "domain_setting_value"),
    "v_extensions": ("extension_uuid", "domain_uuid", "extension", "password", "enabled", "accountcode"),
    "v_voicemails": ("voicemail_uuid", "domain_uuid", "voicemail_id", "voicemail_enabled"),
    "v_gateways": ("gateway_uuid", "domain_uuid", "gateway", "proxy", "register", "enabled"),
    "v_destinations": ("destination_uuid", "domain_uuid", "dialplan_uuid", "destination_number"),
    "v_dialplans": ("dialplan_uuid", "domain_uuid", "app_uuid", "dialplan_name", "dialplan_xml", "dialplan_enabled"),
    "v_xml_cdr": ("xml_cdr_uuid", "domain_uuid", "start_epoch", "answer_epoch", "end_epoch", "billsec", "billmsec"),
}
"""Without these it is no FusionPBX that the bridge knows."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    columns: Mapping[str, frozenset[str]]
    """Of each table."""

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str]]) -> Catalogue:
        """From the rows that `READ` answers."""
        columns: dict[str, set[str]] = defaultdict(set)
        for table, column in rows:
            columns[table].add(column)
        return cls({table: frozenset(names) for table, names in columns.items()})

    def has(self, table: str, column: str | None = None) -> bool:
        there = self.columns.get(table, frozenset())
        return bool(there) if column is None else column in there

    def missing(self) -> list[str]:
        """What of the needed is not there, as table.column."""
        return [f"{table}.{name}" for table, names in NEEDED.items() for name in names if not self.has(table, name)]

    @property
    def has_import_time(self) -> bool:
        """Whether calls can be read in the order in which they came in; releases before 5.1 do not note it."""
        return self.has("v_xml_cdr", "insert_date")

    def tables_with(self, column: str) -> list[str]:
        return sorted(table for table, names in self.columns.items() if column in names)


def flag(value: bool) -> str:
    return YES if value else NO


def is_on(value: object) -> bool:
    """Of a flag read with `::text`: NULL and an empty text are off, as they are for the switch."""
    return value in ("true", "t")
