"""A rule of FusionPBX's dial plan, as a value: the XML that the switch runs, and the details that its pages show.

The switch reads the XML alone; a page that saves a rule makes the XML anew from the details. So both are written, from
one value. Nothing that a person chose stands in a rule without having passed `demand.py` (T-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid5
from xml.sax.saxutils import quoteattr

from bridge.pbx.fusionpbx.catalogue import YES, flag

INBOUND_ROUTE = UUID("c03b422e-13a8-bd1b-e42b-b6b9b4d27ce4")
OUTBOUND_ROUTE = UUID("8c914ec3-9fc0-8ab5-4cda-6c9288bdc9a3")
BRIDGE = UUID("6d0a5c1e-7a59-5c0f-9b7e-2f1d3e5a7b90")
"""Which page owns a rule. The last is our own: no page of FusionPBX does."""

Tag = Literal["condition", "action"]


@dataclass(frozen=True, slots=True)
class Step:
    tag: Tag
    kind: str
    """The field of a condition, or the application of an action."""
    data: str
    inline: bool = False
    """Done while the dial plan is still being read, so that later conditions see it."""


def condition(field: str, expression: str) -> Step:
    return Step("condition", field, expression)


def action(application: str, data: str = "", *, inline: bool = False) -> Step:
    return Step("action", application, data, inline)


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    order: int
    context: str
    steps: tuple[Step, ...]
    """Conditions first: the last of them carries the actions."""
    app: UUID = BRIDGE
    number: str = ""
    goes_on: bool = False
    """Whether the rules after it are asked too."""
    enabled: bool = True
    description: str = ""

    def xml(self, uuid: UUID) -> str:
        return "\n".join(self._lines(uuid))

    def _lines(self, uuid: UUID) -> Iterator[str]:
        goes_on = flag(self.goes_on)
        yield f'<extension name={quoteattr(self.name)} continue="{goes_on}" uuid="{uuid}">'
        conditions = [each for each in self.steps if each.tag == "condition"]
        for each in conditions[:-1]:
            yield f"\t<condition field={quoteattr(each.kind)} expression={quoteattr(each.data)}/>"
        last = conditions[-1]
        yield f"\t<condition field={quoteattr(last.kind)} expression={quoteattr(last.data)}>"
        for each in self.steps:
            if each.tag == "action":
                inline = ' inline="true"' if each.inline else ""
                yield f"\t\t<action application={quoteattr(each.kind)} data={quoteattr(each.data)}{inline}/>"
        yield "\t</condition>"
        yield "</extension>"

    def row(self, uuid: UUID, domain_uuid: UUID) -> dict[str, object]:
        return {
            "dialplan_uuid": uuid,
            "domain_uuid": domain_uuid,
            "app_uuid": self.app,
            "dialplan_context": self.context,
            "dialplan_name": self.name,
            "dialplan_number": self.number or None,
            "dialplan_destination": flag(value=False),
            "dialplan_continue": flag(self.goes_on),
            "dialplan_xml": self.xml(uuid),
            "dialplan_order": self.order,
            "dialplan_enabled": flag(self.enabled),
            "dialplan_description": self.description or None,
        }

    def details(self, uuid: UUID, domain_uuid: UUID) -> list[dict[str, object]]:
        return [
            {
                "dialplan_detail_uuid": uuid5(uuid, f"detail {place}"),
                "domain_uuid": domain_uuid,
                "dialplan_uuid": uuid,
                "dialplan_detail_tag": step.tag,
                "dialplan_detail_type": step.kind,
                "dialplan_detail_data": step.data,
                "dialplan_detail_break": None,
                "dialplan_detail_inline": YES if step.inline else None,
                "dialplan_detail_group": 0,
                "dialplan_detail_order": place * 10,
                "dialplan_detail_enabled": YES,
            }
            for place, step in enumerate(self.steps, 1)
        ]


def any_of(numbers: Sequence[str]) -> str:
    """An expression for exactly these."""
    return f"^(?:{'|'.join(map(_exactly, sorted(numbers)))})$"


def but(numbers: Sequence[str], what: str = ".*") -> str:
    """An expression for `what`, but for exactly these."""
    spared = f"(?!(?:{'|'.join(map(_exactly, sorted(numbers)))})$)" if numbers else ""
    return f"^{spared}{what}$"


def _exactly(text: str) -> str:
    """A number or an identifier, in an expression."""
    return re.escape(text).replace(r"\-", "-")
