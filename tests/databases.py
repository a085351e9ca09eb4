"""Throw-away database servers: in a folder of their own, on a free loopback port, gone when the tests are."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, inspect, text

from bridge import database
from bridge.errors import Unavailable
from bridge.secret import Secret
from bridge.store.deck_tables import BEGINNING
from tests.canary import CANARY

USER = "bridge_test"
_ASIDE = ("/usr/sbin", "/usr/local/sbin", *sorted(glob.glob("/usr/lib/postgresql/*/bin")))
"""Where Debian keeps what is not for everybody's PATH."""


@dataclass(frozen=True, slots=True)
class MariadbServer:
    port: int
    log: Path
    pid: int

    def url(self, name: str, *, user: str = USER, password: str = CANARY) -> Secret:
        """The URL of a database; it carries a password that must not be seen."""
        return Secret(f"mysql+pymysql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{name}")

    def create(self, name: str) -> Secret:
        self._run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        return self.url(name)

    def drop(self, name: str) -> None:
        self._run(f"DROP DATABASE {name}")

    def _run(self, sql: str) -> None:
        engine = database.connect(self.url("mysql"))
        with engine.begin() as tx:
            tx.execute(text(sql))
        engine.dispose()


def required(program: str, component: str) -> str:
    """The path of a program; without it the test is skipped by name, and on CI the run fails."""
    found = shutil.which(program) or shutil.which(program, path=os.pathsep.join(_ASIDE))
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{component} is not installed, and CI=true allows no skipping")
    if found is None:
        pytest.skip(f"{component} is not installed")
    return found


@contextmanager
def mariadb_server() -> Iterator[MariadbServer]:
    install = required("mariadb-install-db", "MariaDB")
    program = required("mariadbd", "MariaDB")
    folder = Path(tempfile.mkdtemp(prefix="bridge-mariadb-"))
    user = ["--user=root"] if os.geteuid() == 0 else []
    try:
        made = subprocess.run(
            [install, "--no-defaults", f"--datadir={folder}/data", "--skip-test-db", *user],
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, f"mariadb-install-db: {made.stdout}{made.stderr}"
        port, log, start = free_port(), folder / "error.log", folder / "start.sql"
        start.touch(mode=0o600)
        start.write_text(
            f"CREATE USER {USER}@'%' IDENTIFIED BY '{CANARY}';\nGRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
        )
        command = [
            *([setpriv, "--pdeathsig", "TERM"] if (setpriv := shutil.which("setpriv")) else []),
            program,
            "--no-defaults",
            *user,
            f"--datadir={folder}/data",
            f"--socket={folder}/s",
            f"--pid-file={folder}/pid",
            f"--log-error={log}",
            f"--init-file={start}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--performance-schema=OFF",
            "--max-connections=200",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=64M",
            "--innodb-flush-log-at-trx-commit=1",
        ]
        # A session of its own: Ctrl-C is for pytest, which then stops the server in good order.
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            server = MariadbServer(port, log, process.pid)
            _wait_until_it_answers(server, process)
            yield server
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def empty_again(engine: Engine) -> None:
    """Every table of a migrated MariaDB as new, except those that an upgrade fills; those of decks are gone."""
    with engine.begin() as tx:
        there = inspect(tx).get_table_names()
        names = [name for name in there if not name.endswith(("_migrations", "_country_codes"))]
        for name in [name for name in names if name.startswith(BEGINNING)]:
            tx.execute(text(f"DROP TABLE {name}"))
            names.remove(name)
        rows = " UNION ALL ".join(f"SELECT '{name}' FROM (SELECT 1 FROM {name} LIMIT 1) AS used" for name in names)
        counted = (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND auto_increment > 1"
        )
        used = set(tx.execute(text(f"{rows} UNION ALL {counted}")).scalars())
        for name in used:
            tx.execute(text(f"TRUNCATE TABLE {name}"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(server: MariadbServer, process: subprocess.Popen[bytes]) -> None:
    engine = database.connect(server.url("mysql"))
    deadline = time.monotonic() + 60
    while not _answers(engine):
        told = server.log.read_text(errors="replace") if server.log.exists() else "it wrote no log"
        assert process.poll() is None, f"mariadbd ended: {told}"
        assert time.monotonic() < deadline, f"mariadbd does not answer: {told}"
        time.sleep(0.05)
    engine.dispose()


def _answers(engine: Engine) -> bool:
    try:
        database.transact(engine, database.now)
    except Unavailable:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
