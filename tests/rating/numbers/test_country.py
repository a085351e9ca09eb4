"""Countries, as the numbering-plan library has them."""

from __future__ import annotations

import phonenumbers
import pytest

from bridge.rating.numbers.country import UnknownCountry, countries, country
from bridge.rating.numbers.country_name import country_name


def test_there_is_a_country_for_every_numbering_plan() -> None:
    known = countries()

    assert {each.iso for each in known} == set(phonenumbers.SUPPORTED_REGIONS)
    assert 235 <= len(known) <= 260


@pytest.mark.parametrize(
    ("iso", "calling_code", "exit_code", "national_prefix"),
    [
        ("CA", "1", "011", "1"),
        ("US", "1", "011", "1"),
        ("GB", "44", "00", "0"),
        ("DE", "49", "00", "0"),
        ("IT", "39", "00", ""),
        ("RU", "7", "810", "8"),  # the library's 8~10
        ("AU", "61", "0011", "0"),
        ("JP", "81", "010", "0"),
        ("HK", "852", "00", ""),  # one of several that its pattern accepts
        ("IL", "972", "00", "0"),
        ("BR", "55", "00(?:1[245]|2[1-35]|31|4[13]|[56]5|99)", "0"),  # always with a carrier's code
        ("HU", "36", "00", "06"),
    ],
)
def test_one_dials_from_a_country_as_its_plan_says(
    iso: str, calling_code: str, exit_code: str, national_prefix: str
) -> None:
    read = country(iso)

    assert (read.calling_code, read.exit_code, read.national_prefix) == (calling_code, exit_code, national_prefix)


@pytest.mark.parametrize(
    ("iso", "digits", "after"),
    [
        ("CA", "011442079460000", "442079460000"),
        ("GB", "0033140000000", "33140000000"),
        ("RU", "810442079460000", "442079460000"),
        ("BR", "0021442079460000", "442079460000"),
        ("BR", "00442079460000", None),
        ("GB", "02079460000", None),
    ],
)
def test_the_exit_code_is_found_in_front(iso: str, digits: str, after: str | None) -> None:
    assert country(iso).after_exit_code(digits) == after


@pytest.mark.parametrize(
    ("iso", "dialled", "national"),
    [
        ("GB", "02079460000", "2079460000"),
        ("CA", "12264763054", "2264763054"),
        ("CA", "2264763054", "2264763054"),
        ("IT", "0612345678", "0612345678"),  # its zero is part of the number
        ("AR", "0111523456789", "91123456789"),  # 15 at home is 9 from abroad
        ("AR", "01123456789", "1123456789"),
        ("RU", "88001234567", "8001234567"),
        ("RU", "8001234567", "8001234567"),  # its 8 is part of the number
        ("BS", "3221234", "2423221234"),
        ("HU", "0612345678", "12345678"),
        ("CI", "0712345678", "0712345678"),
    ],
)
def test_what_one_dials_before_a_number_comes_off(iso: str, dialled: str, national: str) -> None:
    assert country(iso).without_prefix(dialled) == national


@pytest.mark.parametrize(
    ("iso", "calls"),
    [
        ("GB", {"112", "999"}),
        ("US", {"112", "911", "933"}),
        ("CA", {"112", "911", "933"}),
        ("AU", {"000", "106", "112"}),
        ("DE", {"110", "112"}),
        ("FR", {"112", "15", "17", "18"}),
        ("GN", {"112", "911"}),  # its plan names none
    ],
)
def test_f19_a_country_knows_its_emergency_numbers_and_their_tests(iso: str, calls: set[str]) -> None:
    assert country(iso).emergency == calls


def test_every_country_has_an_emergency_number() -> None:
    assert all(each.emergency for each in countries())


@pytest.mark.parametrize(("iso", "short"), [("GB", "118500"), ("US", "411"), ("DE", "11833"), ("FR", "118218")])
def test_f20_a_country_knows_its_short_numbers(iso: str, short: str) -> None:
    assert country(iso).has_short(short)


@pytest.mark.parametrize("iso", ["", "XX", "gb", "GBR", "001", "44"])
def test_what_is_no_country_is_refused(iso: str) -> None:
    with pytest.raises(UnknownCountry, match="no numbering plan"):
        country(iso)


def test_every_country_has_a_name() -> None:
    assert country_name("GB") == "United Kingdom"
    assert country_name("XK") == "Kosovo"
    assert [each.iso for each in countries() if country_name(each.iso) == each.iso] == []
