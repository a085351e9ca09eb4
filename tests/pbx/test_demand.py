"""What no PBX is told, and what this PBX cannot do: all of it said at once, before anything is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import Refused
from bridge.pbx.demand import beyond, check, malformed
from bridge.pbx.driver import Capabilities, Extension, Gateway, Number, Route, Tenant
from bridge.pbx.memory import EVERYTHING
from bridge.secret import Secret
from tests.canary import CANARY
from tests.pbx.contract import a_tenant

FULL = a_tenant(EVERYTHING)


def test_a_full_tenant_is_well_formed_and_nothing_is_beyond_a_pbx_that_does_everything() -> None:
    assert malformed(FULL) == []
    assert beyond(FULL, EVERYTHING) == []


@pytest.mark.parametrize("domain", ["", "Acme.example.com", "acme_1.example.com", "a b", "a..b", "a/b", "a\nb", "ä.de"])
def test_a_domain_is_a_lower_case_host_name(domain: str) -> None:
    assert malformed(replace(FULL, domain=domain)) == ["the domain is not a lower-case host name"]


def test_everything_wrong_is_said_at_once() -> None:
    wrong = Tenant(
        "acme.example.com",
        "m",
        description="${x}",
        extensions=(Extension("101"), Extension("101"), Extension("")),
        gateways=(Gateway("a;b", "sip.example.com"),),
        numbers=(Number("+442079460101"), Number("1" * 16)),
        routes=(Route("out", r"^(\d{7,15})$", "gw"), Route("in", "${uuid}", "gw")),
    )

    assert malformed(wrong) == [
        "extension '101' is there twice",
        "one extension has no name",
        "number '+442079460101' is not digits",
        "number '1111111111111111' is not digits",
        "the tenant has a character that a switch would act on",
        "gateway 'a;b' has a character that a switch would act on",
        "the pattern of route 'in' has a character that a switch would act on",
    ]


@settings(max_examples=150)
@given(st.text(max_size=8), st.sampled_from("\0\n\r\t\x1b\x7f\x85$`{};\u2028"), st.text(max_size=8))
def test_no_text_with_such_a_character_passes_anywhere(before: str, character: str, after: str) -> None:
    """T-10, T-11."""
    text = before + character + after
    for wanted in (
        replace(FULL, description=text),
        replace(FULL, marker=text),
        replace(FULL, admin_username=text),
        replace(FULL, extensions=(Extension("101", text),)),
        replace(FULL, extensions=(Extension("101", caller_id=text),)),
        replace(FULL, extensions=(Extension("101", password=Secret(text)),)),
        replace(FULL, gateways=(Gateway("gw", text),)),
        replace(FULL, gateways=(Gateway("gw", "h", username=text),)),
        replace(FULL, gateways=(Gateway("gw", "h", password=Secret(text)),)),
        replace(FULL, numbers=(Number("1", text),)),
        replace(FULL, routes=(Route("r", "1", text),)),
    ):
        assert malformed(wanted)


@pytest.mark.parametrize(
    ("tenant", "says"),
    [
        (replace(FULL, extensions=(), gateways=(), numbers=(), routes=()), ["this PBX keeps no administrator"]),
        (Tenant("a", "m", extensions=(Extension("1"),)), ["this PBX keeps no extensions"]),
        (Tenant("a", "m", gateways=(Gateway("g", "h"),)), ["this PBX keeps no gateways"]),
        (Tenant("a", "m", numbers=(Number("1"),)), ["this PBX keeps no numbers"]),
        (Tenant("a", "m", routes=(Route("r", "", "g"),)), ["this PBX keeps no routes"]),
        (
            Tenant("a", "m", outbound=False),
            ["this PBX cannot refuse outbound calls and keep emergency calls open"],
        ),
    ],
)
def test_what_a_pbx_cannot_do_is_a_sentence(tenant: Tenant, says: list[str]) -> None:
    assert beyond(tenant, Capabilities(dial_restrict=False, objects=frozenset())) == says


def test_a_restricted_extension_needs_a_pbx_that_restricts() -> None:
    tenant = Tenant("a", "m", extensions=(Extension("1", outbound=False),))

    assert beyond(tenant, replace(EVERYTHING, dial_restrict=False))
    assert not beyond(tenant, EVERYTHING)


def test_the_refusal_shows_no_password() -> None:
    """T-20."""
    tenant = replace(FULL, extensions=(Extension("101", password=Secret(f"{CANARY}\n")),))
    with pytest.raises(Refused, match="extension '101' has a character") as caught:
        check(tenant, EVERYTHING)

    assert CANARY not in str(caught.value)
