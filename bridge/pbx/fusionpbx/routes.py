"""The dial plan of numbers and outbound routes, written as FusionPBX's own pages write it, and read back.

A route is two rules: one notes the direction early and goes on, the other leads to the gateway.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID
from xml.sax.saxutils import unescape

from bridge.pbx.driver import Number, Route
from bridge.pbx.fusionpbx.dialplan import INBOUND_ROUTE, OUTBOUND_ROUTE, Rule, Step, action, condition

DIRECTION = "call_direction-outbound"
DIRECTION_ORDER: Final = 22
NUMBER_ORDER: Final = 100
CONTINUE_ON_FAIL = "1,2,3,6,18,21,27,28,31,34,38,41,42,44,58,88,111,403,501,602,607,809"

_GATEWAY = re.compile(r'data="sofia/gateway/([0-9a-f-]{36})/', re.ASCII)
_DIALLED = re.compile(r'<condition field="destination_number" expression=(?:"([^"]*)"|\'([^\']*)\')')


def direction_rule(route: Route, context: str) -> Rule:
    return Rule(
        f"{DIRECTION}.{route.name}",
        DIRECTION_ORDER,
        context,
        (
            condition("${user_exists}", "false"),
            condition("${call_direction}", "^$"),
            condition("destination_number", route.pattern),
            action("export", "call_direction=outbound", inline=True),
        ),
        app=OUTBOUND_ROUTE,
        goes_on=True,
        enabled=route.enabled,
    )


def route_rule(route: Route, context: str, gateway: UUID) -> Rule:
    # The first group is the number that the carrier is sent; a pattern without one is sent whole.
    sent = "$1" if re.compile(route.pattern).groups else "${destination_number}"
    return Rule(
        route.name,
        route.order,
        context,
        (
            condition("${user_exists}", "false"),
            condition("destination_number", route.pattern),
            action("export", "call_direction=outbound", inline=True),
            action("unset", "call_timeout"),
            action("set", "hangup_after_bridge=true"),
            action("set", "effective_caller_id_name=${outbound_caller_id_name}"),
            action("set", "effective_caller_id_number=${outbound_caller_id_number}"),
            action("set", "inherit_codec=true"),
            action("set", "ignore_display_updates=true"),
            action("set", f"callee_id_number={sent}"),
            action("set", f"continue_on_fail={CONTINUE_ON_FAIL}"),
            action("bridge", f"sofia/gateway/{gateway}/{sent}"),
        ),
        app=OUTBOUND_ROUTE,
        enabled=route.enabled,
    )


def number_expression(e164: str) -> str:
    return rf"^\+?({e164})$"


def number_action(number: Number, context: str, gateways: dict[str, UUID]) -> Step:
    """To the gateway of that name, or else to the extension."""
    if number.target in gateways:
        return action("bridge", f"sofia/gateway/{gateways[number.target]}/{number.e164}")
    return action("transfer", f"{number.target} XML {context}")


def number_rule(number: Number, domain: str, domain_uuid: UUID, accountcode: str, leads_to: Step | None) -> Rule:
    noted = (action("export", f"accountcode={accountcode}", inline=True),) if accountcode else ()
    return Rule(
        number.e164,
        NUMBER_ORDER,
        "public",
        (
            condition("destination_number", number_expression(number.e164)),
            action("export", "call_direction=inbound", inline=True),
            action("set", f"domain_uuid={domain_uuid}", inline=True),
            action("set", f"domain_name={domain}", inline=True),
            *noted,
            leads_to or action("hangup", "UNALLOCATED_NUMBER"),
        ),
        app=INBOUND_ROUTE,
        number=number.e164,
        enabled=number.enabled,
    )


def gateway_in(xml: str) -> str:
    """The gateway that a rule leads to, by its UUID."""
    found = _GATEWAY.search(xml)
    return found[1] if found else ""


def pattern_in(xml: str) -> str:
    """What numbers a rule is for."""
    found = _DIALLED.search(xml)
    return unescape(found[1] or found[2] or "", {"&quot;": '"', "&apos;": "'"}) if found else ""
