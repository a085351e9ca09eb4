"""`backup`, `restore`, `upgrade`: the bridge's own life."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.words import DryRun, Json, operator, say_facts, say_json, say_progress

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bridge.life.archive import Key
    from bridge.master_key import MasterKey
    from bridge.settings import Settings

KeyFile = Annotated[
    Path | None, typer.Option("--key-file", help="A file with 32 random bytes in base64, for its owner only.")
]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file with a passphrase; without either you are asked.")
]


def add_to(app: typer.Typer) -> None:
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("upgrade")(upgrade)


def backup(
    file: Annotated[Path, typer.Argument(help="The file to make. It must not be there yet.")],
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    with_master_key: Annotated[
        bool, typer.Option("--with-master-key", help="Put the master key inside as well: the backup then opens all.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write the bridge's own tables into one encrypted file, while work goes on."""
    from bridge.life import backup as backups

    read = _settings()
    engine = _engine(read)
    told: dict[str, Any] = {"instance": read.instance, "master_key": _own_master_key(read)}
    if dry_run:
        manifest = backups.survey(engine, with_master_key=with_master_key, **told)
    else:
        key = _key(key_file, passphrase_file, twice=True)
        with _progress("backing up") as progress:
            manifest = backups.make(engine, file, key, with_master_key=with_master_key, progress=progress, **told)
    document = manifest.to_json() | {"file": str(file), "dry_run": dry_run}
    if json:
        say_json(document)
        return
    say_facts(document)
    if with_master_key:
        print("\nThe master key is inside: whoever has this file and its key reads every secret of the bridge.")
    else:
        print(f"\nThe master key is not inside. Keep a copy of {read.master_key_file} elsewhere, apart from this file.")


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    replace: Annotated[
        int | None,
        typer.Option("--replace", min=1, help="Remove what is in the database, which is exactly so many rows."),
    ] = None,
    accept_other_master_key: Annotated[
        bool, typer.Option("--accept-other-master-key", help="Go on although sealed secrets will not open.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Bring a backup back. The bridge then waits until a person has looked: bridge installation confirm restored."""
    from bridge.life import restoration

    read = _settings()
    place = restoration.Place(_engine(read), read.instance, read.master_key_file)
    key = _key(key_file, passphrase_file, twice=False)
    with _progress("checking the backup" if dry_run else "restoring") as progress:
        report = restoration.restore(
            place,
            file,
            key,
            by=operator(),
            replace=replace,
            accept_other_master_key=accept_other_master_key,
            dry_run=dry_run,
            progress=progress,
        )
    document = report.to_json() | {"dry_run": dry_run}
    if json:
        say_json(document)
        return
    say_facts(document["backup"] | {"rows removed": document["removed"]})
    for remark in report.remarks:
        print(f"\n{remark[0].upper()}{remark[1:]}.")
    if dry_run:
        print("\nThe backup is whole and would fit. Nothing was changed.")
    else:
        print(
            "\nRestored. The bridge is in restore mode: it answers, and does nothing. Start it, look at what it would"
            "\ndo, then: bridge installation confirm restored"
        )


def upgrade(
    backup: Annotated[Path | None, typer.Option("--backup", help="Where to put the backup that is made first.")] = None,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="Go without; you have one of your own.")] = False,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Bring the database to this release: check, back up, add to the schema, check again. Services go on meanwhile."""
    from bridge.errors import NotPrepared
    from bridge.life import backup as backups
    from bridge.life import release

    read = _settings()
    engine = _engine(read)
    planned = release.plan(engine)
    if planned.needs_backup and not (dry_run or backup or no_backup):
        raise NotPrepared(
            f"{', '.join(planned.migrations)} is to be applied to a database of {planned.rows} rows: name a file for "
            "the backup with --backup FILE, or say --no-backup"
        )

    def back_up() -> object:
        assert backup is not None
        key, own = _key(key_file, passphrase_file, twice=True), _own_master_key(read)
        with _progress("backing up") as progress:
            return backups.make(engine, backup, key, instance=read.instance, master_key=own, progress=progress)

    if not dry_run:
        release.upgrade(engine, by=operator(), back_up=back_up if backup else None)
    document = planned.to_json() | {"backup": str(backup) if backup else None, "dry_run": dry_run}
    if json:
        say_json(document)
        return
    say_facts(document)
    if not planned.migrations:
        print("\nThe database is that of this release.")
    elif dry_run:
        print("\nNothing was changed.")
    if planned.new_tables and engine.dialect.name != "sqlite":
        print("\nThere are new tables: run part 2 of sql/grants.sql, so that the service may use them.")
    if not dry_run:
        print("\nNow restart the services: systemctl restart bridge.service bridge-work.service")


# --- what they share -------------------------------------------------------------------------------------------------


def _settings() -> Settings:
    from bridge import logs, settings

    read = settings.read()
    logs.set_up(read.log)
    return read


def _engine(read: Settings) -> Engine:
    """One connection that may take its time. No vault: a restore decides about the master key first."""
    from bridge import database

    return database.connect(read.database_url, pool_size=2, read_seconds=600, write_seconds=600)


def _own_master_key(read: Settings) -> MasterKey:
    from bridge.errors import NotPrepared
    from bridge.master_key import existing_master_key

    found = existing_master_key(read.master_key_file)
    if found is None:
        raise NotPrepared(f"there is no master key at {read.master_key_file}; see BRIDGE_MASTER_KEY_FILE")
    return found


def _key(key_file: Path | None, passphrase_file: Path | None, *, twice: bool) -> Key:
    from bridge.errors import NotPrepared
    from bridge.life import archive
    from bridge.secret import Secret

    if key_file is not None and passphrase_file is not None:
        raise NotPrepared("a backup has one key: give --key-file or --passphrase-file, not both")
    if key_file is not None:
        return archive.file_key(key_file)
    if passphrase_file is not None:
        try:
            return archive.passphrase_key(Secret(passphrase_file.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise NotPrepared(f"the passphrase file {passphrase_file} cannot be read") from error
    if not sys.stdin.isatty():
        raise NotPrepared("a backup is encrypted: give --key-file or --passphrase-file, or type it on a terminal")
    import getpass

    passphrase = getpass.getpass("Passphrase of the backup: ", stream=sys.stderr)
    if twice and getpass.getpass("The same again: ", stream=sys.stderr) != passphrase:
        raise NotPrepared("the two passphrases differ")
    return archive.passphrase_key(Secret(passphrase))


@contextmanager
def _progress(what: str) -> Iterator[Callable[[str, int], object]]:
    """Which table it is at."""
    from bridge.tables import PREFIX

    with say_progress(what) as tell:
        yield lambda table, rows: tell(f"{table.removeprefix(PREFIX)}, {rows} rows")
