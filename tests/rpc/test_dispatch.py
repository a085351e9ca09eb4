"""Behind the door: scopes, parameters, results, and what becomes of trouble (R-54, R-55, R-59, T-18, T-19)."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.app import Bridge
from bridge.errors import Conflict, NotFound, NotReached, Refused, Unavailable
from bridge.rpc.method import Caller, Method, Params
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.vault import Vault
from tests.canary import CANARY
from tests.rpc.room import Knocker, Room, a_knocker, error_of


@pytest.fixture
def bridge(sqlite_engine: Engine, settings: Settings) -> Bridge:
    return Bridge(settings=settings, engine=sqlite_engine, vault=Vault(bytes(32)), random=lambda n: b"\xab" * n)


@pytest.fixture
def knocker(bridge: Bridge) -> Knocker:
    return a_knocker(bridge)


def test_a_read_answers_its_result_bare(knocker: Knocker) -> None:
    answer = knocker.call("service.echo", {"service_id": 42, "note": "żółć \N{TELEPHONE RECEIVER}"})

    assert answer == {
        "jsonrpc": "2.0",
        "id": "c1",
        "result": {"service_id": 42, "note": "żółć \N{TELEPHONE RECEIVER}", "caller": "whmcs-main"},
    }


def test_a_write_answers_with_meta_and_what_the_method_adds_to_it_r_59(knocker: Knocker) -> None:
    result = knocker.call("service.create", {"service_id": 42})["result"]

    assert result == {
        "operation_id": 7,
        "state": "accepted",
        "meta": {
            "request_id": "abababababababab",
            "server_time": "2026-11-20T12:00:00.000Z",
            "bridge_version": "0.1.0",
            "replayed": True,
        },
    }


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({}, [("service_id", "missing")]),
        ({"service_id": "42"}, [("service_id", "int_type")]),
        ({"service_id": True}, [("service_id", "int_type")]),
        ({"service_id": 42.0}, [("service_id", "int_type")]),
        ({"service_id": None}, [("service_id", "int_type")]),
        ({"service_id": 0}, [("service_id", "greater_than")]),
        ({"service_id": 1, "state": "succeeded"}, [("state", "extra_forbidden")]),
        ({"service_id": 1, "options": {"a": 1}}, [("options.a", "string_type")]),
        ([42], [("params", "by_name")]),
        ([], [("params", "by_name")]),
    ],
)
def test_parameters_are_refused_by_path_and_rule_before_any_method_runs_r_55_t_19(
    knocker: Knocker, params: Any, fields: list[tuple[str, str]]
) -> None:
    error = error_of(knocker.call("service.echo", params))

    assert (error["code"], error["message"]) == (-32602, "Invalid params")
    assert error["data"]["fields"] == [{"path": path, "rule": rule} for path, rule in fields]
    assert knocker.room.done == []


def test_the_value_of_a_wrong_parameter_is_told_to_nobody_t_20(
    knocker: Knocker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = knocker.call("service.echo", {"service_id": CANARY, "options": {"a": [CANARY]}})

    assert CANARY not in json.dumps(answer)
    assert CANARY not in caplog.text


def test_a_non_finite_number_never_reaches_a_method_r_52(knocker: Knocker) -> None:
    answer = knocker.send(b'{"jsonrpc":"2.0","id":1,"method":"service.echo","params":{"service_id":NaN}}')

    assert error_of(answer)["code"] == -32700
    assert knocker.room.done == []


@pytest.mark.parametrize("method", ["service.nothing", "rpc.nothing", "__init__", "service.echo "])
def test_a_method_that_is_not_there_is_not_found(knocker: Knocker, method: str) -> None:
    assert error_of(knocker.call(method))["code"] == -32601


def test_a_method_outside_the_scopes_is_hidden(bridge: Bridge) -> None:
    """`unknown or hidden by scope`: both read the same, so a key tells nothing of what it may not do."""
    knocker = a_knocker(bridge, scopes=("service.echo",))

    hidden = error_of(knocker.call("service.create", {"service_id": 1}))
    unknown = error_of(knocker.call("service.nothing", {"service_id": 1}))

    assert hidden == unknown
    assert hidden["code"] == -32601
    assert knocker.call("service.echo", {"service_id": 1})["result"]["service_id"] == 1
    assert [name for name, _ in knocker.room.done] == ["service.echo"]


def test_a_hidden_method_in_a_batch_leaves_its_neighbours_alone(bridge: Bridge) -> None:
    knocker = a_knocker(bridge, scopes=("service.echo",))
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "service.create", "params": {"service_id": 1}},
        {"jsonrpc": "2.0", "id": 2, "method": "service.echo", "params": {"service_id": 2}},
    ]

    hidden, answered = knocker.send(batch)

    assert (hidden["id"], hidden["error"]["code"]) == (1, -32601)
    assert (answered["id"], answered["result"]["service_id"]) == (2, 2)


def test_a_noun_and_a_star_open_every_method_of_the_noun(bridge: Bridge) -> None:
    knocker = a_knocker(bridge, scopes=("service.*",))

    assert "result" in knocker.call("service.create", {"service_id": 1})


def test_a_write_without_an_id_has_no_effect_and_is_refused_in_the_log_r_54(
    knocker: Knocker, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"jsonrpc":"2.0","method":"service.create","params":{"service_id":1}}'

    answer = knocker.post(body)

    assert (answer.status_code, answer.content) == (204, b"")
    assert knocker.room.done == []
    assert "write without an id refused" in caplog.text


def test_a_read_without_an_id_is_done_and_not_answered(knocker: Knocker) -> None:
    answer = knocker.post(b'{"jsonrpc":"2.0","method":"service.echo","params":{"service_id":1}}')

    assert (answer.status_code, answer.content) == (204, b"")
    assert len(knocker.room.done) == 1


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (NotFound("no service 42"), 200, 1001),
        (Conflict("service 42 is terminated"), 200, 1002),
        (Refused("not yours", kind="forbidden"), 403, -32013),
        (Refused("another tenant's", kind="tenant_mismatch"), 200, 1007),
        (NotReached("nothing arrived"), 200, 1101),
        (Unavailable("no database"), 503, -32000),
        (Unavailable("restoring", kind="read_only"), 503, -32002),
    ],
)
def test_trouble_of_a_use_case_is_answered_by_its_row(
    knocker: Knocker, trouble: BaseException, status: int, code: int
) -> None:
    knocker.room.trouble = trouble
    body = b'{"jsonrpc":"2.0","id":"c1","method":"service.create","params":{"service_id":42}}'

    answer = knocker.post(body)

    assert (answer.status_code, error_of(answer)["code"], answer.json()["id"]) == (status, code, "c1")
    assert answer.headers.get("Retry-After") == ("5" if code == -32000 else "60" if code == -32002 else None)


def test_in_a_batch_each_answer_is_its_own_and_http_says_200(knocker: Knocker) -> None:
    knocker.room.trouble = Unavailable("no database")
    call = {"jsonrpc": "2.0", "method": "service.create", "params": {"service_id": 1}}

    answers = knocker.send([call | {"id": 1}, {"id": 2}, call | {"id": 3}, call | {"id": 4, "method": "service.x"}])

    assert [(each["id"], each["error"]["code"]) for each in answers] == [
        (1, -32000),
        (None, -32600),
        (3, -32000),
        (4, -32601),
    ]


def test_a_bug_gets_an_incident_that_is_in_the_log_and_none_of_it_leaves_t_20(
    knocker: Knocker, caplog: pytest.LogCaptureFixture
) -> None:
    knocker.room.trouble = ValueError(f"cannot open /etc/bridge/master.key with {CANARY}")

    answer = knocker.call("service.create", {"service_id": 42})

    error = error_of(answer)
    (line,) = [record for record in caplog.records if record.message == "call failed by a bug"]
    assert (error["code"], error["message"]) == (-32603, "Internal error")
    assert error["data"].keys() == {"kind", "retryable", "incident", "meta"}
    assert vars(line)["fields"]["incident"] == error["data"]["incident"]
    assert "ValueError at" in vars(line)["fields"]["error"]
    assert CANARY not in json.dumps(answer)
    assert "master.key" not in json.dumps(answer) + repr(vars(line))


@pytest.mark.parametrize("result", [{"a": Secret(CANARY)}, {"a": float("nan")}, {"a": object()}, {"a": "\ud800"}, None])
def test_a_result_that_cannot_be_written_is_a_bug_and_not_a_broken_answer(bridge: Bridge, result: Any) -> None:
    def run(_: Bridge, __: Caller, ___: Any) -> dict[str, Any]:
        found: dict[str, Any] = result
        return found

    knocker = a_knocker(bridge, methods={"thing.get": Method("thing.get", "Gets it.", Params, run)})

    assert error_of(knocker.call("thing.get"))["code"] == -32603


def test_money_and_times_are_written_as_text(bridge: Bridge) -> None:
    knocker = a_knocker(bridge)
    at = knocker.clock()

    def run(_: Bridge, __: Caller, ___: Any) -> dict[str, Any]:
        return {"charge": Decimal("0.0000010"), "many": Decimal("1E+3"), "at": at}

    other = a_knocker(bridge, key_id="other", methods={"thing.get": Method("thing.get", "Gets it.", Params, run)})

    assert other.call("thing.get")["result"] == {
        "charge": "0.0000010",
        "many": "1000",
        "at": "2026-11-20T12:00:00Z",
    }


def test_calls_of_a_batch_wait_together_no_longer_than_one_call_may_t_6(bridge: Bridge) -> None:
    room = Room()
    knocker = a_knocker(bridge, room=room)
    create = room.methods()["service.create"]

    def slow(bridge: Bridge, caller: Caller, params: Any) -> dict[str, Any]:
        knocker.clock.advance(params.wait_ms / 1000)
        return create.run(bridge, caller, params)

    methods = {"service.create": replace(create, run=slow)}
    other = a_knocker(bridge, key_id="other", clock=knocker.clock, room=room, methods=methods)
    call = {"jsonrpc": "2.0", "method": "service.create", "params": {"service_id": 1, "wait_ms": 15000}}

    other.send([call | {"id": number} for number in range(3)])
    other.send(call | {"id": "alone"})

    assert [params.wait_ms for _, params in room.done] == [15000, 5000, 0, 15000]


@pytest.mark.parametrize(("deadline_ms", "waits_ms"), [(None, 15000), (500, 500), (0, 0), (60000, 15000)])
def test_a_call_waits_no_longer_than_its_deadline_r_58(
    knocker: Knocker, deadline_ms: int | None, waits_ms: int
) -> None:
    knocker.call("service.create", {"service_id": 1} | ({} if deadline_ms is None else {"deadline_ms": deadline_ms}))

    ((_, params),) = knocker.room.done
    assert params.wait_ms == waits_ms
