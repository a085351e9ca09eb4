"""Providers: whose price lists there are."""

from __future__ import annotations

import pytest

from bridge import providers
from bridge.app import Bridge
from bridge.errors import Conflict, NotFound, NotPrepared
from bridge.tables import audit
from tests.factories import asking
from tests.tariffing import activated

TELNYX = "FusionPBX - Telnyx - Global"


def test_a_provider_is_saved_and_what_is_not_named_is_left_as_it_is(bridge: Bridge) -> None:
    filters = {"suppress": ["*xx"], "unbilled": ["1800XXXXXXX"]}
    providers.save(bridge, asking(), TELNYX, {"currency": "USD", "kind": "hybrid", "filters": filters})

    told = providers.save(bridge, asking(), TELNYX, {"scope": {"vendor": "FusionPBX", "carrier": "Telnyx"}})

    assert told == {
        "provider": "fusionpbx_telnyx_global",
        "name": TELNYX,
        "kind": "hybrid",
        "currency": "USD",
        "tariff": None,
        "reading": {},
        "filters": {"suppress": ["*xx"], "unbilled": ["1800xxxxxxx"]},
        "scope": {"vendor": "FusionPBX", "carrier": "Telnyx"},
        "decks": 0,
    }
    assert providers.listed(bridge) == [told]
    assert providers.save(bridge, asking(), TELNYX, {"currency": ""})["currency"] is None


def test_names_that_differ_in_case_and_signs_alone_are_one_provider(bridge: Bridge) -> None:
    providers.save(bridge, asking(), "telnyx", {"currency": "USD"})
    providers.save(bridge, asking(), "Telnyx!", {})

    assert [(each["name"], each["currency"]) for each in providers.listed(bridge)] == [("Telnyx!", "USD")]


def test_a_default_tariff_is_one_that_there_is(bridge: Bridge) -> None:
    activated(bridge, name="World")
    activated(bridge, name="in", direction="inbound")

    assert providers.save(bridge, asking(), "telnyx", {"tariff": "World"})["tariff"] == "world"
    for name in ("moon", "in"):
        with pytest.raises(NotFound, match="for outbound calls; import its list first"):
            providers.save(bridge, asking(), "telnyx", {"tariff": name})
    assert providers.save(bridge, asking(), "telnyx", {"tariff": ""})["tariff"] is None


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("telnyx", {"currency": "UST"}, "'UST' is not a currency"),
        ("中文", {}, "no letter from a to z"),
        ("telnyx", {"filters": {"suppress": ["1800-x"]}}, "filters.suppress"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_saved(
    bridge: Bridge, name: str, changes: dict[str, object], why: str
) -> None:
    with pytest.raises(NotPrepared, match=why):
        providers.save(bridge, asking(), name, changes)

    assert providers.listed(bridge) == []


def test_a_provider_goes_only_without_a_deck(bridge: Bridge) -> None:
    providers.save(bridge, asking(), "other", {})
    activated(bridge)

    assert providers.delete(bridge, asking(), "Other") == {"provider": "other", "deleted": True}
    with pytest.raises(NotFound, match="there is no provider 'Other'"):
        providers.delete(bridge, asking(), "Other")
    with pytest.raises(Conflict, match=r"decks of the provider telnyx \(1\) may have priced calls"):
        providers.delete(bridge, asking(), "telnyx")
    assert [each["provider"] for each in providers.listed(bridge)] == ["telnyx"]


def test_a_provider_under_one_key_is_saved_once_and_the_trail_says_by_whom(bridge: Bridge) -> None:
    one = providers.save(bridge, asking(key="the-same-key-0001"), "telnyx", {"currency": "USD"})
    providers.save(bridge, asking(), "telnyx", {"currency": "EUR"})

    again = providers.save(bridge, asking(key="the-same-key-0001"), "telnyx", {"currency": "USD"})

    assert again == {**one, "_meta": {"replayed": True}}
    assert [each["currency"] for each in providers.listed(bridge)] == ["EUR"]
    with bridge.engine.connect() as tx:
        rows = tx.execute(audit.select().where(audit.c.action == "provider.save").order_by(audit.c.id)).all()
    assert [(row.actor, row.subject, row.after["currency"]) for row in rows] == [
        (asking().caller, "provider:telnyx", "USD"),
        (asking().caller, "provider:telnyx", "EUR"),
    ]


def test_a_dry_run_keeps_nothing_of_a_provider(bridge: Bridge) -> None:
    assert providers.save(bridge, asking(dry_run=True), "telnyx", {})["dry_run"]
    assert providers.listed(bridge) == []
