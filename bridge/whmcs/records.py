"""WHMCS's own records as values, and the one seam through which they are read.

What a question can come back with:

    the answer                   a value. A record asked for by id that WHMCS does not have is there as None
    a page of a longer list      `Page.complete` is False: ask again after `Page.after`; absence proves nothing yet
    WHMCS could not be read      NotReached: nothing is known, nothing may be concluded
    WHMCS is not as expected     NotPrepared: a column, a right or the addon is missing, and the sentence says which

A record that is missing never removes anything by itself (F-5); who acts on it has to have read it as None here.
Text arrives as it was typed, without HTML entities. Zero dates are None. An id of 0 is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Generic, Literal, Protocol, TypeVar

T = TypeVar("T")

IDS_MAX = 500
"""The most ids one question may name."""

PAGE_MAX = 500
"""The most rows one page may hold."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    after: int
    """Where the next page starts: the last id of this one."""
    complete: bool
    """True: the list ends here."""


@dataclass(frozen=True, slots=True)
class Service:
    """A row of tblhosting: what a customer bought."""

    service_id: int
    client_id: int
    product_id: int
    module: str
    server_id: int | None
    status: str
    """As WHMCS spells it: Pending, Active, Completed, Suspended, Terminated, Cancelled, Fraud."""
    domain: str
    username: str
    suspend_reason: str
    override_auto_suspend: bool
    override_until: date | None
    """With `override_auto_suspend`: WHMCS does not suspend by itself before this day; None is for good."""
    registered_on: date | None
    next_due_on: date | None
    terminated_on: date | None
    billing_cycle: str


@dataclass(frozen=True, slots=True)
class Product:
    product_id: int
    name: str
    module: str
    settings: tuple[str, ...]
    """configoption1 to configoption24, in order."""
    server_group_id: int | None
    welcome_mail: str
    """The name of the template, empty when the product sends none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A configurable option as chosen for a service."""

    service_id: int
    option_id: int
    name: str
    """The part before `|`."""
    kind: Literal["dropdown", "radio", "yes_no", "quantity"]
    value: str
    """The chosen sub-option, its part before `|`. For yes/no and quantity the count, as in the module's parameters."""
    quantity: int
    """How many; 1 for a dropdown or radio choice, 0 for a no."""


@dataclass(frozen=True, slots=True)
class ProductAddon:
    """An add-on bought for a service (tblhostingaddons)."""

    addon_id: int
    service_id: int
    definition_id: int | None
    name: str
    """Its definition's name, the part before `|`; the name on the row where there is no definition."""
    status: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CustomField:
    service_id: int
    field_id: int
    name: str
    """The part before `|`. Fields belong to a product: after a product change the same name has another id."""
    value: str


@dataclass(frozen=True, slots=True)
class Server:
    """A row of tblservers, without its password: WHMCS alone can read that."""

    server_id: int
    name: str
    hostname: str
    ip_address: str
    module: str
    secure: bool
    port: int | None
    username: str
    disabled: bool
    accounts_max: int


@dataclass(frozen=True, slots=True)
class ServerGroup:
    group_id: int
    name: str
    server_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Client:
    client_id: int
    status: str
    currency: str
    """ISO code."""
    group_id: int | None
    exempt: bool
    """The client's group is exempt from automatic suspension and termination."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Which WHMCS this is (F-5). A copy differs in at least one of these, unless it was copied to deceive."""

    system_url: str
    version: str
    installation_id: str | None
    """The random id that our addon keeps; None before the addon was activated."""
    host: str
    """The database server's own name and the schema, as the database tells them."""


class Records(Protocol):
    """Reading WHMCS. By SQL (`sql.py`) or through the addon's signed endpoint (`addon.py`); both keep one contract."""

    def installation(self) -> Installation: ...

    def services(self, modules: Iterable[str], *, after: int = 0, limit: int = PAGE_MAX) -> Page[Service]:
        """Services whose product uses one of these modules, by id. One whose product was changed is not among them."""
        ...

    def services_of(self, service_ids: Iterable[int]) -> Mapping[int, Service | None]:
        """Every service asked for, whatever its module; None where WHMCS has no such row."""
        ...

    def statuses_of(self, service_ids: Iterable[int]) -> Mapping[int, str | None]: ...

    def choices_of(self, service_ids: Iterable[int]) -> Mapping[int, tuple[Choice, ...]]: ...

    def addons_of(self, service_ids: Iterable[int]) -> Mapping[int, tuple[ProductAddon, ...]]: ...

    def fields_of(self, service_ids: Iterable[int]) -> Mapping[int, tuple[CustomField, ...]]: ...

    def clients_of(self, client_ids: Iterable[int]) -> Mapping[int, Client | None]: ...

    def products(self, modules: Iterable[str], *, after: int = 0, limit: int = PAGE_MAX) -> Page[Product]: ...

    def servers(self, modules: Iterable[str], *, after: int = 0, limit: int = PAGE_MAX) -> Page[Server]: ...

    def server_groups(self, *, after: int = 0, limit: int = PAGE_MAX) -> Page[ServerGroup]: ...


def every(question: Callable[[int], Page[T]]) -> Iterator[T]:
    """All items of a paged question, to its end: `every(lambda after: records.services(modules, after=after))`."""
    after = 0
    while True:
        page = question(after)
        yield from page.items
        if page.complete:
            return
        after = page.after
