"""Where the bridge may connect to (T-7), notation by notation, and whom it believes (T-23)."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import NotPrepared, NotReached
from bridge.network import Guard, Trust, fingerprint, read_host, read_pin, system_addresses, why_not

NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))


def a_guard(*addresses: str, allowed: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()) -> Guard:
    return Guard(tuple(allowed), lambda host, port: addresses)


@pytest.mark.parametrize(
    "host",
    [
        "0x7f.1",
        "0x7f000001",
        "0X7F.0.0.1",
        "2130706433",
        "127.1",
        "127.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "00.0.0.0",
        "1.2.3",
        "1.2.3.256",
        "1.2.3.4.5",
        "256.256.256.256",
        "127.0.0.1.",
        "pbx.example.com.",
        "a.b.0x",
        "example.7",
        "①②⑦.⓪.⓪.①",
        "１２７.0.0.1",
        "localhost.",
        "pbx..example.com",
        ".example.com",
        "-pbx.example.com",
        "pbx-.example.com",
        "pbx_1.example.com",
        "pbx example.com",
        "pbx.example.com/",
        "pbx.example.com:443",
        "user@pbx.example.com",
        "pbx%2eexample.com",
        "pbx.example.com\r\n",
        "pbx\0.example.com",
        "bücher.example",
        "a" * 64 + ".example.com",
        ".".join(["a" * 60] * 5),
        "",
        "*",
        "::1%lo",
        "fe80::1%eth0",
        "[::1",
        "::1]",
        "[::1]%eth0",
        "::ffff:127.0.0.256",
        "1::2::3",
        "12345::",
        ":",
    ],
)
def test_odd_notations_are_no_hosts(host: str) -> None:
    """Whatever some resolver would read as an address in disguise, allowed networks or not."""
    with pytest.raises(NotPrepared):
        a_guard("8.8.8.8", allowed=NETWORKS).addresses(host, 443)


@pytest.mark.parametrize(
    ("host", "read"),
    [
        ("pbx.example.com", "pbx.example.com"),
        ("PBX.Example.COM", "pbx.example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
        ("1-800.example.com", "1-800.example.com"),
        ("8.8.8.8", ipaddress.ip_address("8.8.8.8")),
        ("2001:4860:4860::8888", ipaddress.ip_address("2001:4860:4860::8888")),
        ("[2001:4860:4860::8888]", ipaddress.ip_address("2001:4860:4860::8888")),
    ],
)
def test_plain_notations_are_read(host: str, read: object) -> None:
    assert read_host(host) == read


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("0.0.0.0", "no address"),
        ("127.0.0.1", "a loopback address"),
        ("127.255.255.254", "a loopback address"),
        ("10.0.0.1", "a private address"),
        ("172.16.0.1", "a private address"),
        ("192.168.1.1", "a private address"),
        ("100.64.0.1", "a private address"),
        ("169.254.169.254", "a link-local address"),
        ("192.0.2.1", "a private address"),
        ("198.18.0.1", "a private address"),
        ("224.0.0.1", "a multicast address"),
        ("239.255.255.250", "a multicast address"),
        ("240.0.0.1", "a reserved address"),
        ("255.255.255.255", "a reserved address"),
        ("::", "no address"),
        ("::1", "a loopback address"),
        ("fe80::1", "a link-local address"),
        ("fe80::1%eth0", "an address of one interface"),
        ("fec0::1", "a private address"),
        ("fd00::1", "a private address"),
        ("fc00::1", "a private address"),
        ("ff02::1", "a multicast address"),
        ("::ffff:127.0.0.1", "an IPv4 address written as IPv6"),
        ("::ffff:8.8.8.8", "an IPv4 address written as IPv6"),
        ("::7f00:1", "a reserved address"),
        ("2002:7f00:1::", "an IPv4 address written as IPv6"),
        ("64:ff9b::7f00:1", "a loopback address"),
        ("64:ff9b::a00:1", "a private address"),
        ("64:ff9b:1::7f00:1", "a reserved address"),
        ("2001:db8::1", "a private address"),
        ("2001::1", "a private address"),
        ("100::1", "a reserved address"),
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str, words: str) -> None:
    assert why_not(ipaddress.ip_address(address), ()) == words
    with pytest.raises(NotPrepared, match="BRIDGE_ALLOWED_NETWORKS"):
        a_guard(address).addresses("pbx.example.com", 443)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_public_addresses_are_connected_to(address: str) -> None:
    assert a_guard(address).addresses("pbx.example.com", 443) == (ipaddress.ip_address(address),)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "fd12::1"])
def test_a_private_network_that_is_listed_is_open_and_no_other(address: str) -> None:
    assert a_guard(address, allowed=NETWORKS).addresses("pbx.example.com", 443)
    assert a_guard(allowed=NETWORKS).addresses(address, 8443)
    for other in ("10.2.0.1", "192.168.0.1", "::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3"):
        with pytest.raises(NotPrepared):
            a_guard(other, allowed=NETWORKS).addresses("pbx.example.com", 443)


def test_one_forbidden_address_forbids_the_name() -> None:
    with pytest.raises(NotPrepared, match=r"resolves to 127\.0\.0\.1, which is a loopback address"):
        a_guard("8.8.8.8", "127.0.0.1").addresses("pbx.example.com", 443)


def test_a_literal_address_asks_no_resolver() -> None:
    def never(host: str, port: int) -> Sequence[str]:
        raise AssertionError("asked")

    assert Guard((), never).addresses("8.8.8.8", 443) == (ipaddress.ip_address("8.8.8.8"),)


def test_a_name_without_an_address_is_not_reached() -> None:
    with pytest.raises(NotReached):
        a_guard().addresses("pbx.example.com", 443)


@pytest.mark.parametrize("port", [0, -1, 22, 25, 139, 445, 587, 1023, 65536])
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(NotPrepared, match="port"):
        a_guard("8.8.8.8").addresses("pbx.example.com", port)


@pytest.mark.parametrize("port", [80, 443, 1024, 8471, 65535])
def test_ports_of_the_web_and_unprivileged_ones_are_open(port: int) -> None:
    assert a_guard("8.8.8.8").addresses("pbx.example.com", port)


@settings(max_examples=200)
@given(st.text(max_size=30))
def test_any_text_is_a_host_or_refused(text: str) -> None:
    """Never another error, and never a name that a resolver could read as an address."""
    try:
        read = read_host(text)
    except NotPrepared:
        return
    if isinstance(read, str):
        assert not read.rsplit(".", 1)[-1].isdigit()
        assert read.isascii()


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1))
def test_every_ipv4_address_is_judged_alike_in_every_dress(number: int) -> None:
    plain = ipaddress.IPv4Address(number)
    translated = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + number)

    assert (why_not(plain, ()) is None) == (plain.is_global and not plain.is_multicast and not plain.is_reserved)
    assert why_not(translated, ()) == why_not(plain, ())
    assert why_not(ipaddress.IPv6Address(f"::ffff:{plain}"), ()) is not None


def test_the_systems_resolver_is_left_when_it_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(20) and [])
    with pytest.raises(NotReached, match="no answer from DNS within"):
        system_addresses("pbx.example.com", 443, seconds=0.05)
    over.set()


def test_the_systems_resolver_tells_addresses_and_trouble() -> None:
    assert "127.0.0.1" in system_addresses("127.0.0.1", 443)
    with pytest.raises(NotReached, match="is not resolved"):
        system_addresses("no-such-host.invalid", 443)


def test_a_pin_is_read_as_people_copy_it() -> None:
    assert read_pin("AB:" * 31 + "ab ") == "ab" * 32
    for wrong in ("", "ab" * 31, "zz" * 32, "ab" * 33):
        with pytest.raises(NotPrepared):
            read_pin(wrong)


def test_an_exception_ends_after_its_last_day() -> None:
    """T-23."""
    trust = Trust(unverified_until=date(2026, 12, 31))

    assert trust.mode(date(2026, 12, 31)) == "unverified"
    assert trust.context(date(2026, 12, 31)).verify_mode is ssl.CERT_NONE
    assert trust.mode(date(2027, 1, 1)) == "authority"
    assert trust.context(date(2027, 1, 1)).verify_mode is ssl.CERT_REQUIRED
    assert trust.context(date(2027, 1, 1)).check_hostname


def test_a_pin_is_stronger_than_an_exception() -> None:
    trust = Trust(fingerprint(b"certificate"), unverified_until=date(2099, 1, 1))

    assert trust.mode(date(2026, 1, 1)) == "pin"
    assert trust.is_pinned(b"certificate")
    assert not trust.is_pinned(b"another")
    assert not trust.is_pinned(None)


def test_old_tls_is_not_spoken() -> None:
    for trust in (Trust(), Trust("ab" * 32), Trust(unverified_until=date(2099, 1, 1))):
        assert trust.context(date(2026, 1, 1)).minimum_version >= ssl.TLSVersion.TLSv1_2
