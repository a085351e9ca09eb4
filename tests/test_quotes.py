"""What a call would cost by what is stored: a loaded package with its tariffs, and a service as it is sold."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge import packages, services
from bridge.app import Bridge
from bridge.cli import run
from bridge.errors import NotFound, NotPrepared
from bridge.rating.explanation import recompute
from bridge.rating.packages.toml_text import toml_text
from bridge.rpc.method import Caller
from bridge.rpc.methods.rate import Quote, quote
from bridge.store import services as service_store
from bridge.terms import terms_of
from tests.factories import asking, database_now, run_all, the_least, with_handler, with_memory_pbx
from tests.tariffing import HEADER, activated


def with_a_package(bridge: Bridge, **document: Any) -> None:
    packages.save(bridge, asking("package.save"), packages.read(the_least(**document)))


def quoted(bridge: Bridge, **params: Any) -> dict[str, Any]:
    return quote(bridge, Caller("whmcs-main"), Quote.model_validate({"seconds": 61, **params}))


def test_a_loaded_package_is_quoted_by_the_deck_of_that_moment(bridge: Bridge) -> None:
    now = database_now(bridge)
    activated(bridge)
    activated(bridge, HEADER + "44,UK,0.02,60\n", effective=now + timedelta(days=2))
    with_a_package(bridge, tariff="outbound", markup_percent="25")

    today = quoted(bridge, package_id=12, to="011442079460000")
    later = quoted(bridge, package_id=12, to="011442079460000", at=(now + timedelta(days=3)).isoformat())

    # two minutes at 0.01 x 1.25, and at 0.02 x 1.25
    assert (today["charge"], today["currency"], today["cost"]) == ("0.025000", "USD", "0.02")
    assert later["charge"] == "0.050000"
    assert recompute(later["explanation"]) == 50_000


def test_without_a_tariff_of_its_own_the_providers_holds(bridge: Bridge) -> None:
    activated(bridge)
    with_a_package(bridge)

    assert quoted(bridge, package_id=12, to="011442079460000")["charge"] == "0.020000"
    activated(bridge, provider="Other", name="another")  # now no one default is the default
    assert quoted(bridge, package_id=12, to="011442079460000")["class"] == "unrated"


def test_calls_are_bought_by_the_tariff_that_the_package_names(bridge: Bridge) -> None:
    activated(bridge)
    activated(bridge, HEADER + "44,UK,0.004,60\n", name="wholesale")
    with_a_package(bridge, tariff="outbound", cost_tariff="wholesale")

    told = quoted(bridge, package_id=12, to="011442079460000")

    assert (told["charge"], told["cost"], told["margin"]) == ("0.020000", "0.008", "0.012")


def test_an_inbound_call_has_the_price_of_its_own_tariff(bridge: Bridge) -> None:
    activated(bridge, HEADER + "1204,Winnipeg,0.003,60\n", name="inbound", direction="inbound")
    with_a_package(bridge, inbound_tariff="inbound", bill_inbound=True)

    told = quoted(bridge, package_id=12, direction="inbound", to="12045550100", **{"from": "+442079460000"})

    assert (told["charge"], told["explanation"]["number"]) == ("0.006000", "12045550100")


def with_a_service(bridge: Bridge) -> None:
    """Service 42, whose tenant has the extensions 100 and 101."""
    with_memory_pbx(bridge)
    with_handler(bridge)
    services.create(
        bridge,
        asking(),
        service_id=42,
        client_id=7,
        product_id=12,
        server_id=None,
        domain="acme.example",
        username="",
        password=None,
        options={},
        custom_fields={},
    )
    run_all(bridge)


def test_a_service_keeps_its_version_and_its_tenants_extensions(bridge: Bridge) -> None:
    activated(bridge)
    with_a_package(bridge, tariff="outbound")
    with_a_service(bridge)
    with_a_package(bridge, tariff="outbound", markup_percent="100")

    called = quoted(bridge, service_id=42, to="011442079460000")

    assert (called["charge"], called["explanation"]["package_version"]) == ("0.020000", "1")
    assert quoted(bridge, package_id=12, to="011442079460000")["charge"] == "0.040000"
    assert quoted(bridge, service_id=42, to="101")["class"] == "internal"
    assert quoted(bridge, package_id=12, to="101")["class"] == "short"


def test_one_of_both_is_named(bridge: Bridge) -> None:
    for params in ({}, {"package_id": 12, "service_id": 42}):
        with pytest.raises(NotPrepared, match="name a package_id or a service_id, one of them"):
            quoted(bridge, to="44", **params)


def test_what_is_not_there_is_named(bridge: Bridge) -> None:
    with pytest.raises(NotFound, match="product 12 has no package"):
        quoted(bridge, package_id=12, to="44")
    with pytest.raises(NotFound, match="service 42 is not known here"):
        quoted(bridge, service_id=42, to="44")

    with_a_package(bridge, tariff="outbound")
    with pytest.raises(NotPrepared, match="the tariff 'outbound' has no deck for"):
        quoted(bridge, package_id=12, to="44")


def test_a_deck_in_another_currency_is_refused(bridge: Bridge) -> None:
    activated(bridge, currency="EUR")
    with_a_package(bridge, tariff="outbound")

    with pytest.raises(NotPrepared, match="the package is in USD, its deck in EUR"):
        quoted(bridge, package_id=12, to="44")


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "2026-11-01T12:00:00"},
        {"at": 5},
        {"seconds": -1},
        {"seconds": "61"},
        {"seconds": 10**9},
        {"direction": "sideways"},
        {"to": "4" * 256},
        {"service_id": 0},
    ],
)
def test_wrong_parameters_are_refused_by_their_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Quote.model_validate({"package_id": 12, "to": "44", "seconds": 61, **wrong})

    assert {error["loc"][0] for error in refused.value.errors()} == wrong.keys()


# --- as they are typed ------------------------------------------------------------------------------------------------


@pytest.fixture
def typed(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict[str, Any]]:
    """A command of rating in a folder of its own, on the database of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", bridge.engine.url.render_as_string(hide_password=False))

    def ask(*arguments: str) -> dict[str, Any]:
        assert run(["rate", *arguments, "--json"]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    return ask


UK = ("--to", "011442079460000", "--seconds", "61")


def test_a_loaded_package_is_named_and_brings_its_tariffs(bridge: Bridge, typed: Callable[..., dict[str, Any]]) -> None:
    activated(bridge)
    with_a_package(bridge, tariff="outbound", markup_percent="25")

    assert typed("quote", "--package", "Basic", *UK)["charge"] == "0.025000"


def test_another_deck_may_take_the_place_of_a_loaded_packages_own(
    bridge: Bridge, typed: Callable[..., dict[str, Any]]
) -> None:
    with_a_package(bridge, tariff="outbound")
    Path("deck.csv").write_text(HEADER + "44,UK,0.07,60\n")

    told = typed("quote", "--package", "Basic", "--tariff", "deck.csv", *UK)

    assert (told["charge"], told["cost"]) == ("0.140000", "0.14")


def test_a_package_from_its_file_may_have_a_loaded_tariff(bridge: Bridge, typed: Callable[..., dict[str, Any]]) -> None:
    activated(bridge)
    Path("p.toml").write_text(toml_text({"package": the_least(adder_per_minute="0.005")}))

    assert typed("quote", "--package", "p.toml", "--tariff", "outbound", *UK)["charge"] == "0.030000"


def test_a_service_is_quoted_by_its_package_or_by_one_it_may_have(
    bridge: Bridge, typed: Callable[..., dict[str, Any]]
) -> None:
    activated(bridge)
    with_a_package(bridge, tariff="outbound")
    with_a_service(bridge)
    Path("p.toml").write_text(toml_text({"package": the_least(outbound={"per_minute": "0.03"})}))

    assert typed("quote", "--service", "42", *UK)["charge"] == "0.020000"
    assert typed("quote", "--service", "42", "--package", "p.toml", *UK)["charge"] == "0.060000"
    assert typed("quote", "--service", "42", "--to", "101", "--seconds", "9")["class"] == "internal"


def test_calls_of_two_decks_are_rated_each_by_its_own(bridge: Bridge, typed: Callable[..., dict[str, Any]]) -> None:
    now = database_now(bridge)
    activated(bridge)
    activated(bridge, HEADER + "44,UK,0.02,60\n", effective=now + timedelta(days=2))
    with_a_package(bridge, tariff="outbound")
    later = now + timedelta(days=3)
    Path("calls.csv").write_text(
        "id,direction,from,to,start,seconds\n"
        f"later,outbound,,011442079460000,{later.isoformat()},60\n"
        f"today,outbound,,011442079460000,{(now + timedelta(minutes=1)).isoformat()},60\n"
    )

    assert typed("batch", "--package", "12", "--calls", "calls.csv", "--out", "out.csv")["charged"] == "0.030000"
    assert [line.split(",")[8] for line in Path("out.csv").read_text().splitlines()[1:]] == ["0.020000", "0.010000"]


CALLS = "id,direction,from,to,start,seconds\na,outbound,,011442079460000,2026-11-01T12:00:00Z,60\n"


def test_loaded_packages_and_tariffs_are_compared(bridge: Bridge, typed: Callable[..., dict[str, Any]]) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    activated(bridge, effective=long_ago)
    activated(bridge, HEADER + "44,UK,0.004,60\n", name="other", provider="Twilio", effective=long_ago)
    with_a_package(bridge, tariff="outbound")
    with_a_package(bridge, product_id=13, name="Better", tariff="other", markup_percent="100")
    Path("calls.csv").write_text(CALLS)
    ask = partial(typed, "whatif", "--package", "Basic", "--calls", "calls.csv")

    # 0.01 now; by another tariff; by another package with a tariff of its own; that one by the first one's tariff
    assert ask("--deck", "other")["change"] == {"revenue": "-0.006", "cost": "-0.006", "margin": "0.00"}
    assert ask("--new-package", "Better")["change"] == {"revenue": "-0.002", "cost": "-0.006", "margin": "0.004"}
    assert ask("--new-package", "Better", "--deck", "outbound")["change"]["revenue"] == "0.01"
    assert ask("--markup", "50")["change"] == {"revenue": "0.005", "cost": "0.00", "margin": "0.005"}


def test_a_tariff_without_a_deck_is_named(bridge: Bridge, typed: Callable[..., object]) -> None:
    with_a_package(bridge, tariff="nothing")
    Path("calls.csv").write_text("id,direction,from,to,start,seconds\n")

    with pytest.raises(NotPrepared, match="the tariff 'nothing' has no deck"):
        terms_of(bridge, packages.of_product(bridge, 12))
    assert run(["rate", "batch", "--package", "12", "--calls", "calls.csv", "--out", "out.csv"]) == 1
    assert not Path("out.csv").exists()


# --- a service that stands elsewhere than its package says (F-28) -----------------------------------------------------


def stands(bridge: Bridge, **custom_fields: str) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge)
    services.create(
        bridge,
        asking(),
        service_id=42,
        client_id=7,
        product_id=12,
        server_id=None,
        domain="acme.example",
        username="acme",
        password=None,
        options={},
        custom_fields=custom_fields,
    )
    run_all(bridge)


def test_f28_the_numbers_of_a_service_are_read_where_it_stands(bridge: Bridge) -> None:
    activated(bridge)
    with_a_package(bridge, tariff="outbound", local_prefix=True)
    stands(bridge, site_country="GB", site_area_code="020")

    told = [quoted(bridge, service_id=42, to=to)["explanation"]["number"] for to in ("02079460000", "79460000")]
    by_the_package = quoted(bridge, package_id=12, to="02079460000")["explanation"]["number"]

    assert told == ["442079460000", "442079460000"]
    assert by_the_package != "442079460000", "the package is of Canada"


def test_f28_f19_the_numbers_for_help_are_those_of_where_a_service_stands(bridge: Bridge) -> None:
    with_a_package(bridge)
    stands(bridge, site_country="GB")

    with bridge.engine.connect() as tx:
        held = service_store.get(tx, 42)

    assert held is not None
    assert "999" in held.resources.emergency
    assert quoted(bridge, service_id=42, to="999")["class"] == "emergency"


def test_f28_a_country_that_is_none_is_refused_with_the_name_of_its_field(bridge: Bridge) -> None:
    with_a_package(bridge)

    with pytest.raises(NotPrepared, match="custom field site_country: there is no numbering plan for the country 'UK'"):
        stands(bridge, site_country="UK")
