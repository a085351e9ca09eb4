"""What a dialled number becomes: every example that was written down, and what holds for all numbers."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.rating.call import CallClass, Direction
from bridge.rating.numbers.number import Number, normalise
from bridge.rating.numbers.plan import doubt_of
from bridge.rating.numbers.site import Site, site_of
from tests.rating.sites import CANADA, CANADA_AS_DIALLED, LONDON, UK, a_package, a_site

SITES = [CANADA, CANADA_AS_DIALLED, UK, LONDON]


def read(site: Site, raw: str) -> str | CallClass | None:
    """The number, or what the call is without one."""
    number = normalise(site, raw)
    assert (number.number is None) == (number.kind is not None)
    return number.number or number.kind


# --- the examples of the product reference ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "raw", "number"),
    [
        (CANADA, "2264763054", "12264763054"),
        (CANADA, "12264763054", "12264763054"),
        (CANADA, "011442079460000", "442079460000"),
        (CANADA_AS_DIALLED, "2264763054", "2264763054"),
        (UK, "02079460000", "442079460000"),
        (UK, "0033140000000", "33140000000"),  # the exit code wins over the trunk prefix
        (UK, "442079460000", "442079460000"),
    ],
)
def test_a_dialled_number_becomes_what_a_deck_can_price(site: Site, raw: str, number: str) -> None:
    assert read(site, raw) == number


@pytest.mark.parametrize("site", SITES)
def test_a_plus_is_never_read_otherwise(site: Site) -> None:
    assert read(site, "+48221046421") == "48221046421"


@pytest.mark.parametrize("site", [CANADA, UK, LONDON])
def test_an_extension_of_the_tenant_is_internal(site: Site) -> None:
    assert read(site, "2211") is CallClass.INTERNAL


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("code", ["*97", "#9", "*72*02079460000#"])
def test_a_feature_code_is_no_number(site: Site, code: str) -> None:
    assert read(site, code) is CallClass.FEATURE


def test_f28_london_needs_the_local_prefix_alone() -> None:
    assert read(LONDON, "02079460000") == "442079460000"
    assert read(LONDON, "2079460000") == "442079460000"
    assert read(LONDON, "0033140000000") == "33140000000"


def test_f28_a_shorter_local_number_needs_the_area_code() -> None:
    package = a_package("GB", local_prefix=True)

    assert read(site_of(package), "79460000") == "4479460000"
    assert doubt_of("4479460000") == "not a number of GB that its numbering plan knows"
    for area_code in ("20", "020"):
        assert read(site_of(package, area_code=area_code), "79460000") == "442079460000"
        assert read(site_of(package, area_code=area_code), "02079460000") == "442079460000"
        assert read(site_of(package, area_code=area_code), "118500") is CallClass.SHORT


def test_f28_a_service_may_stand_in_another_country_than_its_package_says() -> None:
    package = a_package("GB", local_prefix=True)

    assert read(site_of(package, country="FR"), "0140000000") == "33140000000"


def test_f28_f20_a_number_in_town_has_at_least_six_digits() -> None:
    cambridge = a_site("GB", area_code="1223")

    assert read(cambridge, "460000") == "441223460000"
    assert read(cambridge, "46000") is CallClass.SHORT
    assert read(cambridge, "0460000") == "0460000"  # a number of another town, which only the local prefix would read
    assert read(a_site("GB", area_code="7700"), "900123") is CallClass.SHORT  # no town


@pytest.mark.parametrize("raw", ["1264763054", "0264763054", "2261763054", "2260763054", "226476305", "22647630544"])
def test_ten_digits_of_north_america_begin_with_2_to_9_and_so_does_their_exchange(raw: str) -> None:
    assert read(CANADA, raw) == raw


def test_seven_digits_in_north_america_need_the_area_code() -> None:
    assert read(CANADA, "5550123") == "5550123"
    assert read(a_site("CA", nanp_10_digit=True, area_code="416"), "5550123") == "14165550123"


# --- the forms of PBXs side by side ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "raw"),
    [
        (CANADA, "+442079460000"),
        (CANADA, "011442079460000"),
        (CANADA, "442079460000"),
        (CANADA, "sip:+442079460000@pbx.example.com"),
        (CANADA, "sip:011442079460000@pbx.example.com:5060;user=phone"),
        (CANADA, "<sip:+442079460000@10.0.0.1;transport=tls>;tag=4711"),
        (CANADA, '"A. Clerk" <sips:+442079460000@pbx.example.com>'),
        (CANADA, "SIP:%2B442079460000@pbx.example.com"),
        (CANADA, "442079460000@tenant.example.com"),
        (CANADA, "sip:442079460000:secret@pbx.example.com"),
        (CANADA, "sip:442079460000;npdi;rn=44@pbx.example.com"),
        (CANADA, "sip:442079460000"),
        (CANADA, "tel:+44-20-7946-0000;ext=12"),
        (CANADA, '"442079460000" <442079460000>'),
        (UK, "02079460000"),
        (UK, "020 7946 0000"),
        (UK, "(020) 7946-0000"),
        (UK, "020.7946.0000"),
        (UK, "020/7946/0000"),
        (UK, " 020\u00a07946\u20090000\n"),
        (UK, "\u202a020 7946 0000\u202c"),  # as it is copied from an address book
        (UK, "020–7946−0000"),
        (UK, "0044 20 7946 0000"),
        (UK, "＋４４２０７９４６００００"),
        (UK, "٠٢٠٧٩٤٦٠٠٠٠"),
        (UK, "०२०७९४६००००"),
        (LONDON, "2079460000"),
        (LONDON, "442079460000"),
        (LONDON, "sip:02079460000@fusionpbx.example.com"),
    ],
)
def test_every_way_to_write_a_number_is_one_number(site: Site, raw: str) -> None:
    assert read(site, raw) == "442079460000"


@pytest.mark.parametrize(
    "raw",
    [
        *("", " ", "+", "anonymous", "sip:pbx.example.com", "sip:10.0.0.1", "sip:@pbx.example.com", "1800FLOWERS"),
        *("12", "1234567890123456", "+1234567890123456", "44+2079460000", "²²²²²²²", "1e10", "-0", "0x1234567"),
        *("\0" * 9, "9" * 1000, "4420794600\ud800"),
    ],
)
def test_what_is_not_7_to_15_digits_is_invalid_and_says_why(raw: str) -> None:
    number = normalise(LONDON, raw)

    assert (number.number, number.kind) == (None, CallClass.INVALID)
    assert number.notes


# --- countries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "raw", "number"),
    [
        ("IT", "0612345678", "390612345678"),  # its zero belongs to the number
        ("IT", "3331234567", "393331234567"),
        ("IT", "390612345678", "390612345678"),
        ("AR", "0111523456789", "5491123456789"),  # 15 at home is 9 from abroad
        ("AR", "1123456789", "541123456789"),
        ("AR", "+5491123456789", "5491123456789"),
        ("MX", "5512345678", "525512345678"),
        ("MX", "+5215512345678", "5215512345678"),  # as it was written before 2019, and still is
        ("RU", "89161234567", "79161234567"),
        ("RU", "79161234567", "79161234567"),
        ("RU", "810442079460000", "442079460000"),
        ("HU", "0612345678", "3612345678"),
        ("DE", "030123456", "4930123456"),
        ("FR", "0140000000", "33140000000"),
        ("US", "12264763054", "12264763054"),
        ("BS", "3221234", "12423221234"),
        ("AU", "0298765432", "61298765432"),
        ("AU", "1300123456", "611300123456"),
        ("AU", "131450", "61131450"),  # six digits that the plan knows as a number
        ("NU", "4002", "6834002"),  # as long as numbers are there
        ("NO", "22865550", "4722865550"),
        ("SG", "00165123456", "65123456"),
    ],
)
def test_a_country_is_dialled_in_as_its_plan_says(country: str, raw: str, number: str) -> None:
    assert read(a_site(country, local_prefix=True), raw) == number


@pytest.mark.parametrize(("raw", "number"), [("0612345678", "390612345678"), ("0301234567", "390301234567")])
def test_italy_keeps_its_zero_also_where_it_is_to_be_stripped(raw: str, number: str) -> None:
    assert read(a_site("IT", prefix_correction=True, trunk_prefix="0"), raw) == number


def test_argentina_says_15_before_a_mobile_of_the_town_and_9_from_abroad() -> None:
    buenos_aires = a_site("AR", local_prefix=True, area_code="11")

    assert read(buenos_aires, "1523456789") == "5491123456789"
    assert read(buenos_aires, "0111523456789") == "5491123456789"
    assert read(buenos_aires, "23456789") == "541123456789"
    assert read(a_site("AR", area_code="351"), "155123456") == "5493515123456"
    assert read(a_site("AR", local_prefix=True), "1523456789") == "541523456789"  # of which town, nobody said


def test_a_trunk_prefix_of_the_house_is_stripped() -> None:
    assert read(a_site("ES", prefix_correction=True, trunk_prefix="0"), "0912345678") == "34912345678"


def test_without_a_trunk_prefix_the_one_of_the_country_is_corrected() -> None:
    assert read(a_site("GB", prefix_correction=True), "02079460000") == "442079460000"


@pytest.mark.parametrize(
    ("country", "raw", "number"),
    [
        ("GB", "442079460000", "442079460000"),
        ("GB", "447700", CallClass.SHORT),
        ("GB", "449", CallClass.SHORT),
        ("GB", "44112345678901", "44112345678901"),  # too long for anything else
        ("GB", "6045551234", "446045551234"),  # as long as a number of the country
        ("GB", "99940000000", "4499940000000"),  # a number of nowhere
        ("DE", "49112345", "4949112345"),  # of Leer, whose area code begins like the country
        ("RU", "77011234567", "77011234567"),
        ("CH", "41446681800", "41446681800"),
        ("CH", "446681800", "41446681800"),
    ],
)
def test_a_country_code_that_is_there_is_seen(country: str, raw: str, number: str) -> None:
    assert read(a_site(country, local_prefix=True), raw) == number


@pytest.mark.parametrize("raw", ["131450", "030123"])
def test_few_digits_are_a_number_only_where_the_package_reads_numbers_as_they_are_dialled_there(raw: str) -> None:
    country = "AU" if raw == "131450" else "DE"

    assert read(a_site(country), raw) is CallClass.SHORT
    assert read(a_site(country, local_prefix=True), raw) in ("61131450", "4930123")


def test_few_digits_behind_a_trunk_prefix_are_a_number_where_it_is_corrected() -> None:
    germany = a_site("DE", prefix_correction=True, trunk_prefix="0")

    assert read(germany, "030123") == "4930123"
    assert read(germany, "30123") is CallClass.SHORT
    assert read(a_site("AU", prefix_correction=True), "131450") is CallClass.SHORT


def test_a_foreign_number_without_plus_is_left_alone_where_it_can_be_none_of_the_country() -> None:
    assert read(LONDON, "33140000000") == "33140000000"


# --- rewrites --------------------------------------------------------------------------------------------------------

NINE = a_site("CA", nanp_10_digit=True, rewrite=((r"^9(\d{10})$", r"1\1"), (r"^9(\d+)$", r"\1")))


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("94165550123", "14165550123"),
        ("9011442079460000", "442079460000"),
        ("914165550123", "14165550123"),
        ("4165550123", "14165550123"),
        ("+94112345678", "94112345678"),  # a plus is never rewritten
        ("01194112345678", "94112345678"),  # nor what follows the exit code
    ],
)
def test_the_rules_of_the_house_come_after_the_exit_code_and_before_ten_digits(raw: str, number: str) -> None:
    assert read(NINE, raw) == number


def test_each_rule_goes_on_where_the_one_before_ended() -> None:
    site = a_site("GB", rewrite=(("^9", ""), ("^8", "44"), ("^7", "0")))

    assert read(site, "982079460000") == "442079460000"


def test_f19_an_emergency_call_behind_a_rule_is_one() -> None:
    assert read(NINE, "9911") is CallClass.EMERGENCY


def test_a_rule_is_bounded_by_what_it_is_given() -> None:
    site = a_site("GB", rewrite=((r"^(\d*)(\d*)(\d*)x$", ""),))

    assert read(site, "1" * 250) is CallClass.INVALID


# --- emergency, short and internal -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "raw"),
    [("GB", "999"), ("GB", "112"), ("US", "911"), ("CA", "933"), ("AU", "000"), ("FR", "15"), ("DE", "110")],
)
def test_f19_an_emergency_number_comes_before_everything(country: str, raw: str) -> None:
    site = a_site(country, [raw], local_prefix=True, prefix_correction=True, rewrite=((r"^(\d)", r"9\1"),))

    assert read(site, raw) is CallClass.EMERGENCY
    assert normalise(site, raw, by_gateway=False).kind is CallClass.EMERGENCY
    assert normalise(site, raw, direction=Direction.LOCAL).kind is CallClass.EMERGENCY


def test_f19_a_number_that_only_begins_like_one_is_none() -> None:
    assert read(UK, "1120") is CallClass.SHORT
    assert read(UK, "9995550123") == "9995550123"


def test_f19_a_call_for_help_is_one_also_with_a_plus() -> None:
    assert read(LONDON, "+112") is CallClass.EMERGENCY


def test_f19_emergency_is_what_it_is_in_the_country_of_the_site() -> None:
    assert read(LONDON, "911") is CallClass.SHORT
    assert read(CANADA, "999") is CallClass.SHORT
    assert site_of(a_package("GB"), emergency=["911"]).emergency == {"112", "911", "999"}


def test_a_caller_who_shows_an_emergency_number_is_no_emergency_call() -> None:
    assert normalise(LONDON, "999", direction=Direction.INBOUND).kind is CallClass.SHORT


def test_f20_three_to_five_digits_are_internal_only_where_known_or_without_a_carrier() -> None:
    assert normalise(CANADA, "2211").kind is CallClass.INTERNAL
    assert normalise(CANADA, "2212").kind is CallClass.SHORT
    assert normalise(CANADA, "2212", by_gateway=False).kind is CallClass.INTERNAL
    assert normalise(CANADA, "²²²", by_gateway=False).kind is CallClass.INVALID
    assert normalise(CANADA, "221200", by_gateway=False).kind is CallClass.SHORT
    assert normalise(CANADA, "2212", direction=Direction.LOCAL).kind is CallClass.INTERNAL


def test_f20_numbers_that_cost_money_are_short() -> None:
    for country, raw in (("GB", "118500"), ("CA", "411"), ("DK", "1811"), ("DE", "11833"), ("DE", "22833")):
        assert read(a_site(country, local_prefix=True), raw) is CallClass.SHORT
        assert read(a_site(country, local_prefix=True, area_code="30"), raw) is CallClass.SHORT


def test_an_extension_may_be_a_word() -> None:
    site = a_site("GB", ["reception", "front-desk"])

    assert read(site, "sip:reception@pbx.example.com") is CallClass.INTERNAL
    assert read(site, "front-desk") is CallClass.INTERNAL


def test_a_call_that_stayed_in_the_house_is_internal_whatever_was_dialled() -> None:
    assert normalise(LONDON, "02079460000", direction=Direction.LOCAL).kind is CallClass.INTERNAL
    assert normalise(LONDON, "*97", direction=Direction.LOCAL).kind is CallClass.FEATURE


# --- the steps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "raw", "steps"),
    [
        (CANADA, "2264763054", ["country code 1 put in front of 10 digits"]),
        (CANADA, "12264763054", []),
        (CANADA, "011 44 2079460000", ["spaces and signs dropped", "exit code 011 dropped"]),
        (UK, "02079460000", ["national prefix 0 dropped", "country code 44 put in front"]),
        (LONDON, "442079460000", ["country code there already"]),
        (LONDON, "sip:+48221046421@a.example", ["address taken off", "plus dropped"]),
        (
            LONDON,
            "٠٢٠٧٩٤٦٠٠٠٠",
            ["digits written as 0 to 9", "national prefix 0 dropped", "country code 44 put in front"],
        ),
        (NINE, "9011442079460000", [r"rewritten to 011442079460000 by ^9(\d+)$", "exit code 011 dropped"]),
        (NINE, "9911", [r"rewritten to 911 by ^9(\d+)$", "emergency number of CA"]),
        (
            a_site("GB", area_code="20"),
            "79460000",
            ["area code 20 put in front", "country code 44 put in front"],
        ),
        (
            a_site("AR", local_prefix=True),
            "0111523456789",
            ["read as 91123456789 by the numbering plan of AR", "country code 54 put in front"],
        ),
        (
            a_site("AR", area_code="11"),
            "1523456789",
            [
                "area code 11 put in front",
                "read as 91123456789 by the numbering plan of AR",
                "country code 54 put in front",
            ],
        ),
        (
            a_site("BS", local_prefix=True),
            "3221234",
            ["read as 2423221234 by the numbering plan of BS", "country code 1 put in front"],
        ),
        (a_site("IT", local_prefix=True), "0612345678", ["country code 39 put in front"]),
        (LONDON, "x" * 300, ["longer than 256 characters: not read"]),
        (LONDON, "112", ["emergency number of GB"]),
        (LONDON, "2211", ["known extension"]),
        (LONDON, "*97", ["feature code"]),
        (LONDON, "118500", ["short number"]),
    ],
)
def test_each_step_is_told(site: Site, raw: str, steps: list[str]) -> None:
    assert [*normalise(site, raw).steps] == steps


def test_a_call_that_stayed_in_the_house_says_so() -> None:
    assert normalise(LONDON, "2212", by_gateway=False).steps == ("no carrier leg",)


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        ("", "no digits"),
        ("+", "no digits"),
        ("12", "2 digits, and a number has 7 to 15"),
        ("+1234567890123456", "16 digits, and a number has 7 to 15"),
        ("0044a", "'a' is no digit"),
        ("4+4", "'+' is no digit"),
    ],
)
def test_what_is_no_number_says_why(raw: str, note: str) -> None:
    assert normalise(LONDON, raw).notes == (note,)


def test_a_text_is_read_up_to_its_bound() -> None:
    assert read(LONDON, " " * 245 + "02079460000") == "442079460000"
    assert read(LONDON, " " * 246 + "02079460000") is CallClass.INVALID


# --- what holds for all ----------------------------------------------------------------------------------------------

full_numbers = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)
uk_numbers = st.from_regex(r"(20[378]|1[1-9]1|7[4-9][0-9])[0-9]{7}", fullmatch=True)
sites = st.sampled_from([*SITES, NINE, a_site("IT", local_prefix=True), a_site("AR", local_prefix=True)])


@given(sites, full_numbers)
def test_a_normalised_number_with_its_plus_is_itself(site: Site, number: str) -> None:
    assert read(site, "+" + number) == number


@given(st.sampled_from([UK, LONDON]), uk_numbers)
def test_a_uk_number_is_one_number_in_all_its_forms(site: Site, number: str) -> None:
    forms = {normalise(site, f"{front}{number}").number for front in ("+44", "0044", "44", "0")}

    assert forms == {"44" + number}


@given(sites, st.text(), st.sampled_from(Direction), st.booleans())
@example(LONDON, "sip:", Direction.OUTBOUND, True)
@example(LONDON, "<<>", Direction.OUTBOUND, True)
def test_whatever_is_dialled_is_a_number_or_says_what_it_is(
    site: Site, raw: str, direction: Direction, by_gateway: bool
) -> None:
    number = normalise(site, raw, direction=direction, by_gateway=by_gateway)

    assert number.raw == raw
    if number.kind is None:
        assert number.number is not None
        assert number.number.isascii()
        assert number.number.isdigit()
        assert 7 <= len(number.number) <= 15
    else:
        assert number.number is None


@given(sites, st.text("0123456789+*# -()", max_size=20))
def test_spaces_and_signs_change_nothing(site: Site, raw: str) -> None:
    bare = raw.translate(str.maketrans("", "", " -()"))

    assert outcome(normalise(site, raw)) == outcome(normalise(site, bare))


def outcome(number: Number) -> tuple[str | None, CallClass | None]:
    return number.number, number.kind
