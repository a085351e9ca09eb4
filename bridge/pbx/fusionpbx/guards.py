"""The rules that the bridge puts before a tenant's own: emergency calls, suspensions, caps.

    order  rule                     stops
        1  bridge_emergency         nothing: emergency calls leave at once, past everything below
        5  bridge_suspended         every call but emergency calls, in and out
       23  bridge_no_outbound       calls that the dial plan takes for outbound
       24  bridge_no_outside        whatever would leave all the same: forwards, members of ring groups outside
    26, 27  bridge_restricted...     the same, of single extensions
       30  bridge_calls             calls beyond the most that may be at once
       31  bridge_call_length       calls that last longer than they may

A rule whose condition is not there is not there. Emergency numbers are spared by the expression of each that stops.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from uuid import UUID

from bridge.pbx.driver import Tenant
from bridge.pbx.fusionpbx.dialplan import Rule, Step, action, any_of, but, condition

EMERGENCY = "bridge_emergency"
SUSPENDED = "bridge_suspended"
NO_OUTBOUND = "bridge_no_outbound"
NO_OUTSIDE = "bridge_no_outside"
RESTRICTED = "bridge_restricted"
RESTRICTED_OUTSIDE = "bridge_restricted_outside"
CALLS = "bridge_calls"
CALL_LENGTH = "bridge_call_length"
NAMES = (EMERGENCY, SUSPENDED, NO_OUTBOUND, NO_OUTSIDE, RESTRICTED, RESTRICTED_OUTSIDE, CALLS, CALL_LENGTH)

CONCURRENT_CALLS = "concurrent_calls"
MAX_CALL_SECONDS = "max_call_seconds"

_OUTSIDE = r"(?:\+|\d)\d{5,}"
"""What no number inside of a tenant looks like."""
_CALLS = re.compile(rf"hash \S+ {CALLS} ([0-9]+) ", re.ASCII)
_CALL_LENGTH = re.compile(r"sched_hangup \+([0-9]+) ", re.ASCII)
_REFUSED = action("hangup", "CALL_REJECTED")


def guards_of(
    tenant: Tenant, emergency: tuple[str, ...], gateway: UUID | None, restricted: tuple[UUID, ...]
) -> Iterator[Rule]:
    """`gateway`: where emergency calls leave; None where the tenant has none of its own. `restricted`: extensions."""
    context = tenant.domain
    if emergency and gateway is not None:
        yield Rule(EMERGENCY, 1, context, _emergency_steps(emergency, gateway))
    if not tenant.enabled:
        yield Rule(SUSPENDED, 5, context, (condition("destination_number", but(emergency)), _REFUSED))
    if not tenant.outbound:
        yield from _stopped(NO_OUTBOUND, NO_OUTSIDE, 23, context, emergency)
    if restricted:
        theirs = condition("${extension_uuid}", any_of([str(each) for each in restricted]))
        yield from _stopped(RESTRICTED, RESTRICTED_OUTSIDE, 26, context, emergency, theirs)
    limits = dict(tenant.limits)
    if CONCURRENT_CALLS in limits:
        most = limits[CONCURRENT_CALLS]
        counted = action("limit", f"hash {context} {CALLS} {most} !USER_BUSY") if most else _REFUSED
        steps = (
            condition("${call_direction}", "^(?:inbound|outbound)$"),
            condition("destination_number", but(emergency)),
            counted,
        )
        yield Rule(CALLS, 30, context, steps, goes_on=most > 0)
    if limits.get(MAX_CALL_SECONDS):
        seconds = limits[MAX_CALL_SECONDS]
        ended = action("export", f"nolocal:execute_on_answer=sched_hangup +{seconds} alloted_timeout")
        steps = (
            condition("${call_direction}", "^(?:inbound|outbound)$"),
            condition("destination_number", but(emergency)),
            ended,
        )
        yield Rule(CALL_LENGTH, 31, context, steps, goes_on=True)


def _stopped(
    outbound: str, outside: str, order: int, context: str, emergency: tuple[str, ...], *who: Step
) -> Iterator[Rule]:
    """What the dial plan takes for outbound, and what would leave without being taken for it."""
    said = (*who, condition("${call_direction}", "^outbound$"), condition("destination_number", but(emergency)))
    yield Rule(outbound, order, context, (*said, _REFUSED))
    leaves = condition("destination_number", but(emergency, _OUTSIDE))
    yield Rule(outside, order + 1, context, (*who, condition("${user_exists}", "^false$"), leaves, _REFUSED))


def _emergency_steps(emergency: tuple[str, ...], gateway: UUID) -> tuple[Step, ...]:
    return (
        condition("destination_number", any_of(emergency)),
        action("export", "call_direction=outbound", inline=True),
        action("unset", "call_timeout"),
        action("set", "hangup_after_bridge=true"),
        action("set", "effective_caller_id_name=${emergency_caller_id_name}"),
        action("set", "effective_caller_id_number=${emergency_caller_id_number}"),
        action("set", "ignore_display_updates=true"),
        action("bridge", f"sofia/gateway/{gateway}/${{destination_number}}"),
    )


def limits_in(rules: Mapping[str, str]) -> dict[str, int]:
    """The caps that the rules in force set, by their XML."""
    found = {}
    for name, limit, form in ((CALLS, CONCURRENT_CALLS, _CALLS), (CALL_LENGTH, MAX_CALL_SECONDS, _CALL_LENGTH)):
        xml = rules.get(name, "")
        match = form.search(xml)
        if xml:
            found[limit] = int(match[1]) if match else 0
    return found
