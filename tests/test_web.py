"""The web around the doors: how much is read of anybody (T-4, T-5), what is shown to whom (T-30), and bad luck."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from bridge import database, schema, signature, web
from bridge.app import Bridge
from bridge.database import now, transact
from bridge.errors import Unavailable
from bridge.rpc.faults import TABLE
from bridge.secret import Secret
from bridge.settings import Address, Settings
from bridge.store import announcements, notices
from bridge.vault import Vault
from tests.canary import CANARY
from tests.rpc.room import Knocker, Room, a_knocker, error_of, nonces_kept

LOOPBACK = "127.0.0.1"
JSON = {"Content-Type": "application/json"}
BODY = b'{"jsonrpc":"2.0","id":1,"method":"service.echo","params":{"service_id":1}}'


@pytest.fixture
def here(sqlite_engine: Engine, settings: Settings) -> Bridge:
    return Bridge(settings=settings, engine=sqlite_engine, vault=Vault(bytes(32)), random=os.urandom)


@pytest.fixture
def knocker(here: Bridge) -> Knocker:
    return a_knocker(here)


def assert_refused(knocker: Knocker, answer: httpx.Response, status: int, code: int) -> None:
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert answer.json()["id"] is None
    assert answer.headers["Content-Type"] == "application/json"
    assert knocker.room.done == []


@pytest.mark.parametrize(
    "given_type",
    [
        None,
        "text/plain",
        "application/json; charset=latin-1",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json-rpc",
        "application/x-www-form-urlencoded",
        "application/json, text/plain",
        "",
    ],
)
def test_another_content_type_is_unsupported_r_51(knocker: Knocker, given_type: str | None) -> None:
    headers = knocker.stamp(BODY)
    del headers["Content-Type"]
    answer = knocker.post(BODY, headers if given_type is None else headers | {"Content-Type": given_type})

    assert_refused(knocker, answer, 415, -32016)


@pytest.mark.parametrize("given_type", ["application/json;charset=utf-8", 'Application/JSON; Charset="UTF-8"'])
def test_utf_8_may_be_said_r_51(knocker: Knocker, given_type: str) -> None:
    assert knocker.post(BODY, knocker.stamp(BODY) | {"Content-Type": given_type}).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity"])
def test_a_compressed_body_is_not_unpacked_t_4(knocker: Knocker, encoding: str) -> None:
    answer = knocker.post(BODY, knocker.stamp(BODY) | {"Content-Encoding": encoding})

    assert_refused(knocker, answer, 415, -32016)


def test_both_length_headers_are_ambiguous_t_4(knocker: Knocker) -> None:
    both = knocker.stamp(BODY) | {"Content-Length": str(len(BODY)), "Transfer-Encoding": "chunked"}

    assert_refused(knocker, knocker.post(BODY, both), 400, -32600)


@pytest.mark.parametrize("lengths", [("75", "75"), ("75", "74")])
def test_a_length_told_twice_is_ambiguous_t_4(knocker: Knocker, lengths: tuple[str, str]) -> None:
    twice = [*knocker.stamp(BODY).items(), *(("Content-Length", each) for each in lengths)]

    assert_refused(knocker, knocker.post(BODY, twice), 400, -32600)


@pytest.mark.parametrize("length", ["-1", "+5", "0x10", "٥", "5 5"])
def test_a_length_that_is_no_number_is_ambiguous_t_4(knocker: Knocker, length: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in knocker.stamp(BODY).items()]
    answer = knocker.ask("POST", web.RPC_PATH, content=BODY, headers=[*headers, (b"Content-Length", length.encode())])

    assert_refused(knocker, answer, 400, -32600)


def test_a_body_that_is_declared_too_large_is_not_read_t_4(knocker: Knocker) -> None:
    answer = knocker.post(BODY, knocker.stamp(BODY) | {"Content-Length": str(1024 * 1024 + 1)})

    assert_refused(knocker, answer, 413, -32015)


def test_a_body_of_a_mebibyte_is_read_and_one_more_byte_is_not_t_4(knocker: Knocker) -> None:
    whole = BODY + b" " * (1024 * 1024 - len(BODY))

    assert knocker.post(whole).status_code == 200
    knocker.room.done.clear()
    assert_refused(knocker, knocker.post(whole + b" "), 413, -32015)


def test_an_endless_body_is_read_up_to_the_bound_t_4(knocker: Knocker) -> None:
    sent = [0]

    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent[0] += 1
            yield b" " * 65536

    answer = knocker.ask("POST", web.RPC_PATH, content=endless(), headers=JSON)

    assert_refused(knocker, answer, 413, -32015)
    assert sent[0] <= 18


def test_a_slow_body_meets_the_receipt_deadline_t_5(here: Bridge) -> None:
    knocker = a_knocker(here, limits=web.Limits(receipt_seconds=0.05))

    async def stalling() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = knocker.ask("POST", web.RPC_PATH, content=stalling(), headers=JSON)

    assert_refused(knocker, answer, 408, -32600)
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_verb_is_refused_in_our_own_words(knocker: Knocker, method: str) -> None:
    answer = knocker.ask(method, web.RPC_PATH)

    assert_refused(knocker, answer, 405, -32600)
    assert answer.headers["Allow"] == "POST"
    assert not [name for name in answer.headers if name.lower().startswith("access-control")], "no CORS"


def test_a_query_string_is_refused_r_51(knocker: Knocker) -> None:
    assert_refused(knocker, knocker.post(BODY, path=f"{web.RPC_PATH}?a=1"), 400, -32600)


@pytest.mark.parametrize("path", ["/rpc/v1/", "/rpc/v2", "/rpc", "/RPC/v1", "/console", "/console/tasks", "/"])
def test_other_paths_are_not_there(knocker: Knocker, path: str) -> None:
    assert knocker.post(BODY, path=path).status_code == 404


BROKEN = {
    "empty": b"",
    "cut off": BODY[:-1],
    "text after it": BODY + b"}",
    "not UTF-8": BODY.replace(b"echo", b"\xff\xfe"),
    "a BOM": b"\xef\xbb\xbf" + BODY,
    "a key twice": BODY.replace(b'"id":1', b'"id":1,"id":2'),
    "NaN": BODY.replace(b'"service_id":1', b'"service_id":NaN'),
    "nested": BODY.replace(b'"service_id":1', b'"service_id":' + b"[" * 63 + b"]" * 63),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_body_is_one_clear_error_and_changes_nothing(knocker: Knocker, body: bytes) -> None:
    answer = knocker.send(body)

    assert (error_of(answer)["code"], error_of(answer)["message"]) == (-32700, "Parse error")
    assert answer["id"] is None
    assert knocker.room.done == []


def test_a_batch_of_fifty_one_is_one_error(knocker: Knocker) -> None:
    answer = knocker.send([json.loads(BODY)] * 51)

    assert error_of(answer)["code"] == -32600
    assert knocker.room.done == []


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=20)
    | st.sampled_from(["2.0", "service.echo", "service.create", "rpc.discover", CANARY]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        | st.fixed_dictionaries(
            {"jsonrpc": st.just("2.0"), "method": st.sampled_from(["service.echo", "service.create", "x"])},
            optional={"id": inner, "params": inner},
        )
    ),
    max_leaves=25,
)


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400) | _json.map(lambda document: json.dumps(document).encode()))
def test_no_body_whatever_makes_a_5xx_or_shows_how_we_are_made(knocker: Knocker, body: bytes) -> None:
    knocker.clock.advance(10)  # or the key's budget would answer
    headers = knocker.stamp(body)

    answer = knocker.post(body, headers)

    assert answer.status_code in (200, 204)
    assert knocker.is_signed(answer, headers)
    for word in ("Traceback", ".py", "site-packages", "pydantic", "sqlalchemy", "SELECT", "ValueError"):
        assert word not in answer.text or word in body.decode(errors="replace")
    for each in _documents(answer):
        assert each["jsonrpc"] == "2.0"
        if "error" in each:
            assert each["error"]["code"] in {row.code for row in TABLE} - {-32603}


def _documents(answer: httpx.Response) -> list[dict[str, Any]]:
    if not answer.content:
        return []
    document = answer.json()
    return document if isinstance(document, list) else [document]


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from([signature.KEY, signature.TIMESTAMP, signature.NONCE, signature.SIGNATURE, "Content-Type"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80),
    )
)
def test_no_header_whatever_makes_a_5xx(here: Bridge, headers: dict[str, str]) -> None:
    app = web.app(here, Room().methods(), limits=web.Limits(delayed_max=0))

    async def exchange() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://b.test") as client:
            return await client.post(web.RPC_PATH, content=BODY, headers=headers)

    answer = asyncio.run(exchange())

    assert answer.status_code in (401, 415)


# --- bad luck --------------------------------------------------------------------------------------------------------


def test_a_database_that_is_gone_is_unavailable_and_what_was_accepted_is_there_afterwards(
    knocker: Knocker, sqlite_engine: Engine, tmp_path: Path
) -> None:
    knocker.post(BODY)
    path, aside = tmp_path / "bridge.db", tmp_path / "aside"
    sqlite_engine.dispose()
    aside.mkdir()
    for file in list(tmp_path.glob("bridge.db*")):
        file.rename(aside / file.name)
    path.mkdir()
    known = knocker.stamp(BODY)
    gone = knocker.post(BODY, known)
    knocker.clock.advance(60)  # by now nobody's key is known any more
    long_gone = knocker.post(BODY)
    path.rmdir()
    for file in aside.iterdir():
        file.rename(tmp_path / file.name)
    back = knocker.post(BODY)

    for answer in (gone, long_gone):
        assert (answer.status_code, error_of(answer)["code"]) == (503, -32000)
        assert answer.headers["Retry-After"] == "5"
        assert "bridge.db" not in answer.text
    assert knocker.is_signed(gone, known)
    assert signature.SIGNATURE not in long_gone.headers
    assert back.status_code == 200
    assert nonces_kept(knocker.bridge) == 2


def test_a_mariadb_that_is_gone_is_unavailable(mariadb_engine: Engine, settings: Settings) -> None:
    bridge = Bridge(settings=settings, engine=mariadb_engine, vault=Vault(bytes(32)), random=os.urandom)
    knocker = a_knocker(bridge)
    nowhere = database.connect(Secret("mysql+pymysql://nobody:nothing@127.0.0.1:1/none"))
    lost = replace(knocker, app=web.app(replace(bridge, engine=nowhere), knocker.room.methods()))

    answer = lost.post(BODY)

    assert (answer.status_code, error_of(answer)["code"]) == (503, -32000)
    assert "nobody" not in answer.text
    nowhere.dispose()


def test_while_migrations_are_pending_calls_are_unavailable_and_then_they_are_not(
    settings: Settings, tmp_path: Path
) -> None:
    engine = database.connect(Secret(f"sqlite:///{tmp_path}/new.db"))
    schema.upgrade(engine)
    bridge = Bridge(settings=settings, engine=engine, vault=Vault(bytes(32)), random=os.urandom)
    knocker = a_knocker(bridge)
    with engine.begin() as tx:
        kept = tx.execute(text("SELECT * FROM mod_ictvoipbilling_migrations")).mappings().all()
        tx.execute(text("DELETE FROM mod_ictvoipbilling_migrations"))

    pending = knocker.post(BODY)
    with engine.begin() as tx:
        columns = list(kept[0].keys())
        names = ", ".join(columns)
        marks = ", ".join(f":{name}" for name in columns)
        tx.execute(
            text(f"INSERT INTO mod_ictvoipbilling_migrations ({names}) VALUES ({marks})"), [dict(row) for row in kept]
        )
    knocker.clock.advance(5)

    assert (pending.status_code, error_of(pending)["code"]) == (503, -32000)
    assert knocker.post(BODY).status_code == 200
    engine.dispose()


def test_while_it_drains_calls_are_unavailable_and_ready_says_so_r_27(knocker: Knocker) -> None:
    door: web.Door = knocker.app.state.door
    door.drain()

    answer = knocker.post(BODY)

    assert (answer.status_code, error_of(answer)["code"]) == (503, -32000)
    assert knocker.room.done == []
    assert "draining" in knocker.ask("GET", "/ready", address=LOOPBACK).json()["missing"]


def test_more_calls_than_threads_and_waiting_room_are_told_overloaded(here: Bridge) -> None:
    let_go = threading.Event()
    room = Room()
    echo = room.methods()["service.echo"]

    def slow(bridge: Bridge, caller: Any, params: Any) -> dict[str, Any]:
        assert let_go.wait(10)
        return echo.run(bridge, caller, params)

    knocker = a_knocker(
        here,
        room=room,
        methods={"service.echo": replace(echo, run=slow)},
        limits=web.Limits(threads=2, waiting_max=1),
    )

    async def crowd() -> list[httpx.Response]:
        async with knocker.client() as client:
            asked = [
                asyncio.create_task(client.post(web.RPC_PATH, content=BODY, headers=knocker.stamp(BODY)))
                for _ in range(6)
            ]
            done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=10)
            while len(done) < 3:
                more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=10)
                done |= more
            let_go.set()
            return list(await asyncio.gather(*asked))

    answers = asyncio.run(crowd())

    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) == 3
    assert {(answer.status_code, error_of(answer)["code"], answer.headers["Retry-After"]) for answer in refused} == {
        (503, -32001, "1")
    }
    assert len(room.done) == 3


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_live_says_that_the_process_answers_and_nothing_else_t_30(knocker: Knocker) -> None:
    answer = knocker.ask("GET", "/live")

    assert (answer.status_code, answer.content) == (204, b"")


def test_ready_names_what_is_missing(knocker: Knocker) -> None:
    answer = knocker.ask("GET", "/ready", address=LOOPBACK)

    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "missing": ["BRIDGE_WHMCS_URL", "BRIDGE_WHMCS_IDENTIFIER", "BRIDGE_WHMCS_SECRET_FILE"],
    }


def a_complete(bridge: Bridge, **settings: Any) -> Bridge:
    whmcs: dict[str, Any] = {
        "whmcs_url": "https://w.test/",
        "whmcs_identifier": "id",
        "whmcs_secret_file": Path("secret"),
    }
    return replace(bridge, settings=replace(bridge.settings, **(whmcs | settings)))


def test_ready_is_200_when_nothing_is_missing(here: Bridge) -> None:
    answer = a_knocker(a_complete(here)).ask("GET", "/ready", address=LOOPBACK)

    assert (answer.status_code, answer.json()) == (200, {"ready": True, "missing": []})


def test_ready_names_a_schema_that_is_not_there_and_a_database_that_is_gone(
    settings: Settings, tmp_path: Path, here: Bridge
) -> None:
    empty = database.connect(Secret(f"sqlite:///{tmp_path}/empty.db"))
    nowhere = database.connect(Secret("mysql+pymysql://nobody:nothing@127.0.0.1:1/none"))

    for engine, missing in ((empty, "schema: run bridge db upgrade"), (nowhere, "database")):
        app = web.app(a_complete(replace(here, engine=engine)), {})
        door: web.Door = app.state.door
        assert door.missing() == [missing]
        engine.dispose()


@pytest.mark.parametrize("path", ["/ready", "/metrics"])
@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("203.0.113.7", {}),
        (LOOPBACK, {"X-Forwarded-For": "203.0.113.7"}),
        (LOOPBACK, {"Forwarded": "for=203.0.113.7"}),
    ],
)
def test_health_and_metrics_are_for_loopback_only_t_30(
    knocker: Knocker, path: str, address: str, headers: dict[str, str]
) -> None:
    assert knocker.ask("GET", path, address=address, headers=headers).status_code == 404


def test_with_an_admin_listener_they_are_there_and_nowhere_else_t_30(here: Bridge) -> None:
    bridge = a_complete(here, admin_listen=Address("10.0.0.1", 8471))
    knocker = a_knocker(bridge)
    admin = replace(knocker, app=web.admin_app(knocker.app.state.door))

    for path in ("/ready", "/metrics"):
        assert knocker.ask("GET", path, address=LOOPBACK).status_code == 404
        assert admin.ask("GET", path, address="10.0.0.9").status_code == 200
    assert admin.post(BODY).status_code == 404


def test_metrics_count_calls_and_refusals_and_name_no_tenant_t_30(knocker: Knocker) -> None:
    knocker.call("service.echo", {"service_id": 987654, "note": "acme.example"})
    knocker.call("service." + "x" * 30)
    knocker.post(BODY, JSON)

    told = knocker.ask("GET", "/metrics", address=LOOPBACK)

    assert told.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'bridge_rpc_calls_total{method="service.echo",outcome="answered"} 1.0' in told.text
    assert 'bridge_rpc_calls_total{method="unknown",outcome="method_not_found"} 1.0' in told.text
    assert 'bridge_gate_refused_total{kind="unauthenticated"} 1.0' in told.text
    assert not [word for word in ("987654", "acme", "xxx", knocker.key_id) if word in told.text]


def test_a_figure_can_be_counted_when_somebody_looks(knocker: Knocker) -> None:
    door: web.Door = knocker.app.state.door
    door.metrics.watch("bridge_operations", "Operations by state.", "state", lambda: {"manual": 2, "accepted": 1})

    told = knocker.ask("GET", "/metrics", address=LOOPBACK).text

    assert 'bridge_operations{state="manual"} 2.0' in told


def test_what_waits_to_be_told_is_a_figure(knocker: Knocker) -> None:
    """A WHMCS that is away, and a department that nobody reaches, are seen from outside."""
    bridge = knocker.bridge
    nothing = knocker.ask("GET", "/metrics", address=LOOPBACK).text

    def act(tx: Connection) -> None:
        at = now(tx)
        for operation_id, hours in ((1, 3), (2, 1)):
            then = at - timedelta(hours=hours)
            announcements.add(tx, service_id=1, operation_id=operation_id, status="Active", due_at=at, now=then)
        notices.add(tx, once_key="x", department="default", kind="task", title="t", body="b")

    transact(bridge.engine, act)
    told = knocker.ask("GET", "/metrics", address=LOOPBACK).text

    [seconds] = re.findall(r"^bridge_announcements_oldest_seconds ([0-9.]+)", told, re.MULTILINE)
    assert "bridge_announcements_due 0.0" in nothing
    assert "bridge_announcements_oldest_seconds 0.0" in nothing
    assert "bridge_announcements_due 2.0" in told
    assert 3 * 3600 <= float(seconds) < 4 * 3600
    assert all(f'bridge_deliveries{{state="{state}"}} 0.0' in told for state in ("due", "sending", "failed", "unknown"))
    assert 'bridge_deliveries{state="untold"} 1.0' in told


def test_every_figure_has_a_row_in_the_page_on_monitoring(knocker: Knocker) -> None:
    page = (Path(__file__).parent.parent / "docs" / "notifications.md").read_text()

    told = set(re.findall(r"^# HELP (\w+) ", knocker.ask("GET", "/metrics", address=LOOPBACK).text, re.MULTILINE))

    assert {each for each in told if not re.search(rf"\b{each}\b", page) and not each.endswith("_created")} == set()


def test_the_other_figures_are_there_when_the_database_is_not(knocker: Knocker) -> None:
    def gone() -> dict[str, float]:
        raise Unavailable("the database cannot be reached")

    door: web.Door = knocker.app.state.door
    door.metrics.watch("bridge_of_the_database", "Gone.", "", gone)
    told = knocker.ask("GET", "/metrics", address=LOOPBACK)

    assert told.status_code == 200
    assert "bridge_draining 0.0" in told.text
    assert "\nbridge_of_the_database" not in told.text


def test_the_description_is_public_and_the_same_as_discover(knocker: Knocker) -> None:
    told = knocker.ask("GET", "/openrpc.json").json()

    assert told == knocker.call("rpc.discover")["result"]
    assert {each["name"] for each in told["methods"]} == {"rpc.discover", "service.create", "service.echo"}


def test_a_key_with_few_scopes_may_discover(here: Bridge) -> None:
    assert "openrpc" in a_knocker(here, scopes=("task.list",)).call("rpc.discover")["result"]
