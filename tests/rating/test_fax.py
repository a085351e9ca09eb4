"""What faxes cost: confirmed pages, minutes, or both."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bridge.rating.call import CallClass, Direction
from bridge.rating.charge import Charge
from bridge.rating.explanation import recompute
from bridge.rating.fax import Transmission, rate_fax
from bridge.rating.telling import sentences
from tests.rating.sheet import Sheet

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def charge_of(keys: str, pages: int, seconds: int = 0, direction: Direction = Direction.OUTBOUND) -> Charge:
    charge = rate_fax(Transmission("fax 1", direction, NOON, pages, seconds), Sheet.read(keys).terms())

    document = json.loads(json.dumps(charge.explanation.document()))
    assert recompute(document) == charge.micro
    assert sentences(document)
    return charge


@pytest.mark.parametrize(
    ("prices", "pages", "seconds", "micro"),
    [
        ('per_page = "0.03"', 11, 400, 330_000),
        ('per_page = "0.03"', 0, 400, 0),
        ('per_minute = "0.06"', 11, 61, 120_000),
        ('per_minute = "0.06", step_seconds = 1', 11, 61, 61_000),
        ('per_page = "0.03", per_minute = "0.06"', 11, 61, 450_000),
    ],
)
def test_a_fax_costs_its_confirmed_pages_its_minutes_or_both(prices: str, pages: int, seconds: int, micro: int) -> None:
    charge = charge_of(f"fax = {{ {prices} }}", pages, seconds)

    assert (charge.cls, charge.micro) == (CallClass.BILLABLE, micro)


def test_pages_and_minutes_are_rounded_together() -> None:
    assert charge_of('cost_decimals = 2\nfax = { per_page = "0.004", per_minute = "0.004" }', 1, 60).micro == 10_000


def test_the_explanation_of_a_fax_says_how_much_was_sent_and_how_it_is_charged() -> None:
    document = charge_of('fax = { per_page = "0.03", per_minute = "0.06" }', 11, 61).explanation.document()

    assert document["fax"] == {
        "id": "fax 1",
        "direction": "outbound",
        "at": "2026-11-21T12:00:00+00:00",
        "pages": 11,
        "seconds": 61,
    }
    assert (document["class"], document["note"]) == ("billable", "")
    assert (document["price"]["source"], document["price"]["per_minute"]) == ("package", "0.06")
    assert document["parts"] == [{"pages": 11, "per_page": "0.03"}, {"seconds": 120, "per_minute": "0.06"}]
    assert (document["unrounded"], document["charge"]) == ("0.45", "0.450000")


def test_a_fax_is_told_in_sentences() -> None:
    document = charge_of('fax = { per_page = "0.03", per_minute = "0.06" }', 11, 61).explanation.document()

    assert sentences(document) == [
        "The price is that of the package: 0.06 USD a minute.",
        "61 s are billed as 120 s (60/60).",
        "11 pages at 0.03.",
        "120 s at 0.06 a minute.",
        "0.45 is rounded half up to 6 decimals: 0.450000 USD.",
    ]


def test_received_faxes_have_a_price_of_their_own_or_none() -> None:
    sent = 'fax = { per_page = "0.03" }'
    both = f'{sent}\nfax_inbound = {{ per_page = "0.01" }}'

    assert charge_of(both, 10, direction=Direction.INBOUND).micro == 100_000
    assert charge_of(both, 10).micro == 300_000

    free = charge_of(sent, 10, direction=Direction.INBOUND)
    assert (free.cls, free.micro, free.note) == (CallClass.FREE, 0, "faxes are not billed")
