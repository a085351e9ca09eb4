"""What a switch may be sent, and what never (T-10, T-11)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import Refused
from bridge.pbx.fusionpbx.commands import command

UUID = "11111111-2222-4333-8444-555555555555"

SENT = [
    ("status",),
    ("show", "channels", "as", "json"),
    ("sofia", "xmlstatus", "gateway", UUID),
    ("sofia", "profile", "internal-ipv6", "rescan"),
    ("sofia", "profile", "external", "killgw", UUID),
    ("sofia", "profile", "internal", "flush_inbound_reg", "@acme.example"),
    ("sofia", "profile", "internal", "flush_inbound_reg", "101@acme.example"),
    ("hupall", "CALL_REJECTED", "domain_uuid", UUID),
    ("uuid_kill", UUID, "CALL_REJECTED"),
    ("sched_hangup", "+300", UUID, "ALLOTTED_TIMEOUT"),
]


@pytest.mark.parametrize("words", SENT, ids=" ".join)
def test_what_the_bridge_needs_is_sent_as_it_is(words: tuple[str, ...]) -> None:
    assert command(*words).line == " ".join(words)


@pytest.mark.parametrize(
    "words",
    [
        ("sofia", "profile", "internal", "flush_inbound_reg"),
        ("sofia", "profile", "internal", "flush_inbound_reg", ""),
        ("sofia", "profile", "internal", "flush_inbound_reg", "@"),
        ("sofia", "profile", "internal", "flush_inbound_reg", "101"),
        ("sofia", "profile", "external", "killgw"),
        ("sofia", "profile", "external", "killgw", "_all_"),
        ("sofia", "profile", "external", "restart"),
        ("hupall",),
        ("hupall", "NORMAL_CLEARING"),
        ("hupall", "NORMAL_CLEARING", "domain_uuid"),
        ("hupall", "NORMAL_CLEARING", "domain_uuid", ""),
        ("hupall", "NORMAL_CLEARING", "direction", "inbound"),
    ],
    ids=" ".join,
)
def test_what_would_act_on_every_tenant_cannot_be_sent(words: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="the switch is never sent"):
        command(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("system", "rm", "-rf", "/"),
        ("bgsystem", "id"),
        ("lua", "x.lua"),
        ("fsctl", "shutdown"),
        ("originate", "user/101", "&park"),
        ("reloadxml",),
        ("status\n\napi system id",),
        ("uuid_kill", f"{UUID}\n", "CALL_REJECTED"),
        ("sofia", "profile", "internal", "flush_inbound_reg", "${system(id)}@acme.example"),
        ("sofia", "profile", "internal", "flush_inbound_reg", "@acme.example;reboot"),
        ("sofia", "profile", "internal", "flush_inbound_reg", "@acme.example reboot"),
        ("limit_usage", "hash", "acme.example", "`id`"),
        ("hupall", "CALL_REJECTED", "domain_name", "acme.example api status"),
        ("user_exists", "id", "\uff11\uff10\uff11", "acme.example"),
    ],
    ids=ascii,
)
def test_what_is_not_listed_cannot_be_sent_t10(words: tuple[str, ...]) -> None:
    with pytest.raises(Refused):
        command(*words)


@given(st.lists(st.text(max_size=12), max_size=6), st.sampled_from(SENT), st.integers(0, 5))
def test_no_word_carries_what_is_read_twice_t11(noise: list[str], words: tuple[str, ...], place: int) -> None:
    tried = [*words[:place], *noise, *words[place + 1 :]]
    try:
        line = command(*tried).line
    except Refused:
        return
    assert line.split(" ") == tried
    assert not set(line) & set("${}`;\\\"'|&<>()")
    assert line.isascii()
    assert line.isprintable()
