"""Rows as WHMCS stores them become the values of `records.py`, wherever the rows came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from bridge.errors import NotReached
from bridge.whmcs import php
from bridge.whmcs.questions import SETTINGS_MAX
from bridge.whmcs.records import (
    IDS_MAX,
    PAGE_MAX,
    Choice,
    Client,
    CustomField,
    Installation,
    Page,
    Product,
    ProductAddon,
    Server,
    ServerGroup,
    Service,
)

T = TypeVar("T")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowPage:
    rows: Sequence[Row]
    complete: bool


class Source(Protocol):
    """Where rows come from. Raises NotReached when it cannot tell, NotPrepared when WHMCS is not as it must be."""

    def installation(self) -> Row: ...

    def page(self, question: str, *, modules: Sequence[str] | None, after: int, limit: int) -> RowPage:
        """At most `limit` rows whose id is greater than `after`, by id."""
        ...

    def of(self, question: str, ids: Sequence[int]) -> Sequence[Row]:
        """Every row about these ids, never a part of them."""
        ...


class ReadRecords:
    """`records.Records` over a source of rows."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def installation(self) -> Installation:
        return _read("installation", _installation, self._source.installation())

    def services(self, modules: Iterable[str], *, after: int = 0, limit: int = PAGE_MAX) -> Page[Service]:
        return self._page("services", _service, modules, after=after, limit=limit)

    def products(self, modules: Iterable[str], *, after: int = 0, limit: int = PAGE_MAX) -> Page[Product]:
        return self._page("products", _product, modules, after=after, limit=limit)

    def servers(self, modules: Iterable[str], *, after: int = 0, limit: int = PAGE_MAX) -> Page[Server]:
        return self._page("servers", _server, modules, after=after, limit=limit)

    def server_groups(self, *, after: int = 0, limit: int = PAGE_MAX) -> Page[ServerGroup]:
        groups = self._page("server_groups", _group, None, after=after, limit=limit)
        members = self._many("members_of", _member, (group.group_id for group in groups.items))
        filled = tuple(ServerGroup(each.group_id, each.name, members[each.group_id]) for each in groups.items)
        return Page(filled, groups.after, groups.complete)

    def services_of(self, service_ids: Iterable[int]) -> Mapping[int, Service | None]:
        return self._one_each("services_of", _service, service_ids)

    def statuses_of(self, service_ids: Iterable[int]) -> Mapping[int, str | None]:
        return self._one_each("statuses_of", _status, service_ids)

    def clients_of(self, client_ids: Iterable[int]) -> Mapping[int, Client | None]:
        return self._one_each("clients_of", _client, client_ids)

    def choices_of(self, service_ids: Iterable[int]) -> Mapping[int, tuple[Choice, ...]]:
        return self._many("choices_of", _choice, service_ids)

    def addons_of(self, service_ids: Iterable[int]) -> Mapping[int, tuple[ProductAddon, ...]]:
        return self._many("addons_of", _addon, service_ids)

    def fields_of(self, service_ids: Iterable[int]) -> Mapping[int, tuple[CustomField, ...]]:
        return self._many("fields_of", _field, service_ids)

    def _page(
        self, question: str, read: Callable[[Row], T], modules: Iterable[str] | None, *, after: int, limit: int
    ) -> Page[T]:
        named = None if modules is None else sorted(set(modules))
        if named == []:
            return Page((), after, complete=True)
        found = self._source.page(question, modules=named, after=after, limit=max(1, min(limit, PAGE_MAX)))
        items = tuple(_read(question, read, row) for row in found.rows)
        last = _read(question, _id, found.rows[-1]) if found.rows else after
        return Page(items, last, found.complete)

    def _one_each(self, question: str, read: Callable[[Row], T], ids: Iterable[int]) -> dict[int, T | None]:
        found: dict[int, T | None] = {}
        for some in _chunks(ids):
            found |= dict.fromkeys(some)
            for row in self._source.of(question, some):
                found[_asked(question, _read(question, _id, row), some)] = _read(question, read, row)
        return found

    def _many(
        self, question: str, read: Callable[[Row], tuple[int, T]], ids: Iterable[int]
    ) -> dict[int, tuple[T, ...]]:
        found: dict[int, tuple[T, ...]] = {}
        for some in _chunks(ids):
            found |= dict.fromkeys(some, ())
            for row in self._source.of(question, some):
                whose, value = _read(question, read, row)
                found[_asked(question, whose, some)] += (value,)
        return found


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    every = sorted(set(ids))
    for start in range(0, len(every), IDS_MAX):
        yield every[start : start + IDS_MAX]


def _asked(question: str, row_id: int, asked: Sequence[int]) -> int:
    """A row that nobody asked about shows that the answer belongs to another question."""
    if row_id not in asked:
        raise NotReached(f"WHMCS answered {question} about {row_id}, which was not asked", kind="unavailable")
    return row_id


def _read(question: str, read: Callable[[Row], T], row: Row) -> T:
    try:
        return read(row)
    except (php.Unreadable, KeyError, IndexError) as error:
        what = f"WHMCS's answer to {question} has a row that cannot be read: {error}"
        raise NotReached(what, kind="unavailable") from error


def _id(row: Row) -> int:
    return php.number(row["id"])


def _installation(row: Row) -> Installation:
    return Installation(
        system_url=php.decoded(row["system_url"]).strip(),
        version=php.decoded(row["version"]).strip(),
        installation_id=php.decoded(row["installation_id"]).strip() or None,
        host=str(row["host"]),
    )


def _service(row: Row) -> Service:
    return Service(
        service_id=php.number(row["id"]),
        client_id=php.number(row["userid"]),
        product_id=php.number(row["packageid"]),
        module=str(row["servertype"] or ""),
        server_id=php.reference(row["server"]),
        status=str(row["domainstatus"]),
        domain=php.decoded(row["domain"]).strip(),
        username=php.decoded(row["username"]),
        suspend_reason=php.decoded(row["suspendreason"]),
        override_auto_suspend=php.truth(row["overideautosuspend"]),
        override_until=php.day(row["overidesuspenduntil"]),
        registered_on=php.day(row["regdate"]),
        next_due_on=php.day(row["nextduedate"]),
        terminated_on=php.day(row["termination_date"]),
        billing_cycle=str(row["billingcycle"] or ""),
    )


def _status(row: Row) -> str:
    return str(row["domainstatus"])


def _product(row: Row) -> Product:
    return Product(
        product_id=php.number(row["id"]),
        name=php.decoded(row["name"]),
        module=str(row["servertype"]),
        settings=tuple(php.decoded(row[f"configoption{n}"]) for n in range(1, SETTINGS_MAX + 1)),
        server_group_id=php.reference(row["servergroup"]),
        welcome_mail=php.decoded(row["welcome"]),
    )


_KINDS: Mapping[int, Literal["dropdown", "radio", "yes_no", "quantity"]] = {
    1: "dropdown",
    2: "radio",
    3: "yes_no",
    4: "quantity",
}


def _choice(row: Row) -> tuple[int, Choice]:
    kind = _KINDS.get(php.number(row["optiontype"]))
    if kind is None:
        raise php.Unreadable("a configurable option of an unknown type")
    counted = kind in ("yes_no", "quantity")
    quantity = php.number(row["qty"]) if counted else 1
    choice = Choice(
        service_id=php.number(row["relid"]),
        option_id=php.number(row["configid"]),
        name=php.before_bar(php.decoded(row["optionname"])),
        kind=kind,
        value=str(quantity) if counted else php.before_bar(php.decoded(row["chosen"])),
        quantity=quantity,
    )
    return choice.service_id, choice


def _addon(row: Row) -> tuple[int, ProductAddon]:
    addon = ProductAddon(
        addon_id=php.number(row["id"]),
        service_id=php.number(row["hostingid"]),
        definition_id=php.reference(row["addonid"]),
        name=php.before_bar(php.decoded(row["definition"] or row["name"])),
        status=str(row["status"]),
        quantity=php.number(row["qty"]),
    )
    return addon.service_id, addon


def _field(row: Row) -> tuple[int, CustomField]:
    field = CustomField(
        service_id=php.number(row["relid"]),
        field_id=php.number(row["fieldid"]),
        name=php.before_bar(php.decoded(row["fieldname"])),
        value=php.before_bar(php.decoded(row["value"])),
    )
    return field.service_id, field


def _client(row: Row) -> Client:
    return Client(
        client_id=php.number(row["id"]),
        status=str(row["status"]),
        currency=str(row["code"] or ""),
        group_id=php.reference(row["groupid"]),
        exempt=php.truth(row["susptermexempt"]),
    )


def _server(row: Row) -> Server:
    return Server(
        server_id=php.number(row["id"]),
        name=php.decoded(row["name"]),
        hostname=php.decoded(row["hostname"]).strip(),
        ip_address=str(row["ipaddress"] or "").strip(),
        module=str(row["type"]),
        secure=php.truth(row["secure"]),
        port=php.reference(row["port"]),
        username=php.decoded(row["username"]),
        disabled=php.truth(row["disabled"]),
        accounts_max=php.number(row["maxaccounts"]),
    )


def _group(row: Row) -> ServerGroup:
    return ServerGroup(php.number(row["id"]), php.decoded(row["name"]), ())


def _member(row: Row) -> tuple[int, int]:
    return php.number(row["groupid"]), php.number(row["serverid"])
