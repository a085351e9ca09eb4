"""A throw-away PostgreSQL with the tables of FusionPBX as each release has them (`columns.csv`)."""

from __future__ import annotations

import csv
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.databases import free_port, required

VERSIONS = ("5.0.1", "5.2.0", "5.4.4", "5.5.13")
ROLE = Path(__file__).parents[3] / "sql" / "fusionpbx-role.sql"
COLUMNS = Path(__file__).with_name("columns.csv")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    port: int

    def dsn(self, name: str, user: str = "postgres") -> str:
        return f"host=127.0.0.1 port={self.port} user={user} dbname={name}"

    def create(self, name: str, *, template: str = "template1") -> str:
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.dsn(name)

    def drop(self, name: str) -> None:
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def create_release(self, version: str) -> str:
        """A database with the tables of a release and nothing in them. Answers its name, a template for others."""
        name = f"release_{version.replace('.', '_')}"
        with psycopg.connect(self.create(name)) as connection:
            for table, columns in tables_of(version).items():
                written = sql.SQL(", ").join(
                    sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in columns
                )
                connection.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(table), written))
            connection.execute(ROLE.read_text())
            if any(column == "insert_date" for column, _ in tables_of(version)["v_xml_cdr"]):
                connection.execute("CREATE INDEX ON v_xml_cdr (insert_date, xml_cdr_uuid)")
        return name

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def tables_of(version: str) -> dict[str, list[tuple[str, str]]]:
    """The columns of each table of a release, with their types."""
    tables: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with COLUMNS.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["fusionpbx_version"] == version:
                kind = row["type"] + (" PRIMARY KEY" if row["key"] == "primary" else "")
                tables[row["table"]].append((row["column"], kind))
    return tables


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    program = Path(required("postgres", "PostgreSQL")).resolve()
    folder = Path(tempfile.mkdtemp(prefix="bridge-postgres-"))
    account = _account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    port = free_port()
    options = ["-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-c", "fsync=off", "-c", "max_connections=60"]
    try:
        made = subprocess.run(
            [program.with_name("initdb"), "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
            capture_output=True,
            text=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )
        assert made.returncode == 0, f"initdb: {made.stdout}{made.stderr}"
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, "-D", folder / "data", *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            )
        try:
            server = PostgresServer(port)
            _wait_until_it_answers(server, process, folder / "log")
            yield server
        finally:
            process.terminate()  # waits for nobody: connections of tests are closed by then
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    """Whom it runs as: PostgreSQL does not run for root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _wait_until_it_answers(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(server.dsn("postgres")).close()
            return
        except psycopg.OperationalError:
            told = log.read_text(errors="replace")
            assert process.poll() is None, f"postgres ended: {told}"
            assert time.monotonic() < deadline, f"postgres does not answer: {told}"
            time.sleep(0.02)
