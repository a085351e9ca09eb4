"""The stand-in's other actions: WHMCS reference 5.5, line by line. What is not money."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.demo.whmcs import seed, tables
from bridge.demo.whmcs.standin import StandIn
from bridge.whmcs import php
from tests.whmcs.standin import Recorder, ask, rows_of


@pytest.fixture
def service_id(whmcs: StandIn) -> int:
    with whmcs.engine.begin() as tx:
        return seed.service(tx, seed.client(tx), seed.product(tx), server_id=seed.server(tx), domainstatus="Active")


def said(answer: dict[str, Any]) -> str:
    assert answer["result"] == "error"
    return str(answer["message"])


def only(answer: dict[str, Any], plural: str, singular: str) -> dict[str, Any]:
    (row,) = answer[plural][singular]
    return dict(row)


def service_row(whmcs: StandIn, service_id: int) -> dict[str, Any]:
    return rows_of(whmcs, tables.hosting, id=service_id)[0]


# --- clients and services --------------------------------------------------------------------------------------------


def test_line_get_clients(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        seed.client(tx, "Acme")
        seed.client(tx, "100% Sure", status="Closed")

    assert only(ask(whmcs, "GetClients", status="Closed"), "clients", "client")["companyname"] == "100% Sure"
    assert only(ask(whmcs, "GetClients", search="100%"), "clients", "client")["status"] == "Closed"
    assert ask(whmcs, "GetClients", search="%")["totalresults"] == 0


def test_line_get_clients_details_by_id_or_email(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx, "Acme")

    by_email = ask(whmcs, "GetClientsDetails", email="acme@example.com")

    assert by_email["client"]["id"] == client_id
    assert by_email["client"]["currency_code"] == "USD"
    assert by_email["companyname"] == "Acme", "the flat copy is deprecated and still there"


def test_line_get_clients_products(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        product_id = seed.product(tx)
        seats, _ = seed.option(tx, [product_id], "Extensions|Seats")
        site = seed.custom_field(tx, product_id, "site")
        service_id = seed.service(
            tx, seed.client(tx), product_id, choices={seats: 4}, fields={site: "Köln"}, suspendreason="late"
        )
        seed.service(tx, seed.client(tx, "B"), product_id, domain="b.example")

    found = only(ask(whmcs, "GetClientsProducts", serviceid=service_id), "products", "product")

    assert (found["id"], found["pid"], found["status"], found["suspensionreason"]) == (1, product_id, "Pending", "late")
    assert found["customfields"]["customfield"] == [{"id": site, "name": "site", "value": "Köln"}]
    assert found["configoptions"]["configoption"] == [
        {"id": seats, "option": "Extensions|Seats", "type": "quantity", "value": 4}
    ]
    assert only(ask(whmcs, "GetClientsProducts", domain="b.example"), "products", "product")["domain"] == "b.example"
    assert ask(whmcs, "GetClientsProducts", serviceid=99)["totalresults"] == 0
    assert said(ask(whmcs, "GetClientsProducts", clientid=99)) == "Client ID Not Found"


def test_line_update_client_product_updates_the_record_and_runs_no_module(whmcs: StandIn, service_id: int) -> None:
    module = Recorder()
    sent = {
        "status": "Suspended",
        "suspendreason": "Held & <late>",
        "overideautosuspend": "on",
        "pid": 7,
        "serverid": 3,
    }

    done = ask(replace(whmcs, module=module), "UpdateClientProduct", serviceid=service_id, **sent)

    row = service_row(whmcs, service_id)
    assert done == {"result": "success", "serviceid": service_id}
    assert (row["domainstatus"], row["packageid"], row["server"]) == ("Suspended", 7, 3)
    assert row["suspendreason"] == "Held &amp; &lt;late&gt;"
    assert module.calls == []
    assert rows_of(whmcs, tables.module_log) == []


def test_line_update_client_product_takes_packed_options_and_fields(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        product_id = seed.product(tx)
        seats, _ = seed.option(tx, [product_id], "Extensions")
        plan, subs = seed.option(tx, [product_id], "Plan", "dropdown", ["gold", "silver"])
        site = seed.custom_field(tx, product_id, "site")
        service_id = seed.service(tx, seed.client(tx), product_id, choices={seats: 1}, fields={site: "old"})

    options = php.packed({seats: {"optionid": 0, "qty": 9}, plan: subs[1]})
    fields = php.packed({site: "Köln"})
    ask(whmcs, "UpdateClientProduct", serviceid=service_id, configoptions=options, customfields=fields)

    found = only(ask(whmcs, "GetClientsProducts", serviceid=service_id), "products", "product")
    assert [each["value"] for each in found["configoptions"]["configoption"]] == [9, "silver"]
    assert found["customfields"]["customfield"][0]["value"] == "Köln"


def test_line_update_client_product_unset(whmcs: StandIn, service_id: int) -> None:
    ask(whmcs, "UpdateClientProduct", serviceid=service_id, overidesuspenduntil="2026-03-01", suspendreason="late")

    unset = {"unset[0]": "overidesuspenduntil", "unset[1]": "suspendreason"}
    ask(whmcs, "UpdateClientProduct", serviceid=service_id, **unset)

    row = service_row(whmcs, service_id)
    assert (row["overidesuspenduntil"], row["suspendreason"]) == ("0000-00-00", "")


def test_line_update_client_product_errors(whmcs: StandIn, service_id: int) -> None:
    assert said(ask(whmcs, "UpdateClientProduct", serviceid=99, status="Active")) == "Service ID Not Found"
    assert ask(whmcs, "UpdateClientProduct", serviceid=service_id, status="Sleeping")["result"] == "error"
    assert service_row(whmcs, service_id)["domainstatus"] == "Active"


def test_line_get_products_shows_no_module_settings(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        ours = seed.product(tx, "PBX", configoption1="secret plan")
        seed.product(tx, "Web", module="cpanel")

    found = only(ask(whmcs, "GetProducts", module="voipbridge"), "products", "product")

    assert (found["pid"], found["pricing"]["USD"]["monthly"]) == (ours, "-1.00")
    assert "secret plan" not in str(found)
    assert ask(whmcs, "GetProducts", pid="1,2")["totalresults"] == 2


def test_line_get_servers(whmcs: StandIn, service_id: int) -> None:
    (server,) = ask(whmcs, "GetServers")["servers"]

    assert (server["hostname"], server["module"], server["activeServices"]) == ("pbx1.example.com", "voipbridge", 1)
    assert not {"password", "accesshash"} & server.keys()


def test_line_get_clients_addons_and_update_client_addon(whmcs: StandIn, service_id: int) -> None:
    with whmcs.engine.begin() as tx:
        addon_id = seed.addon(tx, service_id, name="Fax")

    ask(whmcs, "UpdateClientAddon", id=addon_id, status="Suspended")

    assert only(ask(whmcs, "GetClientsAddons", serviceid=service_id), "addons", "addon")["status"] == "Suspended"
    assert said(ask(whmcs, "UpdateClientAddon", id=99)) == "Addon ID Not Found"


def test_line_get_client_groups(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        seed.client_group(tx, "Staff", exempt=True)

    assert only(ask(whmcs, "GetClientGroups"), "groups", "group")["susptermexempt"] == "on"


# --- module commands -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "function", "status"),
    [
        ("ModuleCreate", "CreateAccount", "Active"),
        ("ModuleSuspend", "SuspendAccount", "Suspended"),
        ("ModuleUnsuspend", "UnsuspendAccount", "Active"),
        ("ModuleTerminate", "TerminateAccount", "Terminated"),
        ("ModuleChangePackage", "ChangePackage", "Pending"),
    ],
)
def test_line_module_commands_run_the_module(whmcs: StandIn, action: str, function: str, status: str) -> None:
    module = Recorder()
    with whmcs.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), seed.product(tx))

    assert ask(replace(whmcs, module=module), action, serviceid=service_id) == {"result": "success"}
    assert [call[0] for call in module.calls] == [function]
    assert service_row(whmcs, service_id)["domainstatus"] == status


def test_line_module_commands_before_7_7_took_accountid(whmcs: StandIn, service_id: int) -> None:
    assert ask(replace(whmcs, module=Recorder()), "ModuleCreate", accountid=service_id)["result"] == "success"


def test_line_the_error_text_is_the_modules_string(whmcs: StandIn, service_id: int) -> None:
    broken = replace(whmcs, module=Recorder("PBX refused login for server 3"))

    assert said(ask(broken, "ModuleSuspend", serviceid=service_id)) == "PBX refused login for server 3"
    assert service_row(whmcs, service_id)["domainstatus"] == "Active"


def test_line_module_command_errors(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        plain = seed.service(tx, seed.client(tx), seed.product(tx, module=""))

    assert said(ask(whmcs, "ModuleCreate")) == "Service ID is required"
    assert said(ask(whmcs, "ModuleCreate", serviceid=99)) == "Service ID not found"
    assert said(ask(whmcs, "ModuleCreate", serviceid=plain)) == "Service not assigned to a module"


def test_line_module_suspend_takes_a_reason(whmcs: StandIn, service_id: int) -> None:
    module = Recorder()

    ask(replace(whmcs, module=module), "ModuleSuspend", serviceid=service_id, suspendreason="Chargeback")

    assert module.calls[0][1]["suspendreason"] == "Chargeback"
    assert service_row(whmcs, service_id)["suspendreason"] == "Chargeback"


def test_line_module_change_pw_takes_a_password(whmcs: StandIn, service_id: int) -> None:
    module = Recorder()

    ask(replace(whmcs, module=module), "ModuleChangePw", serviceid=service_id, servicepassword="n3w-Pass")

    assert module.calls[0][:1] == ("ChangePassword",)
    assert module.calls[0][1]["password"] == "n3w-Pass"
    assert service_row(whmcs, service_id)["password"] == "n3w-Pass"


def test_line_module_custom_takes_func_name(whmcs: StandIn, service_id: int) -> None:
    module = Recorder()

    ask(replace(whmcs, module=module), "ModuleCustom", serviceid=service_id, func_name="resync")

    assert module.calls[0][0] == "resync"


def test_line_get_module_queue(whmcs: StandIn, service_id: int) -> None:
    from bridge.demo.whmcs import modules

    with whmcs.engine.begin() as tx:
        modules.queue(tx, whmcs, service_id, "voipbridge", "CreateAccount", "PBX down")
        modules.queue(tx, whmcs, service_id + 1, "voipbridge", "SuspendAccount", "PBX down")

    found = ask(whmcs, "GetModuleQueue", relatedId=service_id, serviceType="service", moduleName="voipbridge")

    assert found["count"] == 1
    assert found["queue"] == [
        {
            "id": 1,
            "serviceType": "service",
            "serviceId": service_id,
            "moduleName": "voipbridge",
            "moduleAction": "CreateAccount",
            "lastAttempt": "2026-02-01 12:00:00",
            "lastAttemptError": "PBX down",
            "numRetries": 0,
            "completed": 0,
            "createdAt": "2026-02-01 12:00:00",
            "updatedAt": "2026-02-01 12:00:00",
        }
    ]
    assert ask(whmcs, "GetModuleQueue", since="2026-02-02 00:00:00")["count"] == 0


# --- orders ----------------------------------------------------------------------------------------------------------


def test_line_upgrade_product_creates_an_upgrade_order(whmcs: StandIn, service_id: int) -> None:
    sent = {"serviceid": service_id, "type": "product", "newproductid": 5, "newproductbillingcycle": "Monthly"}

    assert "orderid" not in ask(whmcs, "UpgradeProduct", **sent, calconly="1")
    assert "orderid" in ask(whmcs, "UpgradeProduct", **sent)
    assert rows_of(whmcs, tables.upgrades)[0]["newvalue"] == "5,monthly"


def test_line_accept_order_without_auto_setup_calls_no_module(whmcs: StandIn) -> None:
    module = Recorder()
    shop = replace(whmcs, module=module)
    with whmcs.engine.begin() as tx:
        client_id, product_id = seed.client(tx), seed.product(tx)
    order = ask(shop, "AddOrder", **{"clientid": client_id, "pid[0]": product_id, "domain[0]": "new.example"})

    assert ask(shop, "AcceptOrder", orderid=order["orderid"])["result"] == "success"
    assert service_row(whmcs, int(order["serviceids"]))["domainstatus"] == "Active"
    assert module.calls == []
    assert ask(shop, "AcceptOrder", orderid=order["orderid"])["result"] == "error"


def test_line_add_cancel_request(whmcs: StandIn, service_id: int) -> None:
    asked = ask(whmcs, "AddCancelRequest", serviceid=service_id, type="End of Billing Period", reason="moving")

    assert asked["serviceid"] == service_id
    assert rows_of(whmcs, tables.cancel_requests)[0]["type"] == "End of Billing Period"
    assert ask(whmcs, "AddCancelRequest", serviceid=service_id, type="Soon")["result"] == "error"


# --- people ----------------------------------------------------------------------------------------------------------


def test_line_send_email_by_template_goes_to_what_its_type_says(whmcs: StandIn, service_id: int) -> None:
    variables = php.packed({"tenant": "acme"})

    sent = ask(whmcs, "SendEmail", messagename=seed.WELCOME, id=service_id, customvars=variables)

    (mail,) = rows_of(whmcs, tables.mails)
    assert sent == {"result": "success"}
    assert (mail["template"], mail["relid"], mail["variables"]) == (seed.WELCOME, service_id, '{"tenant": "acme"}')
    assert ask(whmcs, "SendEmail", messagename=seed.WELCOME, id=99)["result"] == "error"
    assert ask(whmcs, "SendEmail", messagename="No such", id=service_id)["result"] == "error"


@pytest.mark.parametrize("kind", ["general", "product", "domain", "affiliate"])
def test_line_send_email_custom_types(whmcs: StandIn, service_id: int, kind: str) -> None:
    sent = {"customtype": kind, "customsubject": "Hello", "custommessage": "Text", "id": 1}

    assert ask(whmcs, "SendEmail", **sent)["result"] == "success"
    assert ask(whmcs, "SendEmail", **{**sent, "customtype": "sales"})["result"] == "error"


def test_line_send_admin_email(whmcs: StandIn) -> None:
    assert (
        ask(whmcs, "SendAdminEmail", customsubject="Task", custommessage="Look", type="system")["result"] == "success"
    )
    assert ask(whmcs, "SendAdminEmail", customsubject="Task")["result"] == "error"
    assert [mail["recipient"] for mail in rows_of(whmcs, tables.mails)] == ["admin"]


def test_line_open_ticket_returns_id_tid_and_c(whmcs: StandIn, service_id: int) -> None:
    sent = {"deptid": 2, "subject": "PBX & more", "message": "Look", "clientid": 1, "serviceid": service_id}

    opened = ask(whmcs, "OpenTicket", **sent, priority="High")

    (ticket,) = rows_of(whmcs, tables.tickets)
    assert {"id", "tid", "c"} <= opened.keys()
    assert (ticket["title"], ticket["urgency"], ticket["did"]) == ("PBX &amp; more", "High", 2)


@pytest.mark.parametrize(
    "changes", [{"deptid": 9}, {"clientid": 9}, {"clientid": ""}, {"subject": ""}, {"priority": "Urgent"}]
)
def test_line_open_ticket_errors(whmcs: StandIn, service_id: int, changes: dict[str, Any]) -> None:
    sent = {"deptid": 1, "subject": "s", "message": "m", "clientid": 1, **changes}

    assert ask(whmcs, "OpenTicket", **sent)["result"] == "error"
    assert rows_of(whmcs, tables.tickets) == []


def test_line_open_ticket_by_name_and_email(whmcs: StandIn) -> None:
    sent = {"deptid": 1, "subject": "s", "message": "m", "name": "Bridge", "email": "bridge@example.com"}

    assert ask(whmcs, "OpenTicket", **sent)["result"] == "success"


def test_line_get_support_departments(whmcs: StandIn) -> None:
    found = ask(whmcs, "GetSupportDepartments", ignore_dept_assignments="1")["departments"]["department"]

    assert [(each["id"], each["name"]) for each in found] == [("1", "Support"), ("2", "Telephony")]


def test_line_add_ticket_note_and_add_client_note(whmcs: StandIn, service_id: int) -> None:
    sent = {"deptid": 1, "subject": "s", "message": "m", "clientid": 1}
    opened = ask(whmcs, "OpenTicket", **sent)

    assert ask(whmcs, "AddTicketNote", ticketnum=opened["tid"], message="seen")["result"] == "success"
    assert "noteid" in ask(whmcs, "AddClientNote", userid=1, notes="seen")
    assert said(ask(whmcs, "AddTicketNote", ticketid=99, message="x")) == "Ticket ID not found"


@pytest.mark.parametrize("missing", ["notification_identifier", "title", "message"])
def test_line_trigger_notification_event_needs_all_three(whmcs: StandIn, missing: str) -> None:
    sent = {"notification_identifier": "bridge", "title": "Task", "message": "Look", missing: ""}

    assert ask(whmcs, "TriggerNotificationEvent", **sent)["result"] == "error"


def test_line_trigger_notification_event_attributes(whmcs: StandIn) -> None:
    sent = {"notification_identifier": "bridge", "title": "Task", "message": "Look", "statusStyle": "danger"}
    attributes = {"attributes[0][label]": "PBX", "attributes[0][value]": "down"}

    ask(whmcs, "TriggerNotificationEvent", **sent, **attributes)

    (event,) = rows_of(whmcs, tables.notifications)
    assert (event["identifier"], event["style"]) == ("bridge", "danger")
    assert event["attributes"] == '[{"label": "PBX", "value": "down"}]'
    assert ask(whmcs, "TriggerNotificationEvent", **{**sent, "statusStyle": "red"})["result"] == "error"


def test_line_log_activity_and_get_activity_log(whmcs: StandIn, service_id: int) -> None:
    ask(whmcs, "LogActivity", description="voipbridge: tenant created", clientid=1)
    ask(whmcs, "LogActivity", description="other")

    found = only(ask(whmcs, "GetActivityLog", clientid=1), "activity", "entry")

    assert (found["description"], found["clientId"]) == ("voipbridge: tenant created", 1)
    assert ask(whmcs, "GetActivityLog", description="tenant")["activity"]["entry"] == [found]


def test_line_get_email_templates(whmcs: StandIn) -> None:
    assert only(ask(whmcs, "GetEmailTemplates"), "emailtemplates", "emailtemplate")["name"] == seed.WELCOME


def test_line_there_is_no_api_to_create_a_to_do_item(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        item = tables.add(tx, tables.todo, title="Look")

    assert said(ask(whmcs, "AddToDoItem")) == "Command Not Found"
    assert ask(whmcs, "UpdateToDoItem", itemid=item, status="Completed")["result"] == "success"
    assert ask(whmcs, "GetToDoItems", status="Incomplete")["items"] == ""
    assert ask(whmcs, "GetToDoItems", status="Completed")["totalresults"] == 1


def test_line_add_project_task_needs_the_paid_addon(whmcs: StandIn) -> None:
    assert ask(whmcs, "AddProjectTask", projectid=1)["result"] == "error"
    assert ask(whmcs, "CreateProject")["result"] == "error"


# --- the system ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["8.13.1", "9.0.1"])
def test_line_get_admin_details_and_whmcs_details_tell_the_version(whmcs: StandIn, version: str) -> None:
    installed = replace(whmcs, version=version)

    assert ask(installed, "GetAdminDetails")["whmcs"]["version"] == version
    assert ask(installed, "WhmcsDetails")["whmcs"]["version"] == version
    assert ask(installed, "GetAdminDetails")["name"] == "VoIP Bridge"


def test_line_get_admin_users(whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        tables.add(tx, tables.admins, username="left", disabled=1)

    assert [each["username"] for each in ask(whmcs, "GetAdminUsers")["admin_users"]] == ["bridge"]
    assert ask(whmcs, "GetAdminUsers", include_disabled="1")["count"] == 2


def test_line_get_and_set_configuration_value(whmcs: StandIn) -> None:
    assert ask(whmcs, "GetConfigurationValue", setting="SystemURL")["value"] == "https://whmcs.example/"
    ask(whmcs, "SetConfigurationValue", setting="CompanyName", value="Tom & Co")
    assert ask(whmcs, "GetConfigurationValue", setting="CompanyName")["value"] == "Tom &amp; Co"
    assert ask(whmcs, "GetConfigurationValue", setting="Nonsense")["result"] == "error"
    assert ask(whmcs, "SetConfigurationValue", setting="Nonsense", value="1")["result"] == "error"


def test_line_create_sso_token(whmcs: StandIn, service_id: int) -> None:
    made = ask(whmcs, "CreateSsoToken", client_id=1, destination="clientarea:services")

    assert made["access_token"] in made["redirect_url"]
    assert said(ask(whmcs, "CreateSsoToken", client_id=99)) == "Client ID Not Found"


def test_line_encrypt_password_differs_each_time(whmcs: StandIn) -> None:
    first, second = (ask(whmcs, "EncryptPassword", password2="hunter2")["password"] for _ in range(2))

    assert first != second
    assert ask(whmcs, "DecryptPassword", password2=first)["password"] == "hunter2"
    assert ask(whmcs, "DecryptPassword", password2="!")["result"] == "error"


def test_line_get_automation_log_payment_methods_and_health(whmcs: StandIn) -> None:
    assert ask(whmcs, "GetAutomationLog")["currentDatetime"] == "2026-02-01 12:00:00"
    assert only(ask(whmcs, "GetPaymentMethods"), "paymentmethods", "paymentmethod")["module"] == "banktransfer"
    assert "checks" in ask(whmcs, "GetHealthStatus")


@pytest.mark.parametrize(
    "action",
    ["UpdateModuleConfiguration", "ActivateModule", "DeactivateModule", "GetModuleConfigurationParameters"],
)
def test_line_supported_module_types_are_only_named_in_the_error_text(whmcs: StandIn, action: str) -> None:
    assert "gateway, registrar, addon, fraud" in said(ask(whmcs, action, moduleType="server", moduleName="voipbridge"))
