"""Rotation of the master key (T-21): nothing sealed is missed, lost or overwritten, whenever it happens."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, LargeBinary, Table, insert, select, update

from bridge import database, keys, rotation, schema, vault
from bridge.app import Bridge
from bridge.cli import run
from bridge.database import NOW, transact
from bridge.drivers import secrets_to
from bridge.errors import Conflict, NotPrepared, Unavailable
from bridge.keeper import Keeper
from bridge.life import restoration
from bridge.life.restoration import Place
from bridge.master_key import change_master_key, existing_master_key
from bridge.periodic import periodic_jobs
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.store import jobs, seals, servers
from bridge.store import services as service_store
from bridge.store.seals import SealedColumn
from bridge.tables import audit, deck_rows, departments, metadata
from bridge.tables import services as service_rows
from tests.archives import KEY, back_up, create
from tests.canary import CANARY
from tests.factories import run_all, with_handler, with_memory_pbx

LONG_AGO = 3600.0


@pytest.fixture
def house(engine: Engine, settings: Settings, tmp_path: Path) -> Bridge:
    """A bridge with its master key in a file, and a value in every sealed column."""
    settings = replace(settings, master_key_file=tmp_path / "keys" / "master.key")
    bridge = Bridge(settings=settings, engine=engine, vault=vault.of_file(settings.master_key_file))
    with_memory_pbx(bridge)
    with_handler(bridge)
    keys.add(bridge, "whmcs-main", (), by="test")
    for service_id in (1, 2, 3):
        create(bridge, service_id)
    run_all(bridge)
    transact(engine, lambda tx: servers.save_secret(tx, 1, secrets_to({"secret": Secret(CANARY)}), bridge.vault))
    for column in seals.COLUMNS:
        transact(engine, lambda tx, column=column: fill(tx, bridge, column))  # type: ignore[misc]  # called now
    return bridge


def fill(tx: Connection, bridge: Bridge, column: SealedColumn) -> None:
    """A sealed value in a column whose table the bridge's own work has not filled."""
    if tx.execute(select(column.key).where(column.column.is_not(None))).first() is not None:
        return
    if tx.execute(select(column.key)).first() is None:
        tx.execute(insert(column.table).values(a_row(column.table)))
    for row in tx.execute(select(column.table)).all():
        value = bridge.vault.seal(Secret(CANARY), place=column.place_of(row))
        tx.execute(
            update(column.table).where(column.key == getattr(row, column.key.name)).values({column.column: value})
        )


def a_row(table: Table) -> dict[str, Any]:
    if table is departments:
        return {"name": "voice", "channels": [], "escalate_after_hours": 4, "updated_at": NOW}
    key = table.c.number if "number" in table.c else table.c.name
    return {"tenant_id": 1, key.name: "100", "pbx_uuid": "0" * 36, "held_by_hand": 0, "origin": "bridge"}


def everything(bridge: Bridge) -> dict[tuple[str, Any], str]:
    """Every sealed value, opened in its place."""
    with bridge.engine.connect() as tx:
        return {
            (column.name, getattr(row, column.key.name)): bridge.vault.open(
                getattr(row, column.column.name), place=column.place_of(row)
            ).reveal()
            for column in seals.COLUMNS
            for row in tx.execute(select(column.table).where(column.column.is_not(None))).all()
        }


def versions(bridge: Bridge) -> dict[int, int]:
    return dict(rotation.status(bridge).values)


# --- the list of what is sealed --------------------------------------------------------------------------------------


def test_every_sealed_column_is_walked_over_t21() -> None:
    of_tables = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column is not deck_rows.c.content  # packed prices, no secret
    }

    assert {each.name for each in seals.COLUMNS} == of_tables
    assert len(seals.COLUMNS) == len(of_tables)


def test_what_the_bridge_sealed_itself_opens_in_the_place_that_is_listed_t21(house: Bridge) -> None:
    opened = everything(house)

    assert {name for name, _ in opened} == {each.name for each in seals.COLUMNS}
    assert versions(house) == {1: len(opened)}


def test_a_value_copied_to_another_row_or_column_does_not_open_t21(house: Bridge) -> None:
    rotation.rotate(house, by="kim")
    rotation.reseal(house)
    with house.engine.begin() as tx:
        sealed = {
            (column.name, column.place_of(row)): (column, bytes(getattr(row, column.column.name)))
            for column in seals.COLUMNS
            for row in tx.execute(select(column.table).where(column.column.is_not(None))).all()
        }

    assert len(sealed) >= 10
    for _, place in sealed:
        for (_, own), (_, value) in sealed.items():
            if own != place:
                with pytest.raises(Unavailable, match="does not open"):
                    house.vault.open(value, place=place)


# --- in the background -----------------------------------------------------------------------------------------------


def test_everything_comes_under_the_newest_version_and_says_the_same_t21(house: Bridge) -> None:
    before = everything(house)

    assert rotation.rotate(house, by="kim") == 2
    done = rotation.reseal(house)

    assert done == {"resealed": len(before), "unopened": 0, "newest": 2}
    assert versions(house) == {2: len(before)}
    assert everything(house) == before
    assert rotation.reseal(house) == {"resealed": 0, "unopened": 0, "newest": 2}


def test_it_is_a_job_of_the_keeper_and_idle_without_a_rotation(house: Bridge) -> None:
    assert rotation.reseal(house) == {"resealed": 0}
    before = everything(house)
    rotation.rotate(house, by="kim")

    Keeper(house, "keeper-1", periodic_jobs(house)).run_once()

    assert "reseal" in transact(house.engine, jobs.results)
    assert versions(house) == {2: len(before)}


def test_a_turn_that_ended_half_way_is_gone_on_with_t21(house: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(house)
    rotation.rotate(house, by="kim")
    monkeypatch.setattr(rotation, "BATCH", 2)
    monkeypatch.setattr(rotation, "VALUES_MAX", 3)

    rotation.reseal(house)
    half = versions(house)
    assert half[1] > 0
    assert half[2] > 0
    assert everything(house) == before

    while rotation.status(house).waiting:
        rotation.reseal(house)
    assert versions(house) == {2: len(before)}
    assert everything(house) == before


def test_a_second_rotation_before_the_first_is_done_is_harmless_t21(house: Bridge) -> None:
    before = everything(house)
    rotation.rotate(house, by="kim")
    create(house, 4)
    rotation.rotate(house, by="kim")

    assert versions(house) == {1: len(before), 2: len(everything(house)) - len(before)}
    rotation.reseal(house)
    assert set(versions(house)) == {3}


def test_a_secret_that_was_changed_meanwhile_is_not_overwritten_t21(house: Bridge) -> None:
    [column] = [each for each in seals.COLUMNS if each.table is service_rows]
    rotation.rotate(house, by="kim")
    old, *_ = transact(house.engine, lambda tx: seals.page(tx, column, versions=[1], limit=1))
    stale = house.vault.seal(house.vault.open(old.value, place=old.place), place=old.place)
    transact(house.engine, lambda tx: service_store.save_password(tx, old.key, Secret("newer"), house.vault))

    written = transact(house.engine, lambda tx: seals.put(tx, column, old, stale))

    assert not written
    assert transact(house.engine, lambda tx: service_store.password_of(tx, old.key, house.vault)) == Secret("newer")


def test_a_value_that_does_not_open_is_left_and_stops_nothing_t21(house: Bridge) -> None:
    before = everything(house)
    with house.engine.begin() as tx:
        tx.execute(update(service_rows).where(service_rows.c.service_id == 2).values(password=b"\x01" + b"x" * 40))
    rotation.rotate(house, by="kim")

    done = rotation.reseal(house)

    assert done == {"resealed": len(before) - 1, "unopened": 1, "newest": 2}
    assert versions(house) == {1: 1, 2: len(before) - 1}


def test_rotation_while_a_worker_and_callers_run_loses_nothing_t21(house: Bridge) -> None:
    """Another process of the same installation: its vault is its own, and only the file tells it."""
    other = replace(house, vault=vault.of_file(house.settings.master_key_file))
    started, wrong = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            for service_id in range(10, 30):
                create(other, service_id)
                run_all(other)
                started.set()
        except BaseException as error:  # told in the test's own thread
            wrong.append(error)
            started.set()

    working = threading.Thread(target=work)
    working.start()
    started.wait(30)
    for _ in range(3):
        rotation.rotate(house, by="kim")
        rotation.reseal(house)
    working.join(60)
    rotation.reseal(house)

    assert wrong == []
    assert set(versions(house)) == {4}
    opened = everything(house)
    assert sum(name == f"{service_rows.name}.password" for name, _ in opened) == 23


# --- dropping what is old --------------------------------------------------------------------------------------------


def test_an_older_version_is_dropped_when_nothing_needs_it_and_not_before_t21(house: Bridge) -> None:
    before = everything(house)
    rotation.rotate(house, by="kim")
    path = house.settings.master_key_file

    with pytest.raises(Conflict, match=f"{len(before)} under version 1"):
        rotation.prune(house, by="kim", seconds_since_rotation=LONG_AGO)
    rotation.reseal(house)
    with pytest.raises(Conflict, match="try again in 118 seconds"):
        rotation.prune(house, by="kim", seconds_since_rotation=2)
    dry = rotation.prune(house, by="kim", seconds_since_rotation=LONG_AGO, dry_run=True)
    still = existing_master_key(path)
    dropped = rotation.prune(house, by="kim", seconds_since_rotation=LONG_AGO)

    kept = existing_master_key(path)
    assert still is not None
    assert kept is not None
    assert (dry, still.older, dropped, tuple(kept.versions)) == ((1,), (1,), (1,), (2,))
    assert everything(replace(house, vault=vault.of_file(path))) == before
    assert rotation.prune(house, by="kim", seconds_since_rotation=LONG_AGO) == ()
    with house.engine.connect() as tx:
        noted = tx.execute(
            select(audit.c.action).where(audit.c.subject == "installation:master_key").order_by(audit.c.id)
        )
        assert noted.scalars().all() == ["master_key.rotated", "master_key.pruned"]


def test_a_lost_old_version_is_one_clear_sentence_t21(house: Bridge) -> None:
    rotation.rotate(house, by="kim")
    change_master_key(house.settings.master_key_file, lambda key: key.pruned())
    house = replace(house, vault=vault.of_file(house.settings.master_key_file))

    with pytest.raises(Unavailable, match="under version 1 of the master key, and this bridge has 2"):
        transact(house.engine, lambda tx: service_store.password_of(tx, 1, house.vault))
    assert rotation.status(house).lost == sum(versions(house).values())


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_commands_rotate_tell_and_prune(
    house: Bridge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", house.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("BRIDGE_MASTER_KEY_FILE", str(house.settings.master_key_file))
    total = len(everything(house))

    def typed(*arguments: str) -> Any:
        assert run(["master-key", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert typed("rotate", "--dry-run") == {"newest": 2, "dry_run": True}
    assert typed("status")["values"] == {"1": total}
    assert typed("rotate") == {"newest": 2, "dry_run": False}
    assert typed("status") == {"newest": 2, "values": {"1": total, "2": 0}, "waiting": total, "without_key": 0}
    assert run(["master-key", "prune"]) == 1
    assert "changed just now" in capsys.readouterr().err


# --- backup and restore ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [True, False])
def test_a_backup_over_a_rotation_comes_back_t21(house: Bridge, tmp_path: Path, inside: bool) -> None:
    """Made half-way: some of it under the old version, some under the new one."""
    before = everything(house)
    rotation.rotate(house, by="kim")
    create(house, 4)
    path = house.settings.master_key_file
    held = existing_master_key(path)
    assert held is not None
    made = tmp_path / "a.backup"
    back_up(house.engine, made, master_key=held, with_master_key=inside)
    engine = database.connect(Secret(f"sqlite:///{tmp_path}/restored.db"))

    place = Place(engine, "bridge", tmp_path / "new.key" if inside else path)
    restoration.restore(place, made, KEY, by="kim")

    restored = Bridge(settings=house.settings, engine=engine, vault=vault.of_file(place.master_key_file))
    assert everything(restored).items() >= before.items()
    assert set(versions(restored)) == {1, 2}
    engine.dispose()


def test_a_backup_needs_the_versions_it_was_sealed_under_and_no_others_t21(house: Bridge, tmp_path: Path) -> None:
    path = house.settings.master_key_file
    early, late = tmp_path / "early.backup", tmp_path / "late.backup"
    for made in (early, late):
        held = existing_master_key(path)
        assert held is not None
        back_up(house.engine, made, master_key=held)
        rotation.rotate(house, by="kim")
        rotation.reseal(house)
    change_master_key(path, lambda key: replace(key, versions={2: key.versions[2], 3: key.versions[3]}))
    engine = database.connect(Secret(f"sqlite:///{tmp_path}/restored.db"))
    schema.upgrade(engine)
    place = Place(engine, "bridge", path)

    with pytest.raises(NotPrepared, match="another master key"):
        restoration.restore(place, early, KEY, by="kim", dry_run=True)
    assert restoration.restore(place, late, KEY, by="kim", dry_run=True).remarks == ()
    engine.dispose()
