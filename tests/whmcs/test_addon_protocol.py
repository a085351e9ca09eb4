"""The addon's signed doors: what is answered, what is not, and what the bridge makes of either."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge import signature
from bridge.demo.whmcs import modules, seed, tables
from bridge.demo.whmcs.standin import StandIn
from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.secret import Secret
from bridge.whmcs import questions
from bridge.whmcs.addon import AddonSource, addon_records, resolve_queue_entry
from bridge.whmcs.endpoint import FILES, PATHS, Door, Endpoint
from tests.whmcs.standin import ADDON_KEY, START, addon_records_of, endpoint_of, http_of, rows_of

SECRET = signature.secret_bytes(ADDON_KEY.secret)


def signed(
    body: bytes,
    *,
    door: Door = "read",
    secret: bytes = SECRET,
    audience: str = ADDON_KEY.audience,
    key_id: str = ADDON_KEY.key_id,
    seconds: int = 0,
    nonce: str = "0" * 32,
) -> dict[str, str]:
    timestamp = int((START + timedelta(seconds=seconds)).timestamp())
    return signature.request_headers(
        secret,
        method="POST",
        path=PATHS[door],
        audience=audience,
        key_id=key_id,
        timestamp=timestamp,
        nonce=nonce,
        body=body,
    )


def knock(whmcs: StandIn, body: bytes, headers: dict[str, str], door: Door = "read") -> httpx.Response:
    return http_of(whmcs).post(FILES[door], content=body, headers={**headers, "Content-Type": "application/json"})


QUESTION = b'{"question":"installation"}'


def test_a_signed_question_gets_a_signed_answer(whmcs: StandIn) -> None:
    reply = knock(whmcs, QUESTION, signed(QUESTION))

    assert reply.status_code == 200
    assert reply.json()["rows"][0]["installation_id"] == "inst-7f3c9a1e"
    assert signature.is_answer_signed(
        SECRET, reply.headers, status=200, key_id="addon", nonce="0" * 32, body=reply.content
    )


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no headers"),
        pytest.param(signed(QUESTION, secret=b"x" * 32), id="another secret"),
        pytest.param(signed(QUESTION, audience="bridge-example"), id="another audience"),
        pytest.param(signed(QUESTION, door="post"), id="another door"),
        pytest.param(signed(QUESTION, key_id="whmcs"), id="another key"),
        pytest.param(signed(QUESTION, seconds=301), id="from the future"),
        pytest.param(signed(QUESTION, seconds=-301), id="stale"),
        pytest.param(signed(b'{"question":"services"}'), id="another body"),
    ],
)
def test_who_does_not_prove_to_be_the_bridge_gets_one_unsigned_text(whmcs: StandIn, headers: dict[str, str]) -> None:
    """T-1."""
    reply = knock(whmcs, QUESTION, headers)

    assert reply.status_code == 401
    assert reply.json() == {"error": {"kind": "unauthenticated", "message": "not authenticated"}}
    assert signature.SIGNATURE not in reply.headers
    assert rows_of(whmcs, tables.nonces) == []


def test_a_question_asked_twice_word_for_word_is_a_replay(whmcs: StandIn) -> None:
    """T-2."""
    headers = signed(QUESTION)

    assert [knock(whmcs, QUESTION, headers).status_code for _ in range(2)] == [200, 401]


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (b'{"question":"passwords"}', "unknown_question"),
        (b'{"question":"services","sql":"SELECT 1","after":0,"limit":1,"modules":["voipbridge"]}', "invalid"),
        (b'{"question":"services","after":0,"limit":501,"modules":["voipbridge"]}', "invalid"),
        (b'{"question":"services","after":-1,"limit":5,"modules":["voipbridge"]}', "invalid"),
        (b'{"question":"services","after":true,"limit":5,"modules":["voipbridge"]}', "invalid"),
        (b'{"question":"services","after":0,"limit":5,"modules":["x\' OR 1"]}', "invalid"),
        (b'{"question":"statuses_of","ids":[]}', "invalid"),
        (b'{"question":"statuses_of","ids":["1"]}', "invalid"),
        (b'{"question":["services"]}', "unknown_question"),
        (b"[]", "invalid"),
        (b"not json", "invalid"),
    ],
)
def test_a_question_that_is_none_is_refused_and_the_refusal_is_signed(whmcs: StandIn, asked: bytes, kind: str) -> None:
    """T-9: nothing of a question becomes SQL."""
    reply = knock(whmcs, asked, signed(asked))

    assert reply.status_code == 400
    assert reply.json()["error"]["kind"] == kind
    assert signature.is_answer_signed(
        SECRET, reply.headers, status=400, key_id="addon", nonce="0" * 32, body=reply.content
    )


def test_an_addon_that_is_not_installed_is_no_answer(whmcs: StandIn) -> None:
    """F-1."""
    bare = replace(whmcs, addon_key=None)

    with pytest.raises(NotReached, match="404"):
        addon_records_of(bare).installation()
    with pytest.raises(OutcomeUnknown):
        resolve_queue_entry(endpoint_of(bare), service_id=1, module_action="CreateAccount")


def test_a_bridge_with_the_wrong_key_hears_nothing(whmcs: StandIn) -> None:
    stranger = replace(ADDON_KEY, secret=Secret(base64.b64encode(b"y" * 32).decode()))

    with pytest.raises(NotReached, match="401, not signed"):
        addon_records(endpoint_of(whmcs, stranger)).installation()


# --- an addon that answers badly -------------------------------------------------------------------------------------


def an_endpoint(document: Any, *, status: int = 200, sign: bool = True, says: str | None = None) -> Endpoint:
    """An addon that answers everything with one document."""

    def answer(request: httpx.Request) -> httpx.Response:
        nonce = request.headers[signature.NONCE]
        body = json.dumps(document).encode()
        headers = signature.response_headers(
            [SECRET], status=status, key_id="addon", timestamp=int(START.timestamp()), nonce=nonce, body=body
        )
        return httpx.Response(status, headers=headers if sign else {}, content=says.encode() if says else body)

    http = httpx.Client(base_url="https://whmcs.example/", transport=httpx.MockTransport(answer))
    return Endpoint(http, ADDON_KEY, clock=lambda: START, random=lambda size: bytes(size))


def a_page(*ids: int, **changes: Any) -> dict[str, Any]:
    rows = [{"id": each, "name": "Europe"} for each in ids]
    page = {"protocol": 1, "installation": "i", "question": "server_groups", "rows": rows, "count": len(ids)}
    return {**page, "more": False, **changes}


@pytest.mark.parametrize(
    "answered",
    [
        pytest.param(a_page(1, 2, count=3), id="fewer rows than it says"),
        pytest.param(a_page(2, 1), id="rows out of order"),
        pytest.param(a_page(1, 1), id="a row twice"),
        pytest.param(a_page(1, 2, 3), id="more rows than asked for"),
        pytest.param(a_page(more=True), id="an empty page that goes on"),
        pytest.param(a_page(1, question="services"), id="the answer to another question"),
        pytest.param(a_page(1, more=None), id="no word on whether it goes on"),
        pytest.param({"protocol": 1}, id="no rows at all"),
    ],
)
def test_an_incomplete_answer_is_never_a_short_list(answered: dict[str, Any]) -> None:
    """F-5: what is missing from half an answer is not missing from WHMCS."""
    source = AddonSource(an_endpoint(answered))

    with pytest.raises(NotReached):
        source.page("server_groups", modules=None, after=0, limit=2)


def test_half_an_answer_about_ids_is_none() -> None:
    rows = [{"id": 1, "domainstatus": "Active"}]
    half = {"protocol": 1, "question": "statuses_of", "rows": rows, "count": 1, "more": True}

    with pytest.raises(NotReached, match="only a part"):
        addon_records(an_endpoint(half)).statuses_of([1, 2])


def test_a_row_that_was_not_asked_for_spoils_the_answer() -> None:
    rows = [{"id": 7, "domainstatus": "Active"}]
    other = {"protocol": 1, "question": "statuses_of", "rows": rows, "count": 1, "more": False}

    with pytest.raises(NotReached, match="not asked"):
        addon_records(an_endpoint(other)).statuses_of([1])


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        pytest.param(an_endpoint(a_page(1), sign=False), NotReached, id="unsigned"),
        pytest.param(an_endpoint(a_page(1), says='{"protocol":1}'), NotReached, id="another body than was signed"),
        pytest.param(an_endpoint({"protocol": 2}), NotPrepared, id="another protocol"),
        pytest.param(an_endpoint([1]), NotPrepared, id="no document"),
        pytest.param(an_endpoint(a_page(1), status=500), NotReached, id="signed, but a 500"),
        pytest.param(
            an_endpoint({"protocol": 1, "error": {"kind": "unavailable", "message": "busy"}}, status=503),
            NotReached,
            id="unavailable",
        ),
        pytest.param(
            an_endpoint({"protocol": 1, "error": {"kind": "not_prepared", "message": "tblx is missing"}}, status=409),
            NotPrepared,
            id="not prepared",
        ),
        pytest.param(
            an_endpoint({"protocol": 1, "error": {"kind": "invalid", "message": "no"}}, status=400),
            Refused,
            id="refused",
        ),
    ],
)
def test_what_an_answer_means_to_a_reader(endpoint: Endpoint, expected: type[BridgeError]) -> None:
    with pytest.raises(expected):
        addon_records(endpoint).server_groups()


def test_an_unsigned_answer_to_a_write_leaves_the_outcome_unknown() -> None:
    """R-3."""
    endpoint = an_endpoint({"protocol": 1, "action": "queue.resolve", "done": True}, sign=False)

    with pytest.raises(OutcomeUnknown):
        resolve_queue_entry(endpoint, service_id=1, module_action="CreateAccount")


# --- the post door ---------------------------------------------------------------------------------------------------


def test_an_entry_of_the_module_queue_is_resolved_once(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), seed.product(tx))
        modules.queue(tx, whmcs, service_id, "voipbridge", "CreateAccount", "PBX down")
        modules.queue(tx, whmcs, service_id, "voipbridge", "SuspendAccount", "PBX down")
    endpoint = endpoint_of(whmcs)

    first = resolve_queue_entry(endpoint, service_id=service_id, module_action="CreateAccount")
    again = resolve_queue_entry(endpoint, service_id=service_id, module_action="CreateAccount")

    assert (first, again) == (True, False)
    assert [row["completed"] for row in rows_of(whmcs, tables.module_queue)] == [1, 0]


@pytest.mark.parametrize(
    "asked",
    [
        b'{"action":"credit.add","client_id":1}',
        b'{"action":"queue.resolve","service_id":0,"module_action":"CreateAccount"}',
        b'{"action":"queue.resolve","service_id":1,"module_action":"Create Account;"}',
        b'{"action":"queue.resolve","service_id":1,"module_action":"CreateAccount","module":"cpanel"}',
    ],
)
def test_the_post_door_does_what_it_knows_and_nothing_else(whmcs: StandIn, asked: bytes) -> None:
    assert knock(whmcs, asked, signed(asked, door="post"), "post").status_code == 400


# --- the page that the PHP addon is written by -----------------------------------------------------------------------


def test_the_protocol_page_names_every_question_and_every_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "whmcs-addon-protocol.md").read_text(encoding="utf-8")

    for question in (*questions.BY_IDS, *questions.BY_PAGE, "installation"):
        assert f"`{question}`" in page
    there = {name: frozenset((*needed, *questions.OPTIONAL.get(name, ()))) for name, needed in questions.NEEDED.items()}
    for build in (*questions.BY_IDS.values(), *questions.BY_PAGE.values()):
        for column in build(there).selected_columns:
            assert column.name.startswith("configoption") or column.name in page
    for path in (*PATHS.values(), *FILES.values()):
        assert f"`{path}`" in page
