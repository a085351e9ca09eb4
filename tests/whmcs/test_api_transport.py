"""The stand-in answers as WHMCS does: WHMCS reference 5.1 and 5.2, line by line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from bridge.demo.whmcs import seed
from bridge.demo.whmcs.standin import Credential, StandIn
from bridge.secret import Secret
from tests.whmcs.standin import IDENTIFIER, SECRET, answer_of, ask, http_of

ROLES_OF_THE_BRIDGE = frozenset({"WhmcsDetails", "UpdateClientProduct"})


def with_credential(whmcs: StandIn, **changes: Any) -> StandIn:
    return replace(whmcs, credentials=(Credential(IDENTIFIER, SECRET, **changes),))


# --- 5.1 -------------------------------------------------------------------------------------------------------------


def test_line_post_to_includes_api_php_form_encoded(whmcs: StandIn) -> None:
    assert ask(whmcs, "WhmcsDetails") == {
        "result": "success",
        "whmcs": {"version": "8.13.1", "canonicalversion": "8.13.1-release.1"},
    }
    assert http_of(whmcs).get("includes/api.php").status_code == 405


def test_line_a_body_that_is_no_form_has_no_action(whmcs: StandIn) -> None:
    reply = http_of(whmcs).post("includes/api.php", json={"action": "WhmcsDetails"})

    assert reply.status_code == 400


def test_line_without_responsetype_json_the_answer_is_not_json(whmcs: StandIn) -> None:
    reply = answer_of(whmcs, "GetConfigurationValue", setting="CompanyName", responsetype="")

    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.text.startswith("result=success;")


def test_line_identifier_and_secret_may_also_be_sent_as_username_and_password(whmcs: StandIn) -> None:
    sent = {"action": "WhmcsDetails", "username": IDENTIFIER, "password": SECRET.reveal(), "responsetype": "json"}

    assert http_of(whmcs).post("includes/api.php", data=sent).json()["result"] == "success"


def test_line_the_role_needs_the_permission_api_access(whmcs: StandIn) -> None:
    reply = answer_of(with_credential(whmcs, api_access=False), "WhmcsDetails")

    assert (reply.status_code, reply.json()["message"]) == (403, "Access Denied")


def test_line_the_credential_needs_api_roles_that_list_each_action(whmcs: StandIn) -> None:
    limited = with_credential(whmcs, actions=ROLES_OF_THE_BRIDGE)

    assert ask(limited, "WhmcsDetails")["result"] == "success"
    assert ask(limited, "AddCredit")["result"] == "error"


def test_line_the_source_address_must_be_on_the_allow_list(whmcs: StandIn) -> None:
    sent = {"action": "WhmcsDetails", "identifier": IDENTIFIER, "secret": SECRET.reveal(), "responsetype": "json"}
    reply = http_of(whmcs, "2001:db8::7").post("includes/api.php", data=sent)

    assert reply.status_code == 403
    assert reply.json() == {"result": "error", "message": "Invalid IP 2001:db8::7"}


def test_line_the_access_key_bypasses_the_address_check(whmcs: StandIn) -> None:
    keyed = replace(whmcs, access_key=Secret("Access.Key-1"))
    sent = {"action": "WhmcsDetails", "identifier": IDENTIFIER, "secret": SECRET.reveal(), "responsetype": "json"}

    def asked(key: str) -> httpx.Response:
        return http_of(keyed, "198.51.100.7").post("includes/api.php", data={**sent, "accesskey": key})

    assert asked("Access.Key-1").status_code == 200
    assert asked("access.key-1").status_code == 403


def test_line_lists_page_with_limitstart_and_limitnum_default_25(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        for number in range(27):
            seed.client(tx, f"Client {number}")

    first = ask(whmcs, "GetClients")
    rest = ask(whmcs, "GetClients", limitstart=25, limitnum=5)

    assert (first["totalresults"], first["numreturned"], len(first["clients"]["client"])) == (27, 25, 25)
    assert [each["companyname"] for each in rest["clients"]["client"]] == ["Client 25", "Client 26"]


# --- 5.2 cases -------------------------------------------------------------------------------------------------------


def test_line_business_error(whmcs: StandIn) -> None:
    reply = answer_of(whmcs, "GetCredits", clientid=99)

    assert reply.status_code == 200
    assert reply.json() == {"result": "error", "message": "Client ID Not Found"}


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        pytest.param({"secret": "wrong"}, 403, "Authentication Failed", id="bad credentials"),
        pytest.param({"identifier": "nobody"}, 403, "Authentication Failed", id="unknown identifier"),
        pytest.param({"secret": ""}, 403, "Invalid or missing credentials", id="missing credentials"),
        pytest.param({"action": ""}, 400, "Empty action request", id="no action"),
        pytest.param({"identifier": "bridge"}, 403, "Invalid password provided", id="an admin's name"),
        pytest.param({"action": "Nonsense"}, 200, "Command Not Found", id="no such action"),
    ],
)
def test_line_other_auth_texts(whmcs: StandIn, sent: dict[str, str], status: int, message: str) -> None:
    reply = answer_of(whmcs, **{"action": "WhmcsDetails", **sent})

    assert (reply.status_code, reply.json()) == (status, {"result": "error", "message": message})


def test_line_administrator_account_disabled(whmcs: StandIn) -> None:
    reply = answer_of(with_credential(whmcs, disabled=True), "WhmcsDetails")

    assert (reply.status_code, reply.json()["message"]) == (403, "Administrator Account Disabled")


@pytest.mark.parametrize(("version", "status"), [("8.13.1", 200), ("9.0.1", 403)])
def test_line_role_lacks_the_action(whmcs: StandIn, version: str, status: int) -> None:
    """No document tells the status, so the two versions differ here, and a client must not care."""
    limited = replace(with_credential(whmcs, actions=ROLES_OF_THE_BRIDGE), version=version)

    reply = answer_of(limited, "AddCredit")

    assert reply.status_code == status
    assert reply.json()["message"] == 'Invalid Permissions: API action "addcredit" is not allowed'


# --- 5.2 pitfalls ----------------------------------------------------------------------------------------------------


def test_line_numbers_come_as_strings_or_numbers(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx)
    ask(whmcs, "AddCredit", clientid=client_id, amount="10.00", type="add", description="one")

    credit = ask(whmcs, "GetCredits", clientid=client_id)["credits"]["credit"][0]
    client = ask(whmcs, "GetClientsDetails", clientid=client_id)["client"]

    assert (credit["id"], credit["amount"], credit["relid"]) == ("1", "10.00", "0")
    assert (client["id"], client["credit"]) == (client_id, "10.00")


def test_line_collections_are_nested_under_the_singular(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        seed.service(tx, seed.client(tx), seed.product(tx))

    assert isinstance(ask(whmcs, "GetClientsProducts")["products"]["product"], list)
    assert isinstance(ask(whmcs, "GetClients")["clients"]["client"], list)


def test_line_servers_admin_users_and_queue_have_no_inner_level(whmcs: StandIn) -> None:
    assert ask(whmcs, "GetServers")["servers"] == []
    assert ask(whmcs, "GetModuleQueue")["queue"] == []
    assert isinstance(ask(whmcs, "GetAdminUsers")["admin_users"], list)


def test_line_an_empty_collection_may_be_an_empty_string(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx)

    assert ask(whmcs, "GetTransactions")["transactions"] == ""
    assert ask(whmcs, "GetCredits", clientid=client_id)["credits"] == ""
    assert ask(whmcs, "GetClientsProducts", clientid=client_id)["products"] == ""


def test_line_empty_dates_are_zero_dates(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), seed.product(tx))

    found = ask(whmcs, "GetClientsProducts", serviceid=service_id)["products"]["product"][0]

    assert found["overidesuspenduntil"] == "0000-00-00"
    assert ask(whmcs, "GetAutomationLog")["lastDailyCronInvocationTime"] == "0000-00-00 00:00:00"


def test_line_add_billable_item_shows_status_and_get_admin_users_shows_neither(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx)

    item = ask(whmcs, "AddBillableItem", clientid=client_id, description="calls", amount="1", unit="quantity")
    users = ask(whmcs, "GetAdminUsers")

    assert item == {"status": "success", "billableid": 1}
    assert not {"result", "status"} & users.keys()


def test_line_bool_results_may_be_strings(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx)
    ask(whmcs, "AddCredit", clientid=client_id, amount="5.00", type="add", description="top-up")
    invoice = ask(whmcs, "CreateInvoice", userid=client_id, itemdescription1="calls", itemamount1="7.00")["invoiceid"]

    part = ask(whmcs, "ApplyCredit", invoiceid=invoice, amount="4.00")
    ask(whmcs, "AddInvoicePayment", invoiceid=invoice, transid="t1", gateway="banktransfer", amount="2.00")
    rest = ask(whmcs, "ApplyCredit", invoiceid=invoice, amount="1.00")

    assert (part["invoicepaid"], rest["invoicepaid"]) == ("false", "true")


def test_line_texts_may_hold_html_entities(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx, 'Smith & "Sons"')

    found = ask(whmcs, "GetClientsDetails", clientid=client_id)["client"]

    assert found["companyname"] == "Smith &amp; &quot;Sons&quot;"


def test_line_array_parameters_use_php_bracket_syntax(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx)
    invoice = ask(whmcs, "CreateInvoice", userid=client_id, draft="1", itemdescription1="a", itemamount1="1")[
        "invoiceid"
    ]

    more = {"newitemdescription[0]": "b", "newitemamount[0]": "2.00", "newitemtaxed[0]": "0"}
    ask(whmcs, "UpdateInvoice", invoiceid=invoice, **more)
    lines = ask(whmcs, "GetInvoice", invoiceid=invoice)["items"]["item"]
    ask(whmcs, "UpdateInvoice", invoiceid=invoice, **{"deletelineids[0]": lines[0]["id"]})

    left = ask(whmcs, "GetInvoice", invoiceid=invoice)
    assert [line["description"] for line in left["items"]["item"]] == ["b"]
    assert left["total"] == "2.00"
