"""What a wanted tenant asks of a PBX that it must not be given: more than it can do, or text that it would execute."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from bridge.errors import Refused
from bridge.pbx.driver import Capabilities, Tenant
from bridge.secret import Secret

_DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII
)
_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029$`{};]")
_UNSAFE_IN_PATTERN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029`;]|\$\{|\$\$")
"""A pattern is a regular expression: it may end in `$` and count in `{}`, and still name no switch variable."""


def check(tenant: Tenant, capabilities: Capabilities) -> None:
    """Refuse, before anything is asked of the PBX, a tenant that cannot or must not be put there."""
    wrong = [*malformed(tenant), *beyond(tenant, capabilities)]
    if wrong:
        raise Refused(f"{tenant.domain} is not put: " + "; ".join(wrong), kind="pbx_rejected")


def beyond(tenant: Tenant, capabilities: Capabilities) -> list[str]:
    """What this PBX cannot express of the tenant, a sentence each. Limits it does not enforce stay with the bridge."""
    wrong = [
        f"this PBX keeps no {kind}"
        for kind, objects in (
            ("extensions", tenant.extensions),
            ("gateways", tenant.gateways),
            ("numbers", tenant.numbers),
            ("routes", tenant.routes),
            ("administrator", tenant.admin_username or tenant.admin_password),
        )
        if objects and kind not in capabilities.objects
    ]
    restricted = not tenant.outbound or not all(extension.outbound for extension in tenant.extensions)
    if restricted and not capabilities.dial_restrict:
        wrong.append("this PBX cannot refuse outbound calls and keep emergency calls open")
    return wrong


def is_unsafe(text: str, *, pattern: bool = False) -> bool:
    """Whether a switch would act on something in a text (T-10, T-11)."""
    return (_UNSAFE_IN_PATTERN if pattern else _UNSAFE).search(text) is not None


def malformed(tenant: Tenant) -> list[str]:
    """What no PBX is told (T-10, T-11): names that are none, the same object twice, text a switch would expand."""
    wrong: list[str] = []
    if not _DOMAIN.fullmatch(tenant.domain):
        wrong.append("the domain is not a lower-case host name")
    for kind, keys in (
        ("extension", [each.number for each in tenant.extensions]),
        ("gateway", [each.name for each in tenant.gateways]),
        ("number", [each.e164 for each in tenant.numbers]),
        ("route", [each.name for each in tenant.routes]),
    ):
        wrong += [f"{kind} {key!a} is there twice" for key, times in Counter(keys).items() if times > 1]
        wrong += [f"one {kind} has no name" for key in keys if not key]
    wrong += [f"number {each.e164!a} is not digits" for each in tenant.numbers if not _DIGITS.fullmatch(each.e164)]
    wrong += [
        f"{what} has a character that a switch would act on"
        for what, text, pattern in _texts(tenant)
        if is_unsafe(text, pattern=pattern)
    ]
    return wrong


def _texts(tenant: Tenant) -> Iterator[tuple[str, str, bool]]:
    """Every text that reaches a directory or a dial plan: what it is, the text, whether it is a pattern."""
    yield from _plain("the tenant", (tenant.marker or "", tenant.description, tenant.admin_username))
    for extension in tenant.extensions:
        texts = (extension.number, extension.name, extension.caller_id, _shown(extension.password))
        yield from _plain(f"extension {extension.number!a}", texts)
    for gateway in tenant.gateways:
        texts = (gateway.name, gateway.host, gateway.username, _shown(gateway.password))
        yield from _plain(f"gateway {gateway.name!a}", texts)
    for number in tenant.numbers:
        yield from _plain(f"number {number.e164!a}", (number.target,))
    for route in tenant.routes:
        yield from _plain(f"route {route.name!a}", (route.name, route.gateway))
        yield f"the pattern of route {route.name!a}", route.pattern, True


def _plain(what: str, texts: Iterable[str]) -> Iterator[tuple[str, str, bool]]:
    return ((what, text, False) for text in texts)


def _shown(secret: Secret | None) -> str:
    return secret.reveal() if secret else ""
