"""Where what waits is kept, and that nothing of it stays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import pytest

from bridge import spool_file as module
from bridge.spool_file import spool_file


def folder_of(file: IO[bytes]) -> Path:
    return Path(os.readlink(f"/proc/self/fd/{file.fileno()}")).parent


def test_it_is_where_the_operator_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    with spool_file() as file:
        file.write(b"kept")
        file.seek(0)

        assert file.read() == b"kept"
        assert folder_of(file) == tmp_path
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("named", ["", "/nowhere"])
def test_else_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("TMPDIR", named)
    monkeypatch.setattr(module, "ON_DISK", str(tmp_path))

    with spool_file() as file:
        assert folder_of(file) == tmp_path


def test_where_there_is_neither_it_is_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(module, "ON_DISK", "/nowhere")

    with spool_file() as file:
        assert file.write(b"kept") == 4
