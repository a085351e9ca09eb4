"""POST /webhooks/whmcs: signed like everything, strict, and never more than a trigger."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from bridge.app import Bridge
from bridge.errors import Unavailable
from bridge.settings import Settings
from bridge.vault import Vault
from bridge.web import NOTICE_PATH
from bridge.webhooks import BODY_BYTES_MAX, Notice
from tests.rpc.room import Knocker, a_knocker, error_of, nonces_kept


@pytest.fixture
def bridge(sqlite_engine: Engine, settings: Settings) -> Bridge:
    return Bridge(settings=settings, engine=sqlite_engine, vault=Vault(bytes(32)), random=os.urandom)


@pytest.fixture
def heard() -> list[Notice]:
    return []


@pytest.fixture
def knocker(bridge: Bridge, heard: list[Notice]) -> Knocker:
    return a_knocker(bridge, notice=heard.append)


def send(knocker: Knocker, document: Any) -> httpx.Response:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = knocker.stamp(body, path=NOTICE_PATH)
    answer = knocker.post(body, headers, path=NOTICE_PATH)
    assert knocker.is_signed(answer, headers)
    return answer


def test_a_signed_notice_triggers_what_was_handed_in(knocker: Knocker, heard: list[Notice]) -> None:
    answer = send(knocker, {"event": "AfterModuleCreate", "service_id": 42})

    assert (answer.status_code, answer.json()) == (200, {"heard": True})
    assert heard == [Notice(event="AfterModuleCreate", service_id=42)]


def test_an_unsigned_notice_is_401_and_nothing_happens(knocker: Knocker, heard: list[Notice]) -> None:
    body = b'{"event":"ServiceEdit","service_id":42}'

    answer = knocker.post(body, {"Content-Type": "application/json"}, path=NOTICE_PATH)

    assert (answer.status_code, error_of(answer)["code"]) == (401, -32010)
    assert heard == []
    assert nonces_kept(knocker.bridge) == 0


def test_a_signature_for_the_other_door_does_not_open_this_one(knocker: Knocker, heard: list[Notice]) -> None:
    body = b'{"event":"ServiceEdit"}'

    answer = knocker.post(body, knocker.stamp(body, path="/rpc/v1"), path=NOTICE_PATH)

    assert answer.status_code == 401
    assert heard == []


def test_a_replayed_notice_is_refused_t_2(knocker: Knocker, heard: list[Notice]) -> None:
    body = b'{"event":"ServiceEdit"}'
    headers = knocker.stamp(body, path=NOTICE_PATH)

    answers = [knocker.post(body, headers, path=NOTICE_PATH) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 401]
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"{", -32700),
        (b'{"event":"A","event":"B"}', -32700),
        (b'{"event":"A","service_id":NaN}', -32700),
        ([], -32602),
        ({}, -32602),
        ({"event": "A", "service_id": "42"}, -32602),
        ({"event": "A", "service_id": 0}, -32602),
        ({"event": "A", "service_id": -1}, -32602),
        ({"event": "drop table"}, -32602),
        ({"event": "A", "status": "Active"}, -32602),
    ],
)
def test_a_notice_of_another_shape_is_refused_and_heard_by_nobody(
    knocker: Knocker, heard: list[Notice], document: Any, code: int
) -> None:
    answer = send(knocker, document)

    assert (answer.status_code, error_of(answer)["code"]) == (400, code)
    assert heard == []


def test_a_large_notice_is_not_read_t_4(knocker: Knocker) -> None:
    body = b" " * (BODY_BYTES_MAX + 1)

    answer = knocker.post(body, path=NOTICE_PATH)

    assert (answer.status_code, error_of(answer)["code"]) == (413, -32015)


def test_a_key_with_other_scopes_sends_no_notices(bridge: Bridge, heard: list[Notice]) -> None:
    knocker = a_knocker(bridge, scopes=("service.*",), notice=heard.append)

    answer = send(knocker, {"event": "ServiceEdit"})

    assert (answer.status_code, error_of(answer)["code"]) == (403, -32013)
    assert heard == []


def test_a_key_for_notices_sends_them(bridge: Bridge, heard: list[Notice]) -> None:
    knocker = a_knocker(bridge, scopes=("notice.send",), notice=heard.append)

    assert send(knocker, {"event": "ServiceEdit"}).status_code == 200


@pytest.mark.parametrize(
    ("trouble", "status", "code"), [(Unavailable("no database"), 503, -32000), (ValueError("a bug"), 200, -32603)]
)
def test_trouble_behind_a_notice_is_answered_and_signed(
    bridge: Bridge, trouble: Exception, status: int, code: int
) -> None:
    def fail(_: Notice) -> None:
        raise trouble

    answer = send(a_knocker(bridge, notice=fail), {"event": "ServiceEdit"})

    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert str(trouble) not in answer.text


def test_without_a_listener_a_notice_is_taken_all_the_same(bridge: Bridge) -> None:
    knocker = replace(a_knocker(bridge, notice=None))

    assert send(knocker, {"event": "ServiceEdit"}).status_code == 200
