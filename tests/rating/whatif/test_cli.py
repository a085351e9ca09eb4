"""`bridge rate whatif`, as it is typed, with files and no database."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from bridge import cli

PACKAGE = """
[package]
name = "Premium"
product_id = 12
type = "metered"
currency = "USD"
country = "US"
markup_percent = "25"
"""
OLD = """Prefix,Description,RateValue,Increment
44,United Kingdom,0.04,60
447,UK Mobile,0.08,60
"""
NEW = """Prefix,Description,RateValue,Increment
44,United Kingdom,0.02,60
447,UK Mobile,0.10,60
"""
CALLS = """id,direction,from,to,start,seconds,client
a,outbound,12125550100,+442079460000,2026-11-01T10:00:00Z,60,7
b,outbound,12125550100,+447700900123,2026-11-01T10:01:00Z,61,7
c,outbound,12125550100,+447700900123,2026-11-01T10:02:00Z,60,=8
d,outbound,12125550100,+33140000000,2026-11-01T10:03:00Z,60,=8
e,outbound,12125550100,+447700900123,tomorrow,60,7
"""
WHATIF = ("rate", "whatif", "--package", "p.toml", "--tariff", "old.csv", "--calls", "calls.csv")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{tmp_path}/none/bridge.db")
    for name, text in (("p.toml", PACKAGE), ("old.csv", OLD), ("new.csv", NEW), ("calls.csv", CALLS)):
        (tmp_path / name).write_text(text)
    return tmp_path


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.run([*WHATIF, *arguments, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def side(revenue: str, cost: str, margin: str, billed: int, without: int, bought: int) -> dict[str, object]:
    return {
        "billed_seconds": billed,
        "revenue": revenue,
        "cost": cost,
        "margin": margin,
        "without_charge": without,
        "with_cost": bought,
        "without_cost": 0,
    }


def test_a_new_deck_changes_revenue_cost_and_margin_by_client_and_destination(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = answer(capsys, "--deck", "new.csv")

    # a: 0.04 -> 0.02; b: two minutes, 0.16 -> 0.20; c: 0.08 -> 0.10; all x 1.25; d has no price, e is no call
    assert (told["currency"], told["calls"]) == ("USD", 5)
    assert told["before"] == side("0.35", "0.28", "0.07", 240, 1, 3)
    assert told["after"] == side("0.40", "0.32", "0.08", 240, 1, 3)
    assert told["change"] == {"revenue": "0.05", "cost": "0.04", "margin": "0.01"}
    assert [(line["client"], line["destination"], line["calls"]) for line in told["lines"]] == [
        *(("7", "UK Mobile", 1), ("7", "United Kingdom", 1), ("=8", "UK Mobile", 1), ("7", "invalid", 1)),
        ("=8", "France", 1),
    ]
    assert told["lines"][0]["change"] == {"revenue": "0.05", "cost": "0.04", "margin": "0.01"}
    assert told["largest_changes"][0] == {
        "id": "b",
        "client": "7",
        "destination": "UK Mobile",
        "number": "447700900123",
        "before": "0.20",
        "after": "0.25",
        "change": "0.05",
    }
    assert [each["id"] for each in told["largest_changes"]] == ["b", "a", "c"]
    assert told["errors"] == [{"line": 6, "reason": "start 'tomorrow' is not a time such as 2025-06-30T23:59:59Z"}]
    assert not (folder / "none").exists()


def test_another_markup_changes_what_is_sold_alone(capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(capsys, "--markup", "50", "--top", "1")

    # 0.28 bought, x 1.25 and x 1.5
    assert told["change"] == {"revenue": "0.07", "cost": "0.00", "margin": "0.07"}
    assert [each["id"] for each in told["largest_changes"]] == ["b"]


def test_another_package_may_have_free_time(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hybrid = PACKAGE.replace("metered", "hybrid") + "included_seconds_per_period = 60\n"
    (folder / "q.toml").write_text(hybrid)

    told = answer(capsys, "--new-package", "q.toml")

    # a of client 7 and c of client =8 are covered: 0.05 and 0.10 less
    assert (told["change"]["revenue"], told["change"]["cost"]) == ("-0.15", "0.00")


def test_calls_may_be_bought_by_another_deck_on_both_sides(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cost.csv").write_text("Prefix,Description,RateValue,Increment\n44,UK,0.06,1\n")

    told = answer(capsys, "--deck", "new.csv", "--cost", "cost.csv")

    # 60 + 61 + 60 s at 0.06 a minute
    assert (told["before"]["cost"], told["after"]["cost"], told["change"]["cost"]) == ("0.181", "0.181", "0.00")


def test_a_margin_is_blank_where_the_cost_of_a_call_is_not_known(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cost.csv").write_text("Prefix,Description,RateValue,Increment\n447,Mobile,0.06,1\n")
    arguments = ("--deck", "new.csv", "--cost", "cost.csv")

    told = answer(capsys, *arguments)

    # a is not in the carrier's list; b and c are 121 s at 0.06 a minute
    assert (told["after"]["cost"], told["after"]["margin"], told["after"]["without_cost"]) == ("0.121", None, 1)
    assert told["change"] == {"revenue": "0.05", "cost": None, "margin": None}
    assert [(line["destination"], line["after"]["margin"]) for line in told["lines"][:2]] == [
        ("UK Mobile", "0.189"),  # 2 x 0.125 less 61 s at 0.06
        ("United Kingdom", None),
    ]
    assert cli.run([*WHATIF, *arguments, "--out", "out.csv"]) == 0
    assert "margin\t-\t-\t-" in capsys.readouterr().out.splitlines()
    with (folder / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["margin_after"], row["without_cost_after"]) for row in rows[:2]] == [("0.189", "0"), ("", "1")]


def test_a_call_that_is_there_twice_is_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "calls.csv").write_text(CALLS + CALLS.splitlines()[1] + "\n")

    assert answer(capsys, "--markup", "50")["calls"] == 6
    assert cli.run([*WHATIF, "--markup", "50"]) == 0

    assert [line for line in capsys.readouterr().err.splitlines() if "twice" in line] == [
        "calls.csv: 1 call has the id and time of an earlier one (a); the same call twice is billed twice"
    ]


def test_without_a_deck_to_buy_by_there_is_no_margin(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "p.toml").write_text(PACKAGE + '[package.outbound]\nper_minute = "0.10"\n')
    command = ("rate", "whatif", "--package", "p.toml", "--calls", "calls.csv", "--deck", "new.csv")

    assert cli.run([*command, "--json"]) == 0

    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["before"]["revenue"], told["before"]["margin"], told["change"]["margin"]) == ("0.50", None, None)
    assert "without --tariff DECK.csv no call has the price of a deck" in said.err


def test_it_is_told_as_three_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*WHATIF, "--deck", "new.csv", "--top", "2"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "\tbefore\tafter\tchange",
        "revenue\t0.35\t0.40\t0.05",
        "cost\t0.28\t0.32\t0.04",
        "margin\t0.07\t0.08\t0.01",
        "billed seconds\t240\t240\t0",
        "without charge\t1\t1\t0",
        "without cost\t0\t0\t0",
        "",
        "client\tdestination\tcalls\trevenue\tchange\tmargin\tchange",
        "7\tUK Mobile\t1\t0.20\t0.05\t0.04\t0.01",
        "7\tUnited Kingdom\t1\t0.05\t-0.025\t0.01\t-0.005",
        "",
        "call\tclient\tdestination\tnumber\tbefore\tafter\tchange",
        "b\t7\tUK Mobile\t447700900123\t0.20\t0.25\t0.05",
        "a\t7\tUnited Kingdom\t442079460000\t0.05\t0.025\t-0.025",
    ]


def test_every_line_is_written_and_no_name_is_a_formula_t13(folder: Path) -> None:
    assert cli.run([*WHATIF, "--deck", "new.csv", "--out", "out.csv"]) == 0

    with (folder / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["client"], row["destination"], row["revenue_before"], row["revenue_after"]) for row in rows] == [
        ("7", "UK Mobile", "0.20", "0.25"),
        ("7", "United Kingdom", "0.05", "0.025"),
        ("'=8", "UK Mobile", "0.10", "0.125"),
        ("7", "invalid", "0.00", "0.00"),
        ("'=8", "France", "0.00", "0.00"),
    ]
    assert (rows[1]["margin_before"], rows[1]["margin_after"], rows[4]["without_charge_after"]) == (
        "0.01",
        "0.005",
        "1",
    )


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    assert cli.run([*WHATIF, "--deck", "new.csv", "--out", "out.csv", "--dry-run"]) == 0

    assert not (folder / "out.csv").exists()


def test_a_list_that_both_sides_share_is_read_and_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "old.csv").write_text(OLD + "48,Poland,free,60\n")

    assert cli.run([*WHATIF, "--markup", "50", "--accept-refused"]) == 0

    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("old.csv")] == [
        "old.csv: line 4, RateValue: 'free' is refused: not a number such as 0.0125"
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "say what would change: --deck, --new-package or --markup"),
        (("--markup", "3e1"), 1, "--markup: package.markup_percent is '3e1': not a number"),
        (("--markup", "-101"), 1, "--markup: package.markup_percent is below -100"),
        (("--markup", "0.00001"), 1, "--markup: package.markup_percent has more than 4 decimals"),
        (("--deck", "nothing.csv"), 1, "nothing.csv cannot be read"),
        (("--new-package", "nothing.toml"), 1, "nothing.toml: cannot be read"),
        (("--new-package", "euro.toml"), 1, "amounts in EUR and USD do not compare"),
        (("--deck", "new.csv", "--calls", "nothing.csv"), 1, "nothing.csv: cannot be read"),
        (("--deck", "new.csv", "--calls", "old.csv"), 1, "old.csv: line 1 names no column id"),
        (("--deck", "new.csv", "--out", "new.csv"), 1, "new.csv is read for this; name another file to write"),
        (("--deck", "new.csv", "--out", "nowhere/out.csv"), 1, "nowhere/out.csv cannot be written"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    folder: Path, arguments: tuple[str, ...], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "euro.toml").write_text(PACKAGE.replace("USD", "EUR"))

    assert cli.run([*WHATIF, *arguments]) == code

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1].removeprefix("Invalid value: ").startswith(sentence)


def test_hours_of_both_decks_are_in_the_time_zone_that_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, by_day in (("old.csv", "0.10"), ("new.csv", "0.20")):
        hours = f"44,UK,{by_day},60,08:00-18:00\n44,UK,0.02,60,18:00-08:00\n"
        (folder / name).write_text("Prefix,Description,RateValue,Increment,Hours\n" + hours)
    # four calls of one minute or two, all at ten in the morning, UTC: five in New York
    told = answer(capsys, "--deck", "new.csv", "--time-zone", "America/New_York")

    assert told["change"]["revenue"] == "0.00"
    assert answer(capsys, "--deck", "new.csv")["change"]["revenue"] != "0.00"
