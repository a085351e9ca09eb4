"""The connection test of a server: name, port and certificate first, and then what only the driver can find out.

Each answer stands alone (status, time taken, what was found, what to do). What comes after a failure is not tried and
says so, so that the first red line is the one to mend and nothing waits for a host that is not there.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from cryptography import x509

from bridge.errors import BridgeError, NotPrepared
from bridge.http import read_url
from bridge.network import Address, Guard, Trust, fingerprint
from bridge.pbx.driver import Check, Driver
from bridge.pbx.setting import trust_of
from bridge.transport import CONNECT_SECONDS, boot_seconds

OF_THE_DRIVER = ("authentication", "authorisation", "allow_list", "clock", "call_records")
"""What every driver answers for; one that says nothing about it is a failure of the test."""

EXPIRY_WARN_DAYS = 21
_ODD_LABEL = "bridge-test-0f2c"
"""A name nobody has made: it resolves only under a wildcard."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a driver connects to."""

    host: str
    port: int
    secure: bool = True
    trust: Trust = field(default_factory=Trust)


def endpoint_of(config: Mapping[str, str]) -> Endpoint | None:
    """Out of a driver's checked configuration; None for a driver that has no address."""
    if "url" not in config:
        return None
    url = read_url(config["url"])
    secure = url.scheme == "https"
    return Endpoint(url.host, url.port or (443 if secure else 80), secure, trust_of(config))


@dataclass(frozen=True, slots=True)
class Peer:
    """What the other side showed in the TLS handshake."""

    certificate: bytes
    """DER."""
    problem: str = ""
    """Why an authority's check fails, empty when it passes."""


class Sockets(Protocol):
    """The three things a connection test does on the network."""

    def connect(self, address: Address, port: int, *, seconds: float) -> None:
        """OSError when it cannot."""
        ...

    def handshake(self, address: Address, port: int, name: str, *, seconds: float) -> Peer:
        """The certificate, with or without anybody vouching for it. OSError when there is no TLS."""
        ...


class SystemSockets:
    def connect(self, address: Address, port: int, *, seconds: float) -> None:
        socket.create_connection((str(address), port), timeout=seconds).close()

    def handshake(self, address: Address, port: int, name: str, *, seconds: float) -> Peer:
        verified = ssl.create_default_context()
        try:
            return Peer(self._shown(verified, address, port, name, seconds))
        except ssl.SSLCertVerificationError as error:
            # It is looked at once more without belief, and nothing is sent: only to say what is wrong with it.
            blind = ssl.create_default_context()
            blind.check_hostname = False
            blind.verify_mode = ssl.CERT_NONE
            return Peer(self._shown(blind, address, port, name, seconds), error.verify_message)

    @staticmethod
    def _shown(context: ssl.SSLContext, address: Address, port: int, name: str, seconds: float) -> bytes:
        with (
            socket.create_connection((str(address), port), timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            return secured.getpeercert(binary_form=True) or b""


@dataclass(frozen=True, slots=True)
class Tester:
    """What a connection test needs besides the server itself."""

    guard: Guard
    now: Callable[[], datetime]
    sockets: Sockets = field(default_factory=SystemSockets)
    ticks: Callable[[], float] = boot_seconds
    seconds: float = CONNECT_SECONDS


def checks(
    tester: Tester, endpoint: Endpoint | None, driver: Driver, *, zones: Sequence[str] = ()
) -> tuple[Check, ...]:
    """Every answer, in order. `zones` are the domains under which tenants are named; a memory PBX has no endpoint."""
    found = list(_of_network(tester, endpoint)) if endpoint else []
    if any(check.status == "fail" for check in found):
        return (*found, *(_not_tried(name) for name in OF_THE_DRIVER))

    found += _of_driver(tester, driver)
    if endpoint and not any(check.status == "fail" for check in found):
        found += _of_names(tester, endpoint, driver, zones)
    return tuple(found)


def is_green(found: Iterable[Check]) -> bool:
    """Whether automation may begin: nothing failed. A warning is for a person and stops nothing."""
    return all(check.status != "fail" for check in found)


# --- the way there ---------------------------------------------------------------------------------------------------


def _of_network(tester: Tester, endpoint: Endpoint) -> Iterator[Check]:
    later = ("tcp", "tls") if endpoint.secure else ("tcp",)
    began = tester.ticks()
    try:
        addresses = tester.guard.addresses(endpoint.host, endpoint.port)
    except NotPrepared as error:
        fix = "use a public host name, or list its network in BRIDGE_ALLOWED_NETWORKS"
        yield Check("dns", "fail", _since(tester, began), str(error), fix)
        yield from map(_not_tried, later)
        return
    except BridgeError as error:
        yield Check("dns", "fail", _since(tester, began), str(error), "correct the host name or its DNS record")
        yield from map(_not_tried, later)
        return
    yield Check("dns", "ok", _since(tester, began), f"{endpoint.host} is {', '.join(map(str, addresses))}")

    began = tester.ticks()
    try:
        tester.sockets.connect(addresses[0], endpoint.port, seconds=tester.seconds)
    except OSError as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or "no connection"
        fix = f"open port {endpoint.port} for the bridge's address, and see that the PBX listens there"
        yield Check("tcp", "fail", _since(tester, began), f"{addresses[0]} port {endpoint.port}: {why}", fix)
        yield from map(_not_tried, later[1:])
        return
    yield Check("tcp", "ok", _since(tester, began), f"{addresses[0]} port {endpoint.port} is open")

    if endpoint.secure:
        yield _tls(tester, endpoint, endpoint.host, addresses[0])


def _tls(tester: Tester, endpoint: Endpoint, name: str, address: Address, *, called: str = "tls") -> Check:
    began = tester.ticks()
    try:
        peer = tester.sockets.handshake(address, endpoint.port, name, seconds=tester.seconds)
        certificate = x509.load_der_x509_certificate(peer.certificate)
    except (OSError, ValueError):
        return Check(called, "fail", _since(tester, began), "there is no TLS here", "serve HTTPS on this port")
    took = _since(tester, began)
    today = tester.now().astimezone(UTC).date()
    ends = certificate.not_valid_after_utc.date()
    match endpoint.trust.mode(today):
        case "pin":
            if not endpoint.trust.is_pinned(peer.certificate):
                detail = f"the certificate is {fingerprint(peer.certificate)}, which is not the pinned one"
                return Check(called, "fail", took, detail, "find out who changed it, and then pin the new one")
            return Check(called, "ok", took, f"the certificate is the pinned one; it ends on {ends}")
        case "unverified":
            until = endpoint.trust.unverified_until or today
            detail = f"any certificate is accepted until {until}" + (f"; {peer.problem}" if peer.problem else "")
            return Check(called, "warn", took, detail, "get a certificate for the name, or pin this one")
    if peer.problem:
        ended = endpoint.trust.unverified_until
        detail = peer.problem + (f"; the exception ended on {ended}" if ended else "")
        return Check(called, "fail", took, detail, "install a valid certificate with its chain, or pin this one")
    return _expiry(called, took, name, today=today, ends=ends)


def _expiry(called: str, took: int, name: str, *, today: date, ends: date) -> Check:
    detail = f"valid for {name}, {(ends - today).days} days left"
    if ends - today <= timedelta(days=EXPIRY_WARN_DAYS):
        return Check(called, "warn", took, detail, "renew the certificate")
    return Check(called, "ok", took, detail)


# --- the driver, and the names of its tenants ------------------------------------------------------------------------


def _of_driver(tester: Tester, driver: Driver) -> list[Check]:
    began = tester.ticks()
    found: list[Check] = []
    try:
        found.extend(driver.checks())
        _ = driver.capabilities  # asked now, so that a driver that has to ask for them fails here
    except BridgeError as error:
        found.append(Check("driver", "fail", _since(tester, began), str(error), "mend this and test again"))
    answered = {check.name for check in found}
    return found + [_not_tried(name) for name in OF_THE_DRIVER if name not in answered]


def _of_names(tester: Tester, endpoint: Endpoint, driver: Driver, zones: Sequence[str]) -> Iterator[Check]:
    """F-11: where a tenant is reached under its own name, every name of the zone has to lead to this PBX."""
    if not driver.capabilities.domain_names:
        return
    for zone in zones:
        name = f"{_ODD_LABEL}.{zone}"
        began = tester.ticks()
        try:
            ours = set(tester.guard.addresses(endpoint.host, endpoint.port))
            theirs = tester.guard.addresses(name, endpoint.port)
        except BridgeError as error:
            fix = f"add a DNS record *.{zone} that points to the PBX"
            yield Check("wildcard_dns", "fail", _since(tester, began), f"*.{zone}: {error}", fix)
            continue
        elsewhere = sorted(str(each) for each in set(theirs) - ours)
        if elsewhere:
            detail = f"*.{zone} is {', '.join(elsewhere)}, which is not the PBX"
            yield Check("wildcard_dns", "warn", _since(tester, began), detail, "see that it is a proxy of this PBX")
        else:
            yield Check("wildcard_dns", "ok", _since(tester, began), f"*.{zone} leads to the PBX")
        if endpoint.secure:
            yield _tls(tester, endpoint, name, theirs[0], called="wildcard_certificate")


def _not_tried(name: str) -> Check:
    return Check(name, "fail", 0, "not reached", "mend what failed before it")


def _since(tester: Tester, began: float) -> int:
    return round((tester.ticks() - began) * 1000)
