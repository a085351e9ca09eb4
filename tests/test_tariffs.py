"""Price lists staged, compared, activated, taken back; and what operators change in the tables of decks."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from bridge import tariff_activation, tariff_edits, tariff_staging, tariffs
from bridge.app import Bridge
from bridge.database import transact
from bridge.drift import sweep
from bridge.errors import Conflict, NotFound, NotPrepared, Refused
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.reading import Instructions
from bridge.rating.price import price_text
from bridge.store import deck_tables, providers
from bridge.store import tariffs as store
from bridge.tables import audit, deck_rows
from bridge.tables import decks as catalogue
from tests.factories import asking, database_now
from tests.tariffing import A_LIST, HEADER, activated, read, staged, wanted

JUNE = datetime(2025, 6, 1, tzinfo=UTC)
JULY = datetime(2025, 7, 1, tzinfo=UTC)
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def prices(deck: Deck) -> dict[str, str]:
    return {rate.prefix: price_text(rate.price) for rate in deck if not rate.is_custom}


def run(bridge: Bridge, sql: str) -> None:
    with bridge.engine.begin() as tx:
        tx.execute(text(sql))


# --- staging and activating -------------------------------------------------------------------------------------------


def test_a_list_is_staged_compared_and_activated(bridge: Bridge) -> None:
    told = staged(bridge, effective=JUNE)
    assert told["diff"] == {"added": 3, "removed": 0, "dearer": 0, "cheaper": 0}
    assert (told["rows_read"], told["rows_accepted"], told["rows_refused"]) == (3, 3, 0)
    with pytest.raises(NotPrepared, match="has no deck"):
        tariffs.deck_at(bridge, "outbound", NOW)

    done = tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])

    assert done["table"] == "mod_ictvoipbilling_tariff_telnyx_outbound_2025_06"
    deck = tariffs.deck_at(bridge, "outbound", NOW)
    assert prices(deck) == {"1": "0.02", "44": "0.01", "447": "0.05"}
    assert (deck.currency, deck.name, deck.state) == ("USD", done["table"], 1)


def test_the_table_of_a_deck_has_the_vendors_columns_first(bridge: Bridge) -> None:
    table = activated(bridge, effective=JUNE)["table"]

    with bridge.engine.connect() as tx:
        found = tx.execute(text(f"SELECT * FROM {table} ORDER BY id"))  # a name of ours
        assert list(found.keys())[:10] == [
            "id", "ShortDescription", "Description", "Prefix", "RateValue", "RatePremium", "Increment", "OldRate",
            "status", "Lastratechangedate",
        ]  # fmt: skip
        assert [(row.Prefix, row.Description, float(row.RateValue), row.Increment, row.status) for row in found] == [
            ("1", "USA", 0.02, 6, 1), ("44", "UK", 0.01, 60, 1), ("447", "UK Mobile", 0.05, 60, 1),
        ]  # fmt: skip


def test_the_deck_of_a_call_is_the_one_in_force_when_it_was_answered(bridge: Bridge) -> None:
    activated(bridge, HEADER + "44,UK,0.01,60\n", effective=JUNE)
    activated(bridge, HEADER + "44,UK,0.02,60\n", effective=JULY)

    def price(moment: datetime) -> str:
        return prices(tariffs.deck_at(bridge, "outbound", moment))["44"]

    assert [price(JUNE), price(JULY - timedelta(seconds=1)), price(JULY)] == ["0.01", "0.01", "0.02"]
    with pytest.raises(NotPrepared):
        price(JUNE - timedelta(seconds=1))


def test_a_deck_can_be_activated_ahead_of_its_time(bridge: Bridge) -> None:
    moment = database_now(bridge)
    activated(bridge, HEADER + "44,UK,0.01,60\n", effective=JUNE)

    activated(bridge, HEADER + "44,UK,0.09,60\n", effective=moment + timedelta(days=9))

    assert prices(tariffs.deck_at(bridge, "outbound", moment)) == {"44": "0.01"}
    assert prices(tariffs.deck_at(bridge, "outbound", moment + timedelta(days=10))) == {"44": "0.09"}
    assert [each["in_force"] for each in tariffs.listed(bridge)] == [False, True]


def test_the_decks_of_a_series_are_asked_for_together(bridge: Bridge) -> None:
    activated(bridge, HEADER + "44,UK,0.01,60\n", effective=JUNE)
    activated(bridge, HEADER + "44,UK,0.02,60\n", effective=JULY)
    activated(bridge, HEADER + "44,UK,0.03,60\n", effective=JULY)

    every = transact(bridge.engine, lambda tx: list(tariffs.series_of(tx, "Outbound")))
    late = transact(bridge.engine, lambda tx: list(tariffs.series_of(tx, "outbound", since=JULY)))

    assert [(since, prices(deck)["44"]) for since, deck in every] == [(JUNE, "0.01"), (JULY, "0.03")]
    assert [since for since, _ in late] == [JULY]


def test_without_its_dry_run_no_deck_comes_into_force_t25(bridge: Bridge) -> None:
    told = staged(bridge)

    with pytest.raises(Refused, match="not what the dry run"):
        tariff_activation.activate(bridge, asking(), told["deck_id"], confirm="0" * 16)
    with pytest.raises(NotFound, match="no staged deck"):
        tariff_activation.activate(bridge, asking(), 99, confirm=told["confirm"])
    assert [each["state"] for each in tariffs.listed(bridge)] == ["staged"]


def test_a_dry_run_is_not_valid_when_another_deck_came_between_t25(bridge: Bridge) -> None:
    told = staged(bridge, name="outbound")
    with bridge.engine.begin() as tx:  # a second deck is not staged, or it would have taken the first one's place
        tx.execute(catalogue.update().values(series="another"))
    activated(bridge, HEADER + "44,UK,0.2,60\n", effective=JUNE)
    with bridge.engine.begin() as tx:
        tx.execute(catalogue.update().where(catalogue.c.series == "another").values(series="outbound"))

    with pytest.raises(Conflict, match="another deck is in force"):
        tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])


def test_what_is_staged_again_takes_the_place_of_what_was_staged(bridge: Bridge) -> None:
    first, second = staged(bridge), staged(bridge)

    assert [each["deck_id"] for each in tariffs.listed(bridge)] == [second["deck_id"]]
    with pytest.raises(NotFound):
        tariff_activation.activate(bridge, asking(), first["deck_id"], confirm=first["confirm"])
    with bridge.engine.connect() as tx:
        assert set(tx.execute(deck_rows.select().with_only_columns(deck_rows.c.deck_id)).scalars()) == {
            second["deck_id"]
        }


def test_activating_twice_is_harmless(bridge: Bridge) -> None:
    told = staged(bridge)
    one = tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])

    again = tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])

    assert again["table"] == one["table"]
    assert len(tariffs.listed(bridge)) == 1


def test_a_dry_run_keeps_nothing(bridge: Bridge) -> None:
    told = staged(bridge, dry_run=True)

    assert told["dry_run"]
    assert told["deck_id"] is None
    assert tariffs.listed(bridge) == []
    assert transact(bridge.engine, providers.listed) == []


def test_a_dry_run_of_activating_makes_no_table(bridge: Bridge) -> None:
    told = staged(bridge, effective=JUNE)

    would = tariff_activation.activate(bridge, asking(dry_run=True), told["deck_id"], confirm=told["confirm"])

    assert would["table"] == "mod_ictvoipbilling_tariff_telnyx_outbound_2025_06"
    assert not transact(bridge.engine, lambda tx: deck_tables.is_there(tx, would["table"]))
    assert tariffs.listed(bridge)[0]["state"] == "staged"


def test_refused_rows_keep_a_deck_back_until_they_are_accepted(bridge: Bridge) -> None:
    told = staged(bridge, HEADER + "44,UK,0.01,60\n45,DK,-1,60\n")
    assert told["errors"][0]["line"] == 3

    with pytest.raises(Refused, match="1 of 2 rows are refused") as refused:
        tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])
    assert refused.value.kind == "tariff_invalid"
    tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"], accept_refused=True)

    assert prices(tariffs.deck_at(bridge, "outbound", NOW)) == {"44": "0.01"}


def test_a_deck_without_a_row_never_comes_into_force(bridge: Bridge) -> None:
    told = staged(bridge, HEADER + "44,UK,x,60\n")

    with pytest.raises(Refused, match="without a row"):
        tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"], accept_refused=True)


def test_an_activation_that_fails_leaves_the_deck_staged_and_no_table(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = staged(bridge, effective=JUNE)
    with monkeypatch.context() as during:

        def no_room(*_: object) -> None:
            raise RuntimeError("no room")

        during.setattr(deck_tables, "fill", no_room)
        with pytest.raises(RuntimeError):
            tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])

    assert tariffs.listed(bridge)[0]["state"] == "staged"
    name = "mod_ictvoipbilling_tariff_telnyx_outbound_2025_06"
    assert not transact(bridge.engine, lambda tx: deck_tables.is_there(tx, name))
    assert tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])["table"] == name


def test_a_deck_is_not_activated_while_another_of_its_tariff_is_t25(bridge: Bridge) -> None:
    """It was compared with the deck before, and not with the one that is on its way."""
    first = staged(bridge, HEADER + "44,UK,0.01,60\n")
    moment = database_now(bridge)
    transact(bridge.engine, lambda tx: store.change(tx, first["deck_id"], state="loading", activated_at=moment))
    second = staged(bridge, HEADER + "44,UK,0.02,60\n")

    with pytest.raises(Conflict, match=f"the deck {first['deck_id']} of outbound is being activated") as busy:
        tariff_activation.activate(bridge, asking(), second["deck_id"], confirm=second["confirm"])

    assert busy.value.kind == "in_progress"


def test_an_activation_that_died_is_taken_over_when_its_time_is_over(bridge: Bridge) -> None:
    told = staged(bridge, effective=JUNE)
    name = "mod_ictvoipbilling_tariff_telnyx_outbound_2025_06"
    since = database_now(bridge)
    transact(
        bridge.engine,
        lambda tx: store.change(tx, told["deck_id"], state="loading", table_name=name, activated_at=since),
    )
    deck_tables.create(bridge.engine, name)  # half done

    with pytest.raises(Conflict, match="being activated already") as busy:
        tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])
    assert busy.value.kind == "in_progress"
    long_ago = since - tariff_activation.LOADING
    transact(bridge.engine, lambda tx: store.change(tx, told["deck_id"], activated_at=long_ago))

    assert tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])["state"] == "active"
    assert prices(tariffs.deck_at(bridge, "outbound", NOW))["44"] == "0.01"


def test_everything_that_is_done_is_audited(bridge: Bridge) -> None:
    activated(bridge, effective=JUNE)
    activated(bridge, effective=JULY)
    tariffs.set_custom(bridge, asking(), "outbound", custom=["44"], clear=[])
    tariffs.rollback(bridge, asking(), "outbound", "wrong list")

    with bridge.engine.connect() as tx:
        actions = tx.execute(text(f"SELECT action FROM {audit.name} ORDER BY id")).scalars().all()

    assert actions == [
        "tariff.import", "tariff.activate", "tariff.import", "tariff.activate", "tariff.set_custom", "tariff.rollback",
    ]  # fmt: skip


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "name", "table"),
    [
        ("Telnyx", "outbound", "telnyx_outbound_2025_06"),
        ("telnyx", "telnyx_outbound_2025_06", "telnyx_outbound_2025_06"),
        ("FusionPBX - Telnyx - Global", "Outbound!", "fusionpbx_telnyx_global_outbou_2025_06"),
        ("Español", "Ñandú", "espanol_nandu_2025_06"),
        ("x'; DROP TABLE tblclients; --", "`y`", "x_drop_table_tblclients_y_2025_06"),
    ],
)
def test_a_table_is_named_by_provider_series_and_month_t8(bridge: Bridge, provider: str, name: str, table: str) -> None:
    found = activated(bridge, effective=JUNE, provider=provider, name=name)["table"]

    assert found == f"mod_ictvoipbilling_tariff_{table}"
    assert len(found) <= 64
    assert re.fullmatch(r"mod_[a-z0-9]{1,32}_tariff_[a-z0-9_]{1,48}", found)


def test_another_deck_of_the_month_is_numbered(bridge: Bridge) -> None:
    tables = [activated(bridge, effective=JUNE + timedelta(days=day))["table"] for day in (0, 1, 2)]

    assert [table.removeprefix("mod_ictvoipbilling_tariff_telnyx_outbound_") for table in tables] == [
        "2025_06", "2025_06_2", "2025_06_3",
    ]  # fmt: skip


def test_long_names_that_are_cut_alike_get_tables_of_their_own(bridge: Bridge) -> None:
    one, two = (
        activated(bridge, effective=JUNE, provider="p" * 40, name=f"{'n' * 40}{end}", currency="USD")["table"]
        for end in "ab"
    )

    assert one != two
    assert max(len(one), len(two)) <= 64


def test_a_name_in_the_catalogue_that_is_no_decks_reaches_no_statement_t8(bridge: Bridge) -> None:
    done = activated(bridge)
    beginning = "mod_ictvoipbilling_tariff_"
    for name in ("tblclients", f"{beginning}x`; DROP TABLE y; --_2025_06", f"{beginning}x", f"{beginning}x_2025_06 "):
        transact(bridge.engine, lambda tx, name=name: store.change(tx, done["deck_id"], table_name=name))  # type: ignore[misc]  # lambda: bound
        with pytest.raises(NotPrepared, match="no deck's"):
            tariffs.set_custom(bridge, asking(), "outbound", custom=["44"], clear=[])


def test_a_name_without_letters_or_digits_is_refused(bridge: Bridge) -> None:
    with pytest.raises(NotPrepared, match="no letter"):
        staged(bridge, name="日本")


def test_a_series_is_of_one_provider_one_currency_and_one_direction(bridge: Bridge) -> None:
    activated(bridge)

    with pytest.raises(Conflict, match="of provider telnyx"):
        staged(bridge, provider="Bandwidth")
    with pytest.raises(Conflict, match="is in USD"):
        staged(bridge, currency="EUR")
    with pytest.raises(Conflict, match="for outbound calls"):
        staged(bridge, direction="inbound")


# --- providers --------------------------------------------------------------------------------------------------------


def test_the_currency_is_the_providers_where_the_list_does_not_say(bridge: Bridge) -> None:
    with pytest.raises(NotPrepared, match="currency of this list is not known"):
        staged(bridge, currency=None)
    staged(bridge, currency="EUR")

    assert staged(bridge, currency=None)["currency"] == "EUR"


def test_an_unknown_currency_or_zone_is_refused(bridge: Bridge) -> None:
    with pytest.raises(NotPrepared, match="not a currency"):
        staged(bridge, currency="XXX")
    with pytest.raises(NotPrepared, match="no time zone"):
        staged(bridge, how={"time_zone": "Mars/Olympus"})


def test_how_a_list_was_read_is_remembered_with_its_provider(bridge: Bridge) -> None:
    strange = "A;B;C;D\n44;UK;0.001;60\n"
    mapping = {"Prefix": "A", "Description": "B", "RateValue": "C", "Increment": "D"}
    activated(bridge, strange, mapping=mapping, how={"unit_seconds": 1, "time_zone": "Europe/London"})

    how, reading = read(bridge, strange, wanted())

    assert prices(Deck(reading.rows, currency="USD")) == {"44": "0.06"}
    assert how.time_zone == "Europe/London"


def test_what_was_only_staged_teaches_nothing(bridge: Bridge) -> None:
    mapping = {"Prefix": "A", "Description": "B", "RateValue": "C", "Increment": "D"}
    staged(bridge, "A;B;C;D\n44;UK;0.001;60\n", mapping=mapping)

    assert transact(bridge.engine, lambda tx: providers.get(tx, "telnyx")).reading == {}  # type: ignore[union-attr]  # saved above


def test_a_providers_first_outbound_tariff_is_its_default(bridge: Bridge) -> None:
    activated(bridge, name="inbound", direction="inbound")
    activated(bridge, name="first")
    activated(bridge, name="second")

    assert transact(bridge.engine, lambda tx: providers.get(tx, "telnyx")).tariff == "first"  # type: ignore[union-attr]  # saved above


# --- what a list changes ----------------------------------------------------------------------------------------------


def test_custom_flags_are_carried_over_by_prefix(bridge: Bridge) -> None:
    activated(bridge, effective=JUNE)
    tariffs.set_custom(bridge, asking(), "outbound", custom=["447"], clear=[])

    told = staged(bridge, effective=JULY)
    lost = staged(bridge, effective=JULY, keep_customs=False)
    said = staged(
        bridge, "Prefix,Description,RateValue,Increment,status\n44,UK,1,60,1\n447,UK,1,60,1\n", effective=JULY
    )

    assert [change["prefix"] for change in told["changes"]["customs_kept"]] == ["447"]
    assert [change["prefix"] for change in lost["changes"]["customs_lost"]] == ["447"]
    assert [change["prefix"] for change in said["changes"]["customs_lost"]] == ["447"]


def test_a_list_that_moves_prices_tenfold_or_loses_half_rings_an_alarm(bridge: Bridge) -> None:
    many = HEADER + "".join(f"{number},X,0.1,60\n" for number in range(1000, 1100))
    activated(bridge, many, effective=JUNE)

    assert staged(bridge, many)["alarm"] is None
    assert "tenfold" in str(staged(bridge, many.replace("0.1,", "0.001,"))["alarm"])
    assert "vanish" in str(staged(bridge, HEADER + "1000,X,0.1,60\n")["alarm"])


def test_decks_are_compared_with_the_one_before_or_any_other(bridge: Bridge) -> None:
    first = activated(bridge, effective=JUNE)
    second = activated(bridge, HEADER + "44,UK,0.02,60\n", effective=JULY)

    before = tariffs.compared(bridge, "outbound")
    back = tariffs.compared(bridge, str(first["deck_id"]), str(second["deck_id"]))

    assert before["diff"] == {"added": 0, "removed": 2, "dearer": 1, "cheaper": 0}
    assert before["changes"]["removed"][1]["falls_back_to"] == "44"
    assert back["diff"] == {"added": 2, "removed": 0, "dearer": 0, "cheaper": 1}
    assert tariffs.compared(bridge, str(first["deck_id"]))["against"] is None


def test_a_package_that_would_sell_below_cost_is_told(bridge: Bridge) -> None:
    from bridge import packages
    from bridge.rating.packages.file import read_package

    package = read_package(
        {
            "name": "Flat",
            "product_id": 12,
            "type": "flat",
            "currency": "USD",
            "country": "GB",
            "rate_plan": "flat",
            "tariff": "outbound",
            "outbound": {"per_minute": "0.03"},
        }
    )
    packages.save(bridge, asking("package.save"), package)

    below = staged(bridge)["below_cost"]

    assert [(each["package"], each["code"]) for each in below if each["severity"] == "error"] == [
        ("Flat", "below_cost")
    ]
    assert "447" in below[0]["sentence"]


# --- afterwards -------------------------------------------------------------------------------------------------------


def test_a_rollback_brings_the_deck_before_into_force(bridge: Bridge) -> None:
    activated(bridge, HEADER + "44,UK,0.01,60\n", effective=JUNE)
    second = activated(bridge, HEADER + "44,UK,9,60\n", effective=JULY)

    told = tariffs.rollback(bridge, asking(), "outbound")

    assert told["withdrawn"]["deck_id"] == second["deck_id"]
    assert prices(tariffs.deck_at(bridge, "outbound", NOW)) == {"44": "0.01"}
    with pytest.raises(Refused, match="no other deck"):
        tariffs.rollback(bridge, asking(), "outbound")
    with pytest.raises(NotFound):
        tariffs.rollback(bridge, asking(), "inbound")


def test_a_withdrawn_deck_stays_withdrawn(bridge: Bridge) -> None:
    activated(bridge, effective=JUNE)
    told = staged(bridge, effective=JULY)
    tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])
    tariffs.rollback(bridge, asking(), "outbound")

    with pytest.raises(Conflict, match="taken back"):
        tariff_activation.activate(bridge, asking(), told["deck_id"], confirm=told["confirm"])


def test_custom_flags_are_set_cleared_and_left_alone(bridge: Bridge) -> None:
    """What is not named is untouched: a list that shows some rows never writes the others."""
    table = activated(bridge)["table"]

    told = tariffs.set_custom(bridge, asking(), "outbound", custom=["44", "447"], clear=["1"])
    again = tariffs.set_custom(bridge, asking(), "outbound", custom=["44"], clear=["447"])

    assert (told["set"], told["cleared"], told["untouched"], told["deck_state"]) == (["44", "447"], [], 1, 2)
    assert (again["set"], again["cleared"], again["untouched"], again["deck_state"]) == ([], ["447"], 2, 3)
    deck = tariffs.deck_at(bridge, "outbound", NOW)
    assert {rate.prefix for rate in deck if rate.is_custom} == {"44"}
    assert deck.state == 3
    with bridge.engine.connect() as tx:
        found = tx.execute(text(f"SELECT Prefix, status FROM {table} ORDER BY id"))  # a name of ours
        assert [tuple(row) for row in found] == [("1", 1), ("44", 0), ("447", 1)]


def test_custom_flags_of_what_is_not_there_are_refused(bridge: Bridge) -> None:
    activated(bridge)

    with pytest.raises(NotFound, match="no prefix 4477"):
        tariffs.set_custom(bridge, asking(), "outbound", custom=["4477"], clear=[])
    with pytest.raises(NotPrepared, match="both"):
        tariffs.set_custom(bridge, asking(), "outbound", custom=["44"], clear=["44"])
    with pytest.raises(NotPrepared, match="no prefix is named"):
        tariffs.set_custom(bridge, asking(), "outbound", custom=[], clear=[])


def test_an_export_comes_back_as_the_same_deck(bridge: Bridge) -> None:
    activated(bridge, A_LIST + '49,"Germany, all; ü",0.0123456789,30/6\n')
    tariffs.set_custom(bridge, asking(), "outbound", custom=["44"], clear=[])

    written = "".join(tariffs.exported(bridge, "outbound"))
    _, reading = read(bridge, written, wanted())

    assert list(reading.rows.rates()) == list(tariffs.deck_at(bridge, "outbound", NOW))
    assert "".join(tariffs.exported(bridge, "outbound", 1)) != written


# --- what operators change in a table ---------------------------------------------------------------------------------


def test_an_operators_update_takes_effect_on_the_next_sweep(bridge: Bridge) -> None:
    """2779 with status 0: the package's own price, by the longest prefix."""
    done = activated(bridge, HEADER + "27,ZA,0.05,60\n2779,ZA Mobile,0.09,60\n")
    run(bridge, f"UPDATE {done['table']} SET status = 0 WHERE Prefix = '2779'")

    before = tariffs.deck_at(bridge, "outbound", NOW).find("27791234567", NOW)
    report = sweep.run(bridge)
    after = tariffs.deck_at(bridge, "outbound", NOW)

    assert report.decks == (done["table"],)
    assert before is not None
    assert not before.is_custom
    assert after.state == 2
    found = after.find("27791234567", NOW)
    assert found is not None
    assert found.is_custom
    assert tariff_edits.notice(bridge)["edited"] == []


def test_a_deck_is_found_by_its_number_its_tariff_and_its_table(bridge: Bridge) -> None:
    first, second = activated(bridge, effective=JUNE), activated(bridge, effective=JULY)

    found = [tariffs.shown(bridge, each)["deck_id"] for each in ("Outbound", str(first["deck_id"]), first["table"])]
    tariffs.set_custom(bridge, asking(), first["table"], custom=["44"], clear=[])

    assert found == [second["deck_id"], first["deck_id"], first["deck_id"]]
    assert [each["deck_state"] for each in tariffs.listed(bridge)] == [1, 2]
    with pytest.raises(NotFound, match="no deck has the table mod_ictvoipbilling_tariff_x_2025_06"):
        tariffs.shown(bridge, "mod_ictvoipbilling_tariff_x_2025_06")


def test_the_states_of_a_deck_can_all_be_told(bridge: Bridge) -> None:
    done = activated(bridge)
    run(bridge, f"UPDATE {done['table']} SET RateValue = 0.07 WHERE Prefix = '44'")
    tariff_edits.notice(bridge)
    run(bridge, f"DELETE FROM {done['table']} WHERE Prefix = '447'")
    run(bridge, f"INSERT INTO {done['table']} (Prefix, Description, RateValue, Increment) VALUES ('33', 'FR', 0.1, 6)")
    tariff_edits.notice(bridge)

    def at(state: int) -> dict[str, str]:
        def act(tx: object) -> dict[str, str]:
            entry = store.get(tx, done["deck_id"])  # type: ignore[arg-type]  # it is there
            assert entry is not None
            return prices(tariffs.deck_of(tx, entry, state))  # type: ignore[arg-type]  # it is there

        return transact(bridge.engine, act)

    assert at(1) == {"1": "0.02", "44": "0.01", "447": "0.05"}
    assert at(2) == {"1": "0.02", "44": "0.07", "447": "0.05"}
    assert at(3) == {"1": "0.02", "44": "0.07", "33": "0.1"}
    states = tariffs.shown(bridge, "outbound")["states"]
    assert [(each["state"], each["added"], each["removed"]) for each in states] == [(3, 1, 1), (2, 1, 1)]
    with pytest.raises(NotFound, match="no state 4"):
        at(4)


def test_a_price_that_an_operator_blanked_holds_its_calls(bridge: Bridge) -> None:
    """Blank never means 0."""
    done = activated(bridge)
    run(bridge, f"UPDATE {done['table']} SET RateValue = NULL WHERE Prefix = '447'")
    run(bridge, f"UPDATE {done['table']} SET Increment = 0 WHERE Prefix = '44'")
    run(bridge, f"UPDATE {done['table']} SET RateValue = -1 WHERE Prefix = '1'")

    report, again = sweep.run(bridge), sweep.run(bridge)

    assert [rate.is_priced for rate in tariffs.deck_at(bridge, "outbound", NOW)] == [False, False, False]
    assert [each.split("; ")[-1] for each in report.deck_troubles] == [
        "calls to 1 are held",
        "calls to 44 are held",
        "calls to 447 are held",
    ]
    assert (report.is_quiet, again.deck_troubles, again.decks) == (False, (), ())


def test_a_row_without_a_prefix_is_left_out_and_told(bridge: Bridge) -> None:
    done = activated(bridge)
    run(bridge, f"UPDATE {done['table']} SET Prefix = 'UK' WHERE Prefix = '44'")
    run(bridge, f"UPDATE {done['table']} SET Hours = 'late' WHERE Prefix = '1'")

    noticed = tariff_edits.notice(bridge)

    assert "'UK' is no prefix" in noticed["troubles"][1]
    assert {rate.prefix: rate.is_priced for rate in tariffs.deck_at(bridge, "outbound", NOW)} == {
        "1": False, "447": True,
    }  # fmt: skip


def test_a_table_that_is_gone_is_made_again(bridge: Bridge) -> None:
    """As after a restore: backups carry the packed rows."""
    done = activated(bridge)
    run(bridge, f"DROP TABLE {done['table']}")

    noticed = tariff_edits.notice(bridge)

    assert noticed["made_again"] == [done["table"]]
    with bridge.engine.connect() as tx:
        assert len(tx.execute(text(f"SELECT * FROM {done['table']}")).all()) == 3  # a name of ours
    assert tariff_edits.notice(bridge)["edited"] == []


def test_a_row_written_anew_as_it_was_is_no_change(bridge: Bridge) -> None:
    done = activated(bridge)
    run(bridge, f"UPDATE {done['table']} SET id = 77 WHERE Prefix = '44'")

    assert tariff_edits.notice(bridge)["edited"] == []
    assert tariffs.deck_at(bridge, "outbound", NOW).state == 1


def test_flags_are_not_set_over_changes_that_nobody_noticed(bridge: Bridge) -> None:
    done = activated(bridge)
    run(bridge, f"UPDATE {done['table']} SET status = 0 WHERE Prefix = '44'")

    with pytest.raises(Conflict, match="somebody changed the table"):
        tariffs.set_custom(bridge, asking(), "outbound", custom=["447"], clear=[])


def test_a_deck_that_was_replaced_long_ago_is_not_looked_at(bridge: Bridge) -> None:
    activated(bridge, effective=JUNE)
    activated(bridge, effective=JULY)

    assert tariff_edits.notice(bridge)["looked_at"] == 1


def test_every_column_survives_the_table(bridge: Bridge) -> None:
    header = (
        "Prefix,Description,RateValue,Increment,ShortDescription,RatePremium,FirstIncrement,SetupFee,MinDuration,MinCost,"
        "GraceSeconds,OldRate,EffectiveFrom,EffectiveTo,Lastratechangedate,status,Hours,CallerPrefix\n"
    )
    row = (
        '44,"Ünïted \\ \'K",0.0123456789,6,GB,0.02,30,0.03,10,0.04,3,0.05,2025-01-01T10:00:00.5Z,2026-01-01,'
        "2024-12-01,0,mon-fri 08:00-18:00,49\n"
    )
    done = activated(bridge, header + row + "45,DK,1,60" + "," * 14 + "\n", how={"time_zone": "Europe/London"})

    found, complaints = transact(bridge.engine, lambda tx: deck_tables.read(tx, done["table"]))

    assert complaints == []
    assert list(found.rates()) == list(tariffs.deck_at(bridge, "outbound", NOW))
    rate = next(found.rates())
    assert rate.description == "Ünïted \\ 'K"
    assert rate.effective_from == datetime(2025, 1, 1, 10, 0, 0, 500_000, tzinfo=UTC)


def test_a_large_deck_goes_into_its_table_and_comes_out_of_its_pieces(bridge: Bridge) -> None:
    many = HEADER + "".join(f"{number},Place {number},0.{number},60\n" for number in range(10_000, 40_000))
    done = activated(bridge, many)

    found, _ = transact(bridge.engine, lambda tx: deck_tables.read(tx, done["table"]))
    deck = tariffs.deck_at(bridge, "outbound", NOW)

    assert len(found) == len(deck) == 30_000
    assert list(found.rates()) == list(deck)
    with bridge.engine.connect() as tx:
        assert len(tx.execute(deck_rows.select().with_only_columns(deck_rows.c.id)).all()) > 1


def test_instructions_are_those_of_the_list_over_those_of_the_provider() -> None:
    provider = providers.Provider(
        "telnyx", "Telnyx", currency="EUR", reading={"mapping": {"Prefix": "A"}, "unit_seconds": 1, "strip": "0"}
    )

    how = tariff_staging.instructions_of(replace(wanted(currency=None), how={"unit_seconds": 6}), provider)

    assert how == Instructions(remembered={"Prefix": "A"}, currency="EUR", unit_seconds=6, strip="0")
