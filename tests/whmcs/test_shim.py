"""What the server module does between WHMCS and the bridge: keys, waiting, trust, and one word back."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from bridge import keys, signature, web
from bridge.app import Bridge
from bridge.demo.whmcs import cron, modules, seed, tables
from bridge.demo.whmcs.inprocess import InProcess
from bridge.demo.whmcs.shim import BridgeKey, Shim
from bridge.demo.whmcs.standin import StandIn
from bridge.rpc.methods import all_methods
from bridge.secret import Secret
from bridge.worker import Worker
from tests.canary import CANARY_KEY
from tests.factories import with_handler, with_memory_pbx, with_package
from tests.whmcs.standin import START, Clock, a_standin, rows_of

KEY = BridgeKey("whmcs-main", Secret(CANARY_KEY), "bridge-example", "inst-7f3c9a1e")
SECRET = signature.secret_bytes(KEY.secret)


@dataclass
class Bridgelet:
    """The bridge's side of the wire: proves who asks, remembers it, and signs what it was told to answer."""

    answers: list[dict[str, Any]] = field(default_factory=lambda: [{"result": done()}])
    asked: list[dict[str, Any]] = field(default_factory=list)
    signs: bool = True
    trouble: Exception | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        stamp = signature.stamp_from(request.headers.items())
        assert stamp is not None
        text = signature.request_text(
            method="POST",
            path="/rpc/v1",
            audience=KEY.audience,
            key_id=stamp.key_id,
            timestamp=stamp.timestamp,
            nonce=stamp.nonce,
            body=request.content,
        )
        assert signature.is_signed([SECRET], text, stamp.signatures)
        document = json.loads(request.content)
        self.asked.append({"method": document["method"], **document["params"]})
        if self.trouble is not None:
            raise self.trouble
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body = json.dumps({"jsonrpc": "2.0", "id": document["id"], **answer}).encode()
        headers = signature.response_headers(
            [SECRET], status=200, key_id=KEY.key_id, timestamp=stamp.timestamp, nonce=stamp.nonce, body=body
        )
        return httpx.Response(200, headers=headers if self.signs else {}, content=body)

    def counters(self) -> list[str]:
        return [asked["idempotency_key"].rpartition(":")[2] for asked in self.asked]


def done(state: str = "succeeded") -> dict[str, Any]:
    return {"operation_id": 17, "state": state, "service": {}}


def an_error(code: int, **data: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": "Conflict", "data": {"incident": "i-1", **data}}}


def with_shim(
    whmcs: StandIn, bridgelet: Callable[[httpx.Request], httpx.Response], clock: Clock | None = None
) -> StandIn:
    http = httpx.Client(base_url="https://bridge.example", transport=httpx.MockTransport(bridgelet))
    shim = Shim(whmcs.engine, http, KEY, clock=clock or (lambda: START), random=os.urandom)
    return replace(whmcs, module=shim)


@pytest.fixture
def shop(whmcs: StandIn) -> StandIn:
    with whmcs.engine.begin() as tx:
        product_id = seed.product(tx)
        seats, _ = seed.option(tx, [product_id], "Extensions|Seats")
        site = seed.custom_field(tx, product_id, "site")
        chosen, fields = {seats: 3}, {site: 'A & "B"'}
        seed.service(
            tx, seed.client(tx, "Tom & Co"), product_id, server_id=seed.server(tx), choices=chosen, fields=fields
        )
    return whmcs


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_a_creation_sends_a_whitelist_decoded_once(shop: StandIn) -> None:
    bridgelet = Bridgelet()

    assert modules.run(with_shim(shop, bridgelet), 1, modules.CREATE) == "success"
    assert bridgelet.asked == [
        {
            "method": "service.create",
            "service_id": 1,
            "client_id": 1,
            "product_id": 1,
            "server_id": 1,
            "domain": "acme.pbx.example.com",
            "username": "acme",
            "password": "generated10",
            "options": {"Extensions": "3"},
            "custom_fields": {"site": 'A & "B"'},
            "client": {"companyname": "Tom & Co", "country": "US", "currency_code": "USD"},
            "wait_ms": 15000,
            "idempotency_key": "inst-7f3c9a1e:1:service.create:1",
        }
    ]


@pytest.mark.parametrize(
    ("command", "more", "method", "parameters"),
    [
        (modules.SUSPEND, {"suspendreason": "O&#039;Hara"}, "service.suspend", {"reason": "O'Hara"}),
        (modules.UNSUSPEND, {}, "service.unsuspend", {}),
        (modules.TERMINATE, {}, "service.terminate", {}),
        (modules.RENEW, {}, "service.renew", {}),
        (modules.CHANGE_PACKAGE, {}, "service.change_package", {"product_id": 1, "options": {"Extensions": "3"}}),
        (modules.CHANGE_PASSWORD, {"servicepassword": "p&amp;w"}, "service.change_password", {"password": "p&w"}),
    ],
)
def test_each_function_is_its_method_and_the_few_parameters_it_needs(
    shop: StandIn, command: modules.Command, more: dict[str, str], method: str, parameters: dict[str, Any]
) -> None:
    bridgelet = Bridgelet()

    modules.run(with_shim(shop, bridgelet), 1, command, more=more)

    (asked,) = bridgelet.asked
    assert asked == {
        "method": method,
        "service_id": 1,
        **parameters,
        "wait_ms": 15000,
        "idempotency_key": f"inst-7f3c9a1e:1:{method}:1",
    }


def test_a_function_it_does_not_have_is_said_to_be_none(shop: StandIn) -> None:
    bridgelet = Bridgelet()

    said = modules.run(with_shim(shop, bridgelet), 1, modules.Command("resync", "ModuleCustom"))

    assert said == "voipbridge has no function resync"
    assert bridgelet.asked == []


# --- keys ------------------------------------------------------------------------------------------------------------


def test_suspend_unsuspend_suspend_within_an_hour_are_three_actions(shop: StandIn) -> None:
    """F-7."""
    bridgelet = Bridgelet()
    whmcs = with_shim(shop, bridgelet)

    for command in (modules.SUSPEND, modules.UNSUSPEND, modules.SUSPEND):
        modules.run(whmcs, 1, command)

    assert bridgelet.counters() == ["1", "2", "3"]


def test_the_same_action_after_its_success_is_a_new_one(shop: StandIn) -> None:
    """F-7."""
    bridgelet = Bridgelet()
    whmcs = with_shim(shop, bridgelet)

    for _ in range(2):
        modules.run(whmcs, 1, modules.RENEW)

    assert bridgelet.counters() == ["1", "2"]


@pytest.mark.parametrize("state", ["accepted", "waiting_pbx", "retry_wait", "running"])
def test_a_retry_of_what_has_not_succeeded_is_the_same_action(shop: StandIn, state: str) -> None:
    """R-57: a repeat carries the same key."""
    bridgelet = Bridgelet([{"result": done(state)}, {"result": done()}])
    whmcs = with_shim(shop, bridgelet)
    modules.run(whmcs, 1, modules.CREATE, automated=True)

    assert modules.retry(whmcs, 1) == "success"
    assert bridgelet.counters() == ["1", "1"]


def test_other_parameters_are_another_action(shop: StandIn) -> None:
    """R-56: one key never stands for two requests."""
    bridgelet = Bridgelet([{"result": done("waiting_pbx")}])
    whmcs = with_shim(shop, bridgelet)

    for password in ("first", "second", "second"):
        modules.run(whmcs, 1, modules.CHANGE_PASSWORD, more={"servicepassword": password})

    assert bridgelet.counters() == ["1", "2", "2"]


def test_services_count_apart(shop: StandIn) -> None:
    with shop.engine.begin() as tx:
        other = seed.service(tx, 1, 1, domain="b.example")
    bridgelet = Bridgelet()
    whmcs = with_shim(shop, bridgelet)

    for service_id in (1, other):
        modules.run(whmcs, service_id, modules.CREATE)

    assert [asked["idempotency_key"] for asked in bridgelet.asked] == [
        "inst-7f3c9a1e:1:service.create:1",
        f"inst-7f3c9a1e:{other}:service.create:1",
    ]


def test_a_lost_counter_does_not_stop_an_action(shop: StandIn) -> None:
    """F-7: WHMCS was restored from a backup, and its counter begins again where the bridge has seen other calls."""
    bridgelet = Bridgelet([an_error(1003), {"result": done()}])

    assert modules.run(with_shim(shop, bridgelet), 1, modules.SUSPEND) == "success"
    assert bridgelet.counters() == ["1", "1001"]


def test_the_counter_keeps_no_password(shop: StandIn) -> None:
    """T-20."""
    whmcs = with_shim(shop, Bridgelet())

    modules.run(whmcs, 1, modules.CHANGE_PASSWORD, more={"servicepassword": "visible-password"})

    assert "visible-password" not in str(rows_of(whmcs, tables.counters))


# --- what WHMCS is told ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"result": done("accepted")}, "VoIP bridge: operation 17 is accepted and goes on by itself."),
        ({"result": done("running")}, "VoIP bridge: operation 17 is running and goes on by itself."),
        ({"result": done("retry_wait")}, "VoIP bridge: operation 17 failed once and is tried again by itself."),
        ({"result": done("waiting_pbx")}, "VoIP bridge: operation 17 waits for the PBX and goes on by itself."),
        ({"result": done("manual")}, "VoIP bridge: operation 17 needs a person; see its task."),
        ({"result": done("superseded")}, "VoIP bridge: operation 17 was overtaken by a newer one."),
        (an_error(1004, operation_id=9), "VoIP bridge: operation 9 is still running and goes on by itself."),
        (an_error(1002, detail="service 1 is terminated"), "VoIP bridge: service 1 is terminated (incident i-1)"),
        (an_error(-32603), "VoIP bridge: Conflict (incident i-1)"),
        ({"result": "success"}, "VoIP bridge: an answer without a result; press Retry later."),
    ],
)
def test_everything_but_succeeded_is_one_sentence(shop: StandIn, answer: dict[str, Any], said: str) -> None:
    assert modules.run(with_shim(shop, Bridgelet([answer])), 1, modules.CREATE) == said
    assert rows_of(shop, tables.hosting)[0]["domainstatus"] == "Pending"


def test_an_unsigned_answer_is_no_answer(shop: StandIn) -> None:
    """R-63."""
    said = modules.run(with_shim(shop, Bridgelet(signs=False)), 1, modules.CREATE)

    assert "without the bridge's signature" in said
    assert "may still be running" in said


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (httpx.ConnectError("x"), "nothing was sent"),
        (httpx.ConnectTimeout("x"), "nothing was sent"),
        (httpx.ReadTimeout("x"), "may still be running"),
        (httpx.RemoteProtocolError("x"), "may still be running"),
    ],
)
def test_what_happened_on_the_way_is_told_for_what_it_means(shop: StandIn, trouble: Exception, told: str) -> None:
    """R-3."""
    assert told in modules.run(with_shim(shop, Bridgelet(trouble=trouble)), 1, modules.CREATE)


# --- the cron does not hang ------------------------------------------------------------------------------------------


def overdue(whmcs: StandIn, count: int) -> None:
    with whmcs.engine.begin() as tx:
        for _ in range(count):
            seed.service(tx, 1, 1, domainstatus="Active", nextduedate="2026-01-01")


def test_the_cron_waits_two_seconds_at_most(shop: StandIn) -> None:
    """F-8: calls from the cron send wait_ms 2000."""
    overdue(shop, 1)
    bridgelet = Bridgelet()

    cron.suspend_overdue(with_shim(shop, bridgelet))

    assert [asked["wait_ms"] for asked in bridgelet.asked] == [2000]


def test_after_one_failed_connect_the_cron_skips_the_bridge_for_a_minute(shop: StandIn) -> None:
    """F-8."""
    overdue(shop, 20)
    clock = Clock()
    unreachable = Bridgelet(trouble=httpx.ConnectError("x"))

    first = cron.suspend_overdue(with_shim(shop, unreachable, clock))
    clock.advance(seconds=59)
    cron.suspend_overdue(with_shim(shop, unreachable, clock))
    assert (first.failed, len(unreachable.asked)) == (20, 1)

    clock.advance(seconds=2)
    back = Bridgelet()
    assert cron.suspend_overdue(with_shim(shop, back, clock)) == cron.Round(done=20, failed=0)


def test_a_person_is_not_skipped(shop: StandIn) -> None:
    """F-8 is about the cron: somebody who presses the button is asked for."""
    overdue(shop, 1)
    unreachable = Bridgelet(trouble=httpx.ConnectError("x"))
    cron.suspend_overdue(with_shim(shop, unreachable))

    assert modules.run(with_shim(shop, Bridgelet()), 1, modules.CREATE) == "success"


# --- with the bridge itself ------------------------------------------------------------------------------------------


@contextmanager
def working(bridge: Bridge) -> Iterator[None]:
    """A worker at work, until the end of the block."""
    is_over = threading.Event()

    def work() -> None:
        worker = Worker(bridge, "worker-1")
        while not is_over.is_set():
            if not worker.run_once():
                is_over.wait(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_a_service_lives_its_life_through_whmcs_the_shim_and_the_bridge(bridge: Bridge, whmcs_sqlite: Engine) -> None:
    """The walk: order, create, suspend, unsuspend, suspend again, terminate; WHMCS sets each status itself."""
    whmcs = a_standin(whmcs_sqlite)
    pbx = with_memory_pbx(bridge)
    with whmcs.engine.begin() as tx:
        product_id = seed.product(tx)
        service_id = seed.service(tx, seed.client(tx), product_id, domain="acme.pbx.example")
    with_handler(bridge, product_id)
    with_package(bridge, product_id)
    keys.add(bridge, KEY.key_id, by="test", secret=KEY.secret)
    key = replace(KEY, audience=bridge.settings.instance)
    http = httpx.Client(base_url="http://bridge", transport=InProcess(web.app(bridge, all_methods())))
    shim = Shim(whmcs.engine, http, key, clock=lambda: datetime.now(UTC), random=os.urandom)
    whmcs = replace(whmcs, module=shim)

    commands = (modules.CREATE, modules.SUSPEND, modules.UNSUSPEND, modules.SUSPEND, modules.TERMINATE)
    with working(bridge):
        said = [modules.run(whmcs, service_id, command) for command in commands]

    assert said == ["success"] * 5
    assert pbx.domains() == ["acme.pbx.example"]
    assert rows_of(whmcs, tables.hosting)[0]["domainstatus"] == "Terminated"
    assert [row["counter"] for row in rows_of(whmcs, tables.counters)] == [5]
    assert len(rows_of(whmcs, tables.mails)) == 1
