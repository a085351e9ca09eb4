"""A connection test: each answer apart, nothing tried behind a failure, and every warning with what to do."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bridge.errors import NotReached
from bridge.network import Address, Guard, Trust, fingerprint
from bridge.pbx.connection import (
    OF_THE_DRIVER,
    Endpoint,
    Peer,
    SystemSockets,
    checks,
    endpoint_of,
    is_green,
)
from bridge.pbx.connection import (
    Tester as Probe,  # pytest would collect a Tester
)
from bridge.pbx.driver import Check
from bridge.pbx.memory import EVERYTHING, MemoryPbx
from tests.listening import Shown, a_certificate, answering, http_answer, listening

NOW = datetime.now(UTC)
TODAY = NOW.date()
PBX = Endpoint("pbx.example.com", 443)
ALL = ("dns", "tcp", "tls", "authentication", "authorisation", "allow_list", "version", "clock", "call_records")


@dataclass
class Sockets:
    """A network that answers as told, and remembers what was asked of it."""

    peer: Peer | OSError
    refusal: OSError | None = None
    asked: list[str] = field(default_factory=list)

    def connect(self, address: Address, port: int, *, seconds: float) -> None:
        self.asked.append(f"connect {address}")
        if self.refusal:
            raise self.refusal

    def handshake(self, address: Address, port: int, name: str, *, seconds: float) -> Peer:
        self.asked.append(f"handshake {name}")
        if isinstance(self.peer, OSError):
            raise self.peer
        return self.peer


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return a_certificate(tmp_path_factory.mktemp("certificates"))


def a_probe(sockets: Sockets, *, names: Mapping[str, Sequence[str]] | None = None) -> Probe:
    known = names or {"pbx.example.com": ["8.8.8.8"]}

    def resolve(host: str, port: int) -> Sequence[str]:
        if host not in known:
            raise NotReached(f"{host} is not resolved: no such name")
        return known[host]

    ticks = itertools.count(step=0.004)
    return Probe(Guard((), resolve), lambda: NOW, sockets, ticks=lambda: next(ticks))


def told(found: Iterable[Check]) -> dict[str, str]:
    return {check.name: check.status for check in found}


def test_a_good_server_is_green_in_every_answer(shown: Shown) -> None:
    found = checks(a_probe(Sockets(Peer(shown.der))), PBX, MemoryPbx())

    assert told(found) == dict.fromkeys(ALL, "ok")
    assert is_green(found)
    assert [check.detail for check in found[:3]] == [
        "pbx.example.com is 8.8.8.8",
        "8.8.8.8 port 443 is open",
        "valid for pbx.example.com, 90 days left",
    ]
    assert [check.latency_ms for check in found[:3]] == [4, 4, 4]


def test_nothing_behind_a_name_that_does_not_resolve_is_tried(shown: Shown) -> None:
    sockets, pbx = Sockets(Peer(shown.der)), MemoryPbx()
    found = checks(a_probe(sockets), replace(PBX, host="other.example.com"), pbx)

    assert told(found) == dict.fromkeys(("dns", "tcp", "tls", *OF_THE_DRIVER), "fail")
    assert [check.detail for check in found[1:]] == ["not reached"] * 7
    assert sockets.asked == []
    assert pbx.trouble.calls == 0
    assert all(check.fix for check in found)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
def test_an_address_that_is_not_public_names_the_setting_that_opens_it(shown: Shown, address: str) -> None:
    """T-7."""
    probe = a_probe(Sockets(Peer(shown.der)), names={"pbx.example.com": [address]})
    found = checks(probe, PBX, MemoryPbx())

    assert found[0].status == "fail"
    assert "BRIDGE_ALLOWED_NETWORKS" in found[0].fix


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError(), "no answer in time"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
def test_a_closed_port_is_told_and_nothing_behind_it_is_tried(shown: Shown, refusal: OSError, words: str) -> None:
    sockets, pbx = Sockets(Peer(shown.der), refusal), MemoryPbx()
    found = checks(a_probe(sockets), PBX, pbx)

    assert told(found)["dns"] == "ok"
    assert [check.status for check in found[1:]] == ["fail"] * 7
    assert words in found[1].detail
    assert "port 443" in found[1].fix
    assert sockets.asked == ["connect 8.8.8.8"]
    assert pbx.trouble.calls == 0


def test_a_port_without_tls_is_told() -> None:
    found = checks(a_probe(Sockets(OSError("wrong version number"))), PBX, MemoryPbx())

    assert told(found)["tls"] == "fail"
    assert not is_green(found)


def test_a_certificate_nobody_vouches_for_is_told_in_tlss_own_words(shown: Shown) -> None:
    """T-23."""
    found = checks(a_probe(Sockets(Peer(shown.der, "self-signed certificate"))), PBX, MemoryPbx())

    assert (found[2].status, found[2].detail) == ("fail", "self-signed certificate")
    assert "pin" in found[2].fix


def test_a_certificate_that_ends_soon_is_a_warning_and_stops_nothing(tmp_path: Path) -> None:
    soon = a_certificate(tmp_path, days=21)
    found = checks(a_probe(Sockets(Peer(soon.der))), PBX, MemoryPbx())

    assert (found[2].status, found[2].detail) == ("warn", "valid for pbx.example.com, 21 days left")
    assert found[2].fix == "renew the certificate"
    assert is_green(found)


def test_a_pinned_certificate_needs_nobody_to_vouch_for_it(shown: Shown) -> None:
    """T-23."""
    endpoint = replace(PBX, trust=Trust(fingerprint(shown.der)))
    found = checks(a_probe(Sockets(Peer(shown.der, "self-signed certificate"))), endpoint, MemoryPbx())

    assert found[2].status == "ok"


def test_another_certificate_than_the_pinned_one_is_a_failure_that_names_it(shown: Shown) -> None:
    """T-23."""
    endpoint = replace(PBX, trust=Trust("ab" * 32))
    found = checks(a_probe(Sockets(Peer(shown.der))), endpoint, MemoryPbx())

    assert found[2].status == "fail"
    assert fingerprint(shown.der) in found[2].detail


def test_an_exception_is_reported_for_as_long_as_it_lasts(shown: Shown) -> None:
    """T-23."""
    endpoint = replace(PBX, trust=Trust(unverified_until=TODAY))
    found = checks(a_probe(Sockets(Peer(shown.der, "self-signed certificate"))), endpoint, MemoryPbx())

    assert found[2].status == "warn"
    assert f"until {TODAY}" in found[2].detail
    assert is_green(found)


def test_an_exception_that_ended_is_a_failure_that_says_so(shown: Shown) -> None:
    """T-23."""
    ended = date.fromordinal(TODAY.toordinal() - 1)
    endpoint = replace(PBX, trust=Trust(unverified_until=ended))
    found = checks(a_probe(Sockets(Peer(shown.der, "self-signed certificate"))), endpoint, MemoryPbx())

    assert found[2].status == "fail"
    assert f"the exception ended on {ended}" in found[2].detail


def test_a_server_in_the_clear_has_no_tls_to_test(shown: Shown) -> None:
    found = checks(a_probe(Sockets(Peer(shown.der))), replace(PBX, secure=False, port=8080), MemoryPbx())

    assert "tls" not in told(found)
    assert is_green(found)


def test_a_driver_without_an_address_answers_for_itself() -> None:
    found = checks(a_probe(Sockets(OSError())), None, MemoryPbx())

    assert set(told(found)) == set(ALL) - {"dns", "tcp", "tls"}
    assert is_green(found)


@pytest.mark.parametrize("name", OF_THE_DRIVER)
def test_one_broken_answer_turns_the_server_red_and_leaves_the_others(shown: Shown, name: str) -> None:
    pbx = MemoryPbx()
    pbx.broken_checks[name] = Check(name, "fail", 3, "no", "do this")
    found = checks(a_probe(Sockets(Peer(shown.der))), PBX, pbx)

    assert [check.name for check in found if check.status != "ok"] == [name]
    assert not is_green(found)


class SilentPbx(MemoryPbx):
    """A driver that forgets to answer."""

    def checks(self) -> Iterable[Check]:
        yield Check("authentication", "ok", 1, "let in")
        raise NotReached("gone in the middle")


def test_a_driver_that_does_not_answer_for_something_fails_it(shown: Shown) -> None:
    found = checks(a_probe(Sockets(Peer(shown.der))), PBX, SilentPbx())

    assert told(found)["authentication"] == "ok"
    assert told(found)["driver"] == "fail"
    assert [check.name for check in found if check.detail == "not reached"] == list(OF_THE_DRIVER[1:])


# --- F-11 ------------------------------------------------------------------------------------------------------------

NAMED = replace(EVERYTHING, domain_names=True)
WILDCARD = "bridge-test-0f2c.tenants.example.com"


def test_where_tenants_have_names_the_zone_must_lead_to_the_pbx(shown: Shown) -> None:
    """F-11."""
    sockets = Sockets(Peer(shown.der))
    probe = a_probe(sockets, names={"pbx.example.com": ["8.8.8.8"], WILDCARD: ["8.8.8.8"]})
    found = checks(probe, PBX, MemoryPbx(NAMED), zones=["tenants.example.com"])

    assert (told(found)["wildcard_dns"], told(found)["wildcard_certificate"]) == ("ok", "ok")
    assert sockets.asked[-1] == f"handshake {WILDCARD}"


def test_a_zone_without_a_wildcard_is_told_with_the_record_to_add(shown: Shown) -> None:
    """F-11."""
    probe = a_probe(Sockets(Peer(shown.der)))
    found = checks(probe, PBX, MemoryPbx(NAMED), zones=["tenants.example.com"])

    assert told(found)["wildcard_dns"] == "fail"
    assert "*.tenants.example.com" in found[-1].fix
    assert not is_green(found)


def test_a_zone_that_leads_elsewhere_is_a_warning(shown: Shown) -> None:
    """F-11."""
    probe = a_probe(Sockets(Peer(shown.der)), names={"pbx.example.com": ["8.8.8.8"], WILDCARD: ["9.9.9.9"]})
    found = checks(probe, PBX, MemoryPbx(NAMED), zones=["tenants.example.com"])

    assert told(found)["wildcard_dns"] == "warn"


def test_where_tenants_have_no_names_of_their_own_the_zone_is_not_looked_at(shown: Shown) -> None:
    found = checks(a_probe(Sockets(Peer(shown.der))), PBX, MemoryPbx(), zones=["tenants.example.com"])

    assert "wildcard_dns" not in told(found)


# --- real sockets ----------------------------------------------------------------------------------------------------


def test_real_sockets_show_the_certificate_and_what_is_wrong_with_it(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback = ipaddress.ip_address("127.0.0.1")
    sockets = SystemSockets()
    with listening(answering(http_answer()), shown.context()) as server:
        sockets.connect(loopback, server.port, seconds=5)
        stranger = sockets.handshake(loopback, server.port, "pbx.example.com", seconds=5)
        monkeypatch.setenv("SSL_CERT_FILE", str(shown.file))
        friend = sockets.handshake(loopback, server.port, "pbx.example.com", seconds=5)
        other = sockets.handshake(loopback, server.port, "other.example.com", seconds=5)

        assert b"".join(server.requests) == b"", "a test sends nothing"
    assert stranger.certificate == friend.certificate == shown.der
    assert "self-signed" in stranger.problem
    assert friend.problem == ""
    assert "other.example.com" in other.problem


def test_an_endpoint_is_read_out_of_the_configuration() -> None:
    assert endpoint_of({}) is None
    assert endpoint_of({"url": "https://pbx.example.com"}) == PBX
    assert endpoint_of({"url": "http://pbx.example.com:8080/", "pin": "ab" * 32}) == Endpoint(
        "pbx.example.com", 8080, secure=False, trust=Trust("ab" * 32)
    )
