"""What is tried on an operator's own systems, and written down (F-45); and what a person says at the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bridge.app import Bridge
from bridge.cli import run
from bridge.database import transact
from bridge.demo.whmcs.standin import StandIn
from bridge.life import selftest
from bridge.life.selftest import Trial
from bridge.store import installation as facts
from bridge.whmcs.sql import sql_records
from tests.factories import a_server, with_memory_pbx
from tests.whmcs.conftest import empty_whmcs_file, whmcs, whmcs_sqlite  # noqa: F401  # fixtures are found by name
from tests.whmcs.standin import client_of


def test_what_is_not_set_up_is_not_claimed(bridge: Bridge) -> None:
    assert [(each.subject, each.status, each.version) for each in selftest.run(bridge, by="kim")] == [
        ("whmcs_api", "skip", None),
        ("whmcs_records", "skip", None),
    ]


def test_what_was_tried_is_written_down_with_version_and_date_f45(
    bridge: Bridge,
    whmcs: StandIn,  # noqa: F811  # the fixture
) -> None:
    pbx = with_memory_pbx(bridge)
    joined = replace(bridge, whmcs=client_of(whmcs), records=sql_records(whmcs.engine))
    joined.drivers.use(a_server(), {}, pbx)

    trials = {each.subject: each for each in selftest.run(joined, by="kim")}

    assert (trials["whmcs_api"].status, trials["whmcs_api"].version) == ("pass", "8.13.1")
    assert (trials["whmcs_records"].status, trials["whmcs_records"].version) == ("pass", "8.13.1-release.1")
    assert trials["server:1"].status == "pass"
    written = {each["subject"]: each for each in selftest.results(joined)}
    assert written.keys() == trials.keys()
    assert written["whmcs_api"]["by"] == "kim"
    assert written["whmcs_api"]["at"] > "2000"


def test_a_failure_is_written_down_as_one_and_the_rest_is_tried(
    bridge: Bridge,
    whmcs: StandIn,  # noqa: F811  # the fixture
) -> None:
    whmcs.faults.order("refuse", "WhmcsDetails", times=10)
    joined = replace(bridge, whmcs=client_of(whmcs), records=sql_records(whmcs.engine))

    api, records = selftest.run(joined, by="kim")

    assert (api.status, records.status) == ("fail", "pass")
    assert isinstance(api, Trial)


def test_a_dry_run_keeps_nothing(bridge: Bridge) -> None:
    selftest.run(bridge, by="kim", dry_run=True)

    assert selftest.results(bridge) == []


def test_a_person_ends_a_restore_and_sees_why_nothing_was_done(
    migrated_sqlite: Path, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(str(sqlite_engine.url.database)).parent
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{sqlite_engine.url.database}")
    transact(sqlite_engine, lambda tx: facts.put(tx, "restore", {"by": "kim", "at": "today"}))

    assert run(["installation", "show", "--json"]) == 0
    assert "restored by kim" in json.loads(capsys.readouterr().out)["why_not"]
    assert run(["installation", "confirm", "restored", "--dry-run"]) == 0
    assert run(["installation", "confirm", "restored", "--reason", "looked at the sweep"]) == 0
    assert run(["installation", "confirm", "restored"]) == 1
    assert run(["installation", "confirm", "machine"]) == 1
    assert run(["installation", "confirm", "something"]) == 2
    capsys.readouterr()
    assert run(["installation", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["restore"] is None


def test_the_command_says_what_was_tried(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(str(sqlite_engine.url.database)).parent)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{sqlite_engine.url.database}")

    assert run(["selftest", "--json"]) == 0
    assert [each["status"] for each in json.loads(capsys.readouterr().out)] == ["skip", "skip"]
