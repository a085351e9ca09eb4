"""Backups: both databases, everything or nothing, and no way to be fooled (F-2, T-14, T-20, R-39, R-41)."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import stat
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from bridge import database, keys, schema, services, tables
from bridge.app import Bridge
from bridge.cli import run
from bridge.database import transact
from bridge.drivers import secrets_from, secrets_to
from bridge.errors import BridgeError, Conflict, NotPrepared, Refused, Unavailable
from bridge.life import archive, backup, installation, restoration
from bridge.life.archive import Damaged
from bridge.life.restoration import Place
from bridge.pbx.memory import MemoryPbx
from bridge.schema import migrations
from bridge.schema.existing import what_is_there
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.store import audit, servers, tasks
from bridge.vault import Vault
from tests.archives import KEY, back_up, create
from tests.canary import CANARY, CANARY_KEY, sings
from tests.factories import a_server, asking, run_all, with_handler, with_memory_pbx
from tests.test_grants import Granted, granted  # noqa: F401  # a fixture is found by its name

MASTER_KEY = b"m" * 32
WORDS = archive.passphrase_key(Secret("four words are enough"))
ODD = "Ünïcode 📞 'quoted' \\ \"twice\"\nand a line, <b>&amp;</b>\x00\x7f"


@pytest.fixture
def old(engine: Engine, settings: Settings) -> Bridge:
    """The bridge that is backed up: with services, an open operation, keys, secrets and odd texts."""
    bridge = Bridge(settings=settings, engine=engine, vault=Vault(MASTER_KEY))
    fill(bridge)
    return bridge


@pytest.fixture
def other_engine(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """Where it is restored to: the other kind of database, from nothing."""
    if engine.dialect.name == "sqlite":
        url = request.getfixturevalue("empty_mariadb_url")
    else:
        url = Secret(f"sqlite:///{tmp_path}/restored.db")
    other = database.connect(url)
    yield other
    other.dispose()


@pytest.fixture
def place(other_engine: Engine, tmp_path: Path) -> Place:
    path = tmp_path / "keys" / "master.key"
    put_master_key(path, MASTER_KEY)
    return Place(other_engine, "bridge", path)


def put_master_key(path: Path, key: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(base64.b64encode(key))


def fill(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge)
    transact(
        bridge.engine, lambda tx: servers.save_secret(tx, 1, secrets_to({"password": Secret(CANARY)}), bridge.vault)
    )
    create(bridge, 42)
    run_all(bridge)
    create(bridge, 43)
    keys.add(bridge, "whmcs-main", (), by="test")
    transact(
        bridge.engine,
        lambda tx: tasks.open_task(
            tx,
            open_key="test:odd",
            kind="installation",
            department="default",
            title=ODD,
            cause=ODD,
            suggestion=ODD,
            details={"odd": ODD, "deep": [1, {"null": None}]},
        ),
    )


def make(bridge: Bridge, path: Path, **changed: Any) -> backup.Manifest:
    return back_up(bridge.engine, path, master_key=MASTER_KEY, **changed)


def dump(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every table that a backup holds as the database itself tells it, in the order of its key."""
    with engine.connect() as tx:
        there = what_is_there(tx, tables.metadata.tables.keys() - backup.WRITTEN_BY_UPGRADES)
        return {
            name: [
                {column: plain(value) for column, value in row.items()}
                for row in tx.execute(text(f"SELECT * FROM {name} ORDER BY {', '.join(stored.primary)}")).mappings()
            ]
            for name, stored in there.items()
        }


def plain(value: Any) -> Any:
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


def without_what_restoring_adds(dumped: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    kept = {name: list(found) for name, found in dumped.items()}
    assert [row["name"] for row in kept[tables.installation.name]].count("restore") == 1
    kept[tables.installation.name] = [row for row in kept[tables.installation.name] if row["name"] != "restore"]
    assert kept[tables.audit.name].pop()["action"] == "installation.restored"
    return kept


# --- there and back --------------------------------------------------------------------------------------------------


def test_every_row_comes_back_in_the_other_database_byte_by_byte_f2(old: Bridge, place: Place, tmp_path: Path) -> None:
    before = dump(old.engine)
    manifest = make(old, tmp_path / "a.backup")

    report = restoration.restore(place, tmp_path / "a.backup", KEY, by="kim")

    after = without_what_restoring_adds(dump(place.engine))
    assert after == before
    assert schema.check(place.engine) == []
    assert report.manifest == manifest
    assert manifest.total == sum(map(len, after.values())) > 20


def test_and_back_again(old: Bridge, place: Place, tmp_path: Path) -> None:
    make(old, tmp_path / "there.backup")
    restoration.restore(place, tmp_path / "there.backup", KEY, by="kim")
    once = dump(place.engine)
    back_up(place.engine, tmp_path / "back.backup", master_key=MASTER_KEY)
    rows = sum(map(len, dump(old.engine).values()))

    back = replace(place, engine=old.engine)
    restoration.restore(back, tmp_path / "back.backup", KEY, by="kim", replace=rows)

    again = dump(old.engine)
    assert again[tables.audit.name].pop()["action"] == "installation.restored"
    assert [each for each in again[tables.installation.name] if each["name"] != "restore"] == [
        each for each in once[tables.installation.name] if each["name"] != "restore"
    ]
    for dumped in (once, again):
        dumped.pop(tables.installation.name)
    assert again == once


def test_sealed_secrets_open_with_the_same_master_key(old: Bridge, place: Place, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup")
    restoration.restore(place, tmp_path / "a.backup", KEY, by="kim")

    vault = Vault(MASTER_KEY)
    assert transact(place.engine, lambda tx: secrets_from(servers.secret_of(tx, 1, vault))) == {
        "password": Secret(CANARY)
    }


def test_what_was_accepted_before_the_backup_is_done_after_the_restore(
    old: Bridge, place: Place, settings: Settings, tmp_path: Path
) -> None:
    make(old, tmp_path / "a.backup")
    restoration.restore(place, tmp_path / "a.backup", KEY, by="kim")
    restored = Bridge(settings=settings, engine=place.engine, vault=Vault(MASTER_KEY))
    pbx = MemoryPbx()
    restored.drivers.use(a_server(), {"password": Secret(CANARY)}, pbx)

    installation.leave_restore(restored, asking("installation.confirm"), person="kim", reason="looked")
    assert run_all(restored) == 1

    assert pbx.find("acme43.example") is not None
    assert services.get(restored, 43)["operations"][0]["state"] == "succeeded"
    while transact(place.engine, audit.seal):
        pass
    assert transact(place.engine, audit.verify) is None


def test_a_restored_bridge_waits_for_a_named_person_r39(
    old: Bridge, place: Place, settings: Settings, tmp_path: Path
) -> None:
    make(old, tmp_path / "a.backup")
    restoration.restore(place, tmp_path / "a.backup", KEY, by="cli:kim")
    restored = Bridge(settings=settings, engine=place.engine, vault=Vault(MASTER_KEY))

    assert "restored by cli:kim" in str(installation.may_work(restored))
    assert run_all(restored) == 0, "43 is due, and nobody takes it"
    installation.leave_restore(restored, asking("installation.confirm"), person="kim", reason="looked")
    assert installation.may_work(restored) is None


def test_a_backup_is_of_one_moment_while_work_goes_on(old: Bridge, place: Place, tmp_path: Path) -> None:
    before = dump(old.engine)
    written = list[int]()

    def meanwhile(_table: str, _rows: int) -> None:
        if not written:  # the first table is done, the others are to come
            create(old, 44)
            written.append(run_all(old))

    make(old, tmp_path / "a.backup", progress=meanwhile)
    restoration.restore(place, tmp_path / "a.backup", KEY, by="kim")

    assert written == [2], "43 waited, and 44 came in between"
    assert without_what_restoring_adds(dump(place.engine)) == before


def test_a_large_backup_needs_little_memory(sqlite_engine: Engine, settings: Settings, tmp_path: Path) -> None:
    bridge = Bridge(settings=settings, engine=sqlite_engine, vault=Vault(MASTER_KEY))
    line = audit.Line("kim", "test.large", "test:1", after={"noise": base64.b64encode(os.urandom(3000)).decode()})
    for _ in range(8):
        transact(sqlite_engine, lambda tx: audit.add_lines(tx, [line] * 500))

    target = database.connect(Secret(f"sqlite:///{tmp_path}/large.db"))
    put_master_key(tmp_path / "master.key", MASTER_KEY)
    tracemalloc.start()
    make(bridge, tmp_path / "a.backup")
    restoration.restore(Place(target, "bridge", tmp_path / "master.key"), tmp_path / "a.backup", KEY, by="kim")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    target.dispose()

    assert peak < 9 * 1024 * 1024, "the rows are more than 15 MiB"


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_backup_shows_nothing_and_is_for_its_owner_t20(old: Bridge, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup", with_master_key=True)

    content = (tmp_path / "a.backup").read_bytes()
    assert not sings(content)
    assert base64.b64encode(MASTER_KEY) not in content
    assert b"mod_ictvoipbilling" not in content
    assert stat.S_IMODE((tmp_path / "a.backup").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.glob("*a.backup*")] == ["a.backup"]


def test_two_backups_of_the_same_rows_have_nothing_in_common_t20(old: Bridge, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup")
    make(old, tmp_path / "b.backup")

    one, two = (each.read_bytes()[len(archive.MAGIC) + 1 :] for each in sorted(tmp_path.glob("*.backup")))
    assert one[:16] != two[:16]
    assert one[21:60] != two[21:60]


def test_the_master_key_is_inside_only_where_that_was_asked_for(old: Bridge, tmp_path: Path) -> None:
    assert make(old, tmp_path / "a.backup").master_key is None
    inside = make(old, tmp_path / "b.backup", with_master_key=True).master_key

    assert inside is not None
    assert base64.b64decode(inside.reveal()) == MASTER_KEY


def test_a_backup_never_replaces_a_file(old: Bridge, tmp_path: Path) -> None:
    (tmp_path / "a.backup").write_text("precious")

    with pytest.raises(NotPrepared, match="exists already"):
        make(old, tmp_path / "a.backup")
    assert (tmp_path / "a.backup").read_text() == "precious"


def test_a_backup_that_fails_leaves_nothing_behind(old: Bridge, tmp_path: Path) -> None:
    def lost(_table: str, _rows: int) -> None:
        raise Refused("the disk went away")

    with pytest.raises(Refused):
        make(old, tmp_path / "a.backup", progress=lost)
    with pytest.raises(BridgeError, match="cannot be made"):
        make(old, tmp_path / "nowhere" / "a.backup")
    assert not list(tmp_path.glob("*backup*"))


# --- what does not open ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small backup under a key file's key, for damaging."""
    folder = tmp_path_factory.mktemp("whole")
    engine = database.connect(Secret(f"sqlite:///{folder}/bridge.db"))
    schema.upgrade(engine)
    fill(Bridge(settings=Settings(), engine=engine, vault=Vault(MASTER_KEY)))
    back_up(engine, folder / "a.backup", master_key=MASTER_KEY)
    engine.dispose()
    return (folder / "a.backup").read_bytes()


def test_a_backup_that_was_cut_does_not_open_wherever_it_was_cut_t14(whole: bytes) -> None:
    for length in [*range(60), *range(60, len(whole), len(whole) // 50), len(whole) - 1]:
        with pytest.raises(Damaged):
            backup.prove(io.BytesIO(whole[:length]), KEY)


def test_a_backup_in_which_one_bit_was_changed_does_not_open_t14(whole: bytes) -> None:
    for place in [*range(60), *range(60, len(whole), len(whole) // 50), len(whole) - 1]:
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises(Damaged):
            backup.prove(io.BytesIO(bytes(changed)), KEY)


def test_pieces_in_another_order_or_doubled_or_left_out_do_not_open_t14() -> None:
    out = io.BytesIO()
    writer = archive.Writer(out, KEY)
    writer.write(os.urandom(3 * archive.PIECE_BYTES + 5))
    writer.end()
    head, frames = frames_of(out.getvalue())
    assert len(frames) == 4

    for arranged in ([1, 0, 2, 3], [0, 1, 1, 2, 3], [0, 2, 3], [0, 1, 2], [3], [0, 1, 3, 2]):
        with pytest.raises(Damaged):
            list(archive.pieces(io.BytesIO(head + b"".join(frames[each] for each in arranged)), KEY))
    with pytest.raises(Damaged, match="behind the end"):
        list(archive.pieces(io.BytesIO(head + b"".join(frames) + frames[3]), KEY))
    assert b"".join(archive.pieces(io.BytesIO(head + b"".join(frames)), KEY))


def frames_of(content: bytes) -> tuple[bytes, list[bytes]]:
    start = len(archive.MAGIC) + 17
    head, rest, frames = content[:start], content[start:], []
    while rest:
        length = 5 + int.from_bytes(rest[1:5], "big")
        frames.append(rest[:length])
        rest = rest[length:]
    return head, frames


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (archive.Key(b"k", b"x" * 32), "does not open with this key file"),
        (WORDS, "made with a key file, and a passphrase was given"),
    ],
)
def test_another_key_does_not_open_it(whole: bytes, key: archive.Key, told: str) -> None:
    with pytest.raises(Damaged, match=told):
        backup.prove(io.BytesIO(whole), key)


def test_a_passphrase_opens_what_it_closed_and_no_other_does() -> None:
    out = io.BytesIO()
    writer = archive.Writer(out, WORDS)
    writer.write(b"hello")
    writer.end()

    assert list(archive.pieces(io.BytesIO(out.getvalue()), WORDS)) == [b"hello"]
    with pytest.raises(Damaged, match="does not open with this passphrase"):
        list(archive.pieces(io.BytesIO(out.getvalue()), archive.passphrase_key(Secret("some other words"))))
    with pytest.raises(Damaged, match="made with a passphrase, and a key file was given"):
        list(archive.pieces(io.BytesIO(out.getvalue()), KEY))


def test_something_else_is_told_apart_from_a_damaged_backup() -> None:
    with pytest.raises(Damaged, match="empty"):
        backup.prove(io.BytesIO(b""), KEY)
    with pytest.raises(Damaged, match="not a backup of the bridge"):
        backup.prove(io.BytesIO(b"PK\x03\x04 surely a zip file of somebody else"), KEY)


def test_nothing_is_changed_by_a_backup_that_does_not_open(old: Bridge, whole: bytes, tmp_path: Path) -> None:
    before = dump(old.engine)
    rows = sum(map(len, before.values()))
    (tmp_path / "a.backup").write_bytes(whole[:-1])

    with pytest.raises(Damaged):
        restoration.restore(
            Place(old.engine, "bridge", tmp_path / "key"), tmp_path / "a.backup", KEY, by="kim", replace=rows
        )
    assert dump(old.engine) == before
    assert not (tmp_path / "key").exists()


# --- what says something else than a backup does (T-14) --------------------------------------------------------------


def sealed(lines: Sequence[bytes]) -> io.BytesIO:
    """An archive under the right key, with any content: made by somebody who has the key and bad intentions."""
    out = io.BytesIO()
    writer = archive.Writer(out, KEY)
    writer.write(b"".join(line + b"\n" for line in lines))
    writer.end()
    return io.BytesIO(out.getvalue())


def opens(file: io.BytesIO) -> bool:
    try:
        backup.prove(file, KEY)
    except Damaged:
        return False
    return True


def lines_of(content: bytes) -> list[bytes]:
    return list(archive.lines(archive.pieces(io.BytesIO(content), KEY)))


def changed_line(lines: list[bytes], number: int, **members: Any) -> list[bytes]:
    document = json.loads(lines[number]) | members
    return [*lines[:number], json.dumps(document).encode(), *lines[number + 1 :]]


def test_a_backup_made_by_hand_says_what_a_backup_says_or_is_refused_t14(whole: bytes) -> None:
    lines = lines_of(whole)
    manifest = json.loads(lines[0])
    first_row = next(number for number, line in enumerate(lines) if line.startswith(b"["))
    first_end = next(number for number, line in enumerate(lines) if b'"end"' in line)
    bad = {
        "a path for a table": changed_line(lines, 0, rows={**manifest["rows"], "../../etc/cron.d/x": 0}),
        "a table of WHMCS": changed_line(lines, 0, rows={**manifest["rows"], "tbladmins": 0}),
        "fewer tables": changed_line(lines, 0, rows=dict(list(manifest["rows"].items())[1:])),
        "other counts": changed_line(lines, 0, rows={**manifest["rows"], tables.audit.name: 3}),
        "absurd counts": changed_line(lines, 0, rows={**manifest["rows"], tables.audit.name: 10**18}),
        "a newer form": changed_line(lines, 0, format=2),
        "no migrations": changed_line(lines, 0, migrations="all"),
        "a table that is not next": changed_line(lines, 1, table=tables.audit.name),
        "columns of its own": changed_line(lines, 1, columns=["id", "password"]),
        "another digest": changed_line(lines, first_end, sha256="0" * 64),
        "a row less": [*lines[:first_row], *lines[first_row + 1 :]],
        "a row twice": [*lines[:first_row], lines[first_row], *lines[first_row:]],
        "a row that is a text": [*lines[:first_row], b'["a"', *lines[first_row + 1 :]],
        "no last line": lines[:-1],
        "more behind it": [*lines, lines[-1]],
        "nothing": [],
        "not JSON": [b"<xml/>"],
    }
    for what, told in bad.items():
        assert not opens(sealed(told)), what
    assert backup.prove(sealed(lines), KEY).total > 0


def test_a_value_of_another_kind_is_no_row_t14(whole: bytes) -> None:
    lines = lines_of(whole)
    start = next(number for number, line in enumerate(lines) if tables.domains.name.encode() in line and b"col" in line)
    columns, row = json.loads(lines[start])["columns"], json.loads(lines[start + 1])
    for column, value in (("id", "1"), ("id", 1.5), ("domain", 7), ("last_seen", "yesterday"), ("wanted", {"a": 1})):
        wrong = list(row)
        wrong[columns.index(column)] = value
        line = json.dumps(wrong).encode()
        end = json.loads(lines[start + 2 + json.loads(lines[0])["rows"][tables.domains.name] - 1])
        rest = lines[start + 2 : start + 1 + end["rows"]]
        digest = hashlib.sha256(b"".join(each + b"\n" for each in [line, *rest])).hexdigest()
        told = [*lines[: start + 1], line, *rest, json.dumps({**end, "sha256": digest}).encode()]
        with pytest.raises(Damaged, match="a row of mod_ictvoipbilling_domains that is none"):
            backup.prove(sealed([*told, *lines[start + 2 + len(rest) :]]), KEY)


def test_a_piece_that_unpacks_to_more_than_it_may_is_refused_before_it_does_t14() -> None:
    head = archive.MAGIC + b"k" + b"s" * 16
    bomb = zlib.compress(b"\n" * (50 * archive.PIECE_BYTES), 9)
    packed = KEY.cipher(b"s" * 16).encrypt(bytes(11) + b"\x01", bomb, head)
    file = io.BytesIO(head + b"\x01" + len(packed).to_bytes(4, "big") + packed)

    tracemalloc.start()
    with pytest.raises(Damaged, match="larger than any"):
        list(archive.pieces(file, KEY))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_a_line_without_end_is_refused_t14() -> None:
    endless = (b"x" * archive.PIECE_BYTES for _ in range(1000))

    with pytest.raises(Damaged, match="too large"):
        list(archive.lines(endless))


# --- where it goes ---------------------------------------------------------------------------------------------------


def test_a_database_that_holds_something_is_left_alone_until_its_rows_are_named(old: Bridge, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup")
    put_master_key(tmp_path / "key", MASTER_KEY)
    place = Place(old.engine, "bridge", tmp_path / "key")
    before = dump(old.engine)
    rows = sum(map(len, before.values()))

    for wrong in (None, 1, rows - 1, rows + 1):
        with pytest.raises(Conflict, match=f"holds {rows} rows .* --replace {rows}"):
            restoration.restore(place, tmp_path / "a.backup", KEY, by="kim", replace=wrong)
    assert dump(old.engine) == before

    report = restoration.restore(place, tmp_path / "a.backup", KEY, by="kim", replace=rows)
    assert sum(report.removed.values()) == rows


def test_the_user_of_the_service_restores_into_an_empty_database_and_may_remove_no_audit_r67(
    granted: Granted,  # noqa: F811  # the fixture
    sqlite_engine: Engine,
    settings: Settings,
    tmp_path: Path,
) -> None:
    old = Bridge(settings=settings, engine=sqlite_engine, vault=Vault(MASTER_KEY))
    fill(old)
    made = make(old, tmp_path / "a.backup")
    put_master_key(tmp_path / "key", MASTER_KEY)
    place = Place(granted.engines["bridge"], "bridge", tmp_path / "key")

    restoration.restore(place, tmp_path / "a.backup", KEY, by="kim")
    restored = dump(place.engine)
    with pytest.raises(Unavailable, match="may not do this"):
        restoration.restore(place, tmp_path / "a.backup", KEY, by="kim", replace=made.total + 2)

    assert len(restored[tables.operations.name]) == 2
    assert dump(place.engine) == restored


def test_a_dry_run_proves_everything_and_changes_nothing(old: Bridge, place: Place, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup")

    report = restoration.restore(place, tmp_path / "a.backup", KEY, by="kim", dry_run=True)

    assert report.manifest.total > 20
    assert dump(place.engine) == {}


def test_what_does_not_fit_leaves_nothing_behind(old: Bridge, place: Place, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup")
    schema.upgrade(place.engine)
    with place.engine.begin() as tx:
        tx.execute(text(f"CREATE UNIQUE INDEX only_one ON {tables.services.name} (client_id)"))

    with pytest.raises(Refused, match="a row of mod_ictvoipbilling_services does not fit"):
        restoration.restore(place, tmp_path / "a.backup", KEY, by="kim")
    assert not any(dump(place.engine).values())


def test_a_table_of_somebody_else_is_not_touched(old: Bridge, place: Place, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup")
    with place.engine.begin() as tx:
        tx.execute(text(f"CREATE TABLE {tables.domains.name} (id INTEGER PRIMARY KEY, theirs VARCHAR(10))"))

    with pytest.raises(NotPrepared, match="did not make"):
        restoration.restore(place, tmp_path / "a.backup", KEY, by="kim")


def test_another_instance_is_said(old: Bridge, place: Place, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup", instance="bridge-of-before")

    [told] = restoration.restore(place, tmp_path / "a.backup", KEY, by="kim").remarks

    assert "made as bridge-of-before" in told


# --- the master key --------------------------------------------------------------------------------------------------


def test_the_master_key_of_a_backup_is_put_in_place(old: Bridge, place: Place, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup", with_master_key=True)
    place = replace(place, master_key_file=tmp_path / "new" / "master.key")

    restoration.restore(place, tmp_path / "a.backup", KEY, by="kim")

    assert base64.b64decode(place.master_key_file.read_bytes()) == MASTER_KEY
    assert stat.S_IMODE(place.master_key_file.stat().st_mode) == 0o600


def test_a_master_key_that_opens_nothing_is_refused_before_anything_is_written(
    old: Bridge, place: Place, tmp_path: Path
) -> None:
    make(old, tmp_path / "without.backup")
    make(old, tmp_path / "with.backup", with_master_key=True)
    put_master_key(tmp_path / "other.key", b"o" * 32)
    other, missing = (replace(place, master_key_file=tmp_path / name) for name in ("other.key", "missing.key"))

    for where, file, told in (
        (other, "without.backup", "another master key"),
        (other, "with.backup", "move it away"),
        (missing, "without.backup", "there is no master key"),
    ):
        with pytest.raises(Refused, match=told):
            restoration.restore(where, tmp_path / file, KEY, by="kim")
    assert dump(place.engine) == {}
    assert not (tmp_path / "missing.key").exists()

    report = restoration.restore(missing, tmp_path / "without.backup", KEY, by="kim", accept_other_master_key=True)
    assert "set them again" in report.remarks[0]


def test_a_master_key_is_taken_away_again_when_the_rows_do_not_come(old: Bridge, place: Place, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup", with_master_key=True)
    schema.upgrade(place.engine)
    with place.engine.begin() as tx:
        tx.execute(text(f"CREATE UNIQUE INDEX only_one ON {tables.services.name} (client_id)"))

    with pytest.raises(Refused):
        restoration.restore(replace(place, master_key_file=tmp_path / "new.key"), tmp_path / "a.backup", KEY, by="kim")
    assert not (tmp_path / "new.key").exists()


# --- between releases ------------------------------------------------------------------------------------------------

NEXT = migrations.read(
    "0099_next",
    f"ALTER TABLE {tables.services.name} ADD COLUMN mood VARCHAR(10) NOT NULL DEFAULT 'calm' COMMENT 'How it is';",
)


def of_next_release() -> list[migrations.Migration]:
    return [*migrations.read_all(migrations.folder()), NEXT]


def test_a_backup_of_the_release_before_comes_back_in_this_one(old: Bridge, place: Place, tmp_path: Path) -> None:
    make(old, tmp_path / "a.backup")

    restoration.restore(place, tmp_path / "a.backup", KEY, by="kim", migrations=of_next_release())

    assert {row["mood"] for row in dump(place.engine)[tables.services.name]} == {"calm"}


def test_a_backup_of_a_newer_release_is_refused(old: Bridge, place: Place, tmp_path: Path) -> None:
    schema.upgrade(old.engine, migrations=of_next_release())
    try:
        make(old, tmp_path / "a.backup", migrations=of_next_release())
        with pytest.raises(NotPrepared, match="0099_next was made by a newer bridge"):
            restoration.restore(place, tmp_path / "a.backup", KEY, by="kim")
        with pytest.raises(NotPrepared, match="0099_next was made by a newer bridge"):
            make(old, tmp_path / "b.backup")
    finally:  # the database serves other tests
        with old.engine.begin() as tx:
            tx.execute(text(f"ALTER TABLE {tables.services.name} DROP COLUMN mood"))
            tx.execute(text(f"DELETE FROM {tables.migrations.name} WHERE version = 99"))
    assert dump(place.engine) == {}


# --- the commands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a used bridge and a key file, as an operator has them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k").touch(mode=0o600)
    (tmp_path / "k").write_text(CANARY_KEY)
    (tmp_path / "words").write_text("four words are enough")
    assert run(["keys", "add", "whmcs-main", "--json"]) == 0
    return tmp_path


def test_a_bridge_moves_by_two_commands(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["backup", "a.backup", "--key-file", "k", "--json"]) == 0
    monkeypatch.setenv("BRIDGE_DATABASE_URL", "sqlite:///elsewhere/bridge.db")
    capsys.readouterr()

    assert run(["restore", "a.backup", "--key-file", "k", "--dry-run", "--json"]) == 0
    tried = json.loads(capsys.readouterr().out)
    assert run(["restore", "a.backup", "--key-file", "k", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert run(["keys", "list", "--json"]) == 0
    [key] = json.loads(capsys.readouterr().out)

    assert tried == done | {"dry_run": True}
    assert done["backup"]["rows"] == 2, "the key, and the line that tells who made it"
    assert key["key_id"] == "whmcs-main"


def test_a_backup_is_looked_at_before_it_is_made(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["backup", "a.backup", "--dry-run", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["dry_run"], told["master_key_inside"]) == (2, True, False)
    assert not (at_home / "a.backup").exists()


def test_a_passphrase_may_come_from_a_file(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["backup", "a.backup", "--passphrase-file", "words"]) == 0
    monkeypatch.setenv("BRIDGE_DATABASE_URL", "sqlite:///elsewhere/bridge.db")
    assert run(["restore", "a.backup", "--passphrase-file", "words"]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["backup", "a"], "give --key-file or --passphrase-file"),
        (["backup", "a", "--key-file", "missing"], "openssl rand -base64 32"),
        (["backup", "a", "--key-file", "short"], "is not 32 bytes in base64"),
        (["backup", "a", "--key-file", "open"], "can be read by others"),
        (["backup", "a", "--passphrase-file", "short"], "at least 12 characters"),
        (["backup", "a", "--passphrase-file", "short", "--key-file", "k"], "not both"),
        (["backup", "k", "--key-file", "k"], "exists already"),
        (["restore", "missing", "--key-file", "k"], "missing cannot be read"),
        (["restore", "k", "--key-file", "k"], "not a backup of the bridge"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_code_1(
    at_home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    for name, mode, content in (("short", 0o600, "c2hvcnQ="), ("open", 0o644, "of no use")):
        (at_home / name).touch(mode=mode)
        (at_home / name).write_text(content)
    capsys.readouterr()

    assert run(arguments) == 1

    said = capsys.readouterr()
    assert told in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
