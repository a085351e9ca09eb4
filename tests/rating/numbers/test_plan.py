"""What digits tell of a number, against the library that the plans come from."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers.phonemetadata import PhoneMetadata

from bridge.rating.numbers.plan import _KINDS as KINDS
from bridge.rating.numbers.plan import UNKNOWN, doubt_of, facts_of, region_of, type_of, types_of

NAMES = {value: name.lower() for name, value in vars(phonenumbers.PhoneNumberType).items() if isinstance(value, int)}


def examples() -> list[str]:
    """One number of every kind in every country."""
    plans = [PhoneMetadata.metadata_for_region(region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)]
    plans += [PhoneMetadata.metadata_for_nongeo_region(code) for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS]
    return [
        f"{plan.country_code}{getattr(plan, kind).example_number}"
        for plan in plans
        if plan is not None
        for kind in KINDS
        if getattr(plan, kind) is not None and getattr(plan, kind).example_number
    ]


EXAMPLES = examples()


@st.composite
def near_examples(draw: st.DrawFn) -> str:
    """A number of some country, with other digits in it or fewer."""
    number = draw(st.sampled_from(EXAMPLES))
    cut = draw(st.integers(1, len(number)))
    return number[:cut] + draw(st.text("0123456789", max_size=min(len(number), 15) - cut))


def agrees_with_the_library(number: str) -> None:
    try:
        parsed = phonenumbers.parse(f"+{number}")
    except phonenumbers.NumberParseException:
        return
    if phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != f"+{number}":
        return  # read as another number
    facts = facts_of(number)
    assert facts is not None
    assert facts.is_known == phonenumbers.is_valid_number(parsed)
    region = phonenumbers.region_code_for_number(parsed)
    if region is not None:
        assert facts.region == region
    if facts.is_known:
        assert facts.type == NAMES[phonenumbers.number_type(parsed)]


def test_a_number_of_every_kind_in_every_country_is_what_the_library_says() -> None:
    assert len(EXAMPLES) > 1000
    for number in EXAMPLES:
        agrees_with_the_library(number)
        assert doubt_of(number) is None


@given(near_examples())
@example("18765550123")
@example("447700900123")
def test_any_number_is_what_the_library_says(number: str) -> None:
    agrees_with_the_library(number)


@pytest.mark.parametrize(
    ("number", "region", "kind"),
    [
        ("442079460000", "GB", "fixed_line"),
        ("447400123456", "GB", "mobile"),
        ("449012345678", "GB", "premium_rate"),
        ("441534123456", "JE", "fixed_line"),
        ("12264763054", "CA", "fixed_line_or_mobile"),
        ("18765230123", "JM", "fixed_line_or_mobile"),
        ("18005550123", "US", "toll_free"),
        ("390612345678", "IT", "fixed_line"),
        ("61131450", "AU", "shared_cost"),
        ("881612345678", "001", "mobile"),
        ("77010001234", "KZ", "mobile"),
        ("999", "", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_a_number_tells_its_country_and_its_kind(number: str, region: str, kind: str) -> None:
    assert (region_of(number), type_of(number)) == (region, kind)


@pytest.mark.parametrize(
    ("prefix", "region", "kind"),
    [
        ("1", "US", UNKNOWN),
        ("1204", "CA", "fixed_line_or_mobile"),
        ("1876", "JM", "fixed_line_or_mobile"),
        ("44", "GB", UNKNOWN),
        ("4487", "GB", "premium_rate"),
        ("4490", "GB", "premium_rate"),
        ("4474", "GB", "mobile"),
        ("4420", "GB", "fixed_line"),
        ("447", "GB", UNKNOWN),
        ("979", "001", "premium_rate"),
    ],
)
def test_a_prefix_tells_as_much_as_all_its_numbers_share(prefix: str, region: str, kind: str) -> None:
    assert (region_of(prefix), type_of(prefix)) == (region, kind)


def test_a_number_that_the_plan_does_not_have_is_of_the_country_that_it_begins_like() -> None:
    facts = facts_of("14160000000")

    assert facts is not None
    assert (facts.region, facts.is_known) == ("CA", False)


def test_where_fixed_lines_and_mobiles_share_ranges_a_number_may_be_both() -> None:
    assert types_of("12264763054") == {"fixed_line", "mobile", "fixed_line_or_mobile"}
    assert types_of("442079460000") == {"fixed_line"}


@pytest.mark.parametrize(
    ("number", "doubt"),
    [
        ("44207946", "too short for a number of GB: 6 digits after 44, and the fewest are 7"),
        ("4420794600", "not a number of GB that its numbering plan knows"),
        ("999", "no country's calling code begins with 999"),
        ("442079460", "not a number of GB that its numbering plan knows"),
        ("8816", "too short for a number of +881: 1 digits after 881, and the fewest are 9"),
        ("4402079460000", "too long for a number of GB: 11 digits after 44, and the most are 10"),
        ("440079460000", "not a number of GB that its numbering plan knows"),
        ("5215512345678", "too long for a number of MX"),
        ("00442079460000", "no country's calling code begins with 004"),
        ("88", "no country's calling code begins with 88"),
    ],
)
def test_a_doubt_says_what_is_wrong(number: str, doubt: str) -> None:
    assert (doubt_of(number) or "").startswith(doubt)
