"""What WHMCS asks for a service, against both databases and a PBX in memory."""

from __future__ import annotations

from bridge import services
from bridge.app import Bridge
from tests.factories import asking, run_all, with_handler, with_memory_pbx


def create(bridge: Bridge, service_id: int = 42, **changed: object) -> dict[str, object]:
    wished: dict[str, object] = {
        "service_id": service_id,
        "client_id": 7,
        "product_id": 12,
        "server_id": None,
        "domain": "acme.example",
        "username": "acme",
        "password": None,
        "options": {},
        "custom_fields": {},
    }
    asked = changed.pop("asking", None) or asking()
    return services.create(bridge, asked, **(wished | changed))  # type: ignore[arg-type]  # a factory's loose members


def test_a_created_service_ends_in_a_tenant(bridge: Bridge) -> None:
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)

    answer = create(bridge)
    assert answer["state"] == "accepted"
    assert run_all(bridge) == 1

    tenant = pbx.find("acme.example")
    assert tenant is not None
    assert [each.number for each in tenant.extensions] == ["100", "101"]
    assert tenant.enabled
    assert services.get(bridge, 42)["operations"][0]["state"] == "succeeded"


def test_a_suspension_leaves_emergency_calls_and_a_resume_restores(bridge: Bridge) -> None:
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge)
    run_all(bridge)

    services.suspend(bridge, asking("service.suspend"), 42, "overdue")
    run_all(bridge)
    suspended = pbx.find("acme.example")
    services.unsuspend(bridge, asking("service.unsuspend"), 42, None)
    run_all(bridge)
    resumed = pbx.find("acme.example")

    assert suspended is not None
    assert (suspended.enabled, suspended.outbound) == (True, False)
    assert resumed is not None
    assert resumed.outbound
