"""The canary's watch is itself watched: what it must find, it finds (T-20)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, delete, insert

from bridge.database import NOW
from bridge.secret import Secret
from bridge.tables import installation, keys
from bridge.vault import Vault
from tests.canary import CANARY, CANARY_KEY, files_that_sing, sings, tables_that_sing


@pytest.mark.parametrize(
    "text",
    [
        f"user:{CANARY}@db",
        json.dumps({"password": CANARY}),
        json.dumps({"password": CANARY}).replace("/", "\\/"),
        quote(CANARY, safe=""),
        base64.b64encode(CANARY.encode()).decode(),
        CANARY.encode().hex(),
        CANARY_KEY,
        base64.b64decode(CANARY_KEY).hex(),
        f"({CANARY.encode()!r}, 7)",
    ],
)
def test_a_secret_is_recognised_in_its_usual_coats_t20(text: str) -> None:
    assert sings(text)
    assert sings(b"\x00\xff" + text.encode())
    assert not sings(text[: len(text) // 2])


def test_a_secret_in_a_table_is_found_t20(engine: Engine) -> None:
    with engine.begin() as tx:
        tx.execute(insert(installation).values(name="note", value={"of": {"a": CANARY}}, updated_at=NOW))
        tx.execute(
            insert(keys).values(key_id="abc", secret=CANARY_KEY.encode(), scopes=[], created_at=NOW, created_by="a")
        )

    found = tables_that_sing(engine)

    with engine.begin() as tx:
        tx.execute(delete(installation))
        tx.execute(delete(keys))
    if engine.dialect.name == "sqlite":
        Path(engine.url.database or "").unlink()  # deleted rows stay readable in the file, which is looked through too
    assert found == [f"{installation.name}.value", f"{keys.name}.secret"]


def test_a_sealed_secret_is_silent_t20(engine: Engine) -> None:
    vault = Vault(os.urandom(32))

    with engine.begin() as tx:
        sealed = vault.seal(Secret(CANARY_KEY), place="keys.secret.abc")
        tx.execute(insert(keys).values(key_id="abc", secret=sealed, scopes=[], created_at=NOW, created_by="a"))

    assert tables_that_sing(engine) == []


def test_a_secret_in_a_file_is_found_unless_only_its_owner_may_read_it_t20(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    for name, mode in (("open.log", 0o644), ("secret.txt", 0o600)):
        (folder / name).write_text(f"password={CANARY}")
        (folder / name).chmod(mode)

    found = files_that_sing(folder)

    (folder / "open.log").unlink()
    assert found == [str(folder / "open.log")]


LEAKING = """
import logging
from tests.canary import CANARY

def test_prints(): print("connecting with", CANARY)
def test_logs(): logging.getLogger("bridge").debug("key %s", CANARY)
def test_leaves(tmp_path): (tmp_path / "out.log").write_text(CANARY)
def test_is_silent(): print("connecting with ***")
"""


def test_a_test_that_shows_a_secret_fails_t20(tmp_path: Path) -> None:
    """The hook of `conftest.py` on tests made for it."""
    (tmp_path / "test_leaking.py").write_text(LEAKING)
    root = Path(__file__).parent.parent
    options = [f"--basetemp={tmp_path}/kept", f"--rootdir={tmp_path}", "-c", os.devnull, "-p", "no:cacheprovider"]
    options += ["-o", "log_level=DEBUG"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", *options, str(tmp_path / "test_leaking.py")],
        capture_output=True,
        text=True,
        cwd=root,
    )
    for left in tmp_path.rglob("out.log"):
        left.unlink()

    failed = [line.split("::")[1].split(" ")[0] for line in run.stdout.splitlines() if line.startswith("ERROR ")]
    assert failed == ["test_prints", "test_logs", "test_leaves"], "the run is not shown: it holds the secret"
