"""What a connection test looks at in a FusionPBX, each finding with its fix as text to copy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from psycopg import sql

from bridge.errors import BridgeError, NotPrepared
from bridge.pbx.driver import Check
from bridge.pbx.fusionpbx.cache import Cache
from bridge.pbx.fusionpbx.catalogue import NEEDED
from bridge.pbx.fusionpbx.commands import command
from bridge.pbx.fusionpbx.database import Database, Work
from bridge.pbx.fusionpbx.switch import Switch
from bridge.secret import Secret

WRITTEN = (
    *("v_domains", "v_domain_settings", "v_extensions", "v_voicemails", "v_gateways", "v_destinations"),
    *("v_dialplans", "v_dialplan_details", "v_users", "v_user_groups"),
)
ROLE = "run sql/fusionpbx-role.sql in FusionPBX's database"
INDEX = "CREATE INDEX CONCURRENTLY v_xml_cdr_insert_date ON v_xml_cdr (insert_date, xml_cdr_uuid);"
KNOWN_PASSWORD = "ClueCon"  # noqa: S105  # what every FreeSWITCH is delivered with
_CLOCK_SECONDS = 5

Status = Literal["ok", "warn", "fail"]
Finding = tuple[Status, str, str]
"""Status, what was found, and the fix."""


@dataclass(frozen=True, slots=True)
class Examined:
    database: Database
    cache: Cache
    switch: Switch
    password: Secret
    clock: Callable[[], datetime]

    def checks(self) -> Iterator[Check]:
        for name, look, fix in (
            ("authentication", self._sign_in, ROLE),
            ("authorisation", self._rights, ROLE),
            ("allow_list", self._switch, "let the bridge's host into apply-inbound-acl of event_socket.conf.xml"),
            ("password", self._password, "set another in event_socket.conf.xml and in config.conf"),
            ("version", self._tables, "upgrade FusionPBX to 5.0 or later, then run its schema upgrade"),
            ("clock", self._clock, "let both hosts follow a time server: timedatectl set-ntp true"),
            ("cache", self._cache, "adduser bridge www-data, and set cache to cache.location of config.conf"),
            ("call_records", self._calls, "systemctl restart xml_cdr"),
        ):
            began = time.monotonic()
            status, detail, advice = _found(look, fix)
            yield Check(name, status, int((time.monotonic() - began) * 1000), detail, advice)

    def _sign_in(self) -> Finding:
        role, is_superuser = self.database.transact(_who)
        if is_superuser:
            return "warn", f"{role} is a superuser, and may do anything on that host", ROLE
        return "ok", f"signed in as {role}", ""

    def _rights(self) -> Finding:
        lacking = self.database.transact(_lacking)
        if lacking:
            return "fail", f"the role lacks {', '.join(lacking[:5])}", ROLE
        return "ok", "tenants can be read and written", ""

    def _switch(self) -> Finding:
        return "ok", self.switch.asked.api(command("version")).strip(), ""

    def _password(self) -> Finding:
        if self.password.reveal() == KNOWN_PASSWORD:
            fix = "set another in event_socket.conf.xml and in config.conf, then reload mod_event_socket"
            return "warn", "the event socket has the password that everybody knows", fix
        return "ok", "the event socket has a password of its own", ""

    def _tables(self) -> Finding:
        catalogue = self.database.catalogue()
        missing = catalogue.missing()
        if missing:
            return "fail", f"there is no {', '.join(missing[:5])}", "upgrade FusionPBX to 5.0 or later"
        flags = "5.1 or later" if catalogue.has_import_time else "5.0"
        return "ok", f"the tables of {flags}", ""

    def _clock(self) -> Finding:
        apart = abs(self.database.transact(_now) - self.clock())
        if apart > timedelta(seconds=_CLOCK_SECONDS):
            return "warn", f"{apart.total_seconds():.0f} s apart", "timedatectl set-ntp true"
        return "ok", f"{apart.total_seconds():.1f} s apart", ""

    def _cache(self) -> Finding:
        self.cache.check()
        return "ok", "keys can be deleted", ""

    def _calls(self) -> Finding:
        if not self.database.catalogue().has_import_time:
            return "ok", "calls are read by their end; this release does not note when they were imported", ""
        if not self.database.transact(_is_indexed):
            return "warn", "no index on insert_date: each poll reads every call there is", INDEX
        return "ok", "calls can be read", ""


def _found(look: Callable[[], Finding], fix: str) -> Finding:
    try:
        return look()
    except NotPrepared as trouble:
        return "fail", str(trouble), fix
    except BridgeError as trouble:
        return "fail", str(trouble), "start PostgreSQL and FreeSWITCH, or wait until they are back"


def _who(work: Work) -> tuple[str, bool]:
    row = work.connection.execute(
        "SELECT current_user AS role, rolsuper AS is_superuser FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert row is not None
    return row["role"], row["is_superuser"]


def _lacking(work: Work) -> list[str]:
    wanted = [(table, "SELECT") for table in NEEDED]
    wanted += [(table, right) for table in WRITTEN for right in ("INSERT", "UPDATE", "DELETE")]
    asked = sql.SQL("SELECT has_table_privilege(%s, %s) AS may")
    return [
        f"{right} on {table}"
        for table, right in wanted
        if work.catalogue.has(table) and not _one(work, asked, (table, right))["may"]
    ]


def _one(work: Work, asked: sql.SQL, bound: tuple[str, str]) -> dict[str, bool]:
    row = work.connection.execute(asked, bound).fetchone()
    assert row is not None
    return row


def _now(work: Work) -> datetime:
    row = work.connection.execute("SELECT clock_timestamp() AS now").fetchone()
    assert row is not None
    moment: datetime = row["now"]
    return moment


def _is_indexed(work: Work) -> bool:
    row = work.connection.execute(
        "SELECT count(*) AS found FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a"
        " ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " WHERE i.indrelid = 'v_xml_cdr'::regclass AND a.attname = 'insert_date' AND i.indisvalid"
    ).fetchone()
    assert row is not None
    return bool(row["found"])
