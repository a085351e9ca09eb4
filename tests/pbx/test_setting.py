"""What a driver is told, and what is not taken."""

from __future__ import annotations

import pytest

from bridge.errors import NotPrepared
from bridge.network import Trust
from bridge.pbx.setting import TLS, ZONE, Setting, checked, is_known_default, trust_of
from bridge.secret import Secret
from tests.canary import CANARY

SETTINGS = (
    Setting("host", "a host", r"[a-z.]+", "pbx.example.com"),
    Setting("port", "a port", r"\d+", required=False),
    Setting("strict", "yes or no", r"true|false", required=False),
    Setting("password", "the password", secret=True),
)


def test_whole_numbers_and_flags_become_text() -> None:
    config = {"host": "a", "port": 443, "strict": True}

    assert checked("acme", SETTINGS, config, {"password": Secret(CANARY)}) == {
        "host": "a",
        "port": "443",
        "strict": "true",
    }


@pytest.mark.parametrize("value", [None, [], {}, 1.5, ["a"]])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(NotPrepared, match="host is not a host, such as"):
        checked("acme", SETTINGS, {"host": value}, {"password": Secret(CANARY)})


@pytest.mark.parametrize("word", ["admin", "Admin1", "password", "fusionpbx", "1234", "00000000", "", "changeme!"])
def test_default_passwords_are_known(word: str) -> None:
    """T-22."""
    assert is_known_default(Secret(word))
    with pytest.raises(NotPrepared) as caught:
        checked("acme", SETTINGS, {"host": "a"}, {"password": Secret(word)})
    assert "password" in str(caught.value)


def test_a_chosen_password_is_not_a_default() -> None:
    assert not is_known_default(Secret(CANARY))


def test_trust_is_read_from_the_shared_settings() -> None:
    pin = "AB:" * 31 + "AB"
    config = checked("acme", TLS, {"pin": pin, "unverified_until": "2026-12-31"}, {})

    assert trust_of(config).pin == "ab" * 32
    assert str(trust_of(config).unverified_until) == "2026-12-31"
    assert trust_of({}) == Trust()


@pytest.mark.parametrize("config", [{"unverified_until": "2026-02-30"}, {"pin": "ab" * 31 + ":a"}])
def test_trust_that_cannot_be_read_is_refused(config: dict[str, str]) -> None:
    with pytest.raises(NotPrepared):
        trust_of(config)


@pytest.mark.parametrize("zone", ["pbx", "PBX.example.com", "-a.example.com", "a..b", "example.com."])
def test_a_zone_is_a_domain(zone: str) -> None:
    with pytest.raises(NotPrepared, match="zone"):
        checked("acme", (ZONE,), {"zone": zone}, {})
