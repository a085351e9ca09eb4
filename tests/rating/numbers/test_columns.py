"""A column of dialled numbers, against normalising each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rating.bulk.texts import Texts
from bridge.rating.call import Direction
from bridge.rating.numbers.columns import NumberColumns, beginnings, first_digits
from bridge.rating.numbers.number import normalise
from bridge.rating.numbers.site import Site
from bridge.rating.packages.pattern import compiled
from tests.rating.sites import a_site

SAMPLE = (r"^9(\d{10})$", r"1\1")
SITES = {
    "Canada": a_site("CA", ["2211", "5550100"], nanp_10_digit=True, rewrite=(SAMPLE,)),
    "as dialled": a_site("CA"),
    "Britain": a_site("GB", ["2211"], prefix_correction=True, trunk_prefix="0"),
    "London": a_site("GB", local_prefix=True, area_code="20"),
    "Brazil": a_site("BR"),
    "Russia": a_site("RU", local_prefix=True),
    "Italy": a_site("IT", prefix_correction=True, rewrite=((r"^0?39", ""), (r"(1|2)", "9"))),
}

digits = st.text("0123456789", max_size=19)
fronts = st.sampled_from(
    [
        "",
        "+",
        "00",
        "011",
        "810",
        "0014",
        "0",
        "9",
        "+1",
        "1",
        "44",
        "020",
        "2264763",
        "911",
        "112",
        "sip:",
        "*",
        " +",
        "٤",
    ]
)
ends = st.sampled_from(["", "", "", "", "", "@pbx", " ", "x", "5550100", "-1"])
raws = st.builds(lambda *parts: "".join(parts), fronts, digits, ends) | st.text(max_size=20)


@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
@pytest.mark.parametrize("direction", [Direction.OUTBOUND, Direction.INBOUND])
@given(st.lists(raws, max_size=12))
def test_a_column_becomes_what_each_number_becomes(direction: Direction, site: Site, raws: list[str]) -> None:
    read = NumberColumns(site, direction).read(Texts.of([raw.encode(errors="replace") for raw in raws]))

    for place, raw in enumerate(raws):
        number = normalise(site, raw.encode(errors="replace").decode(), direction=direction)
        assert read.numbers.text(place) == (number.number or "")
        if read.is_whole[place]:
            assert read.dialled.text(place) == ("" if number.dialled.startswith("+") else number.dialled)
        else:
            assert not (number.dialled.isascii() and number.dialled.isdigit()) or len(number.dialled) > 15


@pytest.mark.parametrize(
    ("pattern", "first"),
    [
        (r"^9(\d{10})$", "9"),
        ("^0049", "0049"),
        ("^00?", "0"),
        ("^01*", "0"),
        ("^01{0}", "0"),
        ("^01+", "01"),
        ("^9|8", ""),
        ("9", ""),
        ("^", ""),
        (r"^\d", ""),
        ("^(0)", ""),
    ],
)
def test_a_pattern_that_is_plain_about_it_says_what_numbers_begin_with(pattern: str, first: str) -> None:
    assert first_digits(compiled(pattern)) == first


def test_an_exit_code_of_several_carriers_says_what_it_can_begin_with() -> None:
    assert beginnings("00(?:1[245]|2[1-35])") == {"0"}


def test_a_number_is_normalised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = NumberColumns(SITES["Britain"], Direction.OUTBOUND)
    monkeypatch.setattr("bridge.rating.numbers.columns.HELD_MAX", 2)
    raws = [b"02079460000", b"02079460001", b"02079460002", b"02079460000"]

    assert columns.read(Texts.of(raws)).numbers.text(3) == "442079460000", "what is held no more is asked again"
