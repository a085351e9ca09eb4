"""A price list from a file, read as CSV only once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge import deck_file
from bridge.deck_file import KEPT_MAX, read_file
from bridge.errors import Refused
from bridge.rating.decks.reading import Instructions

HEADER = "Dial Code,Description,RateValue,Increment,Comment\n"


@pytest.fixture
def everything_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deck_file, "WORTH_KEEPING", 1)


def a_list(folder: Path, rows: str = "44,UK,0.01,30/60,x\n45,DK,11,60,x\n") -> Path:
    path = folder / "deck.csv"
    path.write_text(HEADER + rows)
    return path


@pytest.mark.usefixtures("everything_is_kept")
def test_what_was_kept_is_the_same_reading(tmp_path: Path) -> None:
    path, kept = a_list(tmp_path), tmp_path / "kept"
    first = read_file(path, Instructions(), kept=kept)
    (place,) = kept.iterdir()

    again = read_file(path, Instructions(), kept=kept)

    assert again.document() == first.document()
    assert list(again.rows.rates()) == list(first.rows.rates())
    assert again.columns.mapping == first.columns.mapping
    assert place.stat().st_mode & 0o077 == 0 or place.parent.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("everything_is_kept")
def test_what_is_kept_is_used(tmp_path: Path) -> None:
    path, kept = a_list(tmp_path), tmp_path / "kept"
    read_file(path, Instructions(), kept=kept)
    rows: list[int] = []

    read_file(path, Instructions(), kept=kept, progress=rows.append)
    (place,) = kept.iterdir()
    place.write_bytes(place.read_bytes()[:-1])  # spoilt

    assert read_file(path, Instructions(), kept=kept).rows_accepted == 2


@pytest.mark.usefixtures("everything_is_kept")
def test_another_file_or_another_way_to_read_it_is_read_anew(tmp_path: Path) -> None:
    path, kept = a_list(tmp_path), tmp_path / "kept"
    read_file(path, Instructions(), kept=kept)

    in_seconds = read_file(path, Instructions(unit_seconds=1), kept=kept)
    a_list(tmp_path, "44,UK,0.02,60,x\n")
    changed = read_file(path, Instructions(), kept=kept)

    assert [rate.price for rate in in_seconds.rows.rates()] == [60 * 10**8, 66_000 * 10**8]
    assert [rate.price for rate in changed.rows.rates()] == [2 * 10**8]


@pytest.mark.usefixtures("everything_is_kept")
def test_a_list_with_refused_rows_is_not_kept(tmp_path: Path) -> None:
    read_file(a_list(tmp_path, "44,UK,x,60,\n45,DK,1,60,\n"), Instructions(), kept=tmp_path / "kept")

    assert not (tmp_path / "kept").exists()


@pytest.mark.usefixtures("everything_is_kept")
def test_only_the_last_ones_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT_MAX + 3):
        read_file(a_list(tmp_path, f"44,UK,{number},60,x\n"), Instructions(), kept=tmp_path / "kept")

    assert len(list((tmp_path / "kept").iterdir())) == KEPT_MAX


@pytest.mark.usefixtures("everything_is_kept")
def test_where_nothing_can_be_kept_the_list_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file in the way")

    assert read_file(a_list(tmp_path), Instructions(), kept=tmp_path / "kept").rows_accepted == 2


def test_a_file_that_is_not_there_or_no_list_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"nowhere\.csv cannot be read"):
        read_file(tmp_path / "nowhere.csv", Instructions())
    (tmp_path / "empty.csv").touch()
    with pytest.raises(Refused, match=f"{os.sep}empty.csv: the file is empty"):
        read_file(tmp_path / "empty.csv", Instructions())


def test_a_pipe_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """A list is read twice, and a pipe only once."""
    ours, theirs = os.pipe()
    os.close(theirs)

    with pytest.raises(Refused, match="cannot be read: it is no plain file"):
        read_file(Path(f"/dev/fd/{ours}"), Instructions())

    os.close(ours)
