"""What is drift and what is not, without a database."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.drift import drift
from bridge.drift.drift import (
    ALLOWED,
    IN_WHMCS,
    Class,
    Drift,
    Policy,
    Remedy,
    Verb,
    default_policies,
    policies_from,
    policy_of,
    remedies,
)
from bridge.drift.pbx_drift import UNKNOWN_TENANTS_MAX, Kept, of_listing, of_numbers, of_tenant, without_service
from bridge.drift.whmcs_drift import Ours, Theirs, of_product, of_service, options_of, orphan, unknown_here
from bridge.errors import NotPrepared
from bridge.handler import Handler
from bridge.pbx.driver import Extension, Gateway, Tenant
from bridge.pbx.memory import EVERYTHING
from bridge.service import Option, Resources, Service
from bridge.wanted import Contribution, Held, Status
from bridge.whmcs import records

PACKAGE = Resources(limits=(("extensions", 3),), options=(("Extensions", Option(limit="extensions")),))


def a_row(**changed: Any) -> records.Service:
    row = records.Service(
        service_id=42,
        client_id=7,
        product_id=12,
        module="voipbridge",
        server_id=1,
        status="Active",
        domain="acme.example",
        username="acme",
        suspend_reason="",
        override_auto_suspend=False,
        override_until=None,
        registered_on=None,
        next_due_on=None,
        terminated_on=None,
        billing_cycle="Monthly",
    )
    return replace(row, **changed)


def theirs(options: dict[str, str] | None = None, fields: dict[str, str] | None = None, **changed: Any) -> Theirs:
    return Theirs(a_row(**changed), {"Extensions": "2"} if options is None else options, fields or {})


def ours(**changed: Any) -> Ours:
    service = Service(
        service_id=42,
        client_id=7,
        product_id=12,
        status=Status.ACTIVE,
        tenant_id=5,
        server_id=1,
        options=(("Extensions", "2"),),
        username="acme",
    )
    outside = {name: changed.pop(name) for name in ("domain", "zone", "handler") if name in changed}
    return replace(Ours(replace(service, **changed), "acme.example", "pbx.example"), **outside)


def classes(
    here: Ours, there: Theirs | None, *, of_our_module: bool = True, package: Resources | None = PACKAGE
) -> list[str]:
    found = of_service(here, there, is_of_our_module=of_our_module, package=package)
    return [each.kind.value for each in found]


# --- in WHMCS --------------------------------------------------------------------------------------------------------


def test_what_is_the_same_is_no_drift() -> None:
    assert classes(ours(), theirs()) == []


@pytest.mark.parametrize("here", list(Status))
@pytest.mark.parametrize(
    "there", ["Active", "Suspended", "Terminated", "Cancelled", "Fraud", "Pending", "Completed", "Something else"]
)
def test_every_status_here_against_every_status_there(here: Status, there: str) -> None:
    """A dash is no drift; `task` is a drift that no repair can mend."""
    table = {
        "Active": {"active": "-", "suspended": "unsuspend", "terminated": "task"},
        "Suspended": {"active": "suspend", "suspended": "-", "terminated": "task"},
        "Terminated": {"active": "terminate", "suspended": "terminate", "terminated": "-"},
        "Cancelled": {"active": "terminate", "suspended": "terminate", "terminated": "-"},
        "Fraud": {"active": "suspend", "suspended": "-", "terminated": "-"},
        "Pending": {"active": "task", "suspended": "task", "terminated": "-"},
        "Completed": {"active": "-", "suspended": "-", "terminated": "-"},
        "Something else": {"active": "-", "suspended": "-", "terminated": "-"},
    }

    found = of_service(ours(status=here), theirs(status=there), is_of_our_module=True, package=PACKAGE)

    said = "-" if not found else found[0].remedy.verb.value if found[0].remedy else "task"
    assert said == table[there][here.value]


def test_f5_a_row_that_is_missing_has_no_remedy_at_all() -> None:
    [found] = of_service(ours(), None, is_of_our_module=False, package=None)

    assert found.kind is Class.SERVICE_VANISHED
    assert (found.remedy, found.adoption) == (None, None)
    assert classes(ours(status=Status.TERMINATED), None) == []


@pytest.mark.parametrize(
    "kind", [Class.SERVER_CHANGED, Class.DOMAIN_CHANGED, Class.OWNER_CHANGED, Class.SERVICE_VANISHED]
)
def test_what_is_for_a_person_cannot_be_made_anything_else(kind: Class) -> None:
    """F-5, F-11, F-13."""
    for policy in set(Policy) - {Policy.TASK}:
        with pytest.raises(NotPrepared, match=kind):
            policies_from({kind: policy})


@pytest.mark.parametrize(
    ("template", "written", "is_drift"),
    [
        ("", "acme.example", False),
        ("", " ACME.example. ", False),
        ("", "", False),
        ("", "other.example", True),
        ("", "no domain at all", True),
        ("{domain}", "other.example", True),
        ("c{client_id}.{zone}", "other.example", False),
        ("s{service_id}.{zone}", "anything", False),
    ],
)
def test_f11_a_domain_counts_only_where_it_names_the_tenant(template: str, written: str, is_drift: bool) -> None:
    here = ours(handler=Handler(12, domain=template))

    assert classes(here, theirs(domain=written)) == (["domain_changed"] if is_drift else [])


def test_f13_no_server_in_whmcs_is_no_other_server() -> None:
    assert classes(ours(), theirs(server_id=None)) == []
    assert classes(ours(), theirs(server_id=2)) == ["server_changed"]


@pytest.mark.parametrize("nothing", ["", "0", "No", "off"])
def test_f12_an_option_that_says_no_is_as_good_as_none(nothing: str) -> None:
    options = {"Extensions": "2", "Recording": nothing}
    package = replace(PACKAGE, options=(*PACKAGE.options, ("Recording", Option(feature="recording"))))

    assert classes(ours(), theirs(options), package=package) == []


def test_f12_labels_after_the_bar_say_nothing() -> None:
    here = ours(options=(("Extensions|Seats", "2|two"),))

    assert classes(here, theirs()) == []


def test_f12_an_option_that_nobody_mapped_is_a_finding() -> None:
    found = of_service(
        ours(options=(("Colour", "red"), ("Extensions", "2"))),
        theirs({"Extensions": "2", "Colour": "red"}),
        is_of_our_module=True,
        package=PACKAGE,
    )

    assert [(each.kind, each.key) for each in found] == [(Class.UNMAPPED_OPTION, "unmapped_option:12:Colour")]


def test_f12_a_renamed_option_takes_no_seat_away() -> None:
    found = of_service(ours(), theirs({"Seats": "2"}), is_of_our_module=True, package=PACKAGE)

    assert [each.kind for each in found] == [Class.OPTIONS_CHANGED, Class.UNMAPPED_OPTION]
    assert found[0].remedy is None


def test_f12_an_option_that_was_only_added_is_taken_over() -> None:
    [changed, _] = of_service(
        ours(), theirs({"Extensions": "2", "Colour": "red"}), is_of_our_module=True, package=PACKAGE
    )

    assert changed.remedy is not None
    assert changed.remedy.details["options"] == {"Extensions": "2", "Colour": "red"}


def test_f12_addons_count_where_the_package_maps_their_name_or_id() -> None:
    def addon(name: str, definition_id: int, status: str = "Active", quantity: int = 1) -> records.ProductAddon:
        return records.ProductAddon(1, 42, definition_id, name, status, quantity)

    choice = records.Choice(42, 1, "Extensions", "quantity", "2", 2)
    package = replace(PACKAGE, options=(*PACKAGE.options, ("9", Option(limit="dids"))))
    addons = [addon("Extensions", 1, quantity=3), addon("Number", 9), addon("Router", 4), addon("Number", 9, "Pending")]

    assert options_of([choice], addons, package) == {"Extensions": "5", "9": "1"}
    assert options_of([choice], addons, None) == {"Extensions": "2"}


def test_fields_that_whmcs_does_not_tell_are_left_as_they_are() -> None:
    here = ours(custom_fields=(("PIN", "1234"), ("Site", "Lyon")))

    assert classes(here, theirs(fields={"Site": "Lyon"})) == []
    [found] = of_service(here, theirs(fields={"Site": "Nice"}), is_of_our_module=True, package=PACKAGE)
    assert found.adoption == Remedy(Verb.LEARN_FIELDS, 42, None, {"custom_fields": {"PIN": "1234", "Site": "Nice"}})


def test_a_terminated_service_is_compared_by_its_status_only() -> None:
    elsewhere = theirs(status="Terminated", domain="x.example", client_id=9, product_id=3, server_id=8)

    assert classes(ours(status=Status.TERMINATED), elsewhere) == []


def test_a_service_nobody_created_here_is_made_only_when_it_is_active() -> None:
    active, suspended = unknown_here(theirs()), unknown_here(theirs(status="Suspended"))

    assert active is not None
    assert active.remedy is not None
    assert suspended is not None
    assert suspended.remedy is None
    assert unknown_here(theirs(status="Pending")) is None


def test_a_product_that_is_processed_by_hand_has_no_orphans() -> None:
    assert orphan(ours()) is None
    assert orphan(ours(domain=None)) is not None
    assert orphan(ours(domain=None, status=Status.TERMINATED)) is None
    assert orphan(ours(domain=None, handler=Handler(12, driver="manual"))) is None


def test_what_changed_of_a_product_is_named() -> None:
    found = of_product({"server group": 1, "configoption1": "a"}, {"server group": 2, "configoption2": "b"}, 12)

    assert found is not None
    assert found.what == "product 12 was changed in WHMCS: configoption1, configoption2, server group"
    assert of_product({"server group": 1}, {"server group": 1}, 12) is None


# --- on a PBX --------------------------------------------------------------------------------------------------------

TENANT = Tenant(
    "acme.example",
    marker="ours",
    extensions=(Extension("100", "Reception", 42), Extension("101", "Door", 42)),
    gateways=(Gateway("carrier", "sip.example", 42),),
)


def kept(**changed: Any) -> Kept:
    living = (Contribution(42, Status.ACTIVE),)
    return replace(Kept(5, 1, TENANT, living, TENANT, Held()), **changed)


def there(**changed: Any) -> Tenant:
    return replace(
        TENANT,
        extensions=tuple(replace(each, service_id=None) for each in TENANT.extensions),
        gateways=tuple(replace(each, service_id=None) for each in TENANT.gateways),
        **changed,
    )


def found_on(actual: Tenant | None, **changed: Any) -> list[str]:
    return [each.kind.value for each in of_tenant(kept(**changed), actual, EVERYTHING).drifts]


def test_a_tenant_as_wanted_is_no_drift() -> None:
    assert found_on(there()) == []


def test_a_tenant_that_is_gone_is_missing_only_while_somebody_lives_there() -> None:
    assert found_on(None) == ["missing_on_pbx"]
    assert found_on(None, contributions=(Contribution(42, Status.TERMINATED),)) == []


def test_each_difference_has_its_class() -> None:
    actual = there(description="changed", outbound=False)
    one, two = actual.extensions
    actual = replace(actual, extensions=(replace(one, name="Desk"), Extension("777")), gateways=())

    drifts = {each.kind: each for each in of_tenant(kept(), actual, EVERYTHING).drifts}

    assert set(drifts) == {
        Class.ATTRIBUTE_DRIFT,
        Class.STATE_DRIFT,
        Class.MISSING_ON_PBX,
        Class.UNKNOWN_ON_PBX,
    }
    assert set(drifts[Class.ATTRIBUTE_DRIFT].wanted) == {"tenant description", "extension 100 name"}
    assert set(drifts[Class.MISSING_ON_PBX].wanted) == {f"extension {two.number} missing", "gateway carrier missing"}
    assert drifts[Class.UNKNOWN_ON_PBX].remedy is None


def test_an_import_keeps_what_is_on_and_off_as_it_was_wanted() -> None:
    actual = there()
    one, two = actual.extensions
    actual = replace(actual, extensions=(replace(one, name="Desk"), two, Extension("777", "Lift")))

    drifts = {each.kind: each for each in of_tenant(kept(), actual, EVERYTHING).drifts}

    changed, unknown = drifts[Class.ATTRIBUTE_DRIFT].adoption, drifts[Class.UNKNOWN_ON_PBX].adoption
    assert changed is not None
    assert changed.details["objects"] == (Extension("100", "Desk", 42),)
    assert unknown is not None
    assert unknown.details["objects"] == (Extension("777", "Lift", 42),)


def test_a_tenant_with_anothers_marker_is_nobody_of_ours() -> None:
    for marker in ("another", None):
        [found] = of_tenant(kept(), there(marker=marker), EVERYTHING).drifts
        assert (found.kind, found.remedy, found.adoption) == (Class.UNKNOWN_ON_PBX, None, None)


def test_what_a_hand_switched_off_is_held_and_no_drift() -> None:
    actual = there()
    one, two = actual.extensions
    actual = replace(actual, extensions=(replace(one, enabled=False), two))

    looked = of_tenant(kept(), actual, EVERYTHING)

    assert looked.drifts == ()
    assert looked.held == Held(extensions=frozenset({"100"}))


def test_a_tenant_without_services_is_told_and_has_no_remedy() -> None:
    found = without_service(kept(contributions=()))

    assert found is not None
    assert found.remedy is None
    assert without_service(kept()) is None


def test_tenants_nobody_knows_are_findings_and_many_of_them_are_one() -> None:
    many = [f"t{number:04}.example" for number in range(UNKNOWN_TENANTS_MAX + 7)]

    found = of_listing(
        1, ["acme.example", "moved.example", *many], ours={"acme.example": 5}, homes={"moved.example": 2}
    )

    assert [each.kind for each in found[:2]] == [Class.DUPLICATE, Class.UNKNOWN_ON_PBX]
    assert len(found) == 1 + UNKNOWN_TENANTS_MAX + 1
    assert found[-1].what.startswith("7 tenants beside")
    assert all(each.remedy is None and each.adoption is None for each in found)


def test_a_number_in_two_tenants_is_a_duplicate() -> None:
    [found] = of_numbers([("1809", 5), ("1809", 5), ("1809", 6), ("1810", 5)])

    assert found.actual == {"tenants": [5, 6]}


# --- policies and remedies -------------------------------------------------------------------------------------------


def test_every_class_has_its_policies_and_a_row_in_the_table_of_the_module() -> None:
    assert set(ALLOWED) == set(Class)
    assert all(f"    {kind} " in (drift.__doc__ or "") for kind in Class)


def test_every_class_is_explained_to_operators_with_the_policies_it_may_have() -> None:
    page = (Path(__file__).parent.parent / "docs" / "drift.md").read_text()
    told = dict(re.findall(r"^\| `([a-z_]+)` \|[^|]*\| ([^|]*) \|$", page, re.MULTILINE))

    assert {kind: re.sub(r" \(.*?\)", "", words).split(", ") for kind, words in told.items()} == {
        kind.value: [policy.value for policy in allowed] for kind, allowed in ALLOWED.items()
    }


def test_a_policy_that_is_no_policy_is_named() -> None:
    with pytest.raises(NotPrepared, match="no_such_thing"):
        policies_from({"no_such_thing": "report"})
    with pytest.raises(NotPrepared, match="duplicate"):
        policies_from({"duplicate": "repair"})


def test_a_repair_that_nobody_can_make_is_a_task_and_an_import_of_nothing_a_report() -> None:
    policies = default_policies() | {Class.ATTRIBUTE_DRIFT: Policy.IMPORT}

    assert policy_of(Drift(Class.STATUS_CHANGED, "k", "w"), policies) is Policy.TASK
    assert policy_of(Drift(Class.ATTRIBUTE_DRIFT, "k", "w"), policies) is Policy.REPORT


def test_one_remedy_a_service_and_its_tenant_comes_along() -> None:
    """The status first; the package waits for the next look."""
    suspend, package = Remedy(Verb.SUSPEND, 42), Remedy(Verb.CHANGE_PACKAGE, 42)
    drifts = [
        Drift(Class.PACKAGE_CHANGED, "a", "a", remedy=package),
        Drift(Class.STATUS_CHANGED, "b", "b", remedy=suspend),
        Drift(Class.ATTRIBUTE_DRIFT, "c", "c", remedy=Remedy(Verb.REPAIR, None, 5)),
        Drift(Class.ATTRIBUTE_DRIFT, "d", "d", remedy=Remedy(Verb.REPAIR, None, 6)),
    ]
    policies = default_policies() | {Class.ATTRIBUTE_DRIFT: Policy.REPAIR}

    assert remedies(drifts, policies, {42: 5}) == [suspend, Remedy(Verb.REPAIR, None, 6)]


def test_imports_of_one_tenant_are_joined() -> None:
    drifts = [
        Drift(kind, kind, "w", adoption=Remedy(Verb.IMPORT_OBJECTS, None, 5, {"objects": (Extension(number),)}))
        for kind, number in ((Class.ATTRIBUTE_DRIFT, "100"), (Class.UNKNOWN_ON_PBX, "777"))
    ]
    policies = default_policies() | {Class.ATTRIBUTE_DRIFT: Policy.IMPORT, Class.UNKNOWN_ON_PBX: Policy.IMPORT}

    [remedy] = remedies(drifts, policies, {})

    assert remedy.details["objects"] == (Extension("100"), Extension("777"))


def test_what_is_found_in_whmcs_names_its_service() -> None:
    """Findings close by what was looked at, so each of these must say at which service."""
    there_ = theirs({"Extensions": "9"}, {"Site": "x"}, server_id=9, domain="z.example", username="z", client_id=9)
    found = of_service(ours(), there_, is_of_our_module=True, package=PACKAGE)

    assert {each.kind for each in found} <= IN_WHMCS
    assert all(each.service_id == 42 for each in found)
