"""Any method by hand, on the host: the same models, the same use cases, and no secret in a command line (T-20)."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bridge.cli import run
from bridge.database import transact
from bridge.store import installation as facts
from tests.canary import CANARY

PBX = {"server_id": 1, "name": "pbx1", "driver": "memory", "zone": "pbx.example", "default": True}


@pytest.fixture
def at_home(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(str(sqlite_engine.url.database)).parent
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{sqlite_engine.url.database}")
    (folder / "pbx.json").write_text(json.dumps(PBX))
    return folder


def test_a_server_is_added_and_seen(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "server.upsert", "pbx.json"]) == 0
    capsys.readouterr()
    assert run(["call", "server.list", "--json"]) == 0

    [server] = json.loads(capsys.readouterr().out)["servers"]
    assert (server["name"], server["health"]) == ("pbx1", "untested")


def test_a_dry_run_changes_nothing(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "server.upsert", "pbx.json", "--dry-run"]) == 0
    capsys.readouterr()
    assert run(["call", "server.list", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {"servers": []}


def test_parameters_may_come_by_stdin(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(PBX)))

    assert run(["call", "server.upsert", "-"]) == 0


def test_restore_mode_holds_here_too_r39(
    at_home: Path, sqlite_engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    transact(sqlite_engine, lambda tx: facts.put(tx, "restore", {"by": "kim", "at": "today"}))

    assert run(["call", "server.upsert", "pbx.json"]) == 1
    assert "restored by kim" in capsys.readouterr().err
    assert run(["call", "server.upsert", "pbx.json", "--dry-run"]) == 0
    assert run(["call", "server.list"]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["call", "server.nonsense"], "there is no method server.nonsense"),
        (["call", "server.upsert"], "server_id: missing"),
        (["call", "server.upsert", "wrong.json"], "password: extra_forbidden"),
        (["call", "server.upsert", "list.json"], "list.json is not a JSON object"),
        (["call", "server.upsert", "half.json"], "half.json is not a JSON object"),
        (["call", "server.upsert", "missing.json"], "missing.json cannot be read"),
    ],
)
def test_what_a_method_does_not_take_is_one_sentence_without_values_t20(
    at_home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    for name, text in (
        ("wrong.json", json.dumps({**PBX, "password": CANARY})),
        ("list.json", "[]"),
        ("half.json", f'{{"password": "{CANARY}'),
    ):
        (at_home / name).touch(mode=0o600)
        (at_home / name).write_text(text)

    assert run(arguments) == 1

    said = capsys.readouterr()
    assert told in said.err
    assert len(said.err.splitlines()) == 1
    assert CANARY not in said.err + said.out
