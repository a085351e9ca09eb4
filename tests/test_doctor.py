"""Doctor says what is wrong, why it matters and how to mend it, and nothing stops it from going on."""

from __future__ import annotations

import ast
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy import Engine, insert, text, update

from bridge import database, keys, servers, services, settings
from bridge.app import Bridge
from bridge.database import NOW, now, transact
from bridge.demo import stage as stages
from bridge.demo.whmcs import tables as whmcs_tables
from bridge.demo.whmcs.standin import Credential, StandIn
from bridge.errors import NotReached
from bridge.life import doctor, installation
from bridge.life.doctor import data
from bridge.life.doctor.check import Check, Found, Result, ok
from bridge.life.doctor.patient import Patient, admit
from bridge.life.machine import Machine
from bridge.people import departments
from bridge.people.channels import AnyChannel
from bridge.rights import beyond, lacking, rights_in, statements
from bridge.schema.migrations import folder
from bridge.secret import Secret
from bridge.server import Health
from bridge.settings import Address, Settings
from bridge.store import audit, notices, tasks
from bridge.store import servers as server_store
from bridge.tables import announcements, deliveries, jobs, lanes, metadata, operations
from bridge.vault import Vault
from bridge.whmcs import client
from bridge.whmcs.sql import sql_records
from tests.canary import CANARY
from tests.databases import MariadbServer
from tests.factories import a_server, asking, run_all, with_handler, with_memory_pbx
from tests.whmcs.standin import a_standin, client_of, endpoint_of

NAMES = [each.name for each in doctor.checks()]
WEBHOOK = {"kind": "webhook", "name": "hook", "url": "https://hooks.example.com/x", "secret": "whsec_" + "QUJD" * 11}


def patient_of(bridge: Bridge, **changed: Any) -> Patient:
    return replace(Patient(bridge.settings, {}, engine=bridge.engine, vault=bridge.vault), **changed)


def found(patient: Patient, name: str, *, seconds: float = 15) -> list[Result]:
    """What one check says, as if those it needs were well."""
    [check] = [each for each in doctor.checks() if each.name == name]
    return doctor.examine(patient, [check], seconds=seconds)


def statuses(patient: Patient, name: str) -> list[str]:
    return [each.status for each in found(patient, name)]


def environment_of(held: Settings) -> dict[str, str]:
    """The settings as an operator would give them."""
    read = settings.names()
    given: dict[str, str] = {}
    for name in read:
        value = getattr(held, name.removeprefix("BRIDGE_").lower())
        if isinstance(value, Secret):
            given[name] = value.reveal()
        elif isinstance(value, tuple):
            given[name] = ",".join(map(str, value))
        elif value is not None:
            given[name] = str(value)
    return given


def with_default_department(bridge: Bridge, **changed: Any) -> None:
    channel: AnyChannel = TypeAdapter(AnyChannel).validate_python(WEBHOOK)
    asked: dict[str, Any] = {
        "name": "default",
        "channels": [channel],
        "escalate_after_hours": 4,
        "escalate_to": None,
    }
    departments.save(bridge, asking("department.save"), **(asked | changed))


# --- the whole of it -------------------------------------------------------------------------------------------------


def test_the_demo_is_well_once_it_has_somebody_to_tell(tmp_path: Path) -> None:
    with stages.stage(tmp_path / "stage", Address("127.0.0.1", 0)) as set_up:
        for name in ("default", stages.DEPARTMENT):
            with_default_department(set_up.bridge, name=name)
        patient = admit(environment_of(set_up.bridge.settings))

        results = doctor.examine(patient)

    assert {each.name for each in results} == set(NAMES)
    assert [(each.name, each.detail) for each in results if each.status in ("fail", "skip")] == []
    assert doctor.is_well(results)
    by_name = {each.name: each for each in results}
    assert "WHMCS 8.13" in by_name["whmcs.api"].detail
    assert "through the addon" in by_name["whmcs.records"].detail
    assert by_name["installation"].detail.startswith("no WHMCS is pinned") or by_name["installation"].status == "ok"


def test_every_check_says_why_and_every_trouble_says_what_to_do(bridge: Bridge) -> None:
    results = doctor.examine(patient_of(bridge))

    assert all(each.why for each in results)
    assert [each.name for each in results if each.status in ("warn", "fail", "skip") and not each.fix] == []


def test_doctor_changes_nothing(bridge: Bridge) -> None:
    before = contents(bridge.engine)

    doctor.examine(patient_of(bridge, machine=bridge.machine))

    assert contents(bridge.engine) == before


def test_doctor_makes_no_key_no_folder_and_no_database(tmp_path: Path) -> None:
    given = {
        "BRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/var/bridge.db",
        "BRIDGE_MASTER_KEY_FILE": f"{tmp_path}/var/master.key",
    }

    results = doctor.examine(admit(given))

    assert not doctor.is_well(results)
    assert list(tmp_path.iterdir()) == []


def contents(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as tx:
        return {
            table.name: [tuple(row) for row in tx.execute(table.select().order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }


# --- what breaks in a check ------------------------------------------------------------------------------------------


def test_a_check_that_breaks_is_told_and_stops_no_other(bridge: Bridge) -> None:
    def breaks(_: Patient) -> Iterator[Found]:
        raise ZeroDivisionError(f"of {CANARY}")

    def refuses(_: Patient) -> Iterator[Found]:
        yield ok("the first half")
        raise NotReached("nobody answers")

    asked = [
        Check("breaks", "why", breaks),
        Check("refuses", "why", refuses),
        Check("goes_on", "why", lambda _: [ok("fine")]),
    ]

    results = doctor.examine(patient_of(bridge), asked)

    assert [(each.name, each.status) for each in results] == [
        ("breaks", "fail"),
        ("refuses", "fail"),
        ("goes_on", "ok"),
    ]
    assert results[0].detail == "the check itself failed (ZeroDivisionError)"
    assert results[1].detail == "nobody answers"


def test_a_check_that_hangs_is_left_behind(bridge: Bridge) -> None:
    released = threading.Event()

    def hangs(_: Patient) -> Iterator[Found]:
        released.wait(30)
        yield ok("at last")

    [result] = doctor.examine(patient_of(bridge), [Check("hangs", "why", hangs)], seconds=0.05)
    released.set()

    assert (result.status, result.detail) == ("fail", "no answer within 0.05 s")


def test_what_stands_on_a_failed_check_is_skipped_and_points_at_it(bridge: Bridge) -> None:
    asked = [
        Check("ground", "why", lambda _: [Found("fail", "no", "mend")]),
        Check("floor", "why", lambda _: [ok("fine")], ("ground",)),
        Check("roof", "why", lambda _: [ok("fine")], ("floor",)),
    ]

    results = doctor.examine(patient_of(bridge), asked)

    assert [each.status for each in results] == ["fail", "skip", "skip"]
    assert results[1].fix == "mend ground"


def test_every_check_that_is_needed_comes_before() -> None:
    for place, check in enumerate(doctor.checks()):
        assert set(check.needs) <= set(NAMES[:place]), check.name
    assert len(set(NAMES)) == len(NAMES)


def test_wrong_settings_are_named_and_show_no_value() -> None:
    patient = admit(
        {"BRIDGE_LISTEN": "nowhere", "BRIDGE_DATABASE_URL": f"oracle://a:{CANARY}@b/c", "BRIDGE_NOISE": "1"}
    )

    results = doctor.examine(patient)

    assert results[0].status == "fail"
    for name in ("BRIDGE_LISTEN", "BRIDGE_DATABASE_URL", "BRIDGE_NOISE"):
        assert name in results[0].detail
    assert CANARY not in json.dumps([each.to_json() for each in results])


# --- the host --------------------------------------------------------------------------------------------------------


def test_a_master_key_that_others_can_read_is_a_failure(tmp_path: Path) -> None:
    key = tmp_path / "master.key"
    admit({"BRIDGE_MASTER_KEY_FILE": str(key)})
    assert not key.exists()
    key.write_text("QUJD" * 10 + "QUI=")
    key.chmod(0o644)

    [result] = found(admit({"BRIDGE_MASTER_KEY_FILE": str(key)}), "master_key")

    assert result.status == "fail"
    assert f"chmod 600 {key}" in result.fix


def test_a_secret_file_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "api.secret"
    path.write_text("not a secret")
    path.chmod(0o640)

    [result] = found(Patient(Settings(whmcs_secret_file=path)), "secret_files")

    assert (result.status, result.about, result.fix) == ("warn", "BRIDGE_WHMCS_SECRET_FILE", f"chmod 600 {path}")


def test_a_public_address_without_tls_is_a_warning() -> None:
    held = Settings(listen=Address("0.0.0.0", 8470), admin_listen=Address("10.0.0.1", 8471))

    assert statuses(Patient(held), "listening") == ["warn", "warn"]
    assert statuses(Patient(Settings()), "listening") == ["ok"]


def test_asking_whmcs_in_plain_text_is_a_failure_but_on_this_host() -> None:
    assert statuses(Patient(Settings(whmcs_url="http://billing.example.com/")), "plain_text") == ["fail"]
    assert statuses(Patient(Settings(whmcs_url="http://127.0.0.1:8080/")), "plain_text") == ["ok"]
    assert statuses(Patient(Settings(whmcs_url="https://billing.example.com/")), "plain_text") == ["ok"]


# --- the database ----------------------------------------------------------------------------------------------------


def test_a_database_in_order_is_well(bridge: Bridge) -> None:
    names = ("database", "database.version", "database.storage", "database.session", "database.clock", "schema")
    for name in (*names, "database.durability"):
        assert set(statuses(patient_of(bridge), name)) <= {"ok", "note"}, name


def test_a_database_that_does_not_answer_is_one_failure_and_no_wait() -> None:
    url = "mysql+pymysql://bridge:x@127.0.0.1:1/bridge"

    results = doctor.examine(admit({"BRIDGE_DATABASE_URL": url}))

    told = {each.name: each for each in results}
    assert (told["database"].status, told["database"].detail) == ("fail", "the database does not answer")
    assert told["schema"].status == "skip"


def test_clocks_that_differ_are_told(bridge: Bridge) -> None:
    at = transact(bridge.engine, now)

    def verdict(seconds: float) -> list[str]:
        return statuses(patient_of(bridge, clock=lambda: at + timedelta(seconds=seconds)), "database.clock")

    assert verdict(20) == ["warn"]
    assert verdict(-20) == ["warn"]
    assert verdict(600) == ["fail"]
    assert verdict(-600) == ["fail"]


def test_a_table_without_transactions_is_found_r66(mariadb_url: Secret) -> None:
    engine = database.connect(mariadb_url)
    with engine.begin() as tx:
        tx.execute(text("ALTER TABLE mod_ictvoipbilling_nonces ENGINE=MyISAM"))

    [result] = found(Patient(Settings(), engine=engine), "database.storage")
    engine.dispose()

    assert result.status == "fail"
    assert result.detail.startswith("mod_ictvoipbilling_nonces (MyISAM")


def test_a_missing_column_is_found(mariadb_url: Secret) -> None:
    engine = database.connect(mariadb_url)
    with engine.begin() as tx:
        tx.execute(text("ALTER TABLE mod_ictvoipbilling_tasks DROP COLUMN assignee"))

    [result] = found(Patient(Settings(), engine=engine), "schema")
    engine.dispose()

    assert result.status == "fail"
    assert "assignee" in result.detail


# --- rights (R-67) ---------------------------------------------------------------------------------------------------


@pytest.fixture
def granted(mariadb: MariadbServer, mariadb_url: Secret) -> Iterator[tuple[Engine, str]]:
    """A user with exactly the rights of part 2, and the database it has them in."""
    name = mariadb_url.reveal().rpartition("/")[2]
    root = database.connect(mariadb_url)
    user = f"doctor_{name}"
    mine = [
        each.replace("bridge_database", name).replace("'bridge'@'bridge.host'", f"'{user}'@'%'")
        for each in statements((folder() / "grants.sql").read_text())
        if "PROCEDURE" in each or (each.startswith("GRANT") and "TO 'bridge'@" in each)
    ]
    with root.begin() as tx:
        tx.execute(text(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'of-doctor'"))
        for each in mine:
            tx.execute(text(each))
    engine = database.connect(mariadb.url(name, user=user, password="of-doctor"))
    yield engine, user
    engine.dispose()
    with root.begin() as tx:
        tx.execute(text(f"DROP USER '{user}'@'%'"))
    root.dispose()


def test_the_rights_of_grants_sql_are_right_r67(granted: tuple[Engine, str]) -> None:
    engine, _ = granted

    assert statuses(Patient(Settings(), engine=engine), "grants") == ["ok"]
    assert statuses(Patient(Settings(), engine=engine), "schema") == ["ok"]


def test_a_right_that_is_missing_is_named_r67(granted: tuple[Engine, str], mariadb_url: Secret) -> None:
    engine, user = granted
    root = database.connect(mariadb_url)
    with root.begin() as tx:
        tx.execute(text(f"REVOKE DELETE ON mod_ictvoipbilling_nonces FROM '{user}'@'%'"))
    root.dispose()

    [result] = found(Patient(Settings(), engine=engine), "grants")

    assert result.status == "fail"
    assert "DELETE on" in result.detail
    assert "mod_ictvoipbilling_nonces" in result.detail


def test_rights_that_would_let_the_audit_be_rewritten_are_a_warning_t24(mariadb_engine: Engine) -> None:
    """The tests' own user may do everything."""
    [result] = found(Patient(Settings(), engine=mariadb_engine), "grants")

    assert result.status == "warn"
    assert "audit trail could be rewritten" in result.detail


def test_a_right_to_more_than_the_service_needs_is_named_r67(granted: tuple[Engine, str], mariadb_url: Secret) -> None:
    engine, user = granted
    root = database.connect(mariadb_url)
    with root.begin() as tx:
        tx.execute(text(f"GRANT ALTER ON mod_ictvoipbilling_nonces TO '{user}'@'%'"))
    root.dispose()

    [result] = found(Patient(Settings(), engine=engine), "grants")

    assert result.status == "warn"
    assert "ALTER on" in result.detail


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        ("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION", []),
        ("GRANT SELECT, UPDATE ON `the\\_house`.* TO `a`@`%`", []),
        ("GRANT SELECT, UPDATE ON `the%`.* TO 'a'@'%'", []),
        ("GRANT SELECT, UPDATE (`b`, `a`) ON `the_house`.`t` TO `a`@`%`", []),
        ("GRANT SELECT, UPDATE (`a`) ON `the_house`.`t` TO `a`@`%`", ["UPDATE (a, b) on the_house.t"]),
        ("GRANT SELECT ON `the_house`.`t` TO `a`@`%`", ["UPDATE (a, b) on the_house.t"]),
        (
            "GRANT SELECT, UPDATE ON `the\\_mouse`.* TO `a`@`%`",
            ["SELECT on the_house.t", "UPDATE (a, b) on the_house.t"],
        ),
        ("GRANT USAGE ON *.* TO `a`@`%`", ["SELECT on the_house.t", "UPDATE (a, b) on the_house.t"]),
        ("GRANT `a_role` TO `a`@`%`", ["SELECT on the_house.t", "UPDATE (a, b) on the_house.t"]),
    ],
)
def test_rights_are_compared_as_the_database_means_them_r67(held: str, missing: list[str]) -> None:
    wanted = rights_in(["GRANT SELECT, UPDATE (a, b) ON the_house.t TO 'bridge'@'h'"], user="bridge")

    assert [str(each) for each in lacking(wanted, rights_in([held]))] == missing


def test_rights_beyond_the_wanted_ones_are_found_r67() -> None:
    wanted = rights_in(["GRANT SELECT ON h.t TO 'bridge'@'h'", "GRANT DROP ON h.t TO 'other'@'h'"], user="bridge")
    held = rights_in(["GRANT SELECT, DELETE ON `h`.`t` TO `x`@`%`"])

    assert [str(each) for each in beyond(wanted, held)] == ["DELETE on h.t"]


def test_the_wanted_rights_name_every_table_r67() -> None:
    assert {each.table for each in data.wanted_rights("here")} == set(metadata.tables)


# --- WHMCS -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def whmcs(tmp_path: Path) -> Iterator[StandIn]:
    engine = database.connect(Secret(f"sqlite:///{tmp_path}/whmcs.db"))
    yield a_standin(engine)
    engine.dispose()


def asking_of(whmcs: StandIn, bridge: Bridge) -> Patient:
    return patient_of(bridge, whmcs=client_of(whmcs), addon=endpoint_of(whmcs), records=sql_records(whmcs.engine))


def test_whmcs_in_order_is_well(bridge: Bridge, whmcs: StandIn) -> None:
    for name in ("whmcs.api", "whmcs.actions", "whmcs.records", "addon"):
        assert statuses(asking_of(whmcs, bridge), name) == ["ok"], name


def test_without_whmcs_settings_doctor_fails_and_names_them(bridge: Bridge) -> None:
    [result] = found(patient_of(bridge), "whmcs.settings")

    assert result.status == "fail"
    assert "BRIDGE_WHMCS_URL, BRIDGE_WHMCS_IDENTIFIER, BRIDGE_WHMCS_SECRET_FILE" in result.detail


@pytest.mark.parametrize("version", ["8.13.1", "9.0.1"])
def test_actions_that_the_role_lacks_are_all_named(bridge: Bridge, whmcs: StandIn, version: str) -> None:
    some = frozenset({*client.READS, *client.WRITES} - {"SendEmail", "GetModuleQueue"})
    poor = replace(whmcs, version=version, credentials=(replace(whmcs.credentials[0], actions=some),))

    [result] = found(asking_of(poor, bridge), "whmcs.actions")

    assert (result.status, result.detail) == ("fail", "the API role lacks GetModuleQueue, SendEmail")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"credentials": (Credential("api-identifier", Secret("another")),)}, "credentials are not accepted"),
        ({"allowed_addresses": ()}, "API IP access restriction"),
    ],
)
def test_what_keeps_us_from_the_api_is_named(bridge: Bridge, whmcs: StandIn, changed: Any, told: str) -> None:
    patient = asking_of(replace(whmcs, **changed), bridge)

    for name in ("whmcs.api", "whmcs.actions"):
        [result] = found(patient, name)
        assert result.status == "fail"
        assert told in result.detail


def test_asking_whether_an_action_is_allowed_does_nothing(bridge: Bridge, whmcs: StandIn) -> None:
    def state() -> dict[str, list[Any]]:
        with whmcs.engine.connect() as tx:
            others = [each for each in whmcs_tables.metadata.sorted_tables if each is not whmcs_tables.requests]
            return {each.name: [tuple(row) for row in tx.execute(each.select())] for each in others}

    before = state()

    assert statuses(asking_of(whmcs, bridge), "whmcs.actions") == ["ok"]
    assert state() == before


def test_the_list_of_actions_is_what_the_client_asks() -> None:
    asked: dict[str, set[str]] = {"_read": set(), "_write": set()}
    for node in ast.walk(ast.parse(Path(client.__file__).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in asked:
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                asked[node.func.attr].add(first.value)

    assert asked == {"_read": set(client.READS), "_write": set(client.WRITES)}


def test_an_old_whmcs_is_a_warning(bridge: Bridge, whmcs: StandIn) -> None:
    assert statuses(asking_of(replace(whmcs, version="8.4.1"), bridge), "whmcs.api") == ["warn"]
    assert statuses(asking_of(replace(whmcs, version="9.0.1"), bridge), "whmcs.api") == ["ok"]


def test_a_column_that_whmcs_lacks_is_named(bridge: Bridge, whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        tx.execute(text("ALTER TABLE tblhosting RENAME COLUMN domainstatus TO status_of_domain"))

    [result] = found(asking_of(whmcs, bridge), "whmcs.records")

    assert result.status == "fail"
    assert "tblhosting.domainstatus" in result.detail


def test_an_addon_that_is_not_installed_is_told(bridge: Bridge, whmcs: StandIn) -> None:
    assert statuses(asking_of(replace(whmcs, addon_key=None), bridge), "addon") == ["fail"]
    assert statuses(patient_of(bridge), "addon") == ["warn"]


def test_a_reader_that_may_write_is_a_warning_r67(bridge: Bridge, mariadb_engine: Engine) -> None:
    [result] = found(patient_of(bridge, whmcs_engine=mariadb_engine), "whmcs.reader")

    assert result.status == "warn"


def test_another_whmcs_than_the_pinned_one_is_a_failure_f5(bridge: Bridge, whmcs: StandIn) -> None:
    served = replace(bridge, records=sql_records(whmcs.engine))
    assert statuses(asking_of(whmcs, bridge), "installation") == ["note"]
    installation.look(served)
    assert statuses(asking_of(whmcs, bridge), "installation") == ["ok"]

    with whmcs.engine.begin() as tx:
        tx.execute(text("UPDATE tblconfiguration SET value = 'https://staging.example/' WHERE setting = 'SystemURL'"))
    [result] = found(asking_of(whmcs, bridge), "installation")

    assert result.status == "fail"
    assert "staging.example" in result.detail
    assert "installation.confirm" in result.fix


# --- the work --------------------------------------------------------------------------------------------------------


def test_no_key_is_a_failure_and_an_old_secret_that_ends_a_warning(bridge: Bridge) -> None:
    assert statuses(patient_of(bridge), "keys") == ["fail"]

    keys.add(bridge, "whmcs-main")
    assert statuses(patient_of(bridge), "keys") == ["ok"]

    keys.rotate(bridge, "whmcs-main")
    soon = text("UPDATE mod_ictvoipbilling_keys SET ends_at = :at WHERE ends_at IS NOT NULL")
    at = transact(bridge.engine, now) + timedelta(hours=5)
    with bridge.engine.begin() as tx:
        tx.execute(soon, {"at": at.replace(tzinfo=None).isoformat(" ")})
    assert sorted(statuses(patient_of(bridge), "keys")) == ["ok", "warn"]


def test_a_key_of_another_installation_is_a_failure(bridge: Bridge) -> None:
    keys.add(bridge, "whmcs-main")

    [result] = found(patient_of(bridge, vault=Vault(bytes(32))), "keys")

    assert (result.status, result.about) == ("fail", "whmcs-main")


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({}, "ok", "green"),
        ({"health": Health.UNTESTED}, "fail", "has not passed its connection test"),
        (
            {"health": Health.RED, "checks": [{"name": "tls", "status": "fail", "detail": "it ended"}]},
            "fail",
            "tls: it",
        ),
        ({"paused_by": "Kim", "paused_reason": "new disks", "paused_at": ...}, "warn", "paused by Kim: new disks"),
        ({"health": Health.RED, "override_by": "Kim"}, "warn", "Kim lets automation run"),
        ({"unreachable_since": ...}, "fail", "out of reach"),
        ({"config": {"unverified_until": "2026-12-31"}}, "warn", "any certificate is accepted until 2026-12-31"),
    ],
    ids=["green", "untested", "red", "paused", "overridden", "unreachable", "unverified"],
)
def test_each_server_is_told_as_it_is(bridge: Bridge, changed: dict[str, Any], status: str, told: str) -> None:
    moment = transact(bridge.engine, now)
    given: dict[str, Any] = {name: moment if value is ... else value for name, value in changed.items()}
    with_memory_pbx(bridge, a_server(**given))

    result = found(patient_of(bridge), "servers")[0]

    assert (result.status, result.about) == (status, "1 pbx1")
    assert told in result.detail


@pytest.mark.parametrize("password", ["admin", "Password1", "1234", "fusionpbx", "aaaaaaaa"])
def test_a_password_that_everybody_knows_is_a_failure_and_is_not_shown_t22(bridge: Bridge, password: str) -> None:
    """`server.upsert` refuses them; one may be left from before, or from a restored backup."""
    with_memory_pbx(bridge)
    stored = Secret(json.dumps({"secret": password}))
    transact(bridge.engine, lambda tx: server_store.save_secret(tx, 1, stored, bridge.vault))

    results = found(patient_of(bridge), "servers")

    assert [(each.status, each.detail) for each in results] == [
        ("fail", "its secret is one that everybody knows"),
        ("ok", "green"),
    ]


def test_a_handler_whose_department_is_missing_is_a_warning(bridge: Bridge) -> None:
    with_handler(bridge, 12, department="nightshift")
    with_handler(bridge, 13, department="default")

    results = found(patient_of(bridge), "handlers")

    assert [(each.about, each.status) for each in results] == [("product 12", "warn"), ("product 13", "ok")]
    assert "nightshift" in results[0].detail


def test_nobody_to_tell_is_a_failure_f9(bridge: Bridge) -> None:
    assert statuses(patient_of(bridge), "departments") == ["fail"]

    with_default_department(bridge)
    assert statuses(patient_of(bridge), "departments") == ["ok"]

    with_default_department(bridge, name="silent", channels=[])
    assert statuses(patient_of(bridge), "departments") == ["ok", "warn"]


def test_a_job_that_has_not_run_is_a_failure(bridge: Bridge) -> None:
    assert statuses(patient_of(bridge), "jobs") == ["warn"]
    at = transact(bridge.engine, now)
    rows = [
        {"name": "seal_audit", "epoch": 1, "due_at": at - timedelta(hours=1), "result": {"sealed": 3}},
        {"name": "sweep", "epoch": 1, "due_at": at, "result": {"failed": True}},
    ]
    with bridge.engine.begin() as tx:
        tx.execute(insert(jobs), rows)

    results = found(patient_of(bridge), "jobs")

    assert [(each.status, each.about) for each in results] == [("fail", ""), ("warn", "sweep")]
    assert "seal_audit" in results[0].detail


def test_operations_that_nobody_takes_up_are_a_failure(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    create(bridge)
    assert statuses(patient_of(bridge), "operations") == ["ok"]

    at = transact(bridge.engine, now)
    with bridge.engine.begin() as tx:
        tx.execute(update(lanes).values(due_at=at - timedelta(hours=1)))
    [late] = found(patient_of(bridge), "operations")
    with bridge.engine.begin() as tx:
        tx.execute(update(operations).values(due_at=None))
    stuck = found(patient_of(bridge), "operations")[0]

    assert (late.status, late.detail.partition(",")[0]) == ("fail", "1 due and not begun")
    assert (stuck.status, stuck.detail) == ("fail", "stuck: 1"), "I-9"


def test_old_tasks_and_lost_words_are_warnings(bridge: Bridge) -> None:
    for name in ("tasks", "announcements", "findings", "messages"):
        assert statuses(patient_of(bridge), name) == ["ok"], name
    at = transact(bridge.engine, now)
    transact(
        bridge.engine,
        lambda tx: tasks.open_task(
            tx, open_key="a", kind="operation", department="default", title="t", cause="c", suggestion="s"
        ),
    )
    assert statuses(patient_of(bridge), "tasks") == ["ok"]
    row = {"service_id": 1, "operation_id": 1, "status": "Active", "attempts": 0, "epoch": 0, "created_at": at}
    with bridge.engine.begin() as tx:
        tx.execute(text("UPDATE mod_ictvoipbilling_tasks SET created_at = '2026-01-01 00:00:00'"))
        tx.execute(insert(announcements).values(**row, state="due", due_at=at))
    assert statuses(patient_of(bridge), "announcements") == ["ok"]
    with bridge.engine.begin() as tx:
        old = row | {"operation_id": 3, "created_at": at - timedelta(hours=2)}
        tx.execute(insert(announcements).values(**old, state="due", due_at=at + timedelta(minutes=5)))
        other = row | {"operation_id": 2}
        tx.execute(insert(announcements).values(**other, state="given_up", due_at=at))

    assert statuses(patient_of(bridge), "tasks") == ["warn"]
    late, _ = found(patient_of(bridge), "announcements")
    assert statuses(patient_of(bridge), "announcements") == ["warn", "warn"]
    assert late.detail == f"2 due, the oldest since {at - timedelta(hours=2):%Y-%m-%d %H:%M} UTC", (
        "a WHMCS that is away puts off when it is due again, not since when it has to be told"
    )


def test_messages_that_wait_and_that_failed_are_counted(bridge: Bridge) -> None:
    def tell(once_key: str) -> None:
        transact(
            bridge.engine,
            lambda tx: notices.add(tx, once_key=once_key, department="default", kind="task", title="t", body="b"),
        )

    with_default_department(bridge)
    tell("first")
    [waiting] = found(patient_of(bridge), "messages")
    with bridge.engine.begin() as tx:
        tx.execute(update(deliveries).values(state="failed"))
    tell("second")
    [failed] = found(patient_of(bridge), "messages")

    assert (waiting.status, waiting.detail) == ("ok", "of a week's messages 1 wait to go out; the others have")
    assert failed.status == "warn"
    assert failed.detail == "of a week's messages 1 may not have arrived, 0 had no way to go and 1 wait"


def test_an_audit_that_was_changed_or_cut_off_is_a_failure_t24(bridge: Bridge) -> None:
    for number in range(3):
        line = audit.Line("Kim", "server.pause", f"server:{number}")
        transact(bridge.engine, lambda tx, line=line: audit.add_lines(tx, [line]))  # type: ignore[misc]  # bound now
    transact(bridge.engine, audit.seal)
    assert statuses(patient_of(bridge), "audit") == ["ok"]

    with bridge.engine.begin() as tx:
        tx.execute(text("DELETE FROM mod_ictvoipbilling_audit WHERE sealed_no = 3"))
        tx.execute(insert(jobs).values(name="seal_audit", epoch=1, due_at=NOW, result={"head": 3}))
    [cut] = found(patient_of(bridge), "audit")
    with bridge.engine.begin() as tx:
        tx.execute(text("UPDATE mod_ictvoipbilling_audit SET actor = 'Sam' WHERE sealed_no = 1"))
    [changed] = found(patient_of(bridge), "audit")

    assert (cut.status, cut.detail) == ("fail", "it ends at 2 where 3 rows were sealed")
    assert changed.status == "fail"
    assert "was changed" in changed.detail


def test_a_restored_bridge_and_a_copied_one_are_failures_r41(bridge: Bridge) -> None:
    first = replace(bridge, machine=Machine("first", "boot", "alpha"))
    assert installation.may_work(first) is None
    copied = patient_of(bridge, machine=Machine("second", "boot", "beta"))
    assert statuses(patient_of(bridge, machine=first.machine), "may_work") == ["ok"]

    [copy] = found(copied, "may_work")
    installation.enter_restore(bridge, actor="Kim", reason="a test")
    [restored] = found(patient_of(bridge), "may_work")

    assert (copy.status, restored.status) == ("fail", "fail")
    assert "alpha" in copy.detail
    assert "Kim" in restored.detail


def create(bridge: Bridge) -> None:
    services.create(
        bridge,
        asking(),
        service_id=42,
        client_id=7,
        product_id=12,
        server_id=None,
        domain="acme.example",
        username="acme",
        password=None,
        options={},
        custom_fields={},
    )


def test_a_server_out_of_reach_is_not_asked_by_doctor(bridge: Bridge) -> None:
    """What the keeper found out is told; a look costs a PBX nothing."""
    pbx = with_memory_pbx(bridge)
    servers.test(bridge, 1, "Kim")
    before = pbx.trouble.calls

    doctor.examine(patient_of(bridge))

    assert pbx.trouble.calls == before


def test_what_waits_behind_a_pbx_is_not_the_workers_fault(bridge: Bridge) -> None:
    pbx = with_memory_pbx(bridge)
    pbx.trouble.outage = True
    create(bridge)
    run_all(bridge)

    [result] = found(patient_of(bridge), "operations")

    assert (result.status, result.detail.partition(",")[0]) == ("warn", "1 wait for a PBX")
