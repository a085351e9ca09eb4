"""What goes over the wire comes back as the same value; what is not such a value is refused by name."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.pbx.driver import CallPage, CallRecord, Capabilities, Check, Extension, Gateway, Number, Route, Tenant
from bridge.pbx.memory import EVERYTHING
from bridge.pbx.wire import _FORMS, object_from_json, object_to_json, tenant_from_json, tenant_to_json
from bridge.secret import Secret
from tests.canary import CANARY
from tests.pbx.contract import a_call, a_tenant

texts = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.integers(0, 2**53)
secrets = st.none() | st.builds(Secret, texts)
moments = st.datetimes(timezones=st.just(UTC))
FORMS: dict[str, st.SearchStrategy[Any]] = {
    "str": texts,
    "str | None": st.none() | texts,
    "int": numbers,
    "int | None": st.none() | numbers,
    "bool": st.booleans(),
    "Secret | None": secrets,
    "datetime": moments,
    "datetime | None": st.none() | moments,
    "frozenset[str]": st.frozensets(texts, max_size=4),
    "tuple[tuple[str, int], ...]": st.dictionaries(texts, numbers, max_size=3).map(
        lambda it: tuple(sorted(it.items()))
    ),
    "Literal['inbound', 'outbound', 'local']": st.sampled_from(["inbound", "outbound", "local"]),
    "Literal['ok', 'warn', 'fail']": st.sampled_from(["ok", "warn", "fail"]),
}
KINDS = (Extension, Gateway, Number, Route, Tenant, CallRecord, CallPage, Capabilities, Check)


def any_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    many = {f"tuple[{each.__name__}, ...]": each for each in KINDS}
    members = {
        member.name: st.lists(any_of(many[str(member.type)]), max_size=2).map(tuple)
        if str(member.type) in many
        else FORMS[str(member.type)]
        for member in fields(kind)
    }
    return st.builds(kind, **members)


@settings(max_examples=150)
@given(st.data(), st.sampled_from(KINDS))
def test_every_value_comes_back_exactly(data: st.DataObject, kind: type[Any]) -> None:
    value = data.draw(any_of(kind))
    text = json.dumps(object_to_json(value, reveal=True))

    assert object_from_json(kind, json.loads(text)) == value


@settings(max_examples=50)
@given(any_of(Tenant))
def test_without_reveal_no_password_is_written_and_the_rest_is(tenant: Tenant) -> None:
    bare = replace(
        tenant,
        admin_password=None,
        extensions=tuple(replace(each, password=None) for each in tenant.extensions),
        gateways=tuple(replace(each, password=None) for each in tenant.gateways),
    )

    assert tenant_from_json(tenant_to_json(tenant)) == bare


def test_passwords_are_written_only_when_asked_for() -> None:
    """T-20."""
    tenant = a_tenant(EVERYTHING)

    assert CANARY not in json.dumps(tenant_to_json(tenant))
    assert json.dumps(tenant_to_json(tenant, reveal=True)).count(CANARY) == 4


def test_every_member_of_every_kind_has_a_form() -> None:
    assert {str(member.type) for kind in KINDS for member in fields(kind)} == set(_FORMS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_member_is_refused(kind: type[Any]) -> None:
    with pytest.raises(ValueError, match="unknown member 'colour'"):
        object_from_json(kind, {"colour": CANARY})


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "Tenant is not an object"),
        ([], "Tenant is not an object"),
        ({}, "Tenant has no domain"),
        ({"domain": 7}, "domain is not str"),
        ({"domain": "a", "enabled": 1}, "enabled is not bool"),
        ({"domain": "a", "marker": 1}, "marker is not str or null"),
        ({"domain": "a", "limits": {"extensions": True}}, "limits is not an object of whole numbers"),
        ({"domain": "a", "limits": {"extensions": -1}}, "limits is not an object of whole numbers"),
        ({"domain": "a", "limits": [["extensions", 1]]}, "limits is not an object of whole numbers"),
        ({"domain": "a", "extensions": {}}, "extensions is not a list"),
        ({"domain": "a", "extensions": [{"number": "1"}, {"name": "x"}]}, "extensions[1] has no number"),
        ({"domain": "a", "extensions": [{"number": "1", "service_id": True}]}, "extensions[0].service_id is not int"),
        ({"domain": "a", "routes": [{"name": "r", "pattern": "", "gateway": "", "order": 1.0}]}, "order is not int"),
        ({"domain": "a", "admin_password": 7}, "admin_password is not text or null"),
    ],
)
def test_what_is_no_tenant_is_refused_by_the_name_of_its_member(document: Any, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        tenant_from_json(document)


@pytest.mark.parametrize(
    ("member", "value"),
    [("started_at", "2026-03-01T09:00:00"), ("started_at", "yesterday"), ("ended_at", 7), ("direction", "sideways")],
)
def test_a_call_needs_real_times_and_a_known_direction(member: str, value: object) -> None:
    document = object_to_json(a_call("1")) | {member: value}
    with pytest.raises(ValueError, match=member):
        object_from_json(CallRecord, document)


def test_a_time_in_another_zone_is_the_same_moment_in_utc() -> None:
    document = object_to_json(a_call("1")) | {"started_at": "2026-03-01T10:00:00+01:00"}
    read = object_from_json(CallRecord, document)

    assert read.started_at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert read.started_at.tzinfo is UTC


def test_a_reader_may_be_newer_than_the_writer() -> None:
    assert object_from_json(Extension, {"number": "101"}) == Extension("101")


def test_a_value_of_another_kind_has_no_form() -> None:
    with pytest.raises(TypeError, match="Secret has no form"):
        object_to_json(Secret(CANARY))
