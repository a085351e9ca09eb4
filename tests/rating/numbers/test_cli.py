"""`bridge number normalise`, as it is typed and piped."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from bridge import cli

LONDON = """
[package]
name = "London"
product_id = 1
type = "metered"
currency = "GBP"
country = "GB"
local_prefix = true
"""


@pytest.fixture
def package(tmp_path: Path) -> str:
    path = tmp_path / "london.toml"
    path.write_text(LONDON)
    return str(path)


def answers(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert cli.run(["number", "normalise", *arguments, "--json"]) == 0
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return told


def piped(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_each_number_is_answered_with_its_steps(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = answers(capsys, "--package", package, "02079460000", "*97", "02079460000000")

    assert told == [
        {
            "raw": "02079460000",
            "number": "442079460000",
            "class": "billable",
            "steps": ["national prefix 0 dropped", "country code 44 put in front"],
            "notes": [],
        },
        {"raw": "*97", "number": None, "class": "feature", "steps": ["feature code"], "notes": []},
        {
            "raw": "02079460000000",
            "number": "442079460000000",
            "class": "billable",
            "steps": ["national prefix 0 dropped", "country code 44 put in front"],
            "notes": ["too long for a number of GB: 13 digits after 44, and the most are 10"],
        },
    ]


def test_a_service_has_its_own_extensions_country_and_town(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    def read(raw: str, *options: str) -> tuple[str | None, str]:
        (told,) = answers(capsys, "--package", package, raw, *options)
        return told["number"], told["class"]

    assert read("2211") == (None, "short")
    assert read("2211", "--extension", "100", "--extension", "2211") == (None, "internal")
    assert read("2211", "--no-carrier") == (None, "internal")
    assert read("2211", "--direction", "local") == (None, "internal")
    assert read("79460000", "--area-code", "(020)") == ("442079460000", "billable")
    assert read("0140000000", "--country", "FR") == ("33140000000", "billable")


LINES = b"02079460000\n\n+48221046421\r\n\xff\xfe\n  \x0b\x85 \ncaf\xc3\xa9 1\xe2\x80\xa82\n*97"


def test_a_pipe_gets_exactly_one_answer_for_each_line(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped(monkeypatch, LINES)
    told = answers(capsys, "--package", package, "-")

    assert [each["class"] for each in told] == [
        *("billable", "invalid", "billable", "invalid", "invalid", "invalid", "feature")
    ]
    piped(monkeypatch, LINES)
    assert cli.run(["number", "normalise", "--package", package, "-"]) == 0
    lines = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert [line.split("\t")[2] for line in lines] == [each["class"] for each in told]


def test_nothing_in_is_nothing_out(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped(monkeypatch, b"")

    assert answers(capsys, "--package", package, "-") == []


def test_an_argument_that_is_no_text_is_answered_too(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    (told,) = answers(capsys, "--package", package, "020\udcff7946")

    assert (told["raw"], told["class"]) == ("020�7946", "invalid")


def test_a_table_has_a_line_for_each(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["number", "normalise", "--package", package, "02079460000", "118500"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "dialled\tnumber\tclass\twhy",
        "02079460000\t442079460000\tbillable\tnational prefix 0 dropped; country code 44 put in front",
        "118500\t-\tshort\tshort number",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--package", "absent.toml", "1"], 1, "absent.toml: cannot be read: No such file or directory"),
        (["--package", "{package}", "--country", "XX", "1"], 1, "there is no numbering plan for the country 'XX'"),
        (["--package", "{package}", "--area-code", "0x20", "1"], 1, "an area code is digits, and 0x20 is not"),
        (["1"], 2, "Missing option '--package'"),
        (["--package", "{package}"], 2, "Missing argument"),
        (["--package", "{package}", "--direction", "up", "1"], 2, "'up' is not one of 'outbound', 'inbound', 'local'"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    package: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, sentence: str
) -> None:
    assert cli.run(["number", "normalise", *(each.format(package=package) for each in arguments)]) == code

    told = capsys.readouterr()
    assert told.out == ""
    assert sentence in told.err
