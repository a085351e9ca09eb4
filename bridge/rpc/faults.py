"""Every way the door says no, as the rows of one table. Pure.

`data` of an error: kind, retryable, incident, and where known retry_after, fields, detail, facts and meta. The message
is fixed by the row. `detail` is a sentence of ours about the caller's own things; a sentence about an exchange with
another system names hosts, and stays inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import BridgeError, Refused


@dataclass(frozen=True, slots=True)
class Row:
    code: int
    kind: str
    message: str
    http: int
    retryable: bool
    """Whether the caller may ask again. What the bridge itself goes on trying is not the caller's to repeat."""


TABLE: tuple[Row, ...] = (
    Row(-32700, "parse_error", "Parse error", 200, retryable=False),
    Row(-32600, "invalid_request", "Invalid Request", 200, retryable=False),
    Row(-32601, "method_not_found", "Method not found", 200, retryable=False),
    Row(-32602, "invalid_params", "Invalid params", 200, retryable=False),
    Row(-32603, "internal", "Internal error", 200, retryable=True),  # under the same key
    Row(-32000, "unavailable", "Unavailable", 503, retryable=True),
    Row(-32001, "overloaded", "Overloaded", 503, retryable=True),
    Row(-32002, "read_only", "Read only", 503, retryable=True),
    Row(-32010, "unauthenticated", "Unauthenticated", 401, retryable=False),
    Row(-32011, "clock_skew", "Clock skew", 401, retryable=False),
    Row(-32012, "replay", "Replay", 401, retryable=False),
    Row(-32013, "forbidden", "Forbidden", 403, retryable=False),
    Row(-32014, "rate_limited", "Rate limited", 429, retryable=True),
    Row(-32015, "too_large", "Too large", 413, retryable=False),
    Row(-32016, "unsupported_media", "Unsupported media", 415, retryable=False),
    Row(1001, "not_found", "Not found", 200, retryable=False),
    Row(1002, "conflict", "Conflict", 200, retryable=False),
    Row(1003, "idempotency_mismatch", "Idempotency mismatch", 200, retryable=False),
    Row(1004, "in_progress", "In progress", 200, retryable=True),
    Row(1005, "superseded", "Superseded", 200, retryable=False),
    Row(1006, "precondition_failed", "Precondition failed", 200, retryable=False),
    Row(1007, "tenant_mismatch", "Tenant mismatch", 200, retryable=False),
    Row(1101, "pbx_unreachable", "PBX unreachable", 200, retryable=False),  # the operation waits by itself
    Row(1102, "pbx_rejected", "PBX rejected", 200, retryable=False),
    Row(1103, "pbx_conflict", "PBX conflict", 200, retryable=False),
    Row(1201, "posting_unknown", "Posting unknown", 200, retryable=False),  # being reconciled by itself
    Row(1202, "posting_frozen", "Posting frozen", 200, retryable=False),
    Row(1203, "amount_out_of_bounds", "Amount out of bounds", 200, retryable=False),
    Row(1204, "currency_mismatch", "Currency mismatch", 200, retryable=False),
    Row(1301, "tariff_invalid", "Tariff invalid", 200, retryable=False),
    Row(1302, "no_rate", "No rate", 200, retryable=False),
)

ROWS: Mapping[str, Row] = {row.kind: row for row in TABLE}
KINDS_BY_CODE: Mapping[int, str] = {row.code: row.kind for row in TABLE}

RETRY_AFTER_SECONDS: Mapping[str, int] = {
    "unavailable": 5,
    "overloaded": 1,
    "read_only": 60,
    "rate_limited": 1,
    "in_progress": 2,
}

FACTS = frozenset({"operation_id", "task_id", "service_id", "server_id", "generation", "state", "errors"})
"""What a BridgeError may tell the caller beside its sentence. Other facts are for the log."""

DETAIL_LENGTH_MAX = 500
FIELDS_MAX = 20
PATH_LENGTH_MAX = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """One refusal."""

    row: Row
    retry_after: int | None = None
    fields: tuple[tuple[str, str], ...] = ()
    """Path and rule of each parameter that is not as it must be; never its value."""
    detail: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    incident: str = ""
    """Given when it is in the log already."""

    def error(self, *, incident: str, meta: Mapping[str, Any]) -> dict[str, Any]:
        """The error object of JSON-RPC."""
        data: dict[str, Any] = {"kind": self.row.kind, "retryable": self.row.retryable, "incident": incident}
        if self.retry_after is not None:
            data["retry_after"] = self.retry_after
        if self.fields:
            data["fields"] = [{"path": path, "rule": rule} for path, rule in self.fields]
        if self.detail is not None:
            data["detail"] = self.detail
        data |= {name: value for name, value in self.facts.items() if name not in data}
        data["meta"] = dict(meta)
        return {"code": self.row.code, "message": self.row.message, "data": data}


def fault(kind: str) -> Fault:
    row = ROWS[kind]
    return Fault(row, RETRY_AFTER_SECONDS.get(kind))


def fault_of(error: BridgeError) -> Fault:
    """The row of a trouble. A kind that has no row is a bug of ours, and is told as one."""
    row = ROWS.get(error.kind, ROWS["internal"])
    retry_after = error.facts.get("retry_after", RETRY_AFTER_SECONDS.get(row.kind))
    speaks = row.code > 0 and isinstance(error, Refused)
    return Fault(
        row,
        retry_after if isinstance(retry_after, int) else None,
        tuple(error.facts.get("fields", ())),
        str(error)[:DETAIL_LENGTH_MAX] if speaks else None,
        {name: error.facts[name] for name in sorted(FACTS & error.facts.keys())},
    )


def invalid_params(wrong: list[tuple[str, str]]) -> Fault:
    short = tuple((path[:PATH_LENGTH_MAX], rule) for path, rule in wrong[:FIELDS_MAX])
    return Fault(ROWS["invalid_params"], fields=short)
