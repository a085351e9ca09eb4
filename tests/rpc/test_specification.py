"""The examples that the JSON-RPC 2.0 specification prints, word for word, on a dispatcher with its own methods."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.rpc.exchange import Exchange
from bridge.rpc.library import Function, answered
from bridge.rpc.method import Caller
from bridge.rpc.wording import Wording

REQUEST_1 = '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}'
REQUEST_2 = '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}'
REQUEST_3 = '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}'
REQUEST_4 = '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}'
REQUEST_5 = '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}'
REQUEST_6 = '{"jsonrpc": "2.0", "method": "foobar"}'
REQUEST_7 = '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}'
REQUEST_8 = '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]'
REQUEST_9 = '{"jsonrpc": "2.0", "method": 1, "params": "bar"}'
REQUEST_10 = """[
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
]"""
REQUEST_11 = "[]"
REQUEST_12 = "[1]"
REQUEST_13 = "[1,2,3]"
REQUEST_14 = """[
    {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
    {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
    {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
    {"foo": "boo"},
    {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
    {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
]"""
REQUEST_15 = """[
    {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
    {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
]"""


def result(value: Any, id_: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": value, "id": id_}


def error(code: int, message: str, id_: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": id_}


INVALID = error(-32600, "Invalid Request")

EXAMPLES = [
    pytest.param(REQUEST_1, result(19, 1), id="1 positional parameters"),
    pytest.param(REQUEST_2, result(-19, 2), id="2 positional parameters the other way"),
    pytest.param(REQUEST_3, result(19, 3), id="3 named parameters"),
    pytest.param(REQUEST_4, result(19, 4), id="4 named parameters the other way"),
    pytest.param(REQUEST_5, None, id="5 a notification"),
    pytest.param(REQUEST_6, None, id="6 a notification of a method that is not there"),
    pytest.param(REQUEST_7, error(-32601, "Method not found", "1"), id="7 a method that is not there"),
    pytest.param(REQUEST_8, error(-32700, "Parse error"), id="8 invalid JSON"),
    pytest.param(REQUEST_9, INVALID, id="9 an invalid request object"),
    pytest.param(REQUEST_10, error(-32700, "Parse error"), id="10 a batch of invalid JSON"),
    pytest.param(REQUEST_11, INVALID, id="11 an empty array"),
    pytest.param(REQUEST_12, [INVALID], id="12 an invalid batch, not empty"),
    pytest.param(REQUEST_13, [INVALID, INVALID, INVALID], id="13 an invalid batch"),
    pytest.param(
        REQUEST_14,
        [
            result(7, "1"),
            result(19, "2"),
            INVALID,
            error(-32601, "Method not found", "5"),
            result(["hello", 5], "9"),
        ],
        id="14 a batch",
    ),
    pytest.param(REQUEST_15, None, id="15 a batch of notifications"),
]


def the_specification() -> tuple[Exchange, list[Any]]:
    heard: list[Any] = []

    def subtract(_: object, /, minuend: int, subtrahend: int) -> Any:
        return answered(minuend - subtrahend)

    def total(_: object, /, *numbers: int) -> Any:
        return answered(sum(numbers))

    def get_data(_: object, /) -> Any:
        return answered(["hello", 5])

    def hear(_: object, /, *anything: int) -> Any:
        heard.append(anything)
        return answered(None)

    functions: dict[str, Function] = {"subtract": subtract, "sum": total, "get_data": get_data}
    functions |= dict.fromkeys(("update", "notify_hello", "notify_sum"), hear)
    return Exchange(functions, Wording(lambda: datetime(2026, 1, 1, tzinfo=UTC), os.urandom)), heard


def without_data(document: Any) -> Any:
    """Ours say more in `data`, which the specification leaves to the server."""
    if isinstance(document, list):
        return [without_data(each) for each in document]
    if "error" in document:
        assert document["error"].pop("data")["kind"]
    return document


@pytest.mark.parametrize(("request_text", "expected"), EXAMPLES)
def test_an_example_of_the_specification_is_answered_as_printed(request_text: str, expected: Any) -> None:
    exchange, _ = the_specification()

    answer = exchange.answer(Caller("tests"), request_text.encode())

    if expected is None:
        assert (answer.status, answer.body) == (204, b"")
    else:
        assert answer.status == 200
        assert without_data(json.loads(answer.body)) == expected


def test_notifications_are_heard_though_nothing_is_answered() -> None:
    exchange, heard = the_specification()

    exchange.answer(Caller("tests"), REQUEST_15.encode())

    assert heard == [(1, 2, 4), (7,)]


def test_parameters_that_do_not_fit_are_told_without_the_words_of_the_library() -> None:
    exchange, _ = the_specification()

    answer = exchange.answer(Caller("t"), b'{"jsonrpc":"2.0","method":"subtract","params":{"minuend":1},"id":1}')

    assert b"-32602" in answer.body
    assert b"subtrahend" not in answer.body


def test_a_function_that_raises_is_told_without_its_words() -> None:
    def careless(_: object, /) -> Any:
        raise RuntimeError("/etc/secret is not there")

    exchange = Exchange({"careless": careless}, Wording(lambda: datetime(2026, 1, 1, tzinfo=UTC), os.urandom))

    answer = exchange.answer(Caller("t"), b'{"jsonrpc":"2.0","method":"careless","id":1}')

    assert json.loads(answer.body)["error"]["code"] == -32603
    assert b"secret" not in answer.body
