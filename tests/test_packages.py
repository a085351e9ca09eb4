"""Packages in the database: versions that never change, the documented tables, and what lint asks of PBXs."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import select

from bridge import packages
from bridge.app import Bridge
from bridge.database import transact
from bridge.errors import NotFound, NotPrepared, NotReached, Refused
from bridge.handler import MANUAL
from bridge.package_findings import findings
from bridge.pbx.driver import Capabilities
from bridge.pbx.memory import MemoryPbx
from bridge.rating.packages.file import load_package, package_document, read_package
from bridge.service import resources_from
from bridge.store import providers, servers
from bridge.store.providers import Provider
from bridge.tables import audit, extended_rates, extended_rates_tariff
from tests.factories import a_server, an_ordinary, asking, with_handler, with_memory_pbx
from tests.rating.packages.test_file import DOCUMENTS, SAMPLE
from tests.tariffing import HEADER, activated


def save(bridge: Bridge, **document: Any) -> dict[str, Any]:
    return packages.save(bridge, asking("package.save"), packages.read(an_ordinary(**document)))


def rows(bridge: Bridge, table: Any, *columns: str) -> list[tuple[Any, ...]]:
    with bridge.engine.connect() as tx:
        return [tuple(row) for row in tx.execute(select(*(table.c[name] for name in columns)).order_by(table.c.id))]


def codes(findings: list[Any]) -> list[tuple[str, str]]:
    return [(each.code, each.path.removeprefix("package.")) for each in findings]


# --- versions --------------------------------------------------------------------------------------------------------


def test_a_package_is_kept_whole_with_its_tariffs_and_country(bridge: Bridge) -> None:
    package = load_package(SAMPLE)

    packages.save(bridge, asking("package.save"), package)

    assert packages.of_product(bridge, 12) == package
    assert rows(bridge, extended_rates, "product_id", "version", "name", "created_by") == [
        (12, 1, "Premium VoIP", "whmcs-main")
    ]
    columns = ("product_id", "version", "country", "country_code", "currency", "tariff", "inbound_tariff")
    assert rows(bridge, extended_rates_tariff, *columns) == [(12, 1, "CA", "1", "USD", "telnyx_outbound_2025_06", None)]


def test_a_change_is_a_new_version_and_the_old_one_stays(bridge: Bridge) -> None:
    first, second = save(bridge, markup_percent="25"), save(bridge, markup_percent="30")

    assert (first["version"], second["version"], second["is_new"]) == (1, 2, True)
    assert packages.get(bridge, 12)["package"]["markup_percent"] == "30"
    assert packages.get(bridge, 12, version=1)["package"]["markup_percent"] == "25"
    assert [(each["product_id"], each["version"]) for each in packages.listed(bridge)] == [(12, 2)]


def test_saving_what_is_in_force_changes_nothing(bridge: Bridge) -> None:
    save(bridge, markup_percent="25")

    again = save(bridge, markup_percent="25.0", adder_per_minute="", realtime=False)

    assert (again["version"], again["is_new"]) == (1, False)
    assert len(rows(bridge, extended_rates, "version")) == 1
    assert rows(bridge, audit, "action", "subject", "after") == [
        ("package.save", "package:12", {"version": 1, "name": "Basic"})
    ]


def test_an_old_version_saved_again_is_a_new_version(bridge: Bridge) -> None:
    for markup in ("25", "30", "25"):
        save(bridge, markup_percent=markup)

    assert [each[0] for each in rows(bridge, extended_rates, "version")] == [1, 2, 3]


def test_a_dry_run_says_which_version_it_would_be_and_keeps_nothing(bridge: Bridge) -> None:
    asked = replace(asking("package.save"), dry_run=True)

    answer = packages.save(bridge, asked, packages.read(an_ordinary()))

    assert (answer["version"], answer["dry_run"]) == (1, True)
    assert rows(bridge, extended_rates, "version") == []


def test_two_who_save_at_once_make_two_versions(bridge: Bridge) -> None:
    both = [
        threading.Thread(target=save, args=(bridge,), kwargs={"markup_percent": str(markup)}) for markup in (25, 30)
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()

    assert [each[0] for each in rows(bridge, extended_rates, "version")] == [1, 2]


def test_what_is_wrong_with_a_document_is_told_key_by_key(bridge: Bridge) -> None:
    with pytest.raises(NotPrepared) as refused:
        save(bridge, currency="XYZ", limits={"phones": 5})

    assert refused.value.kind == "invalid_params"
    assert refused.value.facts["fields"] == [
        ("package.currency", "is 'XYZ', which is no currency of ISO 4217"),
        ("package.limits.phones", "is not known"),
    ]
    assert packages.listed(bridge) == []


def test_a_product_without_a_package_and_a_version_that_was_never_are_named(bridge: Bridge) -> None:
    save(bridge)

    with pytest.raises(NotFound, match=r"product 13 has no package; save one with package\.save"):
        packages.get(bridge, 13)
    with pytest.raises(NotFound, match="the package of product 12 has no version 2"):
        packages.get(bridge, 12, version=2)


def test_a_package_is_found_by_its_name_or_its_product(bridge: Bridge) -> None:
    save(bridge, name="Basic")
    save(bridge, name="Team", product_id=13)
    save(bridge, name="Team", product_id=14)

    assert packages.named(bridge, "Basic").product_id == 12
    assert packages.named(bridge, "14").name == "Team"
    with pytest.raises(NotFound, match="there is no package 'Base'; loaded are: Basic, Team, Team"):
        packages.named(bridge, "Base")
    with pytest.raises(NotPrepared, match="2 packages are named 'Team'; name the product instead: 13, 14"):
        packages.named(bridge, "Team")


@given(DOCUMENTS)
def test_what_a_pbx_sees_of_a_package_is_in_the_same_document(document: dict[str, Any]) -> None:
    try:
        package = read_package(document)
    except ValueError:
        return

    resources = resources_from(package_document(package))
    assert dict(resources.limits) == package.limits
    assert dict(resources.features) == package.features
    assert {name: each.limit for name, each in resources.options} == {
        name: each["limit"] for name, each in package.options.items()
    }
    assert resources.suspend_policy == package.policies.get("suspend_policy", "dial_restrict")
    assert resources.retention_days == package.policies.get("retention_days")


# --- lint ------------------------------------------------------------------------------------------------------------

FLAT = {"rate_plan": "flat", "outbound": {"per_minute": "0.03"}}
"""Asks no deck."""

TOO_MUCH = FLAT | {"limits": {"extensions": 5, "queues": 1}, "features": {"recording": True}}


def test_f17_what_the_products_pbx_cannot_enforce_is_found(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    package = packages.read(an_ordinary(**TOO_MUCH))

    assert codes(findings(bridge, package)) == [
        ("limit_not_enforced", "limits.queues"),
        ("feature_not_enforced", "features.recording"),
    ]


def test_f17_what_people_set_up_by_hand_is_asked_of_no_pbx(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge, 12, driver=MANUAL)

    assert findings(bridge, packages.read(an_ordinary(**TOO_MUCH))) == []


class _Silent(MemoryPbx):
    @property
    def capabilities(self) -> Capabilities:
        raise NotReached("pbx2 does not answer")


def test_a_pbx_that_does_not_answer_is_named(bridge: Bridge) -> None:
    server = a_server(2, driver="remote")
    transact(bridge.engine, lambda tx: servers.save(tx, server))
    bridge.drivers.use(server, {}, _Silent())

    [found] = findings(bridge, packages.read(an_ordinary(**TOO_MUCH)))
    assert (found.code, found.severity) == ("pbx_not_asked", "note")
    assert found.sentence == "the PBX pbx2 was not asked what it enforces: pbx2 does not answer"


def test_a_document_is_linted_before_it_is_saved(bridge: Bridge) -> None:
    document = an_ordinary(**FLAT, type="unlimited", tiers=[{"minutes": "0-500", "per_minute": "1"}])

    answer = packages.lint(bridge, product_id=None, document=document)

    assert {each["code"] for each in answer["findings"]} == {
        "unlimited_without_fair_use",
        "unscoped_allowance",
        "unused",
    }
    assert answer["notes"][0].startswith("package.tiers: the ranges are read as the cut point 500:")
    assert packages.listed(bridge) == []


def test_what_keeps_a_document_from_being_a_package_is_found_too(bridge: Bridge) -> None:
    answer = packages.lint(bridge, product_id=None, document=an_ordinary(type="hybrid", currency="XYZ"))

    assert [(each["code"], each["severity"], each["path"]) for each in answer["findings"]] == [
        ("refused", "error", "package.included_seconds_per_period"),
        ("refused", "error", "package.currency"),
    ]


def test_a_saved_package_is_linted_by_its_product(bridge: Bridge) -> None:
    save(bridge, **FLAT, no_rate_policy="zero")

    assert [each["code"] for each in packages.lint(bridge, product_id=12, document=None)["findings"]] == [
        "gives_unrated_away"
    ]
    with pytest.raises(NotPrepared, match="name a product_id or hand in a package, one of them"):
        packages.lint(bridge, product_id=None, document=None)


# --- with the decks of its tariffs -----------------------------------------------------------------------------------


def test_a_package_is_looked_at_with_the_decks_that_its_tariffs_name(bridge: Bridge) -> None:
    activated(bridge, HEADER + "1,Canada,0.01,60\n44,UK,0.01,60\n", name="Outbound")
    activated(bridge, HEADER + "1,Canada,0.02,60\n", name="Carrier")

    package = packages.read(an_ordinary(tariff="Outbound", cost_tariff="carrier", overrides=[OVERRIDE]))

    [loss, nothing, *_] = findings(bridge, package)
    assert (loss.code, loss.rows) == ("below_cost", ("1 sold at 0.01, bought at 0.02",))
    assert (nothing.code, nothing.path) == ("override_matches_nothing", "package.overrides[0].prefix")


OVERRIDE = {"prefix": "2779", "per_minute": "0.03"}


def test_a_tariff_that_is_not_there_is_an_error_and_stops_no_loading(bridge: Bridge) -> None:
    package = packages.read(
        an_ordinary(tariff="Outbound", cost_tariff="Carrier", bill_inbound=True, inbound_tariff="DIDs")
    )

    packages.save(bridge, asking("package.save"), package)

    found = findings(bridge, package)
    assert codes(found) == [("tariff_missing", key) for key in ("tariff", "inbound_tariff", "cost_tariff")]
    assert found[0].sentence.startswith("the tariff 'Outbound' has no deck for ")


def test_a_package_that_names_no_tariff_takes_the_one_default_of_the_providers(bridge: Bridge) -> None:
    package = packages.read(an_ordinary())

    [missing] = findings(bridge, package)
    assert missing.sentence == "no tariff is named, and no provider has a default"
    provider(bridge, "telnyx", "outbound")
    activated(bridge, HEADER + "44,UK,0.01,60\n", name="outbound")
    assert findings(bridge, package)[0].code == "home_uncovered"
    provider(bridge, "other", "another")
    [missing] = findings(bridge, package)
    assert missing.sentence == "no tariff is named, and providers have several: another, outbound"


def provider(bridge: Bridge, slug: str, tariff: str) -> None:
    transact(bridge.engine, lambda tx: providers.save(tx, Provider(slug, slug, tariff=tariff)))


def test_a_package_that_rejects_missing_prices_is_refused_where_its_deck_lacks_the_home_country(
    bridge: Bridge,
) -> None:
    """products.md 4.6"""
    with pytest.raises(Refused, match="and the tariff 'outbound' has no deck for "):
        save(bridge, tariff="outbound", no_rate_policy="reject")
    activated(bridge, HEADER + "44,UK,0.01,60\n", name="outbound")
    with pytest.raises(Refused, match="and the deck has no row for calls at home, CA 1: they are held"):
        save(bridge, tariff="outbound", no_rate_policy="reject")
    assert packages.listed(bridge) == []

    assert save(bridge, tariff="outbound", no_rate_policy="hold")["version"] == 1
    assert save(bridge, tariff="outbound", country="GB", no_rate_policy="reject")["version"] == 2
    assert save(bridge, **FLAT, no_rate_policy="reject")["version"] == 3
