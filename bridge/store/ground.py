"""The database itself: what it is, how it is set, and what we may do in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from bridge.database import now
from bridge.tables import PREFIX


@dataclass(frozen=True, slots=True)
class Ground:
    """None where an embedded database has no such thing."""

    kind: str
    version: str
    at: datetime
    strict: bool | None = None
    time_zone: str | None = None
    isolation: str | None = None
    flush_at_commit: int | None = None
    connections_max: int | None = None


def look(tx: Connection) -> Ground:
    if tx.dialect.name == "sqlite":
        return Ground("sqlite", str(tx.execute(text("SELECT sqlite_version()")).scalar_one()), now(tx))
    asked = (
        "SELECT VERSION(), @@SESSION.sql_mode, @@SESSION.time_zone, @@innodb_flush_log_at_trx_commit, @@max_connections"
    )
    version, mode, zone, flush, most = tx.execute(text(asked)).one()
    return Ground(
        kind="mariadb" if "mariadb" in str(version).lower() else "mysql",
        version=str(version),
        at=now(tx),
        strict="STRICT_TRANS_TABLES" in str(mode),
        time_zone=str(zone),
        isolation=tx.get_isolation_level(),
        flush_at_commit=int(flush),
        connections_max=int(most),
    )


def tables_elsewhere(tx: Connection) -> list[str]:
    """Tables of ours that are not InnoDB, or whose text is not utf8mb4."""
    if tx.dialect.name == "sqlite":
        return []
    asked = (
        "SELECT table_name, engine, table_collation FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name LIKE :ours ESCAPE '|' "
        "AND (engine <> 'InnoDB' OR table_collation NOT LIKE 'utf8mb4%') ORDER BY table_name"
    )
    ours = PREFIX.replace("_", "|_") + "%"
    return [f"{name} ({engine}, {collation})" for name, engine, collation in tx.execute(text(asked), {"ours": ours})]


def grants(tx: Connection) -> list[str]:
    """What the user behind this connection may do, in the database's own words."""
    return [str(line) for line in tx.execute(text("SHOW GRANTS FOR CURRENT_USER()")).scalars()]


def schema_name(tx: Connection) -> str:
    return str(tx.execute(text("SELECT DATABASE()")).scalar_one())
