"""What the bridge asks of WHMCS, asked of the stand-in; and what bad luck makes of it (R-72)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bridge.demo.whmcs import modules, seed, tables
from bridge.demo.whmcs.faults import Kind
from bridge.demo.whmcs.standin import Credential, StandIn
from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.secret import Secret
from bridge.whmcs.client import Department, Details, QueueEntry, ServiceRecord, Ticket, Whmcs
from tests.canary import sings
from tests.whmcs.standin import IDENTIFIER, SECRET, client_of, http_of, rows_of


@pytest.fixture(params=["8.13.1", "9.0.1"])
def shop(request: pytest.FixtureRequest, whmcs: StandIn) -> StandIn:
    """Service 1 of client 1, on both versions of WHMCS."""
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx, "Tom & Co")
        seed.service(tx, client_id, seed.product(tx), server_id=seed.server(tx), suspendreason="&quot;late&quot;")
    return replace(whmcs, version=request.param)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_details_tell_who_answers_and_as_whom_we_speak(shop: StandIn) -> None:
    permissions = ("Main Homepage", "List Clients", "API Access")

    assert client_of(shop).details() == Details(shop.version, 1, "VoIP Bridge", permissions)


def test_a_service_is_read_without_its_password(shop: StandIn) -> None:
    found = client_of(shop).service(1)

    assert found == ServiceRecord(1, 1, 1, 1, "Pending", "acme.pbx.example.com", "acme", '"late"')


def test_a_service_that_is_not_there_is_none(shop: StandIn) -> None:
    assert client_of(shop).service(99) is None


def test_configuration_values_and_departments(shop: StandIn) -> None:
    client = client_of(shop)

    assert client.configuration_value("SystemURL") == "https://whmcs.example/"
    assert client.departments() == (Department(1, "Support"), Department(2, "Telephony"))


def test_departments_may_be_an_empty_string(shop: StandIn) -> None:
    with shop.engine.begin() as tx:
        tx.execute(tables.departments.delete())

    assert client_of(shop).departments() == ()


def test_the_module_queue_of_a_service(shop: StandIn) -> None:
    with shop.engine.begin() as tx:
        modules.queue(tx, shop, 1, "voipbridge", "CreateAccount", "operation 17 waits for the <PBX>")
        modules.queue(tx, shop, 2, "voipbridge", "CreateAccount", "x")

    error = "operation 17 waits for the <PBX>"
    entry = QueueEntry(1, 1, "voipbridge", "CreateAccount", error, retries=0, completed=False)
    assert client_of(shop).module_queue(1) == (entry,)
    assert client_of(shop).module_queue(1, "SuspendAccount") == ()


# --- writing ---------------------------------------------------------------------------------------------------------


def test_setting_a_status_sets_the_record_and_calls_no_module(shop: StandIn) -> None:
    client_of(shop).update_service_status(1, "Suspended", suspend_reason="Held: balance")
    client_of(shop).update_service_status(1, "Suspended", suspend_reason="Held: balance")

    row = rows_of(shop, tables.hosting)[0]
    assert (row["domainstatus"], row["suspendreason"]) == ("Suspended", "Held: balance")
    assert rows_of(shop, tables.module_log) == []


def test_setting_a_status_alone_leaves_the_reason(shop: StandIn) -> None:
    client_of(shop).update_service_status(1, "Active")

    assert rows_of(shop, tables.hosting)[0]["suspendreason"] == "&quot;late&quot;"


def test_mail_goes_out_by_template_with_its_variables_and_in_free_words(shop: StandIn) -> None:
    client_of(shop).send_email(seed.WELCOME, 1, {"tenant": "Köln"})
    client_of(shop).send_custom_email("general", 1, subject="Emergency call", message="Somebody dialled 112")

    first, second = rows_of(shop, tables.mails)
    assert (first["template"], first["relid"], first["variables"]) == (seed.WELCOME, 1, '{"tenant": "K\\u00f6ln"}')
    assert (second["template"], second["subject"], second["message"]) == (
        "",
        "Emergency call",
        "Somebody dialled 112",
    )


def test_a_ticket_comes_back_with_its_number(shop: StandIn) -> None:
    opened = client_of(shop).open_ticket(
        2, subject="Task 7", message="PBX refused", priority="High", client_id=1, service_id=1
    )
    by_name = client_of(shop).open_ticket(1, subject="s", message="m", name="Bridge", email="bridge@example.com")

    first, second = rows_of(shop, tables.tickets)
    assert opened == Ticket(first["id"], first["tid"])
    assert (first["did"], first["userid"], first["urgency"], first["service"]) == (2, 1, "High", "S1")
    assert by_name.ticket_id == second["id"]


def test_a_notification_carries_its_attributes(shop: StandIn) -> None:
    client_of(shop).trigger_notification(
        "voipbridge", title="Task", message="Look", url="https://b.example/", style="danger", attributes=[("PBX", "2")]
    )

    (event,) = rows_of(shop, tables.notifications)
    assert (event["identifier"], event["url"]) == ("voipbridge", "https://b.example/")
    assert event["attributes"] == '[{"label": "PBX", "value": "2"}]'


def test_activity_is_logged_with_the_client(shop: StandIn) -> None:
    client_of(shop).log_activity("voipbridge: service 1 is active", client_id=1)

    assert [(row["description"], row["userid"]) for row in rows_of(shop, tables.activity)] == [
        ("voipbridge: service 1 is active", 1)
    ]


def test_what_whmcs_declines_is_refused_with_its_words(shop: StandIn) -> None:
    with pytest.raises(Refused, match="Service ID Not Found"):
        client_of(shop).update_service_status(99, "Active")
    with pytest.raises(Refused, match="Email Template not found"):
        client_of(shop).send_email("No such template", 1)


# --- configuration faults --------------------------------------------------------------------------------------------


def test_an_action_that_the_role_lacks_is_named(shop: StandIn) -> None:
    limited = replace(shop, credentials=(Credential(IDENTIFIER, SECRET, frozenset({"WhmcsDetails"})),))

    with pytest.raises(NotPrepared, match="lacks the action UpdateClientProduct") as caught:
        client_of(limited).update_service_status(1, "Active")

    assert caught.value.facts["missing_action"] == "UpdateClientProduct"
    assert rows_of(shop, tables.hosting)[0]["domainstatus"] == "Pending"


def test_a_wrong_secret_says_where_to_look(shop: StandIn) -> None:
    with pytest.raises(NotPrepared, match="BRIDGE_WHMCS_IDENTIFIER"):
        client_of(shop, secret=Secret("wrong")).details()


def test_the_access_key_is_sent_where_there_is_one(shop: StandIn) -> None:
    """5.1: an address that is not listed needs it."""
    keyed = replace(shop, access_key=Secret("Key.1"), allowed_addresses=())

    assert client_of(keyed, access_key=Secret("Key.1")).details().admin_id == 1
    with pytest.raises(NotPrepared, match=re.escape("127.0.0.1")):
        client_of(keyed).details()


# --- bad luck --------------------------------------------------------------------------------------------------------


def a_read(client: Whmcs) -> str:
    return client.configuration_value("SystemURL")


def a_write(client: Whmcs) -> None:
    client.log_activity("voipbridge: something happened")


FATE: dict[Kind, tuple[type[BridgeError], int]] = {
    "refuse": (NotReached, 0),
    "hang": (OutcomeUnknown, 0),
    "late": (OutcomeUnknown, 1),
    "cut": (OutcomeUnknown, 1),
    "twice": (OutcomeUnknown, 1),
    "error_before": (OutcomeUnknown, 0),
    "error_after": (OutcomeUnknown, 1),
    "login_page": (OutcomeUnknown, 0),
    "empty": (OutcomeUnknown, 1),
}
"""What a write is told, and how often it happened."""


@pytest.mark.parametrize("kind", FATE)
def test_a_write_is_sent_once_and_a_lost_answer_is_unknown(shop: StandIn, kind: Kind) -> None:
    """R-3, R-32: whether it happened cannot be told from the error, and is not."""
    told, happened = FATE[kind]
    shop.faults.order(kind, "LogActivity", times=9)

    with pytest.raises(told):
        a_write(client_of(shop))

    assert len(rows_of(shop, tables.activity)) == happened


@pytest.mark.parametrize("kind", FATE)
def test_a_read_is_repeated_twice_and_then_not_made(shop: StandIn, kind: Kind) -> None:
    """R-19: reads repeat, at most twice."""
    waited: list[float] = []
    shop.faults.order(kind, "GetConfigurationValue", times=3)

    with pytest.raises(NotReached):
        a_read(client_of(shop, waited.append))
    assert len(waited) == 2
    assert a_read(client_of(shop)) == "https://whmcs.example/", "three were ordered, three were used"


@pytest.mark.parametrize("kind", FATE)
def test_a_read_that_fails_twice_still_answers(shop: StandIn, kind: Kind) -> None:
    shop.faults.order(kind, "GetConfigurationValue", times=2)

    assert a_read(client_of(shop)) == "https://whmcs.example/"


def test_a_refusal_is_not_repeated(shop: StandIn) -> None:
    waited: list[float] = []

    with pytest.raises(Refused):
        client_of(shop, waited.append).configuration_value("Nonsense")

    assert waited == []


@pytest.mark.parametrize(
    "answered",
    [
        {"result": "success", "totalresults": 1, "products": ""},
        {"result": "success", "products": {"product": [{"id": "one"}]}},
        {"result": "success", "products": "nothing"},
    ],
)
def test_an_answer_that_contradicts_itself_is_not_believed(answered: dict[str, Any]) -> None:
    """F-5: a service is only missing when WHMCS says so."""
    http = httpx.Client(
        base_url="https://whmcs.example/", transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answered))
    )
    client = Whmcs(http, identifier=IDENTIFIER, secret=SECRET, wait=lambda seconds: None)

    with pytest.raises(NotReached):
        client.service(1)


@pytest.mark.parametrize("act", [a_read, a_write])
@pytest.mark.parametrize("kind", FATE)
def test_no_secret_is_in_what_went_wrong(shop: StandIn, kind: Kind, act: Callable[[Whmcs], object]) -> None:
    """T-20."""
    shop.faults.order(kind, times=9)

    with pytest.raises(BridgeError) as caught:
        act(client_of(shop))

    told: BaseException | None = caught.value
    while told is not None:
        assert not sings(str(told))
        told = told.__cause__ or told.__context__


def test_one_question_is_one_post_with_json_asked_for(shop: StandIn) -> None:
    """5.1: always send responsetype=json; arrays in brackets."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"result": "success"})

    http = httpx.Client(base_url="https://whmcs.example/billing/", transport=httpx.MockTransport(answer))
    Whmcs(http, identifier="id", secret=Secret("s"), access_key=Secret("k")).trigger_notification(
        "i", title="t", message="m", attributes=[("PBX", "2")]
    )

    (request,) = sent
    assert (request.method, request.url.path, request.url.query) == ("POST", "/billing/includes/api.php", b"")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.content.decode() == (
        "action=TriggerNotificationEvent&responsetype=json&notification_identifier=i&title=t&message=m"
        "&attributes%5B0%5D%5Blabel%5D=PBX&attributes%5B0%5D%5Bvalue%5D=2&identifier=id&secret=s&accesskey=k"
    )


def test_a_client_of_another_address_is_told_which_one(shop: StandIn) -> None:
    stranger = Whmcs(http_of(shop, "203.0.113.9"), identifier=IDENTIFIER, secret=SECRET)

    with pytest.raises(NotPrepared, match=re.escape("203.0.113.9")):
        stranger.details()
