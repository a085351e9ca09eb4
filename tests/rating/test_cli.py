"""`bridge rate quote` and `rate batch`, as they are typed, with files and no database."""

from __future__ import annotations

import csv
import json
import resource
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from bridge import cli
from bridge.rating.explanation import recompute

PACKAGE = """
[package]
name = "Premium"
product_id = 12
type = "hybrid"
currency = "USD"
country = "CA"
markup_percent = "25"
nanp_10_digit = true
included_seconds_per_period = 120
included_scope = { countries = ["CA", "US"] }
destinations_allowed = { countries = ["CA", "US", "GB"] }
"""
DECK = """Prefix,Description,RateValue,Increment
1204,Manitoba,0.01,60/6
1,North America,0.02,6
44,United Kingdom,0.012,30/6
447,UK Mobile,0.05,60
"""
CALLS = """id,direction,from,to,start,seconds
late,outbound,2045550100,2045550123,2026-11-01T10:05:00Z,61
early,outbound,2045550100,2045550123,2026-11-01T10:00:00Z,61
mobile,outbound,2045550100,011447400123456,2026-11-01T10:01:00Z,61

wrong,sideways,2045550100,2045550123,2026-11-01T10:01:00Z,61
odd,outbound,2045550100,2045550123,2026-11-01T10:02:00Z,x
paris,outbound,2045550100,01133140000000,2026-11-01T10:02:00Z,7
help,outbound,2045550100,911,2026-11-01T10:02:00Z,7
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a package, a deck and calls; without a database, and none named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{tmp_path}/none/bridge.db")
    for name, text in (("p.toml", PACKAGE), ("deck.csv", DECK), ("calls.csv", CALLS)):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    return capsys


QUOTE = ("rate", "quote", "--package", "p.toml", "--tariff", "deck.csv")
BATCH = ("rate", "batch", "--package", "p.toml", "--tariff", "deck.csv", "--calls", "calls.csv", "--out", "out.csv")
MOBILE = ("--to", "011447400123456", "--seconds", "61")


def answer(said: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.run([*arguments, "--json"]) == 0
    told: dict[str, Any] = json.loads(said.readouterr().out)
    return told


def refusal(said: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """What is said on stderr, and nothing on stdout."""
    assert cli.run([*arguments]) == code
    told = said.readouterr()
    assert told.out == ""
    return told.err


HOURS = "Prefix,Description,RateValue,Increment,Hours\n44,UK,0.10,60,08:00-18:00\n44,UK,0.02,60,18:00-08:00\n"
TAKEN_AS_UTC = "hours are taken as UTC; --time-zone says otherwise"


def test_calls_that_are_there_twice_are_billed_twice_and_told(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    header, *rows = CALLS.splitlines()[:4]
    (folder / "calls.csv").write_text("\n".join((header, *rows, *rows, rows[0], "")))

    assert cli.run([*BATCH]) == 0

    assert said.readouterr().err.splitlines() == [
        "calls.csv: 4 calls have the id and time of an earlier one (late, early, mobile); "
        "the same call twice is billed twice"
    ]
    assert len((folder / "out.csv").read_text().splitlines()) == 8


def test_hours_of_a_deck_are_in_the_time_zone_that_is_named(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "deck.csv").write_text(HOURS)
    # 20:00 in London in winter, 15:00 in New York
    call = ("--to", "011442079460000", "--seconds", "60", "--at", "2026-11-02T20:00:00Z")

    by_night, by_day = answer(said, *QUOTE, *call), answer(said, *QUOTE, *call, "--time-zone", "America/New_York")

    # 0.02 and 0.10, each with a quarter on top
    assert (by_night["charge"], by_day["charge"]) == ("0.025000", "0.125000")


def test_whoever_names_no_time_zone_for_hours_is_told(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "deck.csv").write_text(HOURS)

    assert cli.run([*BATCH]) == 0
    assert f"deck.csv: {TAKEN_AS_UTC}\n" in said.readouterr().err
    assert cli.run([*BATCH, "--time-zone", "UTC"]) == 0
    assert TAKEN_AS_UTC not in said.readouterr().err
    assert "'London' is no time zone such as Europe/London" in refusal(said, *BATCH, "--time-zone", "London", code=2)


# --- quote ------------------------------------------------------------------------------------------------------------


def test_a_quote_is_a_charge_and_its_explanation(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    told = answer(said, *QUOTE, *MOBILE, "--at", "2026-11-01T12:00:00+01:00")

    # two minutes at 0.05 x 1.25, bought at two minutes at 0.05
    assert (told["charge"], told["currency"]) == ("0.125000", "USD")
    assert (told["billed_seconds"], told["cost"], told["margin"]) == (120, "0.10", "0.025")
    assert told["explanation"]["call"]["at"] == "2026-11-01T11:00:00+00:00"
    assert told["explanation"]["steps"] == ["exit code 011 dropped"]
    assert recompute(told["explanation"]) == 125_000
    assert not (folder / "none").exists()


def test_a_quote_is_told_in_sentences(said: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*QUOTE, *MOBILE, "--at", "2026-11-01T12:00:00Z"]) == 0

    assert said.readouterr().out.splitlines() == [
        "charge  0.125000 USD",
        "class   billable",
        "billed  120 s, 0 s of them free",
        "cost    0.10 USD",
        "margin  0.025 USD",
        "",
        "011447400123456 was called for 61 s (outbound, 2026-11-01T12:00:00+00:00).",
        "The number is 447400123456: exit code 011 dropped.",
        "The price is that of the tariff deck, 447 (UK Mobile): 0.0625 USD a minute, which is (0.05 + 0) + 25 %.",
        "61 s are billed as 120 s (60/60).",
        "No free time covers it: out of the scope of the allowance.",
        "120 s at 0.0625 a minute.",
        "0.125 is rounded half up to 6 decimals: 0.125000 USD.",
    ]


def test_a_call_without_a_price_is_an_answer(said: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*QUOTE, "--to", "01133140000000", "--seconds", "7"]) == 0
    assert "charge  waits for a price\nclass   unrated\n" in said.readouterr().out

    told = answer(said, *QUOTE, "--to", "01133140000000", "--seconds", "7")
    assert (told["charge"], told["class"], told["note"]) == (None, "unrated", "not allowed; no price")


def test_what_calls_are_bought_at_may_be_another_deck(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "cost.csv").write_text("Prefix,Description,RateValue,Increment\n44,UK,0.03,1\n")

    told = answer(said, *QUOTE, *MOBILE, "--cost", "cost.csv")

    assert (told["cost"], told["margin"]) == ("0.0305", "0.0945")


def test_an_inbound_call_has_its_own_deck(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "p.toml").write_text(PACKAGE + "bill_inbound = true\n")
    (folder / "p.toml").write_text(PACKAGE.replace("markup_percent", "bill_inbound = true\nmarkup_percent"))
    (folder / "in.csv").write_text("Prefix,Description,RateValue,Increment\n1204,Winnipeg,0.004,60\n")

    told = answer(
        said,
        *(*QUOTE, "--inbound-tariff", "in.csv", "--direction", "inbound"),
        *("--from", "+442079460000", "--to", "12045550100", "--seconds", "30"),
    )

    assert (told["charge"], told["cost"]) == ("0.005000", None)


def test_an_extension_of_the_tenant_is_no_number(said: pytest.CaptureFixture[str]) -> None:
    told = answer(said, *QUOTE, "--to", "2045550100", "--seconds", "30", "--extension", "2045550100")

    assert (told["class"], told["charge"]) == ("internal", "0.000000")


def test_without_a_deck_that_is_said(said: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["rate", "quote", "--package", "p.toml", *MOBILE]) == 0

    told = said.readouterr()
    assert told.err == "without --tariff DECK.csv no call has the price of a deck\n"
    assert "class   unrated\n" in told.out


def test_an_inbound_call_asks_for_no_deck_of_outbound_ones(said: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["rate", "quote", "--package", "p.toml", "--direction", "inbound", *MOBILE]) == 0

    assert said.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--at", "yesterday"), "--at 'yesterday' is not a time such as 2025-06-30T23:59:59Z"),
        (("--at", "2026-11-01T12:00:00"), "--at '2026-11-01T12:00:00' has no offset from UTC"),
        (("--seconds", "-1"), "greater than or equal to 0"),
        (("--seconds", "1e3"), "should be a valid integer"),
        (("--direction", "sideways"), "'sideways' is not one of 'outbound', 'inbound', 'local'"),
    ],
)
def test_a_wrong_option_is_wrong_usage(
    arguments: tuple[str, ...], sentence: str, said: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refusal(said, *QUOTE, *MOBILE, *arguments, code=2)


def test_a_quote_asks_for_a_package_or_a_service(said: pytest.CaptureFixture[str]) -> None:
    assert "say which --package, or which --service" in refusal(said, "rate", "quote", *MOBILE, code=2)


# --- batch ------------------------------------------------------------------------------------------------------------


def test_a_file_of_calls_becomes_a_file_of_charges_in_its_order(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*BATCH]) == 0

    # 66 s each in Manitoba: the early call takes 66 of the 120 free seconds, the late one 54; 12 s cost 0.0125 / 5
    assert (folder / "out.csv").read_text().splitlines() == [
        "id,class,number,rate_source,prefix,per_minute,billed_seconds,free_seconds,charge,note",
        "late,billable,12045550123,tariff,1204,0.0125,66,54,0.002500,",
        "early,billable,12045550123,tariff,1204,0.0125,66,66,0.000000,",
        "mobile,billable,447400123456,tariff,447,0.0625,120,0,0.125000,",
        "wrong,invalid,,,,,0,0,,\"direction 'sideways' is not one of outbound, inbound, local\"",
        "odd,invalid,,,,,0,0,,seconds 'x' is not a number of seconds",
        "paris,unrated,33140000000,,,,0,0,,not allowed; no price",
        "help,emergency,,,,,0,0,0.000000,",
    ]
    assert said.readouterr().err.splitlines() == [
        "calls.csv: line 6: direction 'sideways' is not one of outbound, inbound, local",
        "calls.csv: line 7: seconds 'x' is not a number of seconds",
    ]
    assert not (folder / "none").exists()


def test_calls_in_parquet_are_charged_as_those_in_csv_are(folder: Path) -> None:
    rows = [row for row in csv.DictReader(CALLS.splitlines()) if row["id"] not in ("wrong", "odd")]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "calls.parquet")

    assert cli.run([*BATCH]) == 0
    from_csv = [
        line for line in (folder / "out.csv").read_text().splitlines() if not line.startswith(("wrong,", "odd,"))
    ]
    assert cli.run([*BATCH, "--calls", "calls.parquet"]) == 0
    assert (folder / "out.csv").read_text().splitlines() == from_csv


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_without_room_for_what_waits_that_is_said(
    folder: Path, said: pytest.CaptureFixture[str], options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(folder))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        told = refusal(said, *BATCH, *options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "calls that wait for the end of their period cannot be kept: " in told
    assert f", in {folder}; set TMPDIR to a folder with more room" in told
    assert not (folder / "out.csv").exists()


def test_a_batch_sums_itself_up(said: pytest.CaptureFixture[str]) -> None:
    assert answer(said, *BATCH) == {
        "calls": 7,
        "classes": {"billable": 3, "emergency": 1, "unrated": 1, "invalid": 2},
        "billed_seconds": 252,
        "free_seconds": 120,
        "charged": "0.127500",
        "currency": "USD",
        "adjustments": [],
        "errors": [
            {"line": 6, "reason": "direction 'sideways' is not one of outbound, inbound, local"},
            {"line": 7, "reason": "seconds 'x' is not a number of seconds"},
        ],
        "errors_count": 2,
    }


def test_what_volume_tiers_still_adjust_is_told(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "p.toml").write_text("""
[package]
name = "Volume"
product_id = 1
type = "metered"
currency = "USD"
country = "CA"
rate_plan = "tiered"
tier_mode = "volume"
cost_decimals = 2
[[package.tiers]]
up_to_minutes = 500
per_minute = "0.02"
[[package.tiers]]
per_minute = "0.015"
""")
    (folder / "calls.csv").write_text(
        "id,direction,from,to,start,seconds\n"
        "a,outbound,,12045550123,2026-11-01T10:00:00Z,30000\n"
        "b,outbound,,12045550123,2026-11-02T10:00:00Z,30000\n"
    )

    told = answer(said, *BATCH)

    # 500 minutes at 0.02 and 500 at 0.015 were charged; 1000 minutes at 0.015 are 15
    assert (told["charged"], told["adjustments"]) == (
        "17.50",
        [
            {
                "amount": "-2.50",
                "currency": "USD",
                "reason": "volume tiers: the price of the whole, less what its calls were charged",
            }
        ],
    )


def test_a_dry_run_writes_nothing(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*BATCH, "--dry-run"]) == 0

    assert "charged      0.127500 USD" in said.readouterr().out
    assert not (folder / "out.csv").exists()


def test_many_faults_are_counted(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "calls.csv").write_text(CALLS.splitlines()[0] + "\n" + "no call\n" * 1500)

    told = answer(said, *BATCH)
    assert (told["errors_count"], len(told["errors"])) == (1500, 1000)

    cli.run([*BATCH])
    lines = said.readouterr().err.splitlines()
    assert lines[0] == "calls.csv: line 2: 1 cells, where the header names 6"
    assert lines[20:] == ["calls.csv: 1480 more like these"]


# --- bad input --------------------------------------------------------------------------------------------------------

BAD_FILES = [
    ("calls.csv", "", "calls.csv: the first line is empty, and should name the columns id, direction, from, to, start"),
    (
        "calls.csv",
        "id,direction,from,to,start\n",
        "calls.csv: line 1 names no column seconds; needed are id, direction",
    ),
    ("calls.csv", "id,id,direction,from,to,start,seconds\n", "calls.csv: line 1 names the column id twice"),
    ("calls.csv", None, "calls.csv: cannot be read: No such file or directory"),
    ("p.toml", "name =", "p.toml: is not TOML"),
    ("p.toml", None, "p.toml: cannot be read: No such file or directory"),
    ("p.toml", PACKAGE.replace("hybrid", "hybird"), "p.toml: line 5: package.type is 'hybird'"),
    ("deck.csv", None, "deck.csv cannot be read: No such file or directory"),
    ("deck.csv", "", "deck.csv: "),
    ("deck.csv", "Prefix,Description,RateValue,Increment\n", "deck.csv: there is not one row below the header"),
    ("deck.csv", "\0\1\2\3", "deck.csv: "),
]


@pytest.mark.parametrize(("name", "text", "sentence"), BAD_FILES)
def test_a_file_that_is_none_is_refused_with_a_sentence_and_nothing_is_written(
    folder: Path, name: str, text: str | None, sentence: str, said: pytest.CaptureFixture[str]
) -> None:
    (folder / name).unlink() if text is None else (folder / name).write_text(text)

    told = refusal(said, *BATCH)

    assert told.startswith(sentence)
    assert told.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir() if "out" in path.name) == []


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("48,Poland,-0.01,60", "deck.csv: line 6, RateValue: '-0.01' is refused: below 0"),
        ("48,Poland,,60", "deck.csv: line 6, RateValue: "),
        ("48,Poland,free,60", "deck.csv: line 6, RateValue: 'free' "),
        ("48,Poland,0.01,0", "deck.csv: line 6, Increment: '0' "),
        ("48,Poland,1e-2,60", "deck.csv: line 6, RateValue: '1e-2' "),
        ("48,Poland,0.00000000001,60", "deck.csv: line 6, RateValue: '0.00000000001' "),
        ("48,=A1,0.01,60", "deck.csv: line 6, Description: '=A1' is a formula; export the list as values"),
        (
            "44,United Kingdom,0.09,60",
            "deck.csv: line 6, Prefix: '44' is in line 4 as well, at another price for the same time",
        ),
    ],
)
def test_a_deck_with_a_bad_row_is_refused_until_that_is_accepted(
    folder: Path, row: str, sentence: str, said: pytest.CaptureFixture[str]
) -> None:
    (folder / "deck.csv").write_text(f"{DECK}{row}\n")

    for command in ((*QUOTE, *MOBILE), BATCH):
        lines = refusal(said, *command).splitlines()
        assert any(line.startswith(sentence) for line in lines), lines
        assert lines[-1].endswith("rows are refused; mend them, or go on without them by --accept-refused")

        assert cli.run([*command, "--accept-refused"]) == 0
        assert said.readouterr().err.splitlines()[: len(lines) - 1] == lines[:-1]


def test_a_list_that_is_not_plain_is_mapped(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "deck.csv").write_text("A;B;C;D\n447;UK Mobile;0,05;60\n")

    assert "map it" in refusal(said, *QUOTE, *MOBILE)
    columns = ("Prefix=A", "Description=B", "RateValue=C", "Increment=#4")
    told = answer(said, *QUOTE, *MOBILE, *(word for each in columns for word in ("--map", each)))
    assert told["charge"] == "0.125000"
    assert "'Prefix' is not TARGET=COLUMN" in refusal(said, *QUOTE, *MOBILE, "--map", "Prefix", code=2)


def test_a_folder_is_no_deck_and_no_loaded_tariff(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "decks").mkdir()

    told = refusal(said, "rate", "quote", "--package", "p.toml", "--tariff", "decks", *MOBILE)

    assert told == "decks cannot be read: Is a directory\n"
    assert not (folder / "none").exists()


def test_a_list_that_needs_more_than_a_mapping_says_where_to_read_it(said: pytest.CaptureFixture[str]) -> None:
    Path("deck.csv").write_text(DECK + "0044,UK,0.01,60\n")

    told = refusal(said, *QUOTE, *MOBILE)

    assert "mend it by --strip and --prepend\n" in told
    options = "--strip, --prepend, --decimal, --date-format"
    assert told.endswith(f"; {options} are options of bridge tariff import, which reads a list first by --check\n")


def test_two_prices_for_one_time_are_refused(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "deck.csv").write_text(
        "Prefix,Description,RateValue,Increment,EffectiveFrom,EffectiveTo\n"
        "44,UK,0.01,60,2026-01-01,2026-07-01\n"
        "44,UK,0.02,60,2026-06-30,\n"
    )

    told = refusal(said, *QUOTE, *MOBILE, "--time-zone", "UTC")

    assert told.startswith("deck.csv: line 3, Prefix: '44' is in line 2 as well, at another price for the same time\n")


@pytest.mark.parametrize(
    ("more", "sentences"),
    [
        ('currency = "USX"', ["package.currency is 'USX'"]),
        ('markup_percent = "2e1"', ["package.markup_percent is '2e1'"]),
        ('markup_percent = "-0"', ["package.markup_percent is '-0'"]),
        ('markup_percent = "٢٥"', ["package.markup_percent is '٢٥'"]),
        ("markup = 25", ["package.markup is not known; is markup_percent meant?"]),
        ('type = "unlimited"\nincluded_seconds_per_period = 0', ["package.included_seconds_per_period is 0"]),
        ('type = "hybrid"', ["package.included_seconds_per_period is missing"]),
        ('rate_plan = "tiered"', ["package.tiers is missing"]),
        ('rate_plan = "flat"', ["package.outbound"]),
        ('trunk_prefix = "a"\ncost_decimals = 7', ["package.trunk_prefix is 'a'", "package.cost_decimals is 7"]),
    ],
)
def test_a_package_that_contradicts_itself_is_refused_with_every_reason(
    folder: Path, more: str, sentences: list[str], said: pytest.CaptureFixture[str]
) -> None:
    given = {line.split(" = ")[0] for line in more.splitlines()}
    least = ['name = "Basic"', "product_id = 1", 'type = "metered"', 'currency = "USD"', 'country = "CA"']
    kept = [line for line in least if line.split(" = ")[0] not in given]
    (folder / "p.toml").write_text("\n".join(["[package]", *kept, more, ""]))

    for command in ((*QUOTE, *MOBILE), BATCH):
        lines = refusal(said, *command).splitlines()
        assert len(lines) == len(sentences)
        for sentence in sentences:
            assert any(line.startswith("p.toml: ") and sentence in line for line in lines), lines


def test_ranges_of_minutes_are_read_as_cut_points_and_that_is_said(
    folder: Path, said: pytest.CaptureFixture[str]
) -> None:
    (folder / "p.toml").write_text("""
[package]
name = "Tiers"
product_id = 1
type = "metered"
currency = "USD"
country = "CA"
rate_plan = "tiered"
[[package.tiers]]
minutes = "0-500"
per_minute = "0.02"
[[package.tiers]]
minutes = "501-1000"
per_minute = "0.015"
[[package.tiers]]
minutes = "1000+"
per_minute = "0.01"
""")

    assert cli.run([*QUOTE, "--to", "12045550123", "--seconds", "33000", "--json"]) == 0

    told = said.readouterr()
    assert "package.tiers: " in told.err
    assert "500 and 1000" in told.err
    # 500 minutes at 0.02 and 50 at 0.015
    assert json.loads(told.out)["charge"] == "10.750000"


def test_doubtful_rows_are_told_and_used(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "deck.csv").write_text(DECK + "48,Poland,11,60\n")

    assert cli.run([*QUOTE, "--to", "01148601234567", "--seconds", "60"]) == 0

    told = said.readouterr()
    assert told.err.startswith("deck.csv: warning: line 6, RateValue: ")
    assert told.err.endswith("'11' is above 10 a minute, for prefix 48\n")
    assert "charge  13.750000 USD" in told.out


def test_a_file_of_anything_is_refused_as_calls(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    for content in (b"\r\0\xff,\r", bytes(range(256)) * 4000, b'"' * 200_000, b"x" * 3_000_000):
        (folder / "calls.csv").write_bytes(content)

        assert refusal(said, *BATCH).startswith("calls.csv: line 1 names no column id; needed are id, direction")


def test_the_calls_are_never_written_over(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    told = refusal(said, *BATCH[:-1], "./calls.csv")

    assert told == "calls.csv is read for this; name another file to write\n"
    assert (folder / "calls.csv").read_text() == CALLS


def test_nothing_that_is_read_is_written_over(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "link.csv").symlink_to("deck.csv")

    for name in ("p.toml", "deck.csv", "link.csv"):
        assert refusal(said, *BATCH[:-1], name) == f"{name} is read for this; name another file to write\n"
    assert ((folder / "p.toml").read_text(), (folder / "deck.csv").read_text()) == (PACKAGE, DECK)


def test_charges_that_cannot_be_written_are_one_sentence(said: pytest.CaptureFixture[str]) -> None:
    told = refusal(said, *BATCH[:-1], "nowhere/out.csv")

    assert told == "nowhere/out.csv cannot be written: No such file or directory\n"


def test_charges_of_before_stay_where_rating_fails(folder: Path, said: pytest.CaptureFixture[str]) -> None:
    (folder / "out.csv").write_text("of yesterday\n")
    (folder / "calls.csv").write_text(CALLS + "x" * (6 << 20))

    assert "longer than" in refusal(said, *BATCH)
    assert (folder / "out.csv").read_text() == "of yesterday\n"
    assert sorted(path.name for path in folder.iterdir()) == ["calls.csv", "deck.csv", "out.csv", "p.toml"]


def test_each_row_of_charges_is_one_of_the_calls(folder: Path) -> None:
    calls = [f"{place},outbound,,2045550123,2026-11-01T10:00:00Z,{place % 90}" for place in range(500)]
    (folder / "calls.csv").write_text("\n".join([CALLS.splitlines()[0], *calls, ""]))

    assert cli.run([*BATCH]) == 0

    with (folder / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [str(place) for place in range(500)]
    assert sum(int(row["free_seconds"]) for row in rows) == 120


def test_f28_a_call_is_quoted_as_it_is_dialled_where_a_service_stands(said: pytest.CaptureFixture[str]) -> None:
    """The package is of Canada, where 999 is nobody's number."""
    at_home = answer(said, *QUOTE, "--to", "999", "--seconds", "61")
    in_london = answer(said, *QUOTE, "--to", "999", "--seconds", "61", "--country", "GB")

    assert (at_home["class"], in_london["class"]) == ("short", "emergency")


def test_a_country_that_is_none_is_one_sentence(said: pytest.CaptureFixture[str]) -> None:
    told = refusal(said, *QUOTE, *MOBILE, "--country", "UK")

    assert told == "there is no numbering plan for the country 'UK'; write an ISO code such as GB\n"
