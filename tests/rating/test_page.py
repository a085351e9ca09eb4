"""docs/rating.md: every call sheet on it comes out, and what a quote is said to print it prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge import cli
from bridge.rating.bulk.charges import COLUMNS
from bridge.rating.call import CallClass
from bridge.rating.level import Source
from tests.rating.sheet import check

PAGE = (Path(__file__).parents[2] / "docs" / "rating.md").read_text()
SHEETS = re.findall(r"```calls\n(.*?)```", PAGE, re.DOTALL)


def block(kind: str) -> str:
    [found] = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.mark.parametrize("sheet", SHEETS, ids=range(len(SHEETS)))
def test_a_sheet_on_the_page_comes_out(sheet: str) -> None:
    assert check(sheet)


def test_the_quote_on_the_page_prints_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("premium.toml").write_text(block("toml"))
    Path("deck.csv").write_text(block("csv"))
    [command] = re.findall(r"^bridge (rate quote .*)$", PAGE, re.MULTILINE)

    assert cli.run(command.split()) == 0
    assert capsys.readouterr().out == block("text")


def test_every_column_class_and_level_is_on_the_page() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGE))

    assert {*COLUMNS, *(cls.value for cls in CallClass), *(source.value for source in Source)} <= named
