"""The bridge's own tables in one encrypted file: what is in it, making one, and proving one.

    {"format": 1, "bridge": ..., "migrations": [...], "rows": {table: count}, ...}     what this is
    {"table": ..., "columns": [...]}                                                   then for each table:
    [...]                                                                              its rows
    {"end": table, "rows": count, "sha256": digest of these lines}
    {"tables": count, "rows": count}                                                   the last line

A table has a name that a migration of this bridge made; nothing in a backup names a file. The list of migrations is
in the first line; what upgrades write is not among the rows. Sealed secrets stay sealed; the master key is inside only
where that was asked for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine

from bridge import __version__, schema, tables
from bridge.database import now, transact
from bridge.errors import NotPrepared, Unavailable
from bridge.life import archive
from bridge.life.archive import Damaged
from bridge.master_key import MasterKey, only
from bridge.schema.migrations import Migration, Table, add_up
from bridge.secret import Secret
from bridge.store import rows, seals
from bridge.store.seals import SealedColumn
from bridge.vault import Vault

FORMAT = 1
TABLES_MAX = 1000
ROWS_MAX = 10**10

WRITTEN_BY_UPGRADES = frozenset({tables.migrations.name, tables.country_codes.name})
"""What a release says of itself, and no backup brings back."""

Progress = Callable[[str, int], object]
"""Told the table and how many of its rows are done, now and then."""


def quiet(_table: str, _rows: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Manifest:
    bridge: str
    made_at: datetime
    instance: str
    database: str
    migrations: tuple[tuple[int, str, str], ...]
    rows: Mapping[str, int]
    master_key_mark: str
    """Tells whether a master key is the one its secrets are sealed with, and nothing else; one for each version."""
    master_key: Secret | None = field(default=None, repr=False)

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    def to_json(self) -> dict[str, Any]:
        """For people: without keys."""
        return {
            "bridge": self.bridge,
            "made_at": self.made_at.isoformat(),
            "instance": self.instance,
            "database": self.database,
            "schema": self.migrations[-1][1] if self.migrations else None,
            "tables": len(self.rows),
            "rows": self.total,
            "master_key_inside": self.master_key is not None,
        }


def opens(master_key: MasterKey, manifest: Manifest) -> bool:
    """Whether every secret in a backup is sealed under a version that is here."""
    return set(manifest.master_key_mark.split()) <= {_mark_of(each) for each in master_key.versions.values()}


def _marks_of(master_key: MasterKey, versions: Collection[int]) -> str:
    """Of the versions that are needed, or the newest where nothing is sealed; one that is lost can mark nothing."""
    needed = sorted(master_key.versions.keys() & set(versions)) or [master_key.newest]
    return " ".join(_mark_of(master_key.versions[version]) for version in needed)


def _mark_of(key: bytes) -> str:
    return Vault(key).fingerprint(Secret("this backup"))


# --- making one ------------------------------------------------------------------------------------------------------


def survey(
    engine: Engine,
    *,
    instance: str,
    master_key: bytes | MasterKey,
    with_master_key: bool = False,
    migrations: Sequence[Migration] | None = None,
) -> Manifest:
    """What a backup made now would hold."""
    describe = _describer(instance, master_key, with_master_key, migrations)
    return transact(rows.snapshot(engine), lambda tx: describe(tx)[0])


def make(
    engine: Engine,
    path: Path,
    key: archive.Key,
    *,
    instance: str,
    master_key: bytes | MasterKey,
    with_master_key: bool = False,
    progress: Progress = quiet,
    random: Callable[[int], bytes] = os.urandom,
    migrations: Sequence[Migration] | None = None,
) -> Manifest:
    """Writes a backup of one moment while work goes on, reads it back, and only then gives it its name."""
    describe = _describer(instance, master_key, with_master_key, migrations)
    with _new_file(path) as file:

        def act(tx: Connection) -> Manifest:
            file.seek(0)  # the whole of it again, if the database was lost on the way
            file.truncate()
            manifest, stored = describe(tx)
            _write(tx, archive.Writer(file, key, random), manifest, stored, progress)
            return manifest

        manifest = transact(rows.snapshot(engine), act)
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        prove(file, key, migrations=migrations)
    return manifest


def _describer(
    instance: str, master_key: bytes | MasterKey, with_master_key: bool, migrations: Sequence[Migration] | None
) -> Callable[[Connection], tuple[Manifest, list[Table]]]:
    held = only(master_key) if isinstance(master_key, bytes) else master_key

    def describe(tx: Connection) -> tuple[Manifest, list[Table]]:
        applied = schema.applied(tx, migrations=migrations)
        if not applied:
            raise NotPrepared("there is nothing to back up: the database holds none of the bridge's tables")
        stored = stored_tables(applied)
        manifest = Manifest(
            bridge=__version__,
            made_at=now(tx),
            instance=instance,
            database=tx.dialect.name,
            migrations=tuple((each.version, each.name, each.checksum) for each in applied),
            rows=rows.counts(tx, stored),
            master_key_mark=_marks_of(held, seals.counts(tx, lambda each: _is_stored(each, stored))),
            master_key=Secret(held.written().decode()) if with_master_key else None,
        )
        return manifest, list(stored.values())

    return describe


def _is_stored(sealed: SealedColumn, stored: Mapping[str, Table]) -> bool:
    """A database of an earlier release may not have the column yet."""
    table = stored.get(sealed.table.name)
    return table is not None and any(column.name == sealed.column.name for column in table.columns)


def stored_tables(migrations: Sequence[Migration]) -> dict[str, Table]:
    """The tables whose rows are kept: all but those that upgrades write."""
    return {name: each for name, each in add_up(migrations).items() if name not in WRITTEN_BY_UPGRADES}


def _write(
    tx: Connection, out: archive.Writer, manifest: Manifest, stored: Sequence[Table], progress: Progress
) -> None:
    out.write(_line(_manifest_to(manifest)))
    for table in stored:
        digest, count = hashlib.sha256(), 0
        columns = [each.name for each in table.columns]
        out.write(_line({"table": table.name, "columns": columns}))
        for row in rows.read(tx, table):
            line = _line([_value_to(value) for value in row])
            digest.update(line)
            out.write(line)
            count += 1
            if count % 1000 == 0:
                progress(table.name, count)
        out.write(_line({"end": table.name, "rows": count, "sha256": digest.hexdigest()}))
        progress(table.name, count)
    out.write(_line({"tables": len(stored), "rows": manifest.total}))
    out.end()


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner only, filled in once it is whole. What is there already is left alone."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise NotPrepared(f"{path} exists already; a backup never replaces anything") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be made: {error.strerror}") from error
    try:
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield file
        os.replace(partial, path)
        _sync_folder(path.parent)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Unavailable(f"{path} cannot be written: {error.strerror}; nothing was left there") from error
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- reading one -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup being read: what it is, and its rows, each proved to be as it was written."""

    manifest: Manifest
    stored: Mapping[str, Table]
    batches: Iterator[tuple[Table, Sequence[str], list[list[Any]]]]


def prove(
    file: BinaryIO, key: archive.Key, *, progress: Progress = quiet, migrations: Sequence[Migration] | None = None
) -> Manifest:
    """Reads all of it and keeps nothing. What is not as it was written is Damaged."""
    opened = read(file, key, progress=progress, migrations=migrations)
    for _ in opened.batches:
        pass
    return opened.manifest


def read(
    file: BinaryIO, key: archive.Key, *, progress: Progress = quiet, migrations: Sequence[Migration] | None = None
) -> Opened:
    lines = archive.lines(archive.pieces(file, key))
    manifest = _manifest_from(_document(next(lines, b"")))
    stored = stored_tables(schema.known_here(manifest.migrations, migrations=migrations))
    if manifest.rows.keys() != stored.keys():
        raise Damaged("the backup holds other tables than its schema has")
    return Opened(manifest, stored, _batches(lines, manifest, stored, progress))


def _batches(
    lines: Iterator[bytes], manifest: Manifest, stored: Mapping[str, Table], progress: Progress
) -> Iterator[tuple[Table, Sequence[str], list[list[Any]]]]:
    for name, expected in manifest.rows.items():
        table, kinds = stored[name], [_kind(each.kind) for each in stored[name].columns]
        columns = [each.name for each in table.columns]
        if _document(next(lines, b"")) != {"table": name, "columns": columns}:
            raise Damaged(f"the backup does not hold {name} as its schema has it")
        digest, count, batch = hashlib.sha256(), 0, list[list[Any]]()
        for line in lines:
            if not line.startswith(b"["):
                break
            digest.update(line + b"\n")
            count += 1
            batch.append(_row(line, kinds, name))
            if len(batch) == rows.FETCHED_AT_ONCE:
                yield table, columns, batch
                batch = []
                progress(name, count)
        if _document(line) != {"end": name, "rows": expected, "sha256": digest.hexdigest()} or count != expected:
            raise Damaged(f"the rows of {name} are not those that were written")
        yield table, columns, batch
        progress(name, count)
    if _document(next(lines, b"")) != {"tables": len(manifest.rows), "rows": manifest.total}:
        raise Damaged("the backup does not end as one does")
    if next(lines, None) is not None:
        raise Damaged("the backup goes on behind its end")


# --- lines -----------------------------------------------------------------------------------------------------------


def _line(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _document(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Damaged("the backup holds a line that is none")
    return found


def _manifest_to(manifest: Manifest) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "bridge": manifest.bridge,
        "made_at": manifest.made_at.isoformat(),
        "instance": manifest.instance,
        "database": manifest.database,
        "migrations": [list(each) for each in manifest.migrations],
        "rows": dict(manifest.rows),
        "master_key_mark": manifest.master_key_mark,
        "master_key": manifest.master_key.reveal() if manifest.master_key else None,
    }


def _manifest_from(document: dict[str, Any]) -> Manifest:
    if document.get("format") != FORMAT:
        raise Damaged("the backup is of a newer bridge than this one")
    try:
        manifest = Manifest(
            bridge=str(document["bridge"]),
            made_at=datetime.fromisoformat(document["made_at"]),
            instance=str(document["instance"]),
            database=str(document["database"]),
            migrations=tuple(
                (int(version), str(name), str(checksum)) for version, name, checksum in document["migrations"]
            ),
            rows={str(name): int(count) for name, count in document["rows"].items()},
            master_key_mark=str(document["master_key_mark"]),
            master_key=Secret(document["master_key"]) if document["master_key"] is not None else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Damaged("the backup does not say what it is") from None
    if len(manifest.rows) > TABLES_MAX or not all(0 <= count <= ROWS_MAX for count in manifest.rows.values()):
        raise Damaged("the backup says that it holds more than any bridge does")
    return manifest


def _value_to(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        case _:
            return value


def _row(line: bytes, kinds: Sequence[Callable[[Any], Any]], name: str) -> list[Any]:
    try:
        return [None if value is None else kind(value) for kind, value in zip(kinds, json.loads(line), strict=True)]
    except (TypeError, ValueError):
        raise Damaged(f"the backup holds a row of {name} that is none") from None


def _kind(kind: str) -> Callable[[Any], Any]:
    match kind.partition("(")[0]:
        case "datetime":
            return lambda value: datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
        case "binary" | "varbinary":
            return lambda value: base64.b64decode(value, validate=True)
        case "bigint" | "int" | "smallint" | "tinyint":
            return lambda value: _exactly(int, value)
        case _:
            return lambda value: _exactly(str, value)


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value
