"""Section 10 of the reliability rules: every row, exactly; a test per row, named by its kind."""

from __future__ import annotations

import json

import pytest

from bridge.errors import BridgeError, Conflict, NotFound, NotPrepared, NotReached, OutcomeUnknown, Refused, Unavailable
from bridge.rpc.faults import TABLE, fault, fault_of, invalid_params

# code, kind, message, HTTP, retryable. "auto" in the rules means that the bridge goes on by itself, not that the
# caller should; "poll" means that the caller may ask again.
ROWS = [
    (-32700, "parse_error", "Parse error", 200, False),
    (-32600, "invalid_request", "Invalid Request", 200, False),
    (-32601, "method_not_found", "Method not found", 200, False),
    (-32602, "invalid_params", "Invalid params", 200, False),
    (-32603, "internal", "Internal error", 200, True),
    (-32000, "unavailable", "Unavailable", 503, True),
    (-32001, "overloaded", "Overloaded", 503, True),
    (-32002, "read_only", "Read only", 503, True),
    (-32010, "unauthenticated", "Unauthenticated", 401, False),
    (-32011, "clock_skew", "Clock skew", 401, False),
    (-32012, "replay", "Replay", 401, False),
    (-32013, "forbidden", "Forbidden", 403, False),
    (-32014, "rate_limited", "Rate limited", 429, True),
    (-32015, "too_large", "Too large", 413, False),
    (-32016, "unsupported_media", "Unsupported media", 415, False),
    (1001, "not_found", "Not found", 200, False),
    (1002, "conflict", "Conflict", 200, False),
    (1003, "idempotency_mismatch", "Idempotency mismatch", 200, False),
    (1004, "in_progress", "In progress", 200, True),
    (1005, "superseded", "Superseded", 200, False),
    (1006, "precondition_failed", "Precondition failed", 200, False),
    (1007, "tenant_mismatch", "Tenant mismatch", 200, False),
    (1101, "pbx_unreachable", "PBX unreachable", 200, False),
    (1102, "pbx_rejected", "PBX rejected", 200, False),
    (1103, "pbx_conflict", "PBX conflict", 200, False),
    (1201, "posting_unknown", "Posting unknown", 200, False),
    (1202, "posting_frozen", "Posting frozen", 200, False),
    (1203, "amount_out_of_bounds", "Amount out of bounds", 200, False),
    (1204, "currency_mismatch", "Currency mismatch", 200, False),
    (1301, "tariff_invalid", "Tariff invalid", 200, False),
    (1302, "no_rate", "No rate", 200, False),
]


@pytest.mark.parametrize(("code", "kind", "message", "http", "retryable"), ROWS, ids=[row[1] for row in ROWS])
def test_a_row_of_the_error_table_reads_exactly_so(
    code: int, kind: str, message: str, http: int, retryable: bool
) -> None:
    why = fault_of(Refused("service 42 is not there", kind=kind))

    error = why.error(incident="i-1", meta={"request_id": "r-1"})

    assert why.row.http == http
    assert (error["code"], error["message"]) == (code, message)
    assert (error["data"]["kind"], error["data"]["retryable"]) == (kind, retryable)
    assert (error["data"]["incident"], error["data"]["meta"]) == ("i-1", {"request_id": "r-1"})
    json.dumps(error)


def test_the_table_has_these_rows_and_no_other() -> None:
    assert [(row.code, row.kind, row.message, row.http, row.retryable) for row in TABLE] == ROWS


@pytest.mark.parametrize(("code", "kind"), [row[:2] for row in ROWS])
def test_only_our_own_things_are_told_in_a_sentence(code: int, kind: str) -> None:
    why = fault_of(Refused("service 42 is terminated", kind=kind))

    assert why.detail == ("service 42 is terminated" if code > 0 else None)


@pytest.mark.parametrize("kind", [NotReached, OutcomeUnknown, Unavailable])
def test_a_sentence_about_an_exchange_stays_inside(kind: type[BridgeError]) -> None:
    """Section 10: no host leaves the process."""
    assert fault_of(kind("pbx7.internal.example did not answer")).detail is None


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Refused("no"), "conflict"),
        (NotFound("no"), "not_found"),
        (Conflict("no"), "conflict"),
        (NotPrepared("no"), "precondition_failed"),
        (NotReached("no"), "pbx_unreachable"),
        (OutcomeUnknown("no"), "pbx_unreachable"),
        (Unavailable("no"), "unavailable"),
        (BridgeError("no"), "internal"),
        (Refused("no", kind="a kind nobody wrote a row for"), "internal"),
    ],
)
def test_trouble_becomes_the_row_of_its_kind(trouble: BridgeError, kind: str) -> None:
    assert fault_of(trouble).row.kind == kind


def test_facts_that_help_the_caller_go_with_it_and_others_do_not() -> None:
    why = fault_of(Conflict("busy", kind="in_progress", operation_id=17, task_id=3, host="pbx7", password="x"))

    data = why.error(incident="i", meta={})["data"]
    assert (data["operation_id"], data["task_id"]) == (17, 3)
    assert data["retry_after"] == 2
    assert not {"host", "password"} & data.keys()


def test_facts_never_replace_what_the_row_says() -> None:
    why = fault_of(Conflict("busy", state="manual"))

    assert why.error(incident="i", meta={})["data"]["kind"] == "conflict"


def test_wrong_parameters_are_told_by_path_and_rule() -> None:
    error = invalid_params([("service_id", "int_type")]).error(incident="i", meta={})

    assert error["data"]["fields"] == [{"path": "service_id", "rule": "int_type"}]


def test_a_flood_of_wrong_parameters_is_cut_short() -> None:
    why = invalid_params([("x" * 5000, "extra_forbidden")] * 1000)

    assert len(why.fields) == 20
    assert all(len(path) == 100 for path, _ in why.fields)


def test_what_can_be_asked_again_says_when() -> None:
    assert {row.kind for row in TABLE if fault(row.kind).retry_after is not None} == {
        "unavailable",
        "overloaded",
        "read_only",
        "rate_limited",
        "in_progress",
    }
