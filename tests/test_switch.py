"""The simulated PBX, started as anyone starts it and asked over the network."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bridge import pbx as drivers
from bridge.agent import Agent
from bridge.demo import switch
from bridge.errors import NotReached, OutcomeUnknown
from bridge.network import Guard
from bridge.pbx.driver import Driver, Surroundings, Tenant
from bridge.pbx.memory import EVERYTHING, MemoryPbx
from bridge.pbx.wire import object_to_json, tenant_to_json
from bridge.secret import Secret
from tests.canary import CANARY_KEY
from tests.listening import asked
from tests.pbx.contract import DOMAIN, a_call, a_tenant


@dataclass
class Running:
    url: str
    process: subprocess.Popen[str]

    def act(self, act: str, **members: object) -> httpx.Response:
        return httpx.post(f"{self.url}/control/{act}", json=members)

    def driver(self, secret: str = CANARY_KEY) -> Driver:
        surroundings = Surroundings(
            Guard((ipaddress.ip_network("127.0.0.0/8"),)), lambda: datetime.now(UTC), os.urandom
        )
        config = {"url": self.url, "instance": "pbx-north", "key_id": "demo"}
        return drivers.connect("remote", config, {"secret": Secret(secret)}, surroundings)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    file = tmp_path_factory.mktemp("switch") / "secret"
    file.write_text(CANARY_KEY)
    file.chmod(0o600)
    options = ["--listen", "127.0.0.1:0", "--instance", "pbx-north", "--secret-file", str(file), "--control"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge.demo.switch", *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    where = process.stdout.readline().removeprefix("listening on ").strip()
    yield Running(f"http://{where}", process)
    process.terminate()
    process.wait(20)
    process.stdout.close()


def test_a_tenant_goes_in_and_out(running: Running) -> None:
    pbx = running.driver()
    tenant = a_tenant(EVERYTHING)
    pbx.put(tenant)
    found = pbx.find(DOMAIN)
    pbx.remove(tenant)

    assert found is not None
    assert found.admin_password == tenant.admin_password
    assert pbx.find(DOMAIN) is None
    assert {check.status for check in pbx.checks()} == {"ok"}


def test_an_outage_begins_and_ends(running: Running) -> None:
    pbx = running.driver()
    running.act("outage", on=True)
    with pytest.raises(NotReached):
        pbx.put(Tenant(DOMAIN, "m"))
    running.act("outage", on=False)

    assert pbx.find(DOMAIN) is None


def test_a_fault_can_be_asked_for(running: Running) -> None:
    pbx = running.driver()
    running.act("fail", nth=2, trouble="OutcomeUnknown", after_effect=True)
    with pytest.raises(OutcomeUnknown):
        pbx.put(Tenant(DOMAIN, "m"))
    pbx.remove(Tenant(DOMAIN, "m"))


def test_calls_ring(running: Running) -> None:
    pbx = running.driver()
    after = pbx.calls("").after
    answer = running.act("ring", **object_to_json(a_call("ring-1")))

    assert answer.json() == {"done": True}
    assert pbx.calls(after).calls == (a_call("ring-1"),)


def test_an_operator_acts(running: Running) -> None:
    pbx = running.driver()
    running.act("add", **tenant_to_json(a_tenant(EVERYTHING, domain="old.example.com", marker=None)))
    running.act("enable", domain="old.example.com", extension="101", enabled=False)
    running.act("rename", domain="old.example.com", extension="102", name="Reception")
    found = pbx.find("old.example.com")
    state = httpx.get(f"{running.url}/control/state").json()
    running.act("remove", domain="old.example.com")

    assert found is not None
    assert [(each.enabled, each.name) for each in found.extensions] == [(False, "Ann O'Neil"), (True, "Reception")]
    assert [each["domain"] for each in state["tenants"]] == ["old.example.com"]
    assert "password" not in str(state["tenants"][0]["extensions"])
    assert pbx.find("old.example.com") is None


@pytest.mark.parametrize(
    ("act", "members"), [("ring", {"call_id": 7}), ("outage", {}), ("fail", {"nth": 1, "trouble": "Bang"}), ("add", {})]
)
def test_a_wrong_act_is_told(running: Running, act: str, members: dict[str, object]) -> None:
    assert running.act(act, **members).status_code == 400


def test_an_unknown_act_and_a_browsers_form_are_turned_away(running: Running) -> None:
    assert running.act("shell").status_code == 404
    assert httpx.post(f"{running.url}/control/outage", data={"on": "1"}).status_code == 415


def test_the_secret_is_not_among_the_processs_arguments(running: Running) -> None:
    """T-20."""
    arguments = Path(f"/proc/{running.process.pid}/cmdline").read_bytes()

    assert CANARY_KEY.encode() not in arguments


def test_without_the_flag_nothing_can_be_made_to_happen() -> None:
    pbx = MemoryPbx()
    closed = switch.app(pbx, Agent(pbx, "pbx-north", {}, lambda: datetime.now(UTC)))

    assert asked(closed, "POST", "/control/outage", json={"on": True}).status_code == 404


def test_from_elsewhere_nothing_can_be_made_to_happen() -> None:
    pbx = MemoryPbx()
    opened = switch.app(pbx, Agent(pbx, "pbx-north", {}, lambda: datetime.now(UTC)), control=True)
    far = ("203.0.113.9", 4711)

    assert asked(opened, "POST", "/control/outage", client=far, json={"on": True}).status_code == 403
    assert asked(opened, "GET", "/control/state", client=far).status_code == 403


@pytest.mark.parametrize(
    ("environment", "listen"),
    [({}, "127.0.0.1:0"), ({switch.SECRET: "short"}, "127.0.0.1:0"), ({switch.SECRET: CANARY_KEY}, "127.0.0.1:x")],
)
def test_what_is_missing_is_said_in_one_sentence(
    environment: dict[str, str], listen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert switch.main(["--listen", listen], environment) == 1
    assert capsys.readouterr().err.startswith("the simulated PBX does not start: ")
