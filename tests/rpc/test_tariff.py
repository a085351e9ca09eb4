"""`tariff.*` and `provider.*` through the door."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.app import Bridge
from bridge.rpc.methods import all_methods
from tests.rpc.room import Knocker, a_knocker, error_of
from tests.tariffing import A_LIST, HEADER

WRITES = (
    "tariff.import",
    "tariff.activate",
    "tariff.set_custom",
    "tariff.rollback",
    "provider.save",
    "provider.delete",
)


@pytest.fixture
def knocker(bridge: Bridge) -> Knocker:
    return a_knocker(bridge, methods=dict(all_methods()))


def imported(knocker: Knocker, content: str = A_LIST, **changed: Any) -> dict[str, Any]:
    asked = {"provider": "Telnyx", "name": "outbound", "currency": "USD", "content": content, **changed}
    told: dict[str, Any] = knocker.call("tariff.import", asked)["result"]
    return told


def activated(knocker: Knocker, told: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return knocker.call("tariff.activate", {"deck_id": told["deck_id"], "confirm": told["confirm"], **changed})


def test_a_list_is_staged_activated_and_taken_back_by_rpc(knocker: Knocker) -> None:
    told = imported(knocker, effective="2025-06-01T00:00:00Z")
    assert knocker.call("tariff.list")["result"]["decks"][0]["state"] == "staged"

    done = activated(knocker, told)["result"]
    second = activated(knocker, imported(knocker, HEADER + "44,UK,0.02,60\n", effective="2025-07-01"))["result"]

    assert done["table"] == "mod_ictvoipbilling_tariff_telnyx_outbound_2025_06"
    assert second["diff"] == {"added": 0, "removed": 2, "dearer": 1, "cheaper": 0}
    compared = knocker.call("tariff.diff", {"deck": "outbound"})["result"]
    assert [each["prefix"] for each in compared["changes"]["removed"]] == ["1", "447"]
    assert (compared["deck"]["deck_id"], compared["against"]["deck_id"]) == (second["deck_id"], done["deck_id"])
    back = knocker.call("tariff.rollback", {"name": "outbound", "reason": "too dear"})["result"]
    assert back["in_force"]["deck_id"] == done["deck_id"]
    assert [each["in_force"] for each in knocker.call("tariff.list", {"name": "outbound"})["result"]["decks"]] == [
        False,
        True,
    ]


def test_without_what_its_import_answered_no_deck_is_activated_t25(knocker: Knocker) -> None:
    told = imported(knocker)

    without = knocker.call("tariff.activate", {"deck_id": told["deck_id"]})
    other = activated(knocker, {**told, "confirm": "0" * 16})

    assert (error_of(without)["code"], error_of(other)["code"]) == (-32602, 1002)
    assert "not what the dry run" in error_of(other)["data"]["detail"]
    assert knocker.call("tariff.list")["result"]["decks"][0]["state"] == "staged"


def test_refused_rows_are_listed_with_line_column_value_and_reason(knocker: Knocker) -> None:
    told = imported(knocker, HEADER + "44,UK,0.01,60\n45,DK,-1,60\n")

    refused = error_of(activated(knocker, told))

    row = {"line": 3, "column": "RateValue", "value": "-1", "reason": "is refused: below 0"}
    assert (told["rows_read"], told["rows_accepted"], told["rows_refused"], told["errors"]) == (2, 1, 1, [row])
    assert (refused["code"], refused["data"]["kind"], refused["data"]["errors"]) == (1301, "tariff_invalid", [row])
    assert activated(knocker, told, accept_refused=True)["result"]["prefixes"] == 1


@pytest.mark.parametrize(
    ("changed", "code", "why"),
    [
        ({"content": "a spreadsheet"}, 1301, "the Prefix or the RateValue"),
        ({"content": "PK\x03\x04"}, 1301, "a spreadsheet or an archive"),
        ({"currency": "UST"}, 1006, "'UST' is not a currency"),
        ({"increment": "60/0"}, 1006, "the increment '60/0' is refused: a step of 0 seconds"),
        ({"time_zone": "London"}, 1006, "is no time zone"),
        ({"effective": "2025-02-30"}, -32602, None),
        ({"effective": "01/06/2025"}, -32602, None),
        ({"strip": "+"}, -32602, None),
        ({"mapping": {"Preis": "RateValue"}}, 1301, "there is no column 'Preis' to map to"),
        ({"provider": "中文"}, 1006, "no letter from a to z"),
        ({"name": "a" * 65}, -32602, None),
    ],
)
def test_a_list_that_cannot_be_taken_is_refused_in_a_sentence(
    knocker: Knocker, changed: dict[str, Any], code: int, why: str | None
) -> None:
    asked = {"provider": "Telnyx", "name": "outbound", "currency": "USD", "content": A_LIST, **changed}

    refused = error_of(knocker.call("tariff.import", asked))

    assert refused["code"] == code
    assert why is None or why in refused["data"]["detail"]
    assert knocker.call("tariff.list")["result"]["decks"] == []


def test_custom_flags_are_set_and_cleared_and_the_rest_left_alone(knocker: Knocker) -> None:
    activated(knocker, imported(knocker))

    first = knocker.call("tariff.set_custom", {"deck": "outbound", "set": ["44", "1"]})["result"]
    second = knocker.call("tariff.set_custom", {"deck": "outbound", "clear": ["1"]})["result"]

    assert (first["set"], first["untouched"], first["deck_state"]) == (["1", "44"], 1, 2)
    assert (second["cleared"], second["untouched"], second["deck_state"]) == (["1"], 2, 3)
    assert error_of(knocker.call("tariff.set_custom", {"deck": "outbound", "set": ["0044"]}))["code"] == -32602
    assert error_of(knocker.call("tariff.set_custom", {"deck": "outbound", "set": ["99"]}))["code"] == 1001


def test_a_provider_lends_its_currency_to_lists_that_say_none(knocker: Knocker) -> None:
    knocker.call("provider.save", {"name": "Telnyx", "currency": "EUR"})

    assert imported(knocker, currency=None)["currency"] == "EUR"
    [provider] = knocker.call("provider.list")["result"]["providers"]
    assert (provider["provider"], provider["decks"]) == ("telnyx", 1)
    assert error_of(knocker.call("provider.delete", {"name": "telnyx"}))["code"] == 1002


@pytest.mark.parametrize("method", ["tariff.import", "provider.save"])
def test_the_same_write_under_one_key_happens_once(knocker: Knocker, method: str) -> None:
    asked = {
        "tariff.import": {"provider": "Telnyx", "name": "outbound", "currency": "USD", "content": A_LIST},
        "provider.save": {"name": "Telnyx"},
    }[method] | {"idempotency_key": "import-of-june-0001"}

    one, again = knocker.call(method, asked), knocker.call(method, asked)

    assert again["result"]["meta"]["replayed"] is True
    assert {**again["result"], "meta": 0} == {**one["result"], "meta": 0}


def test_activating_again_under_its_key_answers_the_same(knocker: Knocker) -> None:
    told = imported(knocker)

    one = activated(knocker, told, idempotency_key="activate-june-00001")
    again = activated(knocker, told, idempotency_key="activate-june-00001")

    assert again["result"]["table"] == one["result"]["table"]
    assert len(knocker.call("tariff.list")["result"]["decks"]) == 1


@pytest.mark.parametrize("method", WRITES)
def test_every_write_about_tariffs_has_a_dry_run_and_a_key(method: str) -> None:
    found = all_methods()[method]

    assert found.kind == "write"
    assert {"dry_run", "idempotency_key"} <= found.params.model_fields.keys()
