"""`bridge package lint` and `show` of a file, which need no database, and the text that comes back."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from bridge import cli
from bridge.rating.packages.file import BadPackage, load_package, package_document, read_package
from bridge.rating.packages.toml_text import toml_text
from tests.rating.packages.test_file import BASIC, DOCUMENTS, SAMPLE


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a database, and none named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{tmp_path}/none/bridge.db")


def written(folder: Path, more: str = "") -> str:
    path = folder / "basic.toml"
    path.write_text(BASIC + more)
    return str(path)


def lint(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert cli.run(["package", "lint", *arguments, "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_file_is_linted_without_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [found] = lint(capsys, written(tmp_path, 'nanp_10_digit = true\nmarkup_percent = "120"\n'))

    assert (found["code"], found["path"]) == ("markup_convention", "package.markup_percent")
    assert not (tmp_path / "none").exists()


def test_a_file_is_linted_with_its_decks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deck, cost = tmp_path / "deck.csv", tmp_path / "cost.csv"
    deck.write_text("Prefix,Description,RateValue,Increment\n1,Canada,0.01,60\n1204,Manitoba,x,60\n")
    cost.write_text("Prefix,Description,RateValue,Increment\n1,Canada,0.02,60\n")

    assert cli.run(["package", "lint", written(tmp_path), "--tariff", str(deck), "--cost", str(cost)]) == 0

    said = capsys.readouterr()
    assert (
        "error\tbelow_cost\tpackage.tariff\tsold below what is paid for it: 1 sold at 0.01, bought at 0.02" in said.out
    )
    assert "line 3, RateValue: 'x'" in said.err


def test_hours_of_its_decks_are_in_the_time_zone_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deck.csv").write_text(
        "Prefix,Description,RateValue,Increment,Hours\n1,Canada,0.01,60,08:00-18:00\n1,Canada,0.01,60,\n"
    )
    asked = ["package", "lint", written(tmp_path), "--tariff", "deck.csv"]

    assert cli.run(asked) == 0
    assert "deck.csv: hours are taken as UTC; --time-zone says otherwise\n" in capsys.readouterr().err
    assert cli.run([*asked, "--time-zone", "America/Winnipeg"]) == 0
    assert "hours are taken" not in capsys.readouterr().err
    assert cli.run([*asked, "--time-zone", "Winnipeg"]) == 2


def test_an_error_fails_where_it_is_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = written(tmp_path, "nanp_10_digit = true\nbill_inbound = true\n")

    assert [each["code"] for each in lint(capsys, package)] == ["inbound_without_price"]
    assert cli.run(["package", "lint", package, "--strict"]) == 1
    assert cli.run(["package", "lint", written(tmp_path), "--strict"]) == 0


def test_a_bad_package_fails_with_a_sentence_for_each_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = written(tmp_path, 'markup = "25"\ncost_decimals = 7\n')

    assert cli.run(["package", "lint", package]) == 1

    assert capsys.readouterr().err.splitlines() == [
        f"{package}: line 8: package.cost_decimals is 7; it is a whole number from 0 to 6",
        f"{package}: line 7: package.markup is not known; is markup_percent meant?",
    ]


@pytest.mark.parametrize("name", ["nothing.toml", "."])
def test_a_file_that_cannot_be_read_fails_with_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = name if name.endswith(".toml") else "folder.toml"
    if path == "folder.toml":
        Path(path).mkdir()

    assert cli.run(["package", "lint", path]) == 1
    assert capsys.readouterr().err.startswith(f"{path}: cannot be read: ")


def test_what_is_read_otherwise_is_told_with_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiers = '[[package.tiers]]\nminutes = "0-500"\nper_minute = "0.02"\n'
    path = written(tmp_path, tiers + '[[package.tiers]]\nminutes = "500+"\nper_minute = "0.01"\n')

    assert cli.run(["package", "lint", path]) == 0

    told = "the ranges are read as the cut point 500: a tier ends where the next begins"
    assert f"{path}: package.tiers: {told}\n" in capsys.readouterr().err


def test_a_deck_that_is_none_fails_with_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "deck.csv").write_bytes(b"\x00\x01\x02")

    assert cli.run(["package", "lint", written(tmp_path), "--tariff", "deck.csv"]) == 1
    assert capsys.readouterr().err.startswith("deck.csv: ")


def test_what_is_shown_can_be_loaded_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["package", "show", str(SAMPLE)]) == 0

    again = tmp_path / "again.toml"
    again.write_text(capsys.readouterr().out)
    assert load_package(again) == load_package(SAMPLE)


def test_every_kind_of_value_is_written_as_toml_has_it() -> None:
    written = toml_text({"a": True, "b": False, "c": 3, "d": "x", "e": ["y", 1], "f": {"g": False}})

    assert written == 'a = true\nb = false\nc = 3\nd = "x"\ne = ["y", 1]\n\n[f]\ng = false\n'


def test_a_text_keeps_its_characters_and_an_empty_table_its_name() -> None:
    assert toml_text({"name": "Café \x7f", "limits": {}, "a b": {"c": []}}) == (
        'name = "Café \\u007f"\n\n[limits]\n\n["a b"]\nc = []\n'
    )


@given(DOCUMENTS)
def test_any_package_as_text_is_the_same_package(document: dict[str, Any]) -> None:
    try:
        whole = {"package": package_document(read_package(document))}
    except BadPackage:
        return

    assert tomllib.loads(toml_text(whole)) == whole
