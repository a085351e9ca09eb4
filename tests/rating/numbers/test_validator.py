"""Which numbers will not rate as they are written, and the rule of the dial plan that puts them right."""

from __future__ import annotations

import re

import pytest

from bridge.rating.call import Direction
from bridge.rating.numbers.plan import doubt_of
from bridge.rating.numbers.site import Site
from bridge.rating.numbers.validator import Judged, Side, Verdict, judge
from tests.rating.sites import CANADA, CANADA_AS_DIALLED, LONDON, UK, a_site

AS_DIALLED_IN_LONDON = a_site("GB")


def called(site: Site, raw: str) -> Judged:
    return judge(site, raw, direction=Direction.OUTBOUND, side=Side.CALLED)


def caller(site: Site, raw: str) -> Judged:
    return judge(site, raw, direction=Direction.INBOUND, side=Side.CALLER)


@pytest.mark.parametrize(
    ("site", "raw", "verdict"),
    [
        (CANADA, "2264763054", Verdict.OK),
        (CANADA, "18005550123", Verdict.OK),  # toll-free is one range for all of North America
        (CANADA, "12125550123", Verdict.OK_INTERNATIONAL),
        (CANADA, "011442079460000", Verdict.OK_INTERNATIONAL),
        (CANADA, "2211", Verdict.OK_EXTENSION),
        (CANADA, "*97", Verdict.OK_FEATURE),
        (CANADA, "911", Verdict.OK),
        (CANADA, "411", Verdict.OK),
        (CANADA, "00442079460000", Verdict.INVALID),
        (CANADA, "123", Verdict.OK),
        (CANADA, "12", Verdict.INVALID),
        (CANADA_AS_DIALLED, "2264763054", Verdict.SUSPECT_MISSING_CC),
        (CANADA_AS_DIALLED, "12264763054", Verdict.OK),
        (UK, "02079460000", Verdict.OK),
        (UK, "+48221046421", Verdict.OK_INTERNATIONAL),
        (LONDON, "+4402079460000", Verdict.INVALID),
        (AS_DIALLED_IN_LONDON, "02079460000", Verdict.SUSPECT_MISSING_CC),
        (AS_DIALLED_IN_LONDON, "442079460000", Verdict.OK),
        (AS_DIALLED_IN_LONDON, "33140000000", Verdict.OK_INTERNATIONAL),
        (AS_DIALLED_IN_LONDON, "anonymous", Verdict.INVALID),
    ],
)
def test_a_called_number_gets_its_verdict(site: Site, raw: str, verdict: Verdict) -> None:
    judged = called(site, raw)

    assert judged.verdict is verdict
    assert judged.is_problem == (verdict in ("suspect_missing_cc", "invalid"))
    assert bool(judged.issue) == (judged.is_problem or raw in ("411", "123"))


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [
        ("+442079460000", Verdict.OK_INTERNATIONAL),  # never the wrong country
        ("12264763054", Verdict.OK),
        ("anonymous", Verdict.OK),
        ("", Verdict.OK),
        ("911", Verdict.OK),
        ("4021", Verdict.OK),
        ("55", Verdict.INVALID),
    ],
)
def test_a_caller_gets_its_verdict(raw: str, verdict: Verdict) -> None:
    assert caller(CANADA, raw).verdict is verdict


def test_verdicts_have_the_words_that_reports_show() -> None:
    assert [*Verdict] == ["ok", "ok_international", "ok_extension", "ok_feature", "suspect_missing_cc", "invalid"]


@pytest.mark.parametrize(
    ("side", "raw", "issue"),
    [
        (Side.CALLED, "118500", "short number: it costs what the deck says, or waits for a price"),
        (Side.CALLED, "4411", "short number: it costs what the deck says, or waits for a price"),
        (Side.CALLER, "118500", "short number: it costs what the deck says, or waits for a price"),
        (Side.CALLER, "anonymous", "hidden"),
        (Side.CALLED, "12", "2 digits, and a number has 7 to 15"),
        (Side.CALLED, "+44020794600000", "too long for a number of GB: 12 digits after 44, and the most are 10"),
    ],
)
def test_an_issue_says_what_is_wrong(side: Side, raw: str, issue: str) -> None:
    assert judge(LONDON, raw, direction=Direction.OUTBOUND, side=side).issue == issue


def test_a_missing_country_code_names_the_number_that_is_meant() -> None:
    issue = called(AS_DIALLED_IN_LONDON, "02079460000").issue

    assert issue.startswith("no country code: the package reads it as written, and 442079460000 is meant;")


def test_an_inbound_call_to_3_to_5_digits_is_to_an_extension() -> None:
    judged = judge(CANADA, "3305", direction=Direction.INBOUND, side=Side.CALLED)

    assert judged.verdict is Verdict.OK_EXTENSION


def test_an_extension_that_calls_out_is_one() -> None:
    assert judge(CANADA, "3305", direction=Direction.OUTBOUND, side=Side.CALLER).verdict is Verdict.OK_EXTENSION


def test_a_verdict_tells_the_country() -> None:
    assert called(CANADA, "011442079460000").country == "GB"
    assert called(CANADA_AS_DIALLED, "2264763054").country == "CA"
    assert called(CANADA, "*97").country == ""


@pytest.mark.parametrize(
    ("site", "raw", "fixed"),
    [
        (CANADA_AS_DIALLED, "2264763054", "12264763054"),
        (AS_DIALLED_IN_LONDON, "02079460000", "442079460000"),
        (a_site("AR"), "0111523456789", "5491123456789"),
        (LONDON, "+4402079460000", "442079460000"),
        (CANADA, "00442079460000", "442079460000"),
        (UK, "+011442079460000", "442079460000"),
        (UK, "+001133140000000", "33140000000"),
        (CANADA, "810442079460000", "442079460000"),
        (CANADA, "+0442079460000", "442079460000"),
    ],
)
def test_a_fix_writes_the_number_in_full(site: Site, raw: str, fixed: str) -> None:
    fix = called(site, raw).fix

    assert fix is not None
    assert re.sub(fix.expression, fix.value.replace("$1", r"\g<1>"), raw) == fixed
    assert doubt_of(fixed) is None


def test_a_fix_is_an_action_of_the_dial_plan() -> None:
    out, inbound = called(CANADA_AS_DIALLED, "2264763054").fix, caller(CANADA_AS_DIALLED, "2264763054").fix

    assert out is not None
    assert out.xml() == (
        r'<condition field="destination_number" expression="^(\d{10})$">'
        '<action application="set" data="destination_number=1$1"/></condition>'
    )
    assert inbound is not None
    assert inbound.xml() == (
        r'<condition field="caller_id_number" expression="^(\d{10})$">'
        '<action application="set" data="effective_caller_id_number=1$1"/></condition>'
    )
