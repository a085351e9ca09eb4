"""A file is there whole, or as it was before."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from bridge.errors import Refused
from bridge.whole_file import whole_file


def test_a_file_takes_its_place_when_it_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")

    with whole_file(path) as file:
        file.write(b"after")
        assert path.read_text() == "before"

    assert path.read_text() == "after"
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]


def test_what_fails_leaves_nothing_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")

    def half(path: Path) -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half(path)

    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("place", ["nowhere/out.csv", "."])
def test_a_place_that_cannot_be_written_is_named(place: str, tmp_path: Path) -> None:
    path = tmp_path / place

    with pytest.raises(Refused, match="cannot be written"), whole_file(path):
        pass


def test_a_pipe_is_written_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()

    with whole_file(pipe) as file:
        file.write(b"charges")
    reader.join(10)

    assert read == [b"charges"]
    assert pipe.is_fifo()
