"""Every table, for SQLAlchemy Core. `sql/` creates them and explains each column; a test compares the two."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Index, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

PREFIX = "mod_ictvoipbilling_"

metadata = MetaData()


class Utc(TypeDecorator[datetime]):
    """A moment: UTC with microseconds in the database, aware in Python."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.replace(tzinfo=UTC)


class Document(TypeDecorator[Any]):
    """A JSON document, written the same way every time so that equal documents are equal text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.LONGTEXT())
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Ascii(TypeDecorator[str]):
    """Identifiers and words of ours: compared byte by byte, indexable, safe to join.

    What is not ASCII is written in escapes, kept and looked for alike: MariaDB would refuse the whole statement, and a
    word from outside may be anything.
    """

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        length = self.impl_instance.length  # type: ignore[attr-defined]  # of the String it was made with
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"))
        return dialect.type_descriptor(String(length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else in_ascii(value)


def in_ascii(text: str) -> str:
    return text if text.isascii() else text.encode("ascii", "backslashreplace").decode("ascii")


def ascii_text(length: int) -> TypeEngine[str]:
    return Ascii(length)


def text(length: int) -> TypeEngine[str]:
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_unicode_ci"), "mysql", "mariadb"
    )


def sealed(length: int = 1024) -> TypeEngine[bytes]:
    """A secret as `vault.Vault` sealed it."""
    return LargeBinary(length).with_variant(mysql.VARBINARY(length), "mysql", "mariadb")


Big = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column it calls INTEGER."""


def table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(PREFIX + name, metadata, *columns, sqlite_autoincrement=True)


def number(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, Big, nullable=null)


def word(name: str, length: int = 64, *, null: bool = False) -> Column[str]:
    return Column(name, ascii_text(length), nullable=null)


def sentence(name: str, length: int = 255, *, null: bool = False) -> Column[str]:
    return Column(name, text(length), nullable=null)


def moment(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, Utc, nullable=null)


def document(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Document, nullable=null)


def secret(name: str) -> Column[bytes]:
    return Column(name, sealed(), nullable=True)


def row_id() -> Column[int]:
    return Column("id", Big, primary_key=True, autoincrement=True)


def key(name: str, kind: TypeEngine[Any]) -> Column[Any]:
    """A primary key that is given, not counted."""
    return Column(name, kind, primary_key=True, autoincrement=False)


def index(suffix: str, *columns: str, unique: bool = False) -> Index:
    return Index(suffix, *columns, unique=unique)


# --- the house -------------------------------------------------------------------------------------------------------

migrations = table(
    "migrations",
    key("version", Integer()),
    word("name", 100),
    word("checksum", 64),
    moment("applied_at"),
)

installation = table(
    "installation",
    key("name", ascii_text(64)),
    document("value", null=True),
    moment("updated_at"),
)

jobs = table(
    "jobs",
    key("name", ascii_text(64)),
    word("owner", 80, null=True),
    number("epoch"),
    moment("lease_until", null=True),
    moment("due_at"),
    moment("started_at", null=True),
    moment("finished_at", null=True),
    document("result", null=True),
)

audit = table(
    "audit",
    row_id(),
    moment("at"),
    sentence("actor", 128),
    word("action", 64),
    word("subject", 128),
    document("before", null=True),
    document("after", null=True),
    sentence("reason", 500, null=True),
    number("sealed_no", null=True),
    word("chain", 64, null=True),
    index("audit_subject", "subject", "id"),
    index("audit_sealed", "sealed_no", unique=True),
)

# --- the door --------------------------------------------------------------------------------------------------------

keys = table(
    "keys",
    row_id(),
    word("key_id", 64),
    secret("secret"),
    document("scopes"),
    moment("created_at"),
    sentence("created_by", 128),
    moment("ends_at", null=True),
    moment("revoked_at", null=True),
    index("keys_key_id", "key_id", "id"),
)

nonces = table(
    "nonces",
    key("key_id", ascii_text(64)),
    key("nonce", ascii_text(32)),
    moment("expires_at"),
    index("nonces_expires", "expires_at"),
)

requests = table(
    "requests",
    key("caller", ascii_text(64)),
    key("idempotency_key", ascii_text(128)),
    word("method", 64),
    word("params_hash", 64),
    number("operation_id", null=True),
    document("answer", null=True),
    moment("created_at"),
    moment("expires_at"),
    index("requests_expires", "expires_at"),
)

# --- what is configured ----------------------------------------------------------------------------------------------

servers = table(
    "servers",
    key("server_id", Big),
    sentence("name"),
    word("driver", 32),
    document("config"),
    secret("secret"),
    Column("enabled", Integer, nullable=False),
    Column("is_default", Integer, nullable=False),
    number("accounts_max", null=True),
    number("group_id", null=True),
    word("zone", 253, null=True),
    word("cdr_group", 64, null=True),
    word("health", 16),
    document("checks", null=True),
    moment("tested_at", null=True),
    number("red_tests"),
    moment("unreachable_since", null=True),
    moment("probe_at", null=True),
    moment("paused_at", null=True),
    sentence("paused_by", 128, null=True),
    sentence("paused_reason", 500, null=True),
    sentence("override_by", 128, null=True),
    moment("created_at"),
    moment("updated_at"),
)

handlers = table(
    "handlers",
    row_id(),
    number("product_id"),
    number("server_id"),
    word("driver", 32),
    sentence("department", 64),
    Column("enabled", Integer, nullable=False),
    document("settings"),
    moment("updated_at"),
    index("handlers_product_server", "product_id", "server_id", unique=True),
)

extended_rates = table(
    "extended_rates",
    row_id(),
    number("product_id"),
    number("version"),
    sentence("name"),
    document("package"),
    moment("created_at"),
    sentence("created_by", 128),
    index("extended_rates_product_version", "product_id", "version", unique=True),
)

extended_rates_tariff = table(
    "extended_rates_tariff",
    row_id(),
    number("product_id"),
    number("version"),
    word("country", 2),
    word("country_code", 3),
    word("currency", 3),
    sentence("tariff", null=True),
    sentence("inbound_tariff", null=True),
    sentence("cost_tariff", null=True),
    index("extended_rates_tariff_product_version", "product_id", "version", unique=True),
)

departments = table(
    "departments",
    key("name", ascii_text(64)),
    document("channels"),
    secret("secret"),
    number("escalate_after_hours"),
    word("escalate_to", 64, null=True),
    moment("updated_at"),
)

# --- tariffs ---------------------------------------------------------------------------------------------------------

providers = table(
    "providers",
    row_id(),
    word("slug"),
    sentence("name"),
    word("kind", 16),
    word("currency", 3, null=True),
    word("tariff", null=True),
    document("reading"),
    document("filters"),
    document("scope"),
    moment("created_at"),
    moment("updated_at"),
    index("providers_slug", "slug", unique=True),
)

decks = table(
    "decks",
    row_id(),
    word("provider"),
    word("series"),
    sentence("name"),
    word("direction", 16),
    word("currency", 3),
    word("route_class", 16),
    word("time_zone"),
    word("state", 16),
    moment("effective_from"),
    word("table_name", null=True),
    word("digest", 100, null=True),
    number("deck_state"),
    number("prefixes"),
    word("file_digest"),
    sentence("file_name"),
    document("reading"),
    document("diff"),
    moment("staged_at"),
    sentence("staged_by", 128),
    moment("activated_at", null=True),
    sentence("activated_by", 128, null=True),
    moment("withdrawn_at", null=True),
    sentence("withdrawn_by", 128, null=True),
    index("decks_series", "series", "effective_from"),
    index("decks_table_name", "table_name", unique=True),
)

deck_states = table(
    "deck_states",
    row_id(),
    number("deck_id"),
    number("deck_state"),
    number("added"),
    number("removed"),
    moment("noted_at"),
    sentence("noted_by", 128),
    index("deck_states_deck", "deck_id", "deck_state", unique=True),
)

deck_rows = table(
    "deck_rows",
    row_id(),
    number("deck_id"),
    number("deck_state"),
    word("kind", 16),
    number("piece"),
    Column("content", LargeBinary(60_000).with_variant(mysql.VARBINARY(60_000), "mysql", "mariadb"), nullable=False),
    index("deck_rows_piece", "deck_id", "deck_state", "kind", "piece", unique=True),
)

# --- what is wanted, and what is there -------------------------------------------------------------------------------

domains = table(
    "domains",
    row_id(),
    number("server_id"),
    word("domain", 253),
    word("pbx_uuid", 36),
    number("client_id"),
    word("wanted_state", 16),
    word("actual_state", 16),
    document("wanted", null=True),
    document("applied", null=True),
    document("actual", null=True),
    document("held_by_hand"),
    document("switching_off"),
    word("content_hash", 64, null=True),
    word("origin", 16),
    moment("first_seen", null=True),
    moment("last_seen", null=True),
    moment("last_synced", null=True),
    moment("delete_after", null=True),
    index("domains_domain", "domain", unique=True),
    index("domains_server", "server_id", "id"),
    index("domains_delete_after", "delete_after"),
)

lanes = table(
    "lanes",
    key("tenant_id", Big),
    number("server_id"),
    moment("due_at", null=True),
    word("owner", 80, null=True),
    number("epoch"),
    moment("lease_until", null=True),
    number("head_generation"),
    index("lanes_due", "due_at", "tenant_id"),
    index("lanes_server", "server_id", "tenant_id"),
    index("lanes_owner", "owner", "server_id", "lease_until"),
)

services = table(
    "services",
    key("service_id", Big),
    number("tenant_id", null=True),
    number("client_id"),
    number("product_id"),
    number("server_id", null=True),
    sentence("department", 64),
    word("status", 16),
    document("resources"),
    document("options"),
    document("custom_fields"),
    document("over_limit"),
    sentence("username", 128),
    secret("password"),
    number("generation"),
    sentence("suspend_reason", 500, null=True),
    number("package_version", null=True),
    moment("welcomed_at", null=True),
    moment("created_at"),
    moment("updated_at"),
    index("services_tenant", "tenant_id", "service_id"),
    index("services_client", "client_id", "service_id"),
)


def mirrored(name: str, natural_key: str, length: int, *more: Column[Any] | Index) -> Table:
    """A kind of object inside a tenant: as wanted, as last applied, as last seen."""
    return table(
        name,
        row_id(),
        number("tenant_id"),
        number("service_id", null=True),
        word(natural_key, length),
        word("pbx_uuid", 36),
        document("wanted", null=True),
        document("applied", null=True),
        document("actual", null=True),
        secret("secret"),
        Column("held_by_hand", Integer, nullable=False),
        word("content_hash", 64, null=True),
        word("origin", 16),
        moment("first_seen", null=True),
        moment("last_seen", null=True),
        moment("last_synced", null=True),
        index(f"{name}_key", "tenant_id", natural_key, unique=True),
        index(f"{name}_service", "service_id", "id"),
        *more,
    )


extensions = mirrored("extensions", "number", 32)
gateways = mirrored("gateways", "name", 100)
destinations = mirrored(
    "destinations",
    "number",
    32,
    word("wanted_number", 32, null=True),
    index("destinations_wanted_number", "wanted_number", unique=True),
)
routes = mirrored("routes", "name", 100)

placements = table(
    "placements",
    row_id(),
    number("service_id"),
    number("tenant_id"),
    number("server_id"),
    word("domain", 253),
    moment("from_at"),
    moment("to_at", null=True),
    index("placements_service", "service_id", "from_at"),
    index("placements_domain", "domain", "server_id", "from_at"),
)

leftovers = table(
    "leftovers",
    key("tenant_id", Big),
    key("server_id", Big),
    word("domain", 253),
    word("pbx_uuid", 36),
    moment("left_at"),
    moment("disabled_at", null=True),
    moment("delete_after"),
    index("leftovers_delete_after", "delete_after"),
)

# --- work ------------------------------------------------------------------------------------------------------------

operations = table(
    "operations",
    row_id(),
    number("tenant_id", null=True),
    number("service_id"),
    number("server_id", null=True),
    word("kind", 32),
    number("generation"),
    word("state", 16),
    word("step", 32, null=True),
    Column("destructive", Integer, nullable=False),
    number("attempts"),
    moment("due_at", null=True),
    moment("waiting_since", null=True),
    document("asked"),
    sentence("cause", 500, null=True),
    word("cause_kind", 32, null=True),
    document("answer", null=True),
    Column("late", Integer, nullable=False),
    sentence("actor", 128),
    moment("created_at"),
    moment("updated_at"),
    moment("finished_at", null=True),
    index("operations_tenant", "tenant_id", "state", "id"),
    index("operations_service", "service_id", "id"),
    index("operations_state", "state", "due_at", "id"),
)

tasks = table(
    "tasks",
    row_id(),
    word("open_key", 128, null=True),
    word("kind", 32),
    number("operation_id", null=True),
    number("service_id", null=True),
    number("server_id", null=True),
    sentence("department", 64),
    sentence("title"),
    sentence("cause", 500),
    document("details"),
    sentence("suggestion", 500),
    word("state", 16),
    sentence("assignee", 128, null=True),
    moment("created_at"),
    moment("claimed_at", null=True),
    moment("escalated_at", null=True),
    moment("closed_at", null=True),
    sentence("closed_by", 128, null=True),
    sentence("closed_reason", 500, null=True),
    index("tasks_open_key", "open_key", unique=True),
    index("tasks_state", "state", "id"),
    index("tasks_operation", "operation_id"),
)

announcements = table(
    "announcements",
    row_id(),
    number("service_id"),
    number("operation_id"),
    word("status", 16),
    word("state", 16),
    moment("due_at"),
    number("attempts"),
    word("owner", 80, null=True),
    number("epoch"),
    moment("lease_until", null=True),
    moment("status_set_at", null=True),
    moment("welcome_begun_at", null=True),
    moment("queue_resolved_at", null=True),
    moment("activity_begun_at", null=True),
    sentence("cause", 500, null=True),
    moment("created_at"),
    moment("finished_at", null=True),
    index("announcements_due", "state", "due_at", "id"),
    index("announcements_service", "service_id", "id"),
    index("announcements_operation", "operation_id", unique=True),
)

findings = table(
    "findings",
    row_id(),
    word("open_key", 200, null=True),
    word("class", 32),
    number("service_id", null=True),
    number("tenant_id", null=True),
    number("server_id", null=True),
    sentence("what"),
    document("wanted", null=True),
    document("actual", null=True),
    word("policy", 16),
    word("state", 16),
    moment("first_seen"),
    moment("last_seen"),
    moment("closed_at", null=True),
    index("findings_open_key", "open_key", unique=True),
    index("findings_state", "state", "id"),
)

# --- people are told -------------------------------------------------------------------------------------------------

notices = table(
    "notices",
    row_id(),
    word("once_key", 128),
    sentence("department", 64),
    word("kind", 32),
    sentence("title"),
    sentence("body", 2000),
    number("task_id", null=True),
    moment("created_at"),
    index("notices_once", "once_key", unique=True),
)

deliveries = table(
    "deliveries",
    row_id(),
    number("notice_id"),
    word("channel", 100),
    word("webhook_id", 64),
    word("state", 16),
    number("attempts"),
    moment("due_at"),
    word("owner", 80, null=True),
    number("epoch"),
    moment("lease_until", null=True),
    sentence("cause", 500, null=True),
    moment("sent_at", null=True),
    index("deliveries_due", "state", "due_at", "id"),
    index("deliveries_once", "notice_id", "channel", unique=True),
)

# --- numbers ---------------------------------------------------------------------------------------------------------

country_codes = table(
    "country_codes",
    key("iso_code", ascii_text(2)),
    sentence("country", 100),
    word("calling_code", 3),
    word("exit_code", 100),
    word("national_prefix", 8, null=True),
)
