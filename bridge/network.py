"""Where the bridge may connect to, and how it is sure who answers (T-7, T-23).

A host named in configuration may be any text, so it is read strictly, resolved once, judged address by address, and the
connection goes to a judged address while the certificate and the Host header stay those of the name. All of this
happens again at every connect, so a name that changes its mind gains nothing.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from bridge.errors import NotPrepared, NotReached
from bridge.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*", re.ASCII | re.IGNORECASE)
_ENDS_IN_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)", re.ASCII | re.IGNORECASE)
_DOTTED = re.compile(r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def system_addresses(host: str, port: int, *, seconds: float = 5.0) -> list[str]:
    """What the system's resolver says. It knows no time-out of its own, so it is asked in a thread that may be left."""
    found: list[str] = []
    trouble: list[OSError] = []

    def ask() -> None:
        try:
            found.extend(str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            trouble.append(error)

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise NotReached(f"{host} is not resolved: no answer from DNS within {seconds:g} s")
    if trouble:
        raise NotReached(f"{host} is not resolved: {trouble[0].strerror or 'no answer from DNS'}")
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Guard:
    """Judges every outgoing connection to a host that configuration names."""

    allowed_networks: tuple[Network, ...] = ()
    """Private networks that may be reached all the same."""
    resolve: Resolve = system_addresses

    def addresses(self, host: str, port: int, *, judge: Callable[[int], None] | None = None) -> tuple[Address, ...]:
        """Where a connection may go, or NotPrepared saying why not. One forbidden address forbids the name.

        `judge` is for what is not spoken over the web's ports.
        """
        (judge or judge_port)(port)
        read = read_host(host)
        is_name = isinstance(read, str)
        found: tuple[Address, ...] = (
            tuple(map(ipaddress.ip_address, self.resolve(read, port))) if isinstance(read, str) else (read,)
        )
        if not found:
            raise NotReached(f"{host} is not resolved: DNS knows no address")
        for address in found:
            self._judge(address, f"{host} resolves to {address}, which" if is_name else host)
        return found

    def literal(self, host: str) -> Address | None:
        """The address that a host is written as, judged; None for a name, which is judged whenever it is used."""
        read = read_host(host)
        if isinstance(read, str):
            return None
        self._judge(read, host)
        return read

    def assert_may_be_plain(self, host: str, addresses: Iterable[Address], *, use: str) -> None:
        """Without TLS only to networks that the operator named: there it is their decision."""
        if not all(_is_in(address, self.allowed_networks) for address in addresses):
            raise NotPrepared(f"{host} is asked without TLS, which anybody on the way can read; use {use}")

    def _judge(self, address: Address, where: str) -> None:
        why = why_not(address, self.allowed_networks)
        if why:
            raise NotPrepared(f"{where} is {why}; only BRIDGE_ALLOWED_NETWORKS opens such addresses")


def read_host(host: str) -> Address | str:
    """A host as an address or a name. Whatever some resolver would read as an address in disguise is neither."""
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in inner:
        try:
            if "%" in inner:
                raise ValueError
            return ipaddress.IPv6Address(inner)
        except ValueError:
            raise NotPrepared(f"{host[:80]!a} is not an IPv6 address") from None
    if _DOTTED.fullmatch(host):
        return ipaddress.IPv4Address(host)
    if _ENDS_IN_NUMBER.fullmatch(host) or not _NAME.fullmatch(host):
        raise NotPrepared(f"{host[:80]!a} is not a host name or a plain address")
    return host.lower()


def judge_port(port: int) -> None:
    """The web's ports and the unprivileged ones: no mail server or shell is ever spoken to by mistake."""
    if port not in (80, 443) and not 1024 <= port <= 65535:
        raise NotPrepared(f"port {port} is not 80, 443 or from 1024 to 65535")


def why_not(address: Address, allowed: Iterable[Network]) -> str | None:
    """Why an address is not connected to, or None."""
    if _is_in(address, allowed):
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return "an IPv4 address written as IPv6"
        if address.scope_id is not None:
            return "an address of one interface"
        within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address.sixtofour
        if within is not None:
            return why_not(within, allowed) if address in _NAT64 else "an IPv4 address written as IPv6"
        if address.is_site_local:
            return "a private address"
    for is_so, words in (
        (address.is_unspecified, "no address"),
        (address.is_loopback, "a loopback address"),
        (address.is_link_local, "a link-local address"),
        (address.is_multicast, "a multicast address"),
        (address.is_reserved, "a reserved address"),
        (not address.is_global, "a private address"),
    ):
        if is_so:
            return words
    return None


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


@dataclass(frozen=True, slots=True)
class Trust:
    """How a TLS server proves itself: by an authority, by a pinned certificate, or for a while not at all."""

    pin: str | None = None
    """SHA-256 of the certificate, 64 hexadecimal digits."""
    unverified_until: date | None = None
    """An exception: up to and including this day any certificate will do. It is reported by every connection test."""

    def mode(self, today: date) -> str:
        """'pin', 'unverified' or 'authority'. An exception that has ended is none."""
        if self.pin:
            return "pin"
        return "unverified" if self.unverified_until and today <= self.unverified_until else "authority"

    def context(self, today: date) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.mode(today) != "authority":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def is_pinned(self, certificate: bytes | None) -> bool:
        """Whether the certificate (DER) is the pinned one; without a pin, every one is."""
        return self.pin is None or (certificate is not None and fingerprint(certificate) == self.pin)


def fingerprint(certificate: bytes) -> str:
    return hashlib.sha256(certificate).hexdigest()


def read_pin(text: str) -> str:
    """A fingerprint as people copy it, with or without colons."""
    pin = text.replace(":", "").strip().lower()
    if not _FINGERPRINT.fullmatch(pin):
        raise NotPrepared("the pin is not the SHA-256 fingerprint of a certificate, 64 hexadecimal digits")
    return pin
