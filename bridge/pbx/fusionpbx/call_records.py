"""Calls out of `v_xml_cdr`, for all tenants in one question, in the order in which they were imported.

The place in that order is the cursor: when it was imported, and its identifier. Releases before 5.1 do not note when;
there it is the end of the call, and what is imported late has to be read again by whoever wants it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import sql

from bridge.errors import Refused
from bridge.pbx.driver import CallPage, CallRecord
from bridge.pbx.fusionpbx.database import Work

_CURSOR = re.compile(r"([0-9]{1,17})/([0-9a-f-]{36})", re.ASCII)
_START = UUID(int=0)

Direction = Literal["inbound", "outbound", "local"]


@dataclass(frozen=True, slots=True)
class Cursor:
    microseconds: int
    uuid: UUID

    def __str__(self) -> str:
        return f"{self.microseconds}/{self.uuid}"


def read_cursor(text: str) -> Cursor:
    if not text:
        return Cursor(0, _START)
    found = _CURSOR.fullmatch(text)
    if not found:
        raise Refused(f"FusionPBX gave out no call cursor {text[:60]!a}", kind="pbx_rejected")
    return Cursor(int(found[1]), UUID(found[2]))


def page(work: Work, after: Cursor, limit: int) -> CallPage:
    if limit < 1:
        raise Refused("a page has at least one call", kind="pbx_rejected")
    place = sql.SQL("(extract(epoch FROM insert_date) * 1000000)::bigint")
    begins = sql.SQL("insert_date >= to_timestamp(%(micro)s / 1000000.0) - interval '1 second'")
    if not work.catalogue.has_import_time:
        place = sql.SQL("(end_epoch * 1000000)::bigint")
        begins = sql.SQL("end_epoch >= %(micro)s / 1000000")
    statement = sql.SQL(
        "SELECT xml_cdr_uuid, domain_name, direction, caller_id_number, source_number, destination_number,"
        " caller_destination, start_epoch, answer_epoch, end_epoch, billmsec, last_arg, {place} AS place,"
        " (SELECT gateway FROM v_gateways WHERE gateway_uuid::text = split_part(last_arg, '/', 3)) AS gateway"
        " FROM v_xml_cdr WHERE {begins} AND ({place}, xml_cdr_uuid) > (%(micro)s, %(uuid)s)"
        " ORDER BY {place}, xml_cdr_uuid LIMIT %(limit)s"
    ).format(place=place, begins=begins)
    bound = {"micro": after.microseconds, "uuid": after.uuid, "limit": limit}
    rows = work.connection.execute(statement, bound).fetchall()
    last = Cursor(int(rows[-1]["place"]), rows[-1]["xml_cdr_uuid"]) if rows else after
    return CallPage(tuple(map(_call, rows)), str(last) if rows or after.microseconds else "")


def _call(row: dict[str, Any]) -> CallRecord:
    answered = int(row["answer_epoch"] or 0)
    direction: Direction = row["direction"] if row["direction"] in ("inbound", "outbound") else "local"
    callee = row["caller_destination"] if direction == "inbound" else row["destination_number"]
    caller = row["source_number"] or row["caller_id_number"] or ""
    return CallRecord(
        call_id=str(row["xml_cdr_uuid"]),
        domain=row["domain_name"] or "",
        direction=direction,
        caller=caller,
        callee=callee or row["destination_number"] or "",
        started_at=_moment(row["start_epoch"]),
        answered_at=_moment(answered) if answered else None,
        ended_at=_moment(row["end_epoch"]),
        seconds=int((row["billmsec"] or 0) // 1000),
        extension=caller if direction == "outbound" else "",
        gateway=row["gateway"] or "",
    )


def _moment(epoch: Any) -> datetime:
    return datetime.fromtimestamp(int(epoch or 0), UTC)
