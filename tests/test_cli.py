"""The command line keeps its promises: help, `--json`, exit codes, one sentence for trouble, dry runs that are dry."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import select

from bridge import app as bridges
from bridge import cli, database, keys, schema, services, settings
from bridge.app import Bridge
from bridge.database import transact
from bridge.handler import MANUAL
from bridge.life import installation
from bridge.secret import Secret
from bridge.store import installation as facts
from bridge.tables import metadata, nonces
from tests.canary import CANARY
from tests.factories import a_server, asking, run_all, with_handler, with_memory_pbx
from tests.processes import running, until

Path_ = tuple[str, ...]


def commands(group: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    inner = getattr(group, "commands", None)
    yield path, group
    for name, command in (inner or {}).items():
        yield from commands(command, (*path, name))


EVERY = dict(commands(typer.main.get_command(cli.app)))
LEAVES = {path: command for path, command in EVERY.items() if not hasattr(command, "commands")}

ONLY_READ = {
    *(
        ("agent",),
        ("demo",),
        ("serve",),
        ("work",),
        ("openrpc",),
        ("doctor",),
        ("db", "check"),
        ("installation", "show"),
    ),
    *(("keys", "list"), ("master-key", "status"), ("ops", "list"), ("ops", "show"), ("tasks", "list")),
    *(("number", "normalise"), ("package", "show"), ("package", "list"), ("package", "lint")),
    *(("tariff", "list"), ("tariff", "show"), ("tariff", "diff"), ("tariff", "export")),
    ("rate", "quote"),
}
"""`agent`, `demo`, `serve` and `work` change what they are asked to change; there is no dry way to serve."""


@dataclass
class Typed:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Type = Callable[..., Typed]


@pytest.fixture
def house(tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An embedded database that is set up, in a folder of its own, named in the environment."""
    shutil.copy(migrated_sqlite, tmp_path / "bridge.db")
    given = {
        "BRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/bridge.db",
        "BRIDGE_MASTER_KEY_FILE": f"{tmp_path}/keys/master.key",
    }
    for name in [name for name in os.environ if name.startswith("BRIDGE_")]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return given


@pytest.fixture
def log_as_before() -> Iterator[None]:
    """A command sets the log of its process up; this process has others to serve."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def type_(house: dict[str, str], log_as_before: None, capfd: pytest.CaptureFixture[str]) -> Type:
    """What a command answers, in this process: as `bridge` does it."""

    def typed(*arguments: str) -> Typed:
        capfd.readouterr()
        code = cli.run(arguments)
        said = capfd.readouterr()
        return Typed(code, said.out, said.err)

    return typed


@pytest.fixture
def bridge(house: dict[str, str]) -> Iterator[Bridge]:
    made = bridges.build(settings.read(house))
    yield made
    made.engine.dispose()


@pytest.fixture
def furnished(bridge: Bridge) -> Bridge:
    """Operation 1 succeeded, operation 2 waits for a person with task 1, operation 3 is not begun."""
    with_memory_pbx(bridge, a_server())
    with_handler(bridge, 12)
    with_handler(bridge, 13, driver=MANUAL)
    keys.add(bridge, "whmcs-main")
    _create(bridge, 1, 12)
    run_all(bridge)
    _create(bridge, 2, 13)
    _create(bridge, 3, 12)
    return bridge


def _create(bridge: Bridge, service_id: int, product_id: int) -> None:
    services.create(
        bridge,
        asking(),
        service_id=service_id,
        client_id=service_id,
        product_id=product_id,
        server_id=1,
        domain=f"s{service_id}.example",
        username="",
        password=None,
        options={},
        custom_fields={},
    )


def contents(bridge: Bridge) -> dict[str, list[Any]]:
    """Everything that is kept, nonces apart: they are the door's."""
    with bridge.engine.connect() as tx:
        return {
            table.name: [tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
            if table is not nonces
        }


# --- help, options, completion ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERY, ids=lambda path: " ".join(path) or "bridge")
def test_every_command_has_help(type_: Type, path: Path_) -> None:
    said = type_(*path, "--help")

    assert said.code == 0
    assert said.out.startswith(f"Usage: {' '.join(('bridge', *path))}")
    assert said.err == ""
    assert "\x1b" not in said.out
    assert EVERY[path].help, "it says what it does"


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_json(path: Path_) -> None:
    options = {each for parameter in LEAVES[path].params for each in parameter.opts}

    assert "--json" in options


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - ONLY_READ), ids=" ".join)
def test_every_command_that_writes_takes_dry_run(path: Path_) -> None:
    options = {each for parameter in LEAVES[path].params for each in parameter.opts}

    assert "--dry-run" in options


def test_help_is_there_without_the_database_and_the_web() -> None:
    asked = (
        "import sys; from bridge.cli import run; code = run(['--help']); "
        "print([m for m in ('sqlalchemy', 'starlette', 'uvicorn', 'httpx', 'pydantic', 'rich') if m in sys.modules], "
        "file=sys.stderr); sys.exit(code)"
    )

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stderr.strip()) == (0, "[]")


def test_version_says_which(type_: Type) -> None:
    from bridge import __version__

    assert type_("--version") == Typed(0, f"bridge {__version__}\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_told_how_to_complete(shell: str) -> None:
    script = _completing(f"source_{shell}")
    words = {"COMP_WORDS": "bridge ke", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "bridge ke"}
    words |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"} if shell == "fish" else {}
    completed = _completing(f"complete_{shell}", **words)

    assert "_BRIDGE_COMPLETE" in script.stdout
    assert "keys" in completed.stdout
    assert "openrpc" not in completed.stdout


def _completing(instruction: str, **words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bridge"],
        env={**os.environ, "_BRIDGE_COMPLETE": instruction, **words},
        capture_output=True,
        text=True,
        timeout=30,
    )


# --- what is said ----------------------------------------------------------------------------------------------------

READS = [
    ("db", "check"),
    ("keys", "list"),
    ("ops", "list"),
    ("ops", "show", "1"),
    ("tasks", "list"),
    ("openrpc",),
    ("installation", "show"),
    ("call", "server.list"),
]


@pytest.mark.parametrize("arguments", READS, ids=" ".join)
def test_json_is_one_document_and_nothing_else(furnished: Bridge, type_: Type, arguments: Path_) -> None:
    said = type_(*arguments, "--json")

    assert said.code == 0, said.err
    assert said.document is not None
    assert said.out.count("\n") == 1


@pytest.mark.parametrize("arguments", READS[1:5], ids=" ".join)
def test_tables_are_plain_columns_for_whoever_reads_them(furnished: Bridge, type_: Type, arguments: Path_) -> None:
    said = type_(*arguments)

    assert said.code == 0
    assert "\x1b" not in said.out
    assert not set("│┃━┏") & set(said.out)


def test_keys_add_prints_the_key_and_its_secret_once(type_: Type) -> None:
    """What the contract says of `keys add --json`."""
    said = type_("keys", "add", "whmcs-main", "--scope", "service.*", "--json")

    assert said.document.keys() == {"key_id", "secret"}
    assert re.fullmatch(r"[A-Za-z0-9+/]{43}=", said.document["secret"])
    assert said.document["secret"] not in type_("keys", "list", "--json").out


def test_doctor_is_one_document_and_fails_without_whmcs(type_: Type) -> None:
    said = type_("doctor", "--json")

    assert said.code == 1
    assert said.document["ok"] is False
    assert {"name", "status", "detail", "why", "fix"} <= said.document["checks"][0].keys()
    assert re.fullmatch(r"\d+ of \d+ checks failed: .*whmcs\.settings.*\n", said.err)
    assert type_("doctor", "--only", "settings", "--json").code == 0


def test_doctor_without_json_names_every_check_its_reason_and_its_fix(type_: Type) -> None:
    said = type_("doctor")

    lines = [line.split("\t") for line in said.out.splitlines()]
    assert lines[0] == ["check", "result", "found", "why it matters", "fix"]
    assert {"settings", "database", "schema", "whmcs.settings", "keys", "audit"} <= {line[0] for line in lines}
    assert all(len(line) == 5 for line in lines)


def test_colours_and_frames_are_for_terminals_alone(house: dict[str, str], tmp_path: Path) -> None:
    keys_list = [sys.executable, "-m", "bridge", "keys", "list"]
    environment = {**os.environ, **house, "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)

    piped = subprocess.run(keys_list, env=environment, capture_output=True, timeout=30)
    shown = _on_a_terminal(keys_list, environment)

    assert b"\x1b" not in piped.stdout
    assert piped.stdout.startswith(b"key\tscopes")
    assert b"\x1b[1m" in shown
    assert "┃".encode() in shown


def _on_a_terminal(command: list[str], environment: dict[str, str]) -> bytes:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux says EIO when the other side has hung up
            break
        if not chunk:
            break
        seen += chunk
    os.close(ours)
    assert process.wait(30) == 0, seen
    return seen


def test_progress_is_for_terminals_alone(house: dict[str, str]) -> None:
    doctor = [sys.executable, "-m", "bridge", "doctor", "--only", "python", "--json"]
    environment = {**os.environ, **house, "TERM": "xterm"}

    piped = subprocess.run(doctor, env=environment, capture_output=True, timeout=30)
    shown = _on_a_terminal(doctor, environment)

    assert piped.stderr == b""
    assert b"\r\x1b[Kpython" in shown


# --- exit codes and sentences ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("keys",),
        ("keys", "nothing"),
        ("keys", "add"),
        ("keys", "add", "a", "b"),
        ("keys", "list", "--nothing"),
        ("ops", "show", "seven"),
        ("ops", "show"),
        ("ops", "list", "--limit", "0"),
        ("ops", "list", "--limit"),
        ("tasks", "complete"),
        ("installation", "confirm", "nothing"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2_and_says_where_to_look(type_: Type, arguments: Path_) -> None:
    said = type_(*arguments)

    assert said.code == 2
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.startswith("Usage:") or (len(said.err.splitlines()) == 1 and "--help" in said.err)


def not_a_database(folder: Path) -> str:
    (folder / "other.db").write_text("this is not a database, whatever its name says; it is a text of some length")
    return f"sqlite:///{folder}/other.db"


def a_readable_key(folder: Path) -> str:
    path = folder / "readable.key"
    path.write_text("QUJD" * 10 + "QUI=")
    path.chmod(0o644)
    return str(path)


def a_broken_config(folder: Path) -> str:
    (folder / "broken.toml").write_text("BRIDGE_LISTEN = nothing")
    return str(folder / "broken.toml")


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("BRIDGE_LISTEN", lambda _: "nowhere", "BRIDGE_LISTEN is not host:port"),
        ("BRIDGE_LISTNE", lambda _: "127.0.0.1:1", "BRIDGE_LISTNE is not a setting"),
        ("BRIDGE_WORKERS", lambda _: "many", "BRIDGE_WORKERS is not a whole number"),
        ("BRIDGE_CONFIG", lambda folder: f"{folder}/none.toml", "cannot be read"),
        ("BRIDGE_CONFIG", a_broken_config, "is not TOML"),
        ("BRIDGE_MASTER_KEY_FILE", a_readable_key, "can be read by others; chmod 600"),
        ("BRIDGE_MASTER_KEY_FILE", lambda folder: str(folder), "the master key"),
        ("BRIDGE_DATABASE_URL", lambda _: f"oracle://a:{CANARY}@b/c", "BRIDGE_DATABASE_URL is not a database URL"),
        ("BRIDGE_DATABASE_URL", lambda _: "mysql+pymysql://a:b@127.0.0.1:1/c", "the database does not answer"),
        ("BRIDGE_DATABASE_URL", lambda _: f"mysql+pymysql://a:{CANARY}@nowhere.invalid/c", "does not answer"),
        ("BRIDGE_DATABASE_URL", lambda _: "sqlite:////proc/none/bridge.db", "database"),
        ("BRIDGE_DATABASE_URL", not_a_database, "the database file is no database"),
    ],
)
def test_what_keeps_it_from_starting_is_one_sentence(
    type_: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: Callable[[Path], str], told: str
) -> None:
    monkeypatch.setenv(setting, value(tmp_path))

    said = type_("keys", "list")

    assert (said.code, said.out) == (1, "")
    assert told in said.err
    assert len(said.err.splitlines()) == 1
    assert "Traceback" not in said.err
    assert CANARY not in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ops", "show", "99"), "there is no such operation"),
        (("ops", "retry", "99"), "99"),
        (("ops", "cancel", "1"), "operation 1 is succeeded"),
        (("ops", "retry", "2"), "operation 2 has no tenant on a server to try it on"),
        (("ops", "list", "--state", "sleeping"), "'sleeping' is not a state"),
        (("tasks", "claim", "99"), "99"),
        (("tasks", "complete", "99"), "99"),
        (("keys", "add", "whmcs-main"), "there is a key whmcs-main already"),
        (("keys", "add", "Not A Name"), "cannot be a key's name"),
        (("keys", "add", "other", "--scope", "everything"), "is not a scope"),
        (("keys", "rotate", "nobody"), "there is no key nobody"),
        (("keys", "revoke", "nobody"), "there is no key nobody"),
        (("keys", "revoke", "nobody", "--dry-run"), "there is no key nobody"),
        (("call", "service.fly"), "there is no method service.fly"),
        (("call", "service.get"), "service_id: missing"),
        (("call", "service.get", "none.json"), "none.json cannot be read"),
        (("doctor", "--only", "nothing"), "no check is called nothing"),
        (("installation", "confirm", "machine"), "name the fingerprint"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["", "json"])
def test_what_is_refused_is_1_and_one_sentence(
    furnished: Bridge, type_: Type, arguments: Path_, form: Path_, told: str
) -> None:
    said = type_(*arguments, *form)

    assert (said.code, said.out) == (1, "")
    assert told in said.err
    assert len(said.err.splitlines()) == 1


def test_a_schema_that_is_not_current_is_one_sentence(
    type_: Type, empty_mariadb_url: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", empty_mariadb_url.reveal())

    check, listed = type_("db", "check", "--json"), type_("keys", "list")

    assert check.code == 1
    assert check.document["current"] is False
    assert listed.code == 1
    assert "run: bridge db upgrade" in listed.err


def test_whoever_stops_reading_ends_it_quietly(house: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bridge", "openrpc"],
        env={**os.environ, **house},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()

    assert said == b""
    assert process.returncode in (0, 1)


def test_serve_tells_in_json_where_it_listens_and_ends_with_0(house: dict[str, str], tmp_path: Path) -> None:
    environment = {**house, "BRIDGE_LISTEN": "127.0.0.1:0"}

    with running(["serve", "--no-workers", "--json"], environment, tmp_path) as serve:
        until(lambda: "listen" in serve.said(), "it says where")
        [line] = [line for line in serve.said().splitlines() if line.startswith("{")]
        serve.process.send_signal(signal.SIGINT)
        code = serve.process.wait(30)

    assert code == 0
    assert re.fullmatch(r"127\.0\.0\.1:\d+", json.loads(line)["listen"])


# --- dry runs --------------------------------------------------------------------------------------------------------

WRITES: list[tuple[str, ...]] = [
    ("keys", "add", "another"),
    ("keys", "rotate", "whmcs-main"),
    ("keys", "revoke", "whmcs-main"),
    ("ops", "retry", "3"),
    ("ops", "cancel", "2"),
    ("ops", "cancel", "3"),
    ("tasks", "claim", "1"),
    ("tasks", "complete", "1", "--outcome", "cancel"),
    ("db", "upgrade"),
    ("selftest",),
]


@pytest.mark.parametrize("arguments", WRITES, ids=" ".join)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["", "json"])
def test_a_dry_run_changes_nothing_and_says_what_would_happen(
    furnished: Bridge, type_: Type, arguments: Path_, form: Path_
) -> None:
    before = contents(furnished)

    said = type_(*arguments, "--dry-run", *form)

    assert said.code == 0, said.err
    assert said.out.strip()
    assert contents(furnished) == before


@pytest.mark.parametrize("arguments", WRITES[:-2], ids=" ".join)
def test_the_same_without_dry_run_changes_something(furnished: Bridge, type_: Type, arguments: Path_) -> None:
    """So that the dry runs above are not of commands that do nothing."""
    before = contents(furnished)

    said = type_(*arguments)

    assert said.code == 0, said.err
    assert contents(furnished) != before


def test_a_dry_run_by_call_changes_nothing(furnished: Bridge, type_: Type, tmp_path: Path) -> None:
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps({"server_id": 1, "reason": "new disks"}))
    before = contents(furnished)

    dry = type_("call", "server.pause", str(asked), "--dry-run", "--json")
    unchanged = contents(furnished) == before
    done = type_("call", "server.pause", str(asked), "--json")

    assert (dry.code, dry.document["paused_reason"], unchanged) == (0, "new disks", True)
    assert done.code == 0
    assert contents(furnished) != before


def test_a_dry_upgrade_of_an_empty_database_makes_no_table(
    type_: Type, empty_mariadb_url: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", empty_mariadb_url.reveal())

    dry = type_("db", "upgrade", "--dry-run", "--json")
    engine = database.connect(empty_mariadb_url)
    still_missing = schema.check(engine)
    engine.dispose()
    done = type_("db", "upgrade", "--json")

    assert dry.document["dry_run"] is True
    assert dry.document["applied"] == done.document["applied"] == ["0001_foundation"]
    assert still_missing


def test_a_person_ends_restore_mode_by_name(furnished: Bridge, type_: Type) -> None:
    installation.enter_restore(furnished, actor="Kim", reason="a test")
    before = contents(furnished)

    dry = type_("installation", "confirm", "restored", "--dry-run")
    unchanged = contents(furnished) == before
    done = type_("installation", "confirm", "restored", "--reason", "looked at it")

    assert (dry.code, done.code, unchanged) == (0, 0, True)
    assert transact(furnished.engine, lambda tx: facts.get(tx, installation.RESTORE)) is None


# --- packages --------------------------------------------------------------------------------------------------------


def test_a_package_is_loaded_from_its_file_and_shown_by_its_name(bridge: Bridge, type_: Type, tmp_path: Path) -> None:
    path = tmp_path / "basic.toml"
    path.write_text(
        '[package]\nname = "Basic"\nproduct_id = 12\ntype = "metered"\ncurrency = "USD"\ncountry = "CA"\n'
        "nanp_10_digit = true\n"
    )
    before = contents(bridge)

    dry = type_("package", "load", str(path), "--dry-run")
    unchanged = contents(bridge) == before
    done, again = type_("package", "load", str(path)), type_("package", "load", str(path), "--json")

    missing = "tariff_missing, package.tariff: no tariff is named, and no provider has a default\n"
    assert (dry.out, unchanged) == ("Basic would be version 1 of the package of product 12.\n", True)
    assert (done.code, done.out) == (0, "Basic is version 1 of the package of product 12.\n")
    assert (dry.err, done.err, again.err) == (missing,) * 3
    assert (again.document["version"], again.document["is_new"]) == (1, False)
    assert [each["name"] for each in type_("package", "list", "--json").document] == ["Basic"]
    assert type_("package", "show", "Basic").out == type_("package", "show", str(path)).out
    assert type_("package", "show", "12", "--json").document["package"]["country"] == "CA"
    assert type_("package", "lint", str(path)).out == "Nothing was found.\n"
    assert [each["code"] for each in type_("package", "lint", "Basic", "--json").document] == ["tariff_missing"]
    assert type_("package", "lint", "Basic", "--strict").code == 1
    assert type_("package", "show", "Other") == Typed(1, "", "there is no package 'Other'; loaded are: Basic\n")


def test_a_bad_package_is_not_loaded(bridge: Bridge, type_: Type, tmp_path: Path) -> None:
    path = tmp_path / "basic.toml"
    path.write_text('[package]\nname = "Basic"\nproduct_id = 12\ntype = "hybrid"\ncurrency = "USD"\ncountry = "CA"\n')

    said = type_("package", "load", str(path))

    assert said == Typed(1, "", f"{path}: package.included_seconds_per_period is missing\n")
    assert type_("package", "list", "--json").document == []


# --- tariffs ---------------------------------------------------------------------------------------------------------

A_LIST = "Prefix,Description,RateValue,Increment\n44,UK,0.01,60\n447,UK Mobile,0.05,60\n1,USA,0.02,6\n"
OF_TELNYX = ("--provider", "Telnyx", "--name", "Outbound", "--currency", "USD")


def a_list(folder: Path, content: str | bytes = A_LIST) -> str:
    path = folder / "june.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_a_tariff_is_imported_and_in_force(bridge: Bridge, type_: Type, tmp_path: Path) -> None:
    said = type_("tariff", "import", a_list(tmp_path), *OF_TELNYX, "--effective", "2025-06-01", "--json")

    told = said.document
    assert said.code == 0
    assert {key: told[key] for key in ("rows_read", "rows_accepted", "rows_refused", "errors", "diff")} == {
        "rows_read": 3,
        "rows_accepted": 3,
        "rows_refused": 0,
        "errors": [],
        "diff": {"added": 3, "removed": 0, "dearer": 0, "cheaper": 0},
    }
    [listed] = type_("tariff", "list", "--json").document
    assert (listed["in_force"], listed["table"]) == (True, "mod_ictvoipbilling_tariff_telnyx_outbound_2025_06")
    assert type_("tariff", "show", "Outbound", "--json").document["reading"]["rows_read"] == 3


def test_the_next_list_of_a_tariff_is_compared_with_the_one_in_force(
    bridge: Bridge, type_: Type, tmp_path: Path
) -> None:
    type_("tariff", "import", a_list(tmp_path), *OF_TELNYX)
    changed = "Prefix,Description,RateValue,Increment\n44,UK,0.02,60\n1,USA,0.01,6\n33,France,0.03,1\n"

    said = type_("tariff", "import", a_list(tmp_path, changed), *OF_TELNYX, "--json")

    assert said.document["diff"] == {"added": 1, "removed": 1, "dearer": 1, "cheaper": 1}
    assert set(type_("tariff", "diff", "outbound").out.splitlines()[1:]) == {
        "added\t33\tFrance\t-\t0.03\t-",
        "removed\t447\tUK Mobile\t0.05\t-\t44",
        "dearer\t44\tUK\t0.01\t0.02\t-",
        "cheaper\t1\tUSA\t0.02\t0.01\t-",
    }
    assert (
        type_("tariff", "rollback", "outbound", "--reason", "a mistake", "--json").document["in_force"]["deck_id"] == 1
    )


def test_a_list_with_refused_rows_waits_until_somebody_accepts_that(
    bridge: Bridge, type_: Type, tmp_path: Path
) -> None:
    path = a_list(tmp_path, A_LIST + "45,DK,-1,60\n")

    said = type_("tariff", "import", path, *OF_TELNYX, "--json")

    assert said.code == 1
    assert said.document["errors"] == [
        {"line": 5, "column": "RateValue", "value": "-1", "reason": "is refused: below 0"}
    ]
    assert f"{path}: line 5, RateValue: '-1' is refused: below 0\n" in said.err
    command = re.findall(r"deck 1 is staged and not in force.*: bridge (tariff activate 1 .*)\n$", said.err)[0].split()
    assert [each["state"] for each in type_("tariff", "list", "--json").document] == ["staged"]
    assert type_(*command, "--json").document["prefixes"] == 3
    assert type_("tariff", "import", path, *OF_TELNYX, "--accept-refused").code == 0


def test_a_list_without_one_good_row_is_nothing_to_accept(bridge: Bridge, type_: Type, tmp_path: Path) -> None:
    path = a_list(tmp_path, "Prefix,Description,RateValue,Increment\n45,DK,-1,60\n")

    said = type_("tariff", "import", path, *OF_TELNYX)
    dry = type_("tariff", "import", path, *OF_TELNYX, "--dry-run")
    accepted = type_("tariff", "import", path, *OF_TELNYX, "--accept-refused")

    assert said.err.endswith("1 of 1 rows are refused, and nothing is left to come into force\n")
    assert (said.code, dry.code, accepted.code) == (1, 1, 1)
    assert accepted.err.endswith("a deck without a row would leave every call without a price\n")


def test_a_list_that_changes_suspiciously_much_waits_until_somebody_looked_t25(
    bridge: Bridge, type_: Type, tmp_path: Path
) -> None:
    """21 prices a hundred times what they were: cents were taken for dollars."""
    header = "Prefix,Description,RateValue,Increment\n"
    dollars = header + "".join(f"{code},Anywhere,0.01,60\n" for code in range(200, 221))
    cents = header + "".join(f"{code},Anywhere,1,60\n" for code in range(200, 221))
    type_("tariff", "import", a_list(tmp_path, dollars), *OF_TELNYX)

    dry = type_("tariff", "import", a_list(tmp_path, cents), *OF_TELNYX, "--dry-run", "--json")
    kept_back = type_("tariff", "import", a_list(tmp_path, cents), *OF_TELNYX)
    mistyped = type_("tariff", "import", a_list(tmp_path, cents), *OF_TELNYX, "--confirm", "0" * 16)

    assert (dry.code, dry.document["deck_id"]) == (0, None)
    assert (
        "it would wait for --confirm: 21 prices"
        in type_("tariff", "import", a_list(tmp_path, cents), *OF_TELNYX, "--dry-run").err
    )
    assert "21 prices grow or shrink more than tenfold" in kept_back.err
    assert "this is not what the dry run looked at" in mistyped.err
    assert [each["state"] for each in type_("tariff", "list", "--json").document] == ["staged", "active"]
    looked_at = ("--confirm", dry.document["confirm"])
    assert type_("tariff", "import", a_list(tmp_path, cents), *OF_TELNYX, *looked_at).code == 0


def test_a_list_is_checked_without_a_database(type_: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", "mysql+pymysql://nobody@127.0.0.1:1/nothing")

    sound = type_("tariff", "import", a_list(tmp_path), "--check", "--json")
    unsound = type_("tariff", "import", a_list(tmp_path, A_LIST + "45,DK,,60\n"), "--check")
    accepted = type_("tariff", "import", a_list(tmp_path, A_LIST + "45,DK,,60\n"), "--check", "--accept-refused")

    assert sound.document["diff"] == {"added": 3, "removed": 0, "dearer": 0, "cheaper": 0}
    assert (sound.code, unsound.code, accepted.code) == (0, 1, 0)
    assert "line 5, RateValue: '' is no price\n1 of 4 rows are refused\n" in unsound.err


def test_what_a_list_does_not_say_is_said_by_options(bridge: Bridge, type_: Type, tmp_path: Path) -> None:
    """An amount a second of 0.001 is 0.06 a minute; the 00 goes; midnight on the 1st in London is 23:00 UTC."""
    path = a_list(tmp_path, "Dial;Where;Cost;From\n0044;UK;0,001;01/06/2025\n")
    columns = (
        "--map",
        "Prefix=Dial",
        "--map",
        "Description=#2",
        "--map",
        "RateValue=Cost",
        "--map",
        "EffectiveFrom=From",
    )
    ways = ("--unit", "second", "--increment", "30/6", "--decimal", "comma", "--date-format", "DD/MM/YYYY")
    places = ("--strip", "00", "--time-zone", "Europe/London", "--effective", "2025-06-01")

    said = type_("tariff", "import", path, *OF_TELNYX, *columns, *ways, *places, "--json")

    assert said.code == 0, said.err
    assert said.document["effective_from"] == "2025-05-31T23:00:00+00:00"
    [row] = type_("tariff", "export", "outbound", "--json").document
    told = {key: row[key] for key in ("Prefix", "RateValue", "Increment", "FirstIncrement", "EffectiveFrom")}
    assert told == {
        "Prefix": "44",
        "RateValue": "0.06",
        "Increment": "6",
        "FirstIncrement": "30",
        "EffectiveFrom": "2025-05-31T23:00:00Z",
    }


def test_a_rollback_is_told_in_plain_words(bridge: Bridge, type_: Type, tmp_path: Path) -> None:
    for day in ("2025-06-01", "2025-07-01"):
        type_("tariff", "import", a_list(tmp_path), *OF_TELNYX, "--effective", day)

    table = "mod_ictvoipbilling_tariff_telnyx_outbound_2025"
    assert type_("tariff", "rollback", "outbound").out == (
        f"withdrawn  deck 2, {table}_07, from 2025-07-01T00:00:00+00:00\n"
        f"in force   deck 1, {table}_06, from 2025-06-01T00:00:00+00:00\n"
    )


def test_a_deck_that_holds_for_days_past_says_so(bridge: Bridge, type_: Type, tmp_path: Path) -> None:
    begun = (datetime.now(UTC) - timedelta(days=3, hours=1)).isoformat()

    said = type_("tariff", "import", a_list(tmp_path), *OF_TELNYX, "--effective", begun)
    at_once = type_("tariff", "import", a_list(tmp_path), *OF_TELNYX)

    assert said.err == "it holds for 3 past days; calls of that time that are still held take its price\n"
    assert at_once.err == ""


def test_an_export_says_which_zone_its_hours_are_in(bridge: Bridge, type_: Type, tmp_path: Path) -> None:
    path = a_list(tmp_path, "Prefix,Description,RateValue,Increment,Hours\n44,UK,0.01,60,mon 08:00-18:00\n")
    type_("tariff", "import", path, *OF_TELNYX, "--time-zone", "Europe/London")

    told = "the hours of this deck are in Europe/London: imported with --time-zone Europe/London it is the same deck\n"
    assert type_("tariff", "export", "outbound").err == told
    assert type_("tariff", "export", "outbound", "--out", str(tmp_path / "out.csv")).err == told


def test_what_is_exported_comes_back_as_it_was(bridge: Bridge, type_: Type, tmp_path: Path) -> None:
    type_("tariff", "import", a_list(tmp_path), *OF_TELNYX)
    type_("tariff", "custom", "outbound", "--set", "447")
    out = tmp_path / "export.csv"

    type_("tariff", "export", "outbound", "--out", str(out))
    again = type_("tariff", "import", str(out), *OF_TELNYX, "--json")

    assert again.document["diff"] == {"added": 0, "removed": 0, "dearer": 0, "cheaper": 0}
    assert type_("tariff", "export", "outbound").out == out.read_text().replace("\r\n", "\n")
    assert [row["status"] for row in type_("tariff", "export", "1", "--json").document] == ["1", "1", "0"]
    assert [row["status"] for row in type_("tariff", "export", "1", "--state", "1", "--json").document] == ["1"] * 3


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "--provider and --name"),
        (("--check", "--map", "Prefix"), "'Prefix' is not TARGET=COLUMN"),
        (("--check", "--map", "Prefix=Prefix", "--map", "prefix=#2"), "'prefix' is mapped twice"),
        (("--check", "--unit", "hour"), "'hour' is not minute, second, or seconds from 1 to 3600"),
        (("--check", "--unit", "0"), "'0' is not minute"),
        (("--check", "--effective", "1.6.2025"), "'1.6.2025' is refused: not a date such as 2025-06-01"),
        (("--check", "--effective", "2025-06-31"), "a day or hour that does not exist"),
        (("--check", "--effective", "2025-06-01", "--time-zone", "London"), "'London' is no time zone"),
        (("--check", "--strip", "+"), "'+' is not digits"),
        (("--check", "--decimal", "dot"), "'dot' is not one of"),
    ],
)
def test_an_option_that_cannot_be_meant_is_wrong_usage(type_: Type, tmp_path: Path, options: Path_, why: str) -> None:
    said = type_("tariff", "import", a_list(tmp_path), *options)

    assert (said.code, said.out) == (2, "")
    assert why in said.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("import", "none.csv", "--check"), "none.csv cannot be read: No such file or directory\n"),
        (
            ("import", "june.csv", "--provider", "T", "--name", "n"),
            "the currency of this list is not known: say it, or",
        ),
        (("import", "june.csv", *OF_TELNYX[:-1], "UST"), "'UST' is not a currency; write its ISO 4217 code"),
        (("import", "june.csv", "--provider", "中文", "--name", "n"), "has no letter from a to z and no digit"),
        (
            ("import", "june.csv", "--check", "--increment", "60/0"),
            "the increment '60/0' is refused: a step of 0 seconds\n",
        ),
        (("import", ".", "--check"), ". cannot be read: Is a directory\n"),
        (
            ("import", "june.csv", *OF_TELNYX[:2], "--name", "2025", "--currency", "USD"),
            "taken for the number of a deck",
        ),
        (("import", "june.csv", "--check", "--map", "Preis=RateValue"), "there is no column 'Preis' to map to"),
        (("import", "june.csv", "--check", "--map", "Prefix=Code"), "there is no column 'Code' to be the Prefix"),
        (("activate", "7", "--confirm", "x"), "there is no staged deck 7; import the list again\n"),
        (("show", "outbound"), "there is no tariff 'outbound'\n"),
        (("rollback", "outbound"), "there is no tariff 'outbound' in force\n"),
        (("custom", "outbound"), "no prefix is named\n"),
    ],
)
def test_what_cannot_be_done_with_a_tariff_is_one_sentence(
    bridge: Bridge, type_: Type, tmp_path: Path, arguments: Path_, why: str
) -> None:
    a_list(tmp_path)

    said = type_("tariff", *arguments)

    assert (said.code, said.out) == (1, "")
    assert why in said.err
    assert said.err.count("\n") == 1
