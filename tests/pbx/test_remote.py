"""The driver asked from afar: the same promises over signed HTTP, and what a broken way between the two means."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import httpx
import pytest

from bridge import pbx as drivers
from bridge import signature
from bridge.agent import Agent, Reply
from bridge.errors import BridgeError, Conflict, NotFound, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.handler import MANUAL
from bridge.network import Guard
from bridge.pbx.comparison import differences
from bridge.pbx.driver import Capabilities, Driver, Surroundings, Tenant
from bridge.pbx.memory import EVERYTHING, MemoryPbx
from bridge.pbx.remote import RemotePbx
from bridge.secret import Secret
from tests.canary import CANARY_KEY
from tests.pbx.contract import DOMAIN, DriverContract, a_call, a_tenant, another_of
from tests.pbx.test_memory import MemoryHand

KEY = "bridge-1"
INSTANCE = "pbx-1"
SECRET = Secret(CANARY_KEY)


@dataclass
class Wire(httpx.BaseTransport):
    """The way between the driver and the agent, with a place to break it."""

    agent: Agent
    sent: list[httpx.Request] = field(default_factory=list)
    before: Callable[[httpx.Request], None] = lambda request: None
    after: Callable[[Reply], Reply] = lambda reply: reply

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        self.before(request)
        body = request.read()
        reply = self.after(self.agent.answer(request.url.path, request.headers.multi_items(), body))
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def far() -> MemoryPbx:
    return MemoryPbx()


@pytest.fixture
def wire(far: MemoryPbx, clock: Clock) -> Wire:
    return Wire(Agent(far, INSTANCE, {KEY: (signature.secret_bytes(SECRET),)}, clock))


@pytest.fixture
def pbx(wire: Wire, clock: Clock) -> RemotePbx:
    return a_remote(wire, clock)


def a_remote(wire: Wire, clock: Clock, *, secret: Secret = SECRET, instance: str = INSTANCE) -> RemotePbx:
    http = httpx.Client(base_url="https://pbx.example.com", transport=wire)
    return RemotePbx(http, instance, KEY, secret, Surroundings(Guard(), clock, os.urandom))


class TestRemote(DriverContract):
    @pytest.fixture
    def pbx(self, wire: Wire, clock: Clock) -> Driver:
        return a_remote(wire, clock)

    @pytest.fixture
    def hand(self, far: MemoryPbx) -> MemoryHand:
        return MemoryHand(far)


WRITES: tuple[Callable[[Driver], object], ...] = (
    lambda pbx: pbx.put(a_tenant(EVERYTHING)),
    lambda pbx: pbx.remove(a_tenant(EVERYTHING)),
)
READS: tuple[Callable[[Driver], object], ...] = (
    lambda pbx: pbx.find(DOMAIN),
    lambda pbx: pbx.calls(""),
    lambda pbx: pbx.domains(),
    lambda pbx: pbx.capabilities,
)


def both_mean(pbx: Driver) -> None:
    """What is lost on the way leaves a write unknown and a read not reached."""
    for write in WRITES:
        with pytest.raises(OutcomeUnknown):
            write(pbx)
    for read in READS:
        with pytest.raises(NotReached):
            read(pbx)


def test_an_unsigned_answer_is_no_answer(pbx: RemotePbx, wire: Wire) -> None:
    """R-63."""
    wire.after = lambda reply: replace(reply, headers={})

    both_mean(pbx)


def test_a_changed_answer_is_no_answer(pbx: RemotePbx, wire: Wire) -> None:
    wire.after = lambda reply: replace(reply, body=reply.body.replace(b"result", b"Result"))

    both_mean(pbx)


def test_the_answer_to_another_request_is_no_answer(pbx: RemotePbx, wire: Wire) -> None:
    """The answer is bound to the nonce of its request."""
    pbx.find(DOMAIN)
    first: list[Reply] = []
    wire.after = lambda reply: first.append(reply) or first[0]  # type: ignore[func-returns-value]  # append gives None
    pbx.find(DOMAIN)

    both_mean(pbx)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 500, 502, 503])
def test_what_somebody_between_answers_is_no_answer(pbx: RemotePbx, wire: Wire, status: int) -> None:
    wire.after = lambda reply: Reply(status, {"Content-Type": "text/html"}, b"<html>Sign in</html>")

    both_mean(pbx)


def test_a_connection_refused_reached_nothing(pbx: RemotePbx, wire: Wire) -> None:
    def refuse(request: httpx.Request) -> None:
        raise httpx.ConnectError("refused")

    wire.before = refuse
    for ask in (*WRITES, *READS):
        with pytest.raises(NotReached):
            ask(pbx)


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError])
def test_a_connection_lost_after_sending_leaves_a_write_unknown(
    pbx: RemotePbx, wire: Wire, error: type[httpx.TransportError]
) -> None:
    def lose(request: httpx.Request) -> None:
        raise error("lost")

    wire.before = lose

    both_mean(pbx)


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("verb", ["put", "change", "remove"])
def test_a_write_that_was_lost_on_the_way_can_be_asked_again(
    pbx: RemotePbx, far: MemoryPbx, wire: Wire, verb: str, cut: str
) -> None:
    """R-73, for the exchange itself: executed or not, a repeat ends in the same state."""
    tenant = a_tenant(EVERYTHING)
    wanted = another_of(tenant, EVERYTHING) if verb == "change" else tenant
    if verb != "put":
        pbx.put(tenant)

    def write() -> None:
        pbx.remove(wanted) if verb == "remove" else pbx.put(wanted)

    def lose(what: object) -> NoReturn:
        raise httpx.ReadError("lost")

    if cut == "before":
        wire.before = lose
    else:
        wire.after = lose
    with pytest.raises(OutcomeUnknown):
        write()
    wire.before, wire.after = (lambda request: None), (lambda reply: reply)
    write()
    found = far.find(DOMAIN)

    assert (found is None) == (verb == "remove")
    assert found is None or differences(wanted, found, EVERYTHING) == ()


def test_a_request_that_arrives_twice_is_done_once(pbx: RemotePbx, far: MemoryPbx, wire: Wire) -> None:
    """R-72: something between repeats what we sent; the agent does not believe it again."""
    pbx.put(a_tenant(EVERYTHING))
    late = wire.sent[-1]
    pbx.remove(a_tenant(EVERYTHING))

    assert wire.handle_request(late).status_code == 401
    assert far.by_hand.see(DOMAIN) is None


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Refused("no", kind="pbx_rejected"), "pbx_rejected"),
        (Conflict("theirs", kind="pbx_conflict"), "pbx_conflict"),
        (NotFound("gone"), "not_found"),
        (NotPrepared("no licence"), "precondition_failed"),
        (NotReached("down"), "pbx_unreachable"),
        (OutcomeUnknown("lost"), "pbx_unreachable"),
    ],
)
def test_trouble_keeps_its_meaning_on_the_way_back(
    pbx: RemotePbx, far: MemoryPbx, trouble: BridgeError, kind: str
) -> None:
    for ask in (*WRITES, *READS[:-1]):
        far.trouble.fail(1, trouble)
        with pytest.raises(type(trouble), match=str(trouble)) as caught:
            ask(pbx)

        assert type(caught.value) is type(trouble)
        assert caught.value.kind == kind


class BrokenPbx(MemoryPbx):
    """A driver with a bug in every verb that is asked here."""

    def find(self, domain: str) -> Tenant | None:
        raise ZeroDivisionError("the bug")

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        raise ZeroDivisionError("the bug")


def test_a_bug_in_the_far_driver_leaves_a_write_unknown(
    wire: Wire, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """What broke stays in the agent's log, by its kind and its way; what it says may quote a secret (T-20)."""
    wire.agent = Agent(BrokenPbx(), INSTANCE, {KEY: (signature.secret_bytes(SECRET),)}, clock)
    for ask, meaning in ((WRITES[0], OutcomeUnknown), (READS[0], NotReached)):
        with pytest.raises(meaning, match="the agent failed; its log says why"):
            ask(a_remote(wire, clock))

    told = [str(vars(record).get("fields")) for record in caplog.records if record.msg == "an agent verb failed"]
    assert len(told) == 2
    assert all("ZeroDivisionError" in each and "the bug" not in each for each in told)


def test_passwords_travel_in_put_and_nowhere_in_messages(pbx: RemotePbx, far: MemoryPbx, wire: Wire) -> None:
    """T-20."""
    tenant = a_tenant(EVERYTHING)
    pbx.put(tenant)
    seen = far.by_hand.see(DOMAIN)
    pbx.remove(tenant)

    assert seen is not None
    assert seen.admin_password == tenant.admin_password
    assert b"password" not in wire.sent[-1].content
    assert CANARY_KEY not in repr(wire.sent[-1].headers)


def test_every_exchange_has_its_own_nonce(pbx: RemotePbx, wire: Wire) -> None:
    pbx.find(DOMAIN)
    pbx.find(DOMAIN)

    assert len({request.headers[signature.NONCE] for request in wire.sent}) == 2


def test_capabilities_are_asked_once(pbx: RemotePbx, wire: Wire) -> None:
    assert pbx.capabilities == EVERYTHING
    assert pbx.capabilities == EVERYTHING
    assert len(wire.sent) == 1


def test_capabilities_that_say_little_come_through(wire: Wire, clock: Clock) -> None:
    little = Capabilities(dial_restrict=False, objects=frozenset({"numbers"}), secrets_readable=False)
    wire.agent = Agent(MemoryPbx(little), INSTANCE, {KEY: (signature.secret_bytes(SECRET),)}, clock)

    assert a_remote(wire, clock).capabilities == little


@pytest.mark.parametrize(
    "result",
    ["7", "[]", '"text"', '{"domain": 7}', '{"domain": "a", "more": 1}', '{"calls": [{}], "after": ""}', "[1]"],
)
def test_a_signed_answer_that_makes_no_sense_is_not_reached(pbx: RemotePbx, wire: Wire, result: str) -> None:
    body = f'{{"result": {result}}}'.encode()

    def resign(reply: Reply) -> Reply:
        headers = signature.response_headers(
            [signature.secret_bytes(SECRET)],
            status=200,
            key_id=KEY,
            timestamp=1,
            nonce=wire.sent[-1].headers[signature.NONCE],
            body=body,
        )
        return Reply(200, headers, body)

    wire.after = resign
    asked = (lambda: pbx.find(DOMAIN), lambda: pbx.calls(""), lambda: pbx.capabilities)
    for ask in (*asked, *((lambda: pbx.domains(),) if result != "[]" and result != '"text"' else ())):
        with pytest.raises(NotReached):
            ask()


def test_a_wrong_secret_is_told_by_the_connection_test(wire: Wire, clock: Clock) -> None:
    pbx = a_remote(wire, clock, secret=Secret("A" * 43 + "="))
    (check,) = pbx.checks()

    assert (check.name, check.status) == ("agent", "fail")
    assert "401" in check.detail
    assert "secret" in check.fix


def test_a_wrong_instance_is_not_believed(wire: Wire, clock: Clock) -> None:
    """A secret copied to another instance opens nothing."""
    with pytest.raises(NotReached, match="401"):
        a_remote(wire, clock, instance="pbx-2").find(DOMAIN)


def test_a_clock_that_is_off_is_told_by_the_connection_test(wire: Wire, clock: Clock, far: MemoryPbx) -> None:
    late = Clock(clock.now + timedelta(seconds=90))
    found = {check.name: check for check in a_remote(wire, late).checks()}

    assert found["agent"].status == "ok"
    assert (found["agent_clock"].status, found["agent_clock"].detail) == ("warn", "90 s apart")


def test_pages_of_calls_come_through_exactly(pbx: RemotePbx, far: MemoryPbx) -> None:
    call = replace(a_call("x"), started_at=datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC), answered_at=None)
    far.by_hand.ring(call)

    assert pbx.calls("").calls == (call,)


def test_the_driver_is_connected_by_its_kind() -> None:
    config = {"url": "https://pbx.example.com:8471", "instance": INSTANCE, "key_id": KEY}
    surroundings = Surroundings(Guard(), Clock(), os.urandom)

    assert isinstance(drivers.connect("remote", config, {"secret": SECRET}, surroundings), RemotePbx)


@pytest.mark.parametrize("weak", ["A" * 43 + "=", "/" * 43 + "="])
def test_a_secret_that_everybody_knows_is_refused(weak: str) -> None:
    """T-22."""
    config = {"url": "https://pbx.example.com:8471", "instance": INSTANCE, "key_id": KEY}
    with pytest.raises(NotPrepared, match="secret is one that everybody knows"):
        drivers.check("remote", config, {"secret": Secret(weak)})


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({}, ["url is missing", "instance is missing", "key_id is missing", "secret is missing"]),
        ({"url": "https://u:p@h", "instance": "", "key_id": "K"}, ["url is not", "instance is not", "key_id is not"]),
        ({"url": 7, "colour": "red"}, ["'colour' is not a setting", "url is not"]),
        ({"secret": CANARY_KEY}, ["'secret' is a secret and belongs among the secrets"]),
    ],
)
def test_every_wrong_key_is_named_and_no_value_is_shown(config: dict[str, object], names: list[str]) -> None:
    with pytest.raises(NotPrepared) as caught:
        drivers.check("remote", config, {})

    for name in names:
        assert name in str(caught.value)
    assert CANARY_KEY not in str(caught.value)
    assert "u:p" not in str(caught.value)


def test_drivers_are_found_by_their_file_names() -> None:
    assert {"memory", "remote"} <= set(drivers.kinds())
    assert not {"driver", "wire", "comparison", "connection", "demand", "setting", MANUAL} & set(drivers.kinds())
    with pytest.raises(NotPrepared, match="there is no driver 'manual'"):
        drivers.settings_of("manual")


def test_the_memory_driver_connects_with_nothing() -> None:
    made = drivers.connect("memory", {}, {}, Surroundings(Guard(), Clock(), os.urandom))
    made.put(Tenant(DOMAIN, "m"))

    assert list(made.domains()) == [DOMAIN]
    assert json.dumps([each.name for each in drivers.settings_of("remote")]) == json.dumps(
        ["url", "instance", "key_id", "pin", "unverified_until", "secret", "zone"]
    )
