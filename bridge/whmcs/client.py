"""What we ask of WHMCS: its remote API, one POST to includes/api.php for each question.

Quirk: no action knows an idempotency key. A repeated ticket or mail is a second one, so writes are sent once and a lost
answer is an OutcomeUnknown that the caller settles. Reads are repeated, at most twice within 5 seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import httpx
import tenacity

from bridge.errors import NotPrepared, NotReached, Refused
from bridge.secret import Secret
from bridge.whmcs import php
from bridge.whmcs.answer import lost, read_answer
from bridge.whmcs.exchange import exchange

T = TypeVar("T")

Priority = Literal["Low", "Medium", "High"]
StatusStyle = Literal["success", "danger", "info"]
MailKind = Literal["general", "product", "domain", "invoice", "support", "affiliate"]

READS = (
    "GetAdminDetails",
    "GetClientsProducts",
    "GetConfigurationValue",
    "GetModuleQueue",
    "GetSupportDepartments",
    "WhmcsDetails",
)
WRITES = ("LogActivity", "OpenTicket", "SendEmail", "TriggerNotificationEvent", "UpdateClientProduct")
"""With the reads, every action that the bridge's API role has to allow."""


@dataclass(frozen=True, slots=True)
class Details:
    """Who answers, and as whom we speak: the connection test."""

    version: str
    admin_id: int
    admin_name: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A service as GetClientsProducts shows it, without its password."""

    service_id: int
    client_id: int
    product_id: int
    server_id: int | None
    status: str
    domain: str
    username: str
    suspend_reason: str


@dataclass(frozen=True, slots=True)
class Department:
    department_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Ticket:
    ticket_id: int
    number: str
    """What staff and clients call it by."""


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A failed module action that waits for a person."""

    entry_id: int
    service_id: int
    module: str
    action: str
    error: str
    retries: int
    completed: bool


class Whmcs:
    def __init__(
        self,
        http: httpx.Client,
        *,
        identifier: str,
        secret: Secret,
        access_key: Secret | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`http` is of `bridge.http.client`, with WHMCS's own folder as its base URL."""
        self._http = http
        self._identifier = identifier
        self._secret = secret
        self._access_key = access_key
        self._wait = wait

    # --- reading -----------------------------------------------------------------------------------------------------

    def details(self) -> Details:
        version = self._read("WhmcsDetails", lambda answer: str(_inner(answer, "whmcs").get("version", "")))
        return self._read("GetAdminDetails", lambda answer: _details(version, answer))

    def service(self, service_id: int) -> ServiceRecord | None:
        """The service, or None when WHMCS says that there is none."""
        try:
            return self._read("GetClientsProducts", lambda answer: _service(answer, service_id), serviceid=service_id)
        except Refused as error:
            if str(error.facts.get("whmcs_message", "")).lower() in ("service id not found", "service not found"):
                return None
            raise

    def configuration_value(self, setting: str) -> str:
        return self._read("GetConfigurationValue", lambda answer: php.decoded(answer.get("value")), setting=setting)

    def departments(self) -> tuple[Department, ...]:
        """Every department, also those our administrator is not assigned to."""
        return self._read("GetSupportDepartments", _departments, ignore_dept_assignments=True)

    def module_queue(self, service_id: int | None = None, action: str | None = None) -> tuple[QueueEntry, ...]:
        return self._read(
            "GetModuleQueue", _queue_entries, serviceType="service", relatedId=service_id, moduleAction=action
        )

    # --- writing -----------------------------------------------------------------------------------------------------

    def update_service_status(self, service_id: int, status: str, *, suspend_reason: str | None = None) -> None:
        """Set the status on WHMCS's record. It runs no module command, and the same twice is the same once."""
        self._write("UpdateClientProduct", _nothing, serviceid=service_id, status=status, suspendreason=suspend_reason)

    def send_email(self, template: str, about_id: int, variables: Mapping[str, str] | None = None) -> None:
        """Send a template; `about_id` is the client, service, invoice or ticket that its type asks for."""
        packed = php.packed(variables) if variables else None
        self._write("SendEmail", _nothing, messagename=template, id=about_id, customvars=packed)

    def send_custom_email(self, kind: MailKind, about_id: int, *, subject: str, message: str) -> None:
        self._write("SendEmail", _nothing, customtype=kind, id=about_id, customsubject=subject, custommessage=message)

    def open_ticket(
        self,
        department_id: int,
        *,
        subject: str,
        message: str,
        priority: Priority = "Medium",
        client_id: int | None = None,
        service_id: int | None = None,
        name: str | None = None,
        email: str | None = None,
    ) -> Ticket:
        """A ticket of a client, or of `name` and `email`."""
        return self._write(
            "OpenTicket",
            lambda answer: Ticket(php.number(answer.get("id")), str(answer.get("tid", ""))),
            deptid=department_id,
            subject=subject,
            message=message,
            priority=priority,
            clientid=client_id,
            serviceid=service_id,
            name=name,
            email=email,
            admin=True,
        )

    def trigger_notification(
        self,
        identifier: str,
        *,
        title: str,
        message: str,
        url: str | None = None,
        status: str | None = None,
        style: StatusStyle | None = None,
        attributes: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Reaches somebody only if an administrator made a rule for this identifier."""
        self._write(
            "TriggerNotificationEvent",
            _nothing,
            notification_identifier=identifier,
            title=title,
            message=message,
            url=url,
            status=status,
            statusStyle=style,
            attributes=[{"label": label, "value": value} for label, value in attributes],
        )

    def log_activity(self, description: str, client_id: int | None = None) -> None:
        self._write("LogActivity", _nothing, description=description, clientid=client_id)

    # --- whether we may at all ---------------------------------------------------------------------------------------

    def probe(self, action: str) -> None:
        """Raises NotPrepared where WHMCS is not set up to let us ask this. Asked without what it needs, so it does
        nothing: every write refuses for want of its parameters once the door has let us in."""
        try:
            self._ask(action, {"limitnum": 1}, _nothing, is_write=False)
        except NotPrepared:
            raise
        except Refused as refused:
            if "command not found" in str(refused.facts.get("whmcs_message", "")).lower():
                raise NotPrepared(f"this WHMCS does not know {action}; it is older than 8.0") from refused

    # --- one exchange ------------------------------------------------------------------------------------------------

    def _read(self, action: str, read: Callable[[dict[str, Any]], T], **parameters: Any) -> T:
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NotReached),
            stop=tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(5),
            wait=tenacity.wait_fixed(0.3),
            sleep=self._wait,
            reraise=True,
        )
        return again(lambda: self._ask(action, parameters, read, is_write=False))

    def _write(self, action: str, read: Callable[[dict[str, Any]], T], **parameters: Any) -> T:
        return self._ask(action, parameters, read, is_write=True)

    def _ask(
        self, action: str, parameters: Mapping[str, Any], read: Callable[[dict[str, Any]], T], *, is_write: bool
    ) -> T:
        fields = php.form({"action": action, "responsetype": "json", **parameters}) + self._credentials()
        answer = exchange(self._http, "includes/api.php", asked=action, reading=not is_write, form=dict(fields))
        try:
            return read(read_answer(action=action, is_write=is_write, status=answer.status, body=answer.body))
        except php.Unreadable as error:
            raise lost(action, is_write=is_write, what=str(error)) from error

    def _credentials(self) -> list[tuple[str, str]]:
        pairs = [("identifier", self._identifier), ("secret", self._secret.reveal())]
        return [*pairs, ("accesskey", self._access_key.reveal())] if self._access_key else pairs


def _nothing(answer: Mapping[str, Any]) -> None:
    """A write whose success is all there is to know."""


def _inner(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = answer.get(name)
    return found if isinstance(found, Mapping) else {}


def _details(version: str, answer: Mapping[str, Any]) -> Details:
    permissions = answer.get("allowedpermissions") or ""
    if isinstance(permissions, Mapping):
        permissions = list(permissions.values())
    names = permissions if isinstance(permissions, list) else str(permissions).split(",")
    return Details(
        version=version,
        admin_id=php.number(answer.get("adminid")),
        admin_name=php.decoded(answer.get("name")),
        permissions=tuple(str(name).strip() for name in names if str(name).strip()),
    )


def _service(answer: Mapping[str, Any], service_id: int) -> ServiceRecord | None:
    found = [row for row in php.rows(answer, "products", "product") if php.number(row.get("id")) == service_id]
    if not found and php.number(answer.get("totalresults")) > 0:
        raise php.Unreadable("it counts services and shows none of them")
    return _service_record(found[0]) if found else None


def _departments(answer: Mapping[str, Any]) -> tuple[Department, ...]:
    found = php.rows(answer, "departments", "department")
    return tuple(Department(php.number(row.get("id")), php.decoded(row.get("name"))) for row in found)


def _queue_entries(answer: Mapping[str, Any]) -> tuple[QueueEntry, ...]:
    return tuple(_queue_entry(row) for row in php.rows(answer, "queue"))


def _service_record(row: Mapping[str, Any]) -> ServiceRecord:
    return ServiceRecord(
        service_id=php.number(row.get("id")),
        client_id=php.number(row.get("clientid")),
        product_id=php.number(row.get("pid")),
        server_id=php.reference(row.get("serverid")),
        status=str(row.get("status", "")),
        domain=php.decoded(row.get("domain")),
        username=php.decoded(row.get("username")),
        suspend_reason=php.decoded(row.get("suspensionreason")),
    )


def _queue_entry(row: Mapping[str, Any]) -> QueueEntry:
    return QueueEntry(
        entry_id=php.number(row.get("id")),
        service_id=php.number(row.get("serviceId")),
        module=str(row.get("moduleName", "")),
        action=str(row.get("moduleAction", "")),
        error=php.decoded(row.get("lastAttemptError")),
        retries=php.number(row.get("numRetries")),
        completed=php.truth(row.get("completed")),
    )
