"""F-11: how tenants are named; and what a handler may say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import services
from bridge.app import Bridge
from bridge.database import transact
from bridge.errors import Conflict, NotPrepared
from bridge.handler import Handler, domain_for, handler_from, settings_of
from bridge.store import tasks, tenants
from tests.factories import a_server, asking, run_all, with_handler, with_memory_pbx


def named(template: str, **changed: Any) -> str:
    facts: dict[str, Any] = {"domain": "", "username": "acme", "service_id": 42, "client_id": 7, "product_id": 12}
    return domain_for(template, **(facts | {"zone": "pbx.example"} | changed))


@pytest.mark.parametrize(
    ("template", "domain", "name"),
    [
        ("", "", "s42.pbx.example"),
        ("", "acme.example", "acme.example"),
        ("", " ACME.Example. ", "acme.example"),
        ("{username}.{zone}", "acme.example", "acme.pbx.example"),
        ("c{client_id}-p{product_id}-s{service_id:06}.tel.example", "", "c7-p12-s000042.tel.example"),
        ("{domain}", "voice.acme.example", "voice.acme.example"),
    ],
)
def test_a_template_makes_the_name(template: str, domain: str, name: str) -> None:
    assert named(template, domain=domain) == name


@pytest.mark.parametrize(
    ("template", "changed"),
    [
        ("{domain}", {"domain": ""}),
        ("{username}.pbx.example", {"username": ""}),
        ("{username}.pbx.example", {"username": "a b"}),
        ("{username}.pbx.example", {"username": "-a"}),
        ("{username}.pbx.example", {"username": "a" * 64}),
        ("{domain}", {"domain": "acme"}),
        ("{domain}", {"domain": "acme..example"}),
        ("{domain}", {"domain": "bücher.example"}),
        ("{domain}", {"domain": "acme.example/../x"}),
        ("{domain}", {"domain": "${acme}.example"}),
        ("{domain}", {"domain": "acme.example\nx"}),
        ("{domain}", {"domain": ".".join(["a" * 60] * 5)}),
    ],
)
def test_what_is_no_domain_name_names_nothing(template: str, changed: dict[str, Any]) -> None:
    with pytest.raises(NotPrepared, match="not a domain name"):
        named(template, **changed)


@settings(max_examples=200, deadline=None)
@given(domain=st.text(max_size=60), username=st.text(max_size=20))
def test_whatever_whmcs_sends_the_name_is_safe_or_refused(domain: str, username: str) -> None:
    for template in ("", "{domain}", "{username}.{zone}"):
        try:
            name = named(template, domain=domain, username=username)
        except NotPrepared:
            continue
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        assert all(0 < len(label) <= 63 for label in name.split("."))
        assert len(name) <= 253


# --- what a handler may say ------------------------------------------------------------------------------------------


def handler(**settings_: Any) -> Handler:
    return handler_from(product_id=12, server_id=0, driver="", department="support", enabled=True, settings=settings_)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"colour": "red"}, "settings.colour"),
        ({"domain": 5}, "settings.domain"),
        ({"domain": "{username"}, "settings.domain"),
        ({"domain": "username}"}, "settings.domain"),
        ({"domain": "{}.example"}, "settings.domain"),
        ({"domain": "{password}.example"}, "settings.domain"),
        ({"domain": "{domain.__class__}"}, "settings.domain"),
        ({"domain": "{domain!r}"}, "settings.domain"),
        ({"domain": "{domain:>99999999}"}, "settings.domain"),
        ({"domain": "{domain:{zone}}"}, "settings.domain"),
        ({"domain": "{service_id:099}"}, "settings.domain"),
        ({"adopt": "perhaps"}, "settings.adopt"),
        ({"extensions": True}, "settings.extensions"),
        ({"extensions": -1}, "settings.extensions"),
        ({"extensions": 10_001}, "settings.extensions"),
        ({"first_extension": 0}, "settings.first_extension"),
    ],
)
def test_what_is_wrong_is_named_by_its_key_before_any_service_needs_it(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(NotPrepared) as refusal:
        handler(**wrong)
    assert str(refusal.value).startswith(key)


def test_settings_written_and_read_are_the_same() -> None:
    full = handler(domain="{username}.{zone}", adopt="always", extensions=3, first_extension=200, server_group=5)

    assert handler(**settings_of(full)) == full
    assert handler(**settings_of(handler())) == handler()


# --- names over all servers ------------------------------------------------------------------------------------------


def create(bridge: Bridge, service_id: int, **changed: Any) -> dict[str, Any]:
    wished: dict[str, Any] = {
        "service_id": service_id,
        "client_id": 7,
        "product_id": 12,
        "server_id": 1,
        "domain": "acme.example",
        "username": "",
        "password": None,
        "options": {},
        "custom_fields": {},
    }
    answer = services.create(bridge, asking(), **(wished | changed))
    run_all(bridge)
    return answer


@pytest.fixture
def two_servers(bridge: Bridge) -> Bridge:
    with_memory_pbx(bridge)
    with_memory_pbx(bridge, a_server(2))
    with_handler(bridge)
    create(bridge, 42)
    return bridge


def test_f_11_a_name_is_unique_over_all_servers(two_servers: Bridge) -> None:
    with pytest.raises(Conflict) as other_client:
        create(two_servers, 77, client_id=8, server_id=2)
    with pytest.raises(Conflict, match="is on server 1"):
        create(two_servers, 43, server_id=2)
    assert other_client.value.kind == "tenant_mismatch"


def test_f_10_a_second_service_of_the_same_client_joins_the_tenant(two_servers: Bridge) -> None:
    create(two_servers, 43)

    held = [services.get(two_servers, each)["wanted"] for each in (42, 43)]
    assert [(each["domain"], each["server_id"]) for each in held] == [("acme.example", 1)] * 2
    assert len(transact(two_servers.engine, lambda tx: tenants.domains_of_server(tx, 1))) == 1


def test_f_11_a_domain_edited_in_whmcs_is_a_task_and_no_rename(two_servers: Bridge) -> None:
    answer = create(two_servers, 42, domain="new-name.example")

    task = transact(two_servers.engine, lambda tx: tasks.open_of(tx, f"operation:{answer['operation_id']}"))
    assert answer["state"] == "manual"
    assert task is not None
    assert "acme.example" in task.cause
    assert list(transact(two_servers.engine, lambda tx: tenants.domains_of_server(tx, 1))) == ["acme.example"]


def test_f_11_where_the_template_makes_the_name_the_domain_in_whmcs_says_nothing(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge, domain="s{service_id}.tel.example")
    create(bridge, 42, domain="old.example")
    answer = create(bridge, 42, domain="new.example")

    assert answer["state"] == "succeeded"
    assert list(transact(bridge.engine, lambda tx: tenants.domains_of_server(tx, 1))) == ["s42.tel.example"]
