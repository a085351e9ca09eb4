"""A tenant as we want it or as a PBX has it, and the four verbs every driver speaks.

    verb             nothing there    already so        there, ours       there, unmarked     another's marker
    find(domain)     None             the tenant        the tenant        it, marker None     it, their marker
    put(tenant)      makes it         changes nothing   makes it match    Conflict or adopts  Conflict
    remove(tenant)   nothing to do    nothing to do     removes it        Conflict            Conflict
    calls(after)     an empty page    the page again    the next page     as reported         as reported

Every verb is safe to repeat. `put` adopts an unmarked tenant only when told to. What one PBX cannot do is a
`Refused` with a clear sentence, never a silent skip; `capabilities` says so beforehand.

Inside a tenant that is ours, `put` looks at each object by its key:

    object           wanted                       not wanted
    not there        makes it                     nothing to do
    made by put      makes it match               removes it
    made by hand     makes it match, is ours now  leaves it: it is `unknown`, and a person or a policy decides

So adopting a tenant, or wanting too little by mistake, takes nothing away that people made. A limit that the PBX does
not enforce stays with the bridge. `service_id` and `emergency` are the bridge's own notes: `find` need not give them. A
password of None means "leave it as it is".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from bridge.secret import Secret

if TYPE_CHECKING:
    from bridge.network import Guard


@dataclass(frozen=True, slots=True)
class Extension:
    number: str
    name: str = ""
    service_id: int | None = None
    password: Secret | None = None
    enabled: bool = True
    outbound: bool = True
    """False: may call emergency numbers only."""
    voicemail: bool = False
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class Gateway:
    name: str
    host: str
    service_id: int | None = None
    username: str = ""
    password: Secret | None = None
    register: bool = False
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Number:
    """A public number (E.164 digits), and the extension or gateway of the tenant that its calls go to."""

    e164: str
    target: str = ""
    service_id: int | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """Outbound: numbers matching `pattern` leave by `gateway`, the lowest order first."""

    name: str
    pattern: str
    gateway: str
    service_id: int | None = None
    order: int = 100
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer or site on a PBX. Wanted and actual tenants are values of the same kind."""

    domain: str
    marker: str | None = None
    """Whose it is: the identifier we chose before the first attempt; None when nobody marked it."""
    description: str = ""
    enabled: bool = True
    outbound: bool = True
    """False: the whole tenant may call emergency numbers only."""
    admin_username: str = ""
    admin_password: Secret | None = None
    extensions: tuple[Extension, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    numbers: tuple[Number, ...] = ()
    routes: tuple[Route, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    """(name, most allowed), sorted by name; a limit that is not there is unlimited."""
    emergency: frozenset[str] = frozenset()
    """The numbers for help where its people are: whatever else stops, they are reached (F-19)."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call as the PBX reported it."""

    call_id: str
    domain: str
    direction: Literal["inbound", "outbound", "local"]
    caller: str
    callee: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    seconds: int
    extension: str = ""
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class CallPage:
    calls: tuple[CallRecord, ...]
    after: str
    """Where the next page starts; opaque to everyone but the driver."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a PBX can express. A policy that needs more is refused when it is configured, not when it is used."""

    dial_restrict: bool
    """Outbound refused while emergency and inbound calls go on."""
    objects: frozenset[str]
    """Of extensions, gateways, numbers, routes, limits, administrator: those the PBX keeps."""
    limits: frozenset[str] = frozenset()
    """The limits the PBX enforces by itself."""
    features: frozenset[str] = frozenset()
    """The features of a package it can switch on and off."""
    single_sign_on: bool = False
    secrets_readable: bool = True
    """False: passwords can be written and never read back, so they are not compared."""
    domain_names: bool = False
    """True: a tenant is reached under its own name, so its domain must resolve to the PBX and be in its certificate."""


@dataclass(frozen=True, slots=True)
class Check:
    """One answer of a connection test."""

    name: str
    status: Literal["ok", "warn", "fail"]
    latency_ms: int
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a driver may touch besides its own configuration."""

    guard: Guard
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]


class Driver(Protocol):
    """What the bridge may ask of a PBX."""

    @property
    def capabilities(self) -> Capabilities: ...

    def find(self, domain: str) -> Tenant | None: ...

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None: ...

    def remove(self, tenant: Tenant) -> None: ...

    def calls(self, after: str, limit: int = 1000) -> CallPage: ...

    def domains(self) -> Sequence[str]:
        """Every tenant the PBX has, by its domain: for comparison, never for action."""
        ...

    def checks(self) -> Iterable[Check]:
        """The part of a connection test only the driver can make: signing in, rights, version, clock, call records."""
        ...


Kept = Literal["extensions", "gateways", "numbers", "routes"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a PBX is not as wanted."""

    what: str
    """'tenant', or a kind and its key: 'extension 101'."""
    member: str
    """The member that differs, or 'missing' or 'unknown'."""
    wanted: str = field(default="")
    actual: str = field(default="")
