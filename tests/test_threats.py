"""What the table of threats asks of every method and of every statement: T-8, T-9, T-18 to T-22, T-28.

The others have their tests where their room is; the last test here says that each threat has one.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, select, text, update

from bridge import schema, services
from bridge.app import Bridge
from bridge.database import transact
from bridge.demo import stage as stages
from bridge.demo.story import play
from bridge.errors import NotPrepared, Unavailable
from bridge.rpc.dispatch import wrong_fields
from bridge.rpc.methods import all_methods
from bridge.secret import Secret
from bridge.settings import Address, Settings
from bridge.store import deck_tables, handlers, tasks
from bridge.store import installation as facts
from bridge.store import services as service_store
from bridge.tables import (
    audit,
    destinations,
    domains,
    extensions,
    gateways,
    lanes,
    metadata,
    operations,
    placements,
    routes,
)
from bridge.tables import services as service_rows
from bridge.vault import Vault
from tests.canary import CANARY, CANARY_KEY, files_that_sing, sings, tables_that_sing
from tests.factories import a_server, asking, run_all, the_least, with_handler, with_memory_pbx, with_package
from tests.rpc.room import Knocker, a_knocker, error_of
from tests.wishes import made_for, texts_in

ROOT = Path(__file__).parent.parent
METHODS = dict(all_methods())
WRITES = [name for name, each in METHODS.items() if each.kind == "write"]
OUTSIDE = {"department.test"}
"""Sends to the outside what it is told; its own tests hold it to the guard."""

MILD = "x' OR 1=1 OR '%_' -- 🦊"
"""For what a switch would act on: the door refuses the worse before anything else sees it."""

ODD = "x'; DROP TABLE mod_ictvoipbilling_services; -- \" \\ %s %(a)s :a ? `b` {0} 🦊"


@pytest.fixture
def knocker(bridge: Bridge) -> Knocker:
    return a_furnished_door(bridge)


@pytest.fixture
def embedded_knocker(sqlite_engine: Engine, settings: Settings) -> Knocker:
    """For what is decided before any database is asked: once is enough."""
    return a_furnished_door(Bridge(settings=settings, engine=sqlite_engine, vault=Vault(os.urandom(32))))


def a_furnished_door(bridge: Bridge) -> Knocker:
    """A door with every method behind it, and two tenants of two clients."""
    with_memory_pbx(bridge)
    with_memory_pbx(bridge, a_server(2))
    with_handler(bridge)
    with_package(bridge, limits={"extensions": 5})
    for service_id, name in ((1, "acme"), (2, "globex")):
        services.create(
            bridge,
            asking(),
            service_id=service_id,
            client_id=service_id * 7,
            product_id=12,
            server_id=None,
            domain=f"{name}.example",
            username=f"{name}-admin",
            password=Secret(CANARY),
            options={},
            custom_fields={},
        )
    run_all(bridge)
    return a_knocker(bridge, methods=METHODS)


def dump(engine: Engine, *without: str) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as tx:
        return {
            table.name: [tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
            if table.name.removeprefix("mod_ictvoipbilling_") not in without
        }


# --- T-8: SQL through identifiers ------------------------------------------------------------------------------------

RAW = {"text", "literal_column", "TextClause", "quoted_name"}
RAW_METHODS = {"exec_driver_sql", "executescript", "from_statement"}
MAY_RUN_A_FILE = {"bridge/schema/__init__.py"}
"""Runs the statements of `sql/`, which come with the bridge."""


MAY_NAME = {
    "bridge/store/deck_tables.py": {
        "_quoted(tx, name)",
        "checked(name)",
        "', '.join(columns)",
        "', '.join(asked)",
        "every",
    }
}
"""Puts names into its statements: of a table, behind the one gate for it, and of columns and kinds that are written out
in the module itself."""


def raw_statements(path: Path) -> Iterator[tuple[int, str]]:
    """Statements as text that are not written out where they stand."""
    tree = ast.parse(path.read_text())
    constants = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_constant(node.value, set())
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    from_sqlalchemy = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        match node.func:
            case ast.Name(id=name):
                is_raw = name in RAW & from_sqlalchemy
            case ast.Attribute(value=ast.Name(id="sqlalchemy" | "sa"), attr=name):
                is_raw = name in RAW
            case ast.Attribute(attr=name):
                is_raw = name in RAW_METHODS
            case _:
                is_raw = False
        if is_raw and not _is_constant(node.args[0], constants):
            yield node.lineno, ast.unparse(node.args[0])


def _is_constant(node: ast.expr, constants: set[str]) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.Name():
            return node.id in constants
        case ast.IfExp():
            return _is_constant(node.body, constants) and _is_constant(node.orelse, constants)
        case ast.BinOp():
            return _is_constant(node.left, constants) and _is_constant(node.right, constants)
        case _:
            return False


@pytest.mark.parametrize("path", sorted((ROOT / "bridge").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_statement_is_put_together_from_text_t8(path: Path) -> None:
    if str(path.relative_to(ROOT)) in MAY_RUN_A_FILE:
        return

    named = MAY_NAME.get(str(path.relative_to(ROOT)), set())

    assert [each for each in raw_statements(path) if not _only_names(each[1], named)] == []


def _only_names(statement: str, named: set[str]) -> bool:
    """Whether nothing but these names is put into a statement."""
    put_in = [each for each in ast.walk(ast.parse(statement, mode="eval")) if isinstance(each, ast.FormattedValue)]
    return bool(named) and {ast.unparse(each.value) for each in put_in} <= named


@pytest.mark.parametrize("name", ["mod_ictvoipbilling_audit", "mod_ictvoipbilling_tariff_x`; --", "tblclients", ""])
def test_no_table_but_a_decks_is_named_in_a_statement_t8(name: str) -> None:
    with pytest.raises(NotPrepared, match="no deck's"):
        deck_tables.checked(name)


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("from sqlalchemy import text\ntext('SELECT 1')", False),
        ("from sqlalchemy import text\nASKED = 'SELECT 1'\ntext(ASKED)", False),
        ("from sqlalchemy import text\ntext(f'SELECT * FROM {name}')", True),
        ("from sqlalchemy import text\nasked = 'a' + name\ntext(asked)", True),
        ("from sqlalchemy import text\ntext('SELECT %s' % name)", True),
        ("tx.exec_driver_sql('DROP TABLE ' + name)", True),
        ("def text(length): ...\ntext(length)", False),
    ],
)
def test_the_watch_over_statements_sees_what_it_must_t8(tmp_path: Path, code: str, is_found: bool) -> None:
    path = tmp_path / "code.py"
    path.write_text(code)

    assert bool(list(raw_statements(path))) is is_found


def test_no_method_is_told_a_table_a_column_or_an_order_t8() -> None:
    """A method that sorts takes its columns from a fixed list of words, never as text."""
    names = re.compile(r"(^|_)(table|column|sort|order_by|where|sql|query)(_|$)")

    assert [
        (method.name, name) for method in METHODS.values() for name in method.params.model_fields if names.search(name)
    ] == []


def test_a_name_with_every_quote_in_it_stays_a_name_t8(engine: Engine) -> None:
    """What the dialect's quoter makes of an identifier, should one ever come from a catalogue."""
    quote = engine.dialect.identifier_preparer.quote_identifier
    name = "a`b\"c'; DROP TABLE x; --"

    with engine.connect() as tx:
        [row] = tx.execute(text(f"SELECT 1 AS {quote(name)}")).mappings()

    assert dict(row) == {name: 1}


# --- T-9: SQL through values -----------------------------------------------------------------------------------------


def needed(name: str, odd: str) -> dict[str, Any]:
    """What the model of a method's parameters leaves open, and the method does not."""
    if name == "package.save":
        return {"package": the_least(name=odd)}
    return {"channels": []} if name == "department.save" else {}


@pytest.mark.parametrize("name", sorted(METHODS.keys() - OUTSIDE))
def test_hostile_text_through_every_method_breaks_nothing_t9(knocker: Knocker, name: str) -> None:
    bridge = knocker.bridge

    answers = [knocker.call(name, made_for(METHODS[name], odd=odd, **needed(name, odd))) for odd in (ODD, MILD)]

    codes = [error_of(each)["code"] if "error" in each else 0 for each in answers]
    assert not {-32603, -32000} & set(codes), answers
    assert -32602 not in codes[1:], f"the test's own parameters are wrong: {answers[1]}"
    assert schema.check(bridge.engine) == []
    with bridge.engine.connect() as tx:
        assert tx.execute(select(service_rows.c.service_id)).scalars().all() == [1, 2]


def test_hostile_text_comes_back_as_it_went_in_t9(knocker: Knocker) -> None:
    bridge = knocker.bridge
    wished = made_for(METHODS["service.create"], odd=ODD, service_id=3, domain="initech.example", password="a-password")

    created = knocker.call("service.create", wished)["result"]
    knocker.call("service.suspend", {"service_id": 3, "reason": ODD, "wait_ms": 0})
    knocker.call("package.save", {"package": the_least(product_id=13, name=ODD)})
    knocker.call("server.pause", {"server_id": 2, "reason": ODD})
    knocker.call("handler.save", {"product_id": 14, "department": ODD[:64]})
    task_id, _ = transact(bridge.engine, lambda tx: _a_task(tx, ODD))
    knocker.call("task.claim", {"task_id": task_id, "assignee": ODD})

    held = transact(bridge.engine, lambda tx: service_store.get(tx, 3))
    assert held is not None
    assert created["service"]["username"] == ODD
    assert (held.username, dict(held.options), dict(held.custom_fields)) == (ODD, {ODD: ODD}, {ODD: ODD})
    assert held.suspend_reason == ODD
    assert knocker.call("package.get", {"product_id": 13})["result"]["package"]["name"] == ODD
    assert [each["paused_reason"] for each in knocker.call("server.list")["result"]["servers"]] == [None, ODD]
    assert ODD[:64] in [each.department for each in transact(bridge.engine, handlers.listed)]
    assert [each["assignee"] for each in knocker.call("task.list")["result"]["tasks"]] == [ODD]
    with bridge.engine.connect() as tx:
        assert ODD in tx.execute(select(audit.c.reason)).scalars().all()


def _a_task(tx: Any, said: str) -> tuple[int, bool]:
    return tasks.open_task(
        tx, open_key="odd", kind="operation", department="default", title=said, cause=said, suggestion=said
    )


@pytest.mark.parametrize("name", ["Nebenstellen – größer", "内線番号", "🦊" * 20, "x" * 128, "ü" * 128])
def test_an_option_that_nobody_mapped_may_have_any_name_t9(knocker: Knocker, name: str) -> None:
    """What is made of it goes into a column of ASCII, which MariaDB would not even compare with it."""
    wished = made_for(METHODS["service.create"], service_id=3, domain="initech.example")
    wished |= {"options": {name: "1", name[:-1] + "b": "1"}, "username": name}

    first, again = knocker.call("service.create", wished), knocker.call("service.create", wished)

    assert (first["result"]["state"], again["result"]["state"]) == ("accepted", "accepted")
    told = [each["what"] for each in knocker.call("finding.list")["result"]["findings"]]
    assert sum(name[:50] in each for each in told) >= 1
    assert len(told) == 2, "two names are two findings, however alike they begin"


def test_a_pattern_in_a_value_matches_itself_alone_t9(engine: Engine) -> None:
    def act(tx: Any) -> list[str]:
        for name in ("batch:a_b", "batch:axb", "batch:100%", "batch:1000"):
            facts.put(tx, name, 1)
        return facts.named(tx, "batch:a_", 10) + facts.named(tx, "batch:100%", 10) + facts.named(tx, "%", 10)

    assert transact(engine, act) == ["batch:a_b", "batch:100%"]


# --- T-18: one tenant reaching another -------------------------------------------------------------------------------

OF_A_SERVICE = sorted(name for name, each in METHODS.items() if "service_id" in each.params.model_fields)
MIRRORED = (extensions, gateways, destinations, routes)


def everything_of(bridge: Bridge, service_id: int, domain: str) -> dict[str, list[tuple[Any, ...]]]:
    with bridge.engine.connect() as tx:
        tenant = tx.execute(select(domains.c.id).where(domains.c.domain == domain)).scalar_one()
        found = {"domain": select(domains).where(domains.c.id == tenant)}
        found |= {table.name: select(table).where(table.c.tenant_id == tenant) for table in (*MIRRORED, lanes)}
        for table in (service_rows, operations, placements):
            found[table.name] = select(table).where(table.c.service_id == service_id)
        return {name: [tuple(row) for row in tx.execute(asked)] for name, asked in found.items()}


@pytest.mark.parametrize("name", OF_A_SERVICE)
def test_a_call_for_one_service_neither_touches_nor_shows_another_t18(knocker: Knocker, name: str) -> None:
    """Whatever else is in the call: the objects named are those of the other tenant."""
    bridge, method = knocker.bridge, METHODS[name]
    params = made_for(method, service_id=1)
    swapped = {"number": "100", "to_service_id": 2, "domain": "globex.example"}
    in_a_tenant = {"service_id", "server_id", "domain"} <= method.params.model_fields.keys()
    for member, value in swapped.items():
        if member in params and not (member == "domain" and in_a_tenant):
            params[member] = value
    if "number" in params and name.startswith("number."):
        params["number"] = "18095551234"
    before = everything_of(bridge, 2, "globex.example")

    answer = knocker.call(name, params)
    run_all(bridge)

    assert everything_of(bridge, 2, "globex.example") == before
    shown = [each for each in texts_in(answer) if "globex" in each]
    assert name == "service.create" or shown == [], "what was asked for in the call may come back, nothing else"


@pytest.mark.parametrize("name", OF_A_SERVICE)
def test_a_service_that_is_not_there_is_not_found_and_nothing_is_made_t18(knocker: Knocker, name: str) -> None:
    if name in ("service.create", "operation.list", "finding.list", "sweep.run"):
        return  # makes one; or lists what there is of it, which is nothing
    before = dump(knocker.bridge.engine, "requests", "nonces")

    answer = knocker.call(name, made_for(METHODS[name], service_id=999))

    assert error_of(answer)["code"] == 1001
    assert dump(knocker.bridge.engine, "requests", "nonces") == before


def test_a_domain_of_another_client_is_a_tenant_mismatch_t18(knocker: Knocker) -> None:
    answer = knocker.call("service.create", made_for(METHODS["service.create"], service_id=3, domain="globex.example"))

    run_all(knocker.bridge)
    assert "error" in answer or answer["result"]["state"] == "manual"
    assert everything_of(knocker.bridge, 3, "globex.example")[placements.name] == []


def test_what_was_asked_under_another_key_is_not_shown_t18(knocker: Knocker) -> None:
    """An idempotency key belongs to the caller that used it."""
    other = a_knocker(knocker.bridge, key_id="whmcs-other", methods=METHODS)
    key = "shared-key-0000000001"
    knocker.call("service.renew", {"service_id": 1, "wait_ms": 0, "idempotency_key": key})

    assert "result" in knocker.call("operation.get", {"idempotency_key": key})
    assert error_of(other.call("operation.get", {"idempotency_key": key}))["code"] == 1001


# --- T-19: mass assignment -------------------------------------------------------------------------------------------

STATE = (
    *("state", "status", "generation", "tenant_id", "attempts", "owner", "epoch", "lease_until", "due_at", "late"),
    *("created_at", "updated_at", "finished_at", "actor", "caller", "by", "health", "checks", "tested_at", "red_tests"),
    *("unreachable_since", "paused_at", "paused_by", "override_by", "pbx_uuid", "wanted", "actual", "applied"),
    *(
        "held_by_hand",
        "origin",
        "over_limit",
        "package_version",
        "welcomed_at",
        "version",
        "escalated_at",
        "claimed_at",
    ),
    *("open_key", "sealed_no", "chain", "scopes", "key_id", "is_admin", "__class__", "_meta", "meta"),
)
FILTERS = {("finding.list", "state"), ("package.get", "version")}
"""Says which ones are shown; changes nothing."""


@pytest.mark.parametrize("name", sorted(METHODS))
def test_state_is_never_an_input_t19(name: str) -> None:
    inputs = set(METHODS[name].params.model_fields)

    assert {(name, each) for each in inputs & set(STATE)} <= FILTERS


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_member_that_is_not_the_methods_is_refused_and_nothing_changes_t19(
    embedded_knocker: Knocker, name: str
) -> None:
    knocker = embedded_knocker
    params = made_for(METHODS[name])
    members = [each for each in STATE if each not in METHODS[name].params.model_fields]
    before = dump(knocker.bridge.engine, "nonces")

    for member in members:
        answer = knocker.call(name, params | {member: 1})
        assert error_of(answer)["code"] == -32602, member
        assert {"path": member, "rule": "extra_forbidden"} in error_of(answer)["data"]["fields"]

    assert dump(knocker.bridge.engine, "nonces") == before


# --- names that people are shown -------------------------------------------------------------------------------------

SHOWN = {"name", "username", "assignee", "department", "escalate_to"}


@pytest.mark.parametrize("text", ["two\nlines", "a\x1b[2Jb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b", "a\n"])
@pytest.mark.parametrize(
    ("name", "member"),
    [(name, each) for name, method in METHODS.items() for each in method.params.model_fields if each in SHOWN],
)
def test_a_name_that_people_are_shown_is_one_line_of_characters_that_show(name: str, member: str, text: str) -> None:
    params = made_for(METHODS[name]) | ({"channels": []} if name == "department.save" else {})

    with pytest.raises(ValidationError) as refusal:
        METHODS[name].params.model_validate(params | {member: text})
    assert [path for path, _ in wrong_fields(refusal.value)] == [member]


# --- T-20: secrets in what is said -----------------------------------------------------------------------------------


def test_a_round_of_calls_with_secrets_in_them_says_none_of_them_t20(bridge: Bridge, tmp_path: Path) -> None:
    """The run's own watch reads what was logged and what is in the database; here: what was answered."""
    knocker = a_knocker(bridge, methods=METHODS)
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    remote = {"url": "https://pbx.example.com", "instance": "pbx-1", "key_id": "bridge-1"}
    mail = {
        "kind": "mail",
        "name": "mail",
        "host": "mail.example.com",
        "port": 587,
        "security": "starttls",
        "user": "bridge",
        "secret": CANARY,
        "sender": "bridge@example.com",
        "to": ["kim@example.com"],
    }
    secret = {"service_id": 42, "client_id": 7, "product_id": 12, "domain": "acme.example", "password": CANARY}
    said: list[Any] = [
        knocker.call("service.create", secret | {"wait_ms": 0, "username": "acme"}),
        run_all(bridge),
        knocker.call("service.change_password", {"service_id": 42, "password": CANARY, "wait_ms": 0}),
        knocker.call(
            "server.upsert",
            {"server_id": 9, "name": "r", "driver": "remote", "config": remote, "secrets": {"secret": CANARY_KEY}},
        ),
        knocker.call("server.upsert", {"server_id": 9, "secrets": {"secret": CANARY}}),
        knocker.call("server.upsert", {"server_id": 9, "config": {"url": CANARY}}),
        knocker.call("server.test", {"server_id": 9}),
        knocker.call("extension.save", {"service_id": 42, "number": "107", "password": CANARY, "wait_ms": 0}),
        knocker.call("department.save", {"name": "default", "channels": [mail]}),
        knocker.call("service.create", secret | {"password": CANARY * 20}),
        knocker.call("service.create", secret | {"passwort": CANARY}),
        knocker.call("service.create", secret | {"client_id": CANARY}),
        knocker.call(f"service.{CANARY}"),
    ]
    pbx.trouble.fail(1, RuntimeError(f"the PBX says {CANARY}"))  # type: ignore[arg-type]  # a driver with a bug
    knocker.call("service.suspend", {"service_id": 42, "wait_ms": 0})
    run_all(bridge)
    said += [
        knocker.call("service.get", {"service_id": 42}),
        knocker.call("operation.list"),
        knocker.call("task.list"),
        knocker.call("server.list"),
        knocker.call("department.list"),
        knocker.call("extension.list", {"service_id": 42}),
        knocker.app.state.door.metrics.text().decode(),
        knocker.ask("GET", "/openrpc.json", address="127.0.0.1").text,
        knocker.ask("GET", "/ready", address="127.0.0.1").text,
    ]

    assert [each for each in said if sings(json.dumps(each, default=str))] == []
    assert "result" in said[8], said[8]
    assert tables_that_sing(bridge.engine) == []
    assert files_that_sing(tmp_path) == []
    assert pbx.find("acme.example") is not None


def test_a_whole_round_of_the_demo_leaves_no_secret_behind_t20(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Keys, portal administrators and telephones: what the round handed around is on the PBX, and nowhere readable."""
    told: list[str] = []
    with stages.stage(tmp_path / "stage", Address("127.0.0.1", 0)) as set_up:
        summary = play(set_up, told.append)
        by_hand = set_up.pbx.by_hand
        tenants = [tenant for domain in by_hand.domains() if (tenant := by_hand.see(domain)) is not None]
        secrets = {each.password for tenant in tenants for each in tenant.extensions}
        secrets |= {tenant.admin_password for tenant in tenants}
        shown = (
            httpx.get(f"{set_up.bridge_address}/metrics").text + httpx.get(f"{set_up.bridge_address}/openrpc.json").text
        )
    texts = {each.reveal() for each in secrets if each is not None}
    texts |= {path.read_text().strip() for path in (tmp_path / "stage").glob("*.secret")}
    texts.add((tmp_path / "stage" / "master.key").read_text().strip())

    said = capfd.readouterr()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "stage").glob("bridge.db*"))

    assert summary.tied_out, summary.complaints
    assert len(texts) >= 8
    places = {"log": caplog.text, "output": said.out + said.err, "screen": "".join(told), "web": shown}
    assert {name for name, place in places.items() for each in texts if each in place} == set()
    assert [each for each in texts if each.encode() in kept] == []


def test_nothing_secret_is_in_the_arguments_of_a_process_t20() -> None:
    """Secrets come from files, the environment or the database; no command takes one as an argument."""
    from typer.main import get_command

    from bridge.cli import app

    def options(command: Any, path: str) -> Iterator[str]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from options(inner, f"{path} {name}")
        yield from (f"{path} {each}" for parameter in command.params for each in parameter.opts)

    suspect = re.compile(r"(secret|password|passphrase|token|key)$")
    found = {each for each in options(get_command(app), "bridge") if suspect.search(each)}

    assert found - {"bridge backup --with-master-key", "bridge restore --accept-other-master-key"} == set()


# --- T-21: secrets at rest -------------------------------------------------------------------------------------------


def test_a_sealed_password_opens_in_its_own_row_alone_t21(knocker: Knocker) -> None:
    bridge = knocker.bridge
    with bridge.engine.begin() as tx:
        rows = {
            row.service_id: row.password
            for row in tx.execute(select(service_rows.c.service_id, service_rows.c.password))
        }
        tx.execute(update(service_rows).where(service_rows.c.service_id == 2).values(password=rows[1]))

    own = transact(bridge.engine, lambda tx: service_store.password_of(tx, 1, bridge.vault))
    with pytest.raises(Unavailable, match="does not open"):
        transact(bridge.engine, lambda tx: service_store.password_of(tx, 2, bridge.vault))

    assert own == Secret(CANARY)
    assert rows[1] != rows[2], "the same password twice is sealed twice"


def test_every_column_for_secrets_is_a_sealed_one_t21(knocker: Knocker) -> None:
    """By their names: what is called secret or password is bytes in the schema, and sealed in every row."""
    columns = [
        column for table in metadata.sorted_tables for column in table.columns if column.name in ("secret", "password")
    ]

    assert len(columns) >= 6
    assert {str(column.type) for column in columns} == {"BLOB"}
    with knocker.bridge.engine.connect() as tx:
        for column in columns:
            kept = [bytes(each) for each in tx.execute(select(column).where(column.is_not(None))).scalars()]
            assert all(each[0] == 1 and len(each) >= 1 + 12 + 16 for each in kept), column


# --- T-22: passwords that everybody knows ----------------------------------------------------------------------------


@pytest.mark.parametrize("known", ["admin", "password", "changeme", "fusionpbx", "123456", "Vodia1!", "AAAAAAAA"])
def test_a_server_with_a_password_that_everybody_knows_is_refused_t22(bridge: Bridge, known: str) -> None:
    knocker = a_knocker(bridge, methods=METHODS)
    config = {"url": "https://pbx.example.com", "instance": "pbx-1", "key_id": "bridge-1"}

    answer = knocker.call(
        "server.upsert",
        {"server_id": 1, "name": "pbx1", "driver": "remote", "config": config, "secrets": {"secret": known}},
    )

    assert error_of(answer)["code"] == 1006
    assert knocker.call("server.list")["result"]["servers"] == []


# --- T-28: what we are built of --------------------------------------------------------------------------------------


def locked() -> dict[str, dict[str, Any]]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return {each["name"]: each for each in packages if "editable" not in each["source"]}


def test_every_locked_file_has_a_hash_and_one_registry_t28() -> None:
    for name, package in locked().items():
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each["hash"]) for each in files), name
        assert package["source"] == {"registry": "https://pypi.org/simple"}, name


def test_what_is_installed_is_what_is_locked_t28() -> None:
    lock = {name: package["version"] for name, package in locked().items()}
    installed = {
        re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version
        for each in importlib.metadata.distributions(path=[str(Path(sys.prefix, "lib", _python(), "site-packages"))])
    }
    ours = {"whmcs-voip-bridge", "pip", "setuptools", "wheel"}

    assert {name: version for name, version in installed.items() if name not in ours} == {
        name: lock.get(name, "not locked") for name in installed if name not in ours
    }


def _python() -> str:
    return f"python{sys.version_info[0]}.{sys.version_info[1]}"


def test_setting_up_takes_nothing_without_its_hash_t28() -> None:
    set_up = (ROOT / ".ci" / "setup").read_text()
    installs = [line for line in set_up.replace("\\\n", " ").splitlines() if re.search(r"\bpip\b.* install ", line)]

    assert installs
    assert all("--require-hashes" in each or "--no-deps -e ." in each for each in installs)
    assert "sync --frozen" in set_up
    assert all("--hash=sha256:" in each for each in (ROOT / ".ci" / "uv.txt").read_text().split("\n\n") if "==" in each)


def test_the_bill_of_materials_names_every_part_with_its_hash_t28() -> None:
    made = subprocess.run([sys.executable, str(ROOT / ".ci" / "sbom")], capture_output=True, text=True, check=True)
    bill = json.loads(made.stdout)

    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "whmcs-voip-bridge")
    assert {(each["name"], each["version"]) for each in bill["components"]} == {
        (name, package["version"]) for name, package in locked().items()
    }
    for each in bill["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        assert each["hashes"]
        assert all(hash_["alg"] == "SHA-256" for hash_ in each["hashes"])


# --- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [*range(1, 11), *range(18, 25), 28, 29])
def test_every_threat_has_a_test_named_after_it(number: int) -> None:
    named = re.compile(rf"def test_\w*_t{number}(?!\d)|\bT-{number}\b")

    told = [path.name for path in sorted((ROOT / "tests").rglob("test_*.py")) if named.search(path.read_text())]

    assert told != [], f"T-{number}"
