"""The commands that a FreeSWITCH may be sent, word by word. What is not here cannot be sent (T-10, T-11).

A word has no blanks, and none of the characters that the switch or a shell reads twice: `$ { } ; \\` and backquotes
stand in no pattern. What acts on every tenant where it is given no tenant (`flush_inbound_reg`, `hupall`, `killgw`) has
no form without one. Each may be sent twice: the second time it finds nothing left to do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.errors import Refused

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PROFILE = r"[a-z0-9][a-z0-9_.-]{0,63}"
_DOMAIN = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_USER = r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}"
_CAUSE = r"[A-Z][A-Z_]{2,40}"
_NAME = r"[a-z][a-z0-9_]{0,63}"
_SECONDS = r"[0-9]{1,6}"

_FORMS = tuple(
    tuple(re.compile(word, re.ASCII) for word in form)
    for form in (
        ("status",),
        ("version",),
        ("hostname",),
        ("reloadacl",),
        ("show", "channels|calls|registrations", "as", "json"),
        ("sofia", "xmlstatus"),
        ("sofia", "xmlstatus", "gateway", _UUID),
        ("sofia", "profile", _PROFILE, "rescan"),
        ("sofia", "profile", _PROFILE, "startgw|killgw", _UUID),
        ("sofia", "profile", _PROFILE, "flush_inbound_reg", f"(?:{_USER})?@{_DOMAIN}"),
        ("uuid_dump", _UUID, "json"),
        ("uuid_exists", _UUID),
        ("uuid_kill", _UUID, _CAUSE),
        ("hupall", _CAUSE, "domain_uuid|extension_uuid", _UUID),
        ("hupall", _CAUSE, "domain_name", _DOMAIN),
        ("sched_hangup", rf"\+{_SECONDS}", _UUID, _CAUSE),
        ("limit_usage", "hash", _DOMAIN, _NAME),
        ("user_exists", "id", _USER, _DOMAIN),
    )
)


@dataclass(frozen=True, slots=True)
class Command:
    """A line that may be sent. Made by `command` alone."""

    line: str


def command(*words: str) -> Command:
    """The words as a command, or Refused where no form takes them."""
    for form in _FORMS:
        if len(form) == len(words) and all(each.fullmatch(word) for each, word in zip(form, words, strict=True)):
            return Command(" ".join(words))
    raise Refused(f"the switch is never sent {' '.join(words)[:80]!a}")
