"""WHMCS's tables, as far as they are documented, for SQLite and MariaDB.

Dates are text here, so that `0000-00-00` is as ordinary as in WHMCS. Text is stored with HTML entities, switches as
'on' and ''. Tables and columns that no document confirms end in the comment "ours".
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData()

NO_DAY = "0000-00-00"
NO_MOMENT = "0000-00-00 00:00:00"


class Amount(TypeDecorator[Decimal]):
    """DECIMAL(16,2); text on SQLite, which would make a float of it."""

    impl = String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DECIMAL(16, 2))
        return dialect.type_descriptor(String(32))

    def process_bind_param(self, value: Decimal | str | int | None, dialect: Dialect) -> str | None:
        return None if value is None else f"{Decimal(value):.2f}"

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(str(value))


class Moment(TypeDecorator[str]):
    """A DATE or DATETIME that may be zero, as text."""

    impl = String(19)
    cache_ok = True

    def __init__(self, *, day_only: bool) -> None:
        super().__init__()
        self.day_only = day_only

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATE() if self.day_only else mysql.DATETIME())
        return dialect.type_descriptor(String(19))

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


def table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, metadata, *columns, mysql_engine="InnoDB", mysql_charset="utf8mb4", sqlite_autoincrement=True)


def add(tx: Connection, target: Table, **values: Any) -> int:
    """A new row, and its id."""
    made = tx.execute(target.insert().values(**values)).inserted_primary_key
    return int(made[0]) if made else 0


def row_id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def number(name: str, default: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, default=default)


def word(name: str, default: str = "", length: int = 255) -> Column[str]:
    return Column(name, String(length), nullable=False, default=default)


def long_text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="")


def day(name: str) -> Column[str]:
    return Column(name, Moment(day_only=True), nullable=False, default=NO_DAY)


def moment(name: str) -> Column[str]:
    return Column(name, Moment(day_only=False), nullable=False, default=NO_MOMENT)


def amount(name: str, default: str = "0.00") -> Column[Decimal]:
    return Column(name, Amount, nullable=False, default=Decimal(default))


# --- clients, currencies, staff --------------------------------------------------------------------------------------

clients = table(
    "tblclients",
    row_id(),
    *(word(name) for name in ("uuid", "firstname", "lastname", "companyname", "email", "address1", "address2")),
    *(word(name) for name in ("city", "state", "postcode", "country", "phonenumber")),
    number("currency", 1),
    number("groupid"),
    word("status", "Active"),
    amount("credit"),
    word("defaultgateway"),
    word("language"),
    day("datecreated"),
    long_text("notes"),
)
client_groups = table(
    "tblclientgroups",
    row_id(),
    word("groupname"),
    word("groupcolour"),
    amount("discountpercent"),
    word("susptermexempt"),
    word("separateinvoices"),
)
currencies = table(
    "tblcurrencies",
    row_id(),
    word("code"),
    word("prefix"),
    word("suffix"),
    number("format", 1),
    word("rate", "1.00000"),
    number("default"),
)
admins = table("tbladmins", row_id(), number("roleid", 1), word("username"), word("name"), number("disabled"))

# --- the catalogue ---------------------------------------------------------------------------------------------------

products = table(
    "tblproducts",
    row_id(),
    word("type", "other"),
    number("gid", 1),
    word("name"),
    long_text("description"),
    word("hidden"),
    word("retired"),
    number("welcomeemail"),
    word("paytype", "recurring"),
    word("autosetup", "payment"),
    word("servertype"),
    number("servergroup"),
    *(word(f"configoption{n}", length=500) for n in range(1, 25)),
    number("order"),
)
product_groups = table("tblproductgroups", row_id(), word("name"), word("headline"), word("tagline"), word("hidden"))
config_groups = table("tblproductconfiggroups", row_id(), word("name"), long_text("description"))
config_links = table("tblproductconfiglinks", row_id(), number("gid"), number("pid"))
config_options = table(
    "tblproductconfigoptions",
    row_id(),
    number("gid"),
    word("optionname"),
    number("optiontype", 1),
    number("qtyminimum"),
    number("qtymaximum"),
    number("order"),
    number("hidden"),
)
config_subs = table(
    "tblproductconfigoptionssub",
    row_id(),
    number("configid"),
    word("optionname"),
    number("sortorder"),
    number("hidden"),
)
addon_definitions = table(
    "tbladdons", row_id(), word("packages"), word("name"), long_text("description"), word("billingcycle", "Monthly")
)
custom_fields = table(
    "tblcustomfields",
    row_id(),
    word("type", "product"),
    number("relid"),
    word("fieldname"),
    word("fieldtype", "text"),
    word("fieldoptions"),
    word("adminonly"),
    word("required"),
    word("showorder"),
)
servers = table(
    "tblservers",
    row_id(),
    word("name"),
    word("ipaddress"),
    word("assignedips"),
    word("hostname"),
    word("type"),
    word("username"),
    word("password"),
    word("accesshash"),
    word("secure"),
    word("port"),
    number("maxaccounts"),
    number("active"),
    number("disabled"),
)
server_groups = table("tblservergroups", row_id(), word("name"))
server_groups_rel = table("tblservergroupsrel", row_id(), number("groupid"), number("serverid"))

# --- what customers bought -------------------------------------------------------------------------------------------

hosting = table(
    "tblhosting",
    row_id(),
    number("userid"),
    number("orderid"),
    number("packageid"),
    number("server"),
    day("regdate"),
    word("domain"),
    word("paymentmethod", "banktransfer"),
    amount("firstpaymentamount"),
    amount("amount"),
    word("billingcycle", "Monthly"),
    day("nextduedate"),
    day("nextinvoicedate"),
    day("termination_date"),
    day("completed_date"),
    word("domainstatus", "Pending"),
    word("username"),
    word("password"),
    long_text("notes"),
    word("subscriptionid"),
    number("promoid"),
    word("suspendreason"),
    word("overideautosuspend"),
    day("overidesuspenduntil"),
    word("dedicatedip"),
    word("assignedips"),
    word("ns1"),
    word("ns2"),
    number("diskusage"),
    number("disklimit"),
    number("bwusage"),
    number("bwlimit"),
    moment("lastupdate"),
)
hosting_options = table(
    "tblhostingconfigoptions", row_id(), number("relid"), number("configid"), number("optionid"), number("qty")
)
hosting_addons = table(
    "tblhostingaddons",
    row_id(),
    number("orderid"),
    number("userid"),
    number("hostingid"),
    number("addonid"),
    word("name"),
    number("qty", 1),  # ours: documented nowhere, present in some versions
    amount("recurring"),
    word("billingcycle", "Monthly"),
    word("status", "Active"),
    day("regdate"),
    day("nextduedate"),
)
custom_values = table("tblcustomfieldsvalues", row_id(), number("fieldid"), number("relid"), long_text("value"))
orders = table(
    "tblorders",
    row_id(),
    word("ordernum"),
    number("userid"),
    moment("date"),
    number("invoiceid"),
    word("status", "Pending"),
)
upgrades = table(
    "tblupgrades",
    row_id(),
    number("userid"),
    number("relid"),
    word("type", "package"),
    word("originalvalue"),
    word("newvalue"),
    word("status", "Pending"),
)
cancel_requests = table(
    "tblcancelrequests", row_id(), moment("date"), number("relid"), long_text("reason"), word("type")
)

# --- money -----------------------------------------------------------------------------------------------------------

credits = table(
    "tblcredit",
    row_id(),
    number("clientid"),
    number("admin_id"),
    day("date"),
    long_text("description"),
    amount("amount"),
    number("relid"),
)
billable_items = table(
    "tblbillableitems",
    row_id(),
    number("userid"),
    long_text("description"),
    word("unit", "quantity"),
    amount("hours"),
    amount("amount"),
    number("recur"),
    word("recurcycle"),
    number("recurfor"),
    number("invoiceaction"),
    day("duedate"),
    number("invoicecount"),
)
invoices = table(
    "tblinvoices",
    row_id(),
    number("userid"),
    word("invoicenum"),
    day("date"),
    day("duedate"),
    moment("datepaid"),
    amount("subtotal"),
    amount("credit"),
    amount("tax"),
    amount("tax2"),
    amount("total"),
    amount("taxrate"),
    amount("taxrate2"),
    word("status", "Unpaid"),
    word("paymentmethod", "banktransfer"),
    long_text("notes"),
)
invoice_items = table(
    "tblinvoiceitems",
    row_id(),
    number("invoiceid"),
    number("userid"),
    word("type"),
    number("relid"),
    long_text("description"),
    amount("amount"),
    number("taxed"),
    day("duedate"),
    word("paymentmethod"),
)
transactions = table(
    "tblaccounts",
    row_id(),
    number("userid"),
    number("currency"),
    word("gateway"),
    moment("date"),
    long_text("description"),
    amount("amountin"),
    amount("fees"),
    amount("amountout"),
    word("rate", "1.00000"),
    word("transid"),
    number("invoiceid"),
    number("refundid"),
)

# --- settings, mail, tickets, logs -----------------------------------------------------------------------------------

configuration = table("tblconfiguration", row_id(), word("setting"), long_text("value"))
addon_modules = table("tbladdonmodules", row_id(), word("module"), word("setting"), long_text("value"))
email_templates = table(
    "tblemailtemplates",
    row_id(),
    word("type", "product"),
    word("name"),
    word("subject"),
    long_text("message"),
    number("disabled"),
    number("custom"),
    word("language"),
)
module_queue = table(
    "tblmodulequeue",
    row_id(),
    word("service_type", "service"),
    number("service_id"),
    word("module_name"),
    word("module_action"),
    moment("last_attempt"),
    long_text("last_attempt_error"),
    number("num_retries"),
    number("completed"),
    moment("created_at"),
    moment("updated_at"),
    Index("queue_service", "service_id"),
)
departments = table("tblticketdepartments", row_id(), word("name"), word("email"), word("hidden"), number("order"))
tickets = table(
    "tbltickets",
    row_id(),
    word("tid"),
    word("c"),
    number("did"),
    number("userid"),
    word("name"),
    word("email"),
    word("title"),
    long_text("message"),
    word("urgency", "Medium"),
    word("service"),
    word("status", "Open"),
    word("admin"),
    moment("date"),
)
notes = table(
    "tblnotes", row_id(), word("kind"), number("relid"), long_text("note"), number("sticky"), moment("created")
)
activity = table(
    "tblactivitylog",
    row_id(),
    moment("date"),
    long_text("description"),
    word("user"),
    number("userid"),
    word("ipaddr"),
)
module_log = table(
    "tblmodulelog",
    row_id(),
    moment("date"),
    word("module"),
    word("action"),
    number("serviceid"),
    long_text("response"),
)
todo = table(
    "tbltodolist",
    row_id(),
    day("date"),
    word("title"),
    long_text("description"),
    number("admin"),
    word("status", "New"),
    day("duedate"),
)

# --- what a WHMCS does not keep in a table, and a stand-in has to show: all ours --------------------------------------

mails = table(
    "standin_mails",
    row_id(),
    moment("date"),
    word("recipient", "client"),
    word("template"),
    number("relid"),
    word("subject"),
    long_text("message"),
    long_text("variables"),
)
notifications = table(
    "standin_notifications",
    row_id(),
    moment("date"),
    word("identifier"),
    word("title"),
    long_text("message"),
    word("url"),
    word("status"),
    word("style"),
    long_text("attributes"),
)
hooks = table("standin_hooks", row_id(), moment("date"), word("hook"), number("serviceid"))
requests = table(
    "standin_requests",
    row_id(),
    moment("date"),
    word("action"),
    word("outcome"),
)
# What our modules keep inside WHMCS.
counters = table(
    "mod_voipbridge_counters",
    Column("serviceid", Integer, primary_key=True, autoincrement=False),
    number("counter"),
    word("action"),
    word("digest"),
    number("finished"),
)
nonces = table(
    "mod_voipbridge_nonces",
    Column("nonce", String(32), primary_key=True),
    number("expires"),
)
module_state = table("mod_voipbridge_state", Column("name", String(64), primary_key=True), word("value"))
