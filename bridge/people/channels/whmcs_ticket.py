"""A ticket in a support department of WHMCS. A repeat would be a second ticket, so it is opened at most once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bridge.errors import NotPrepared
from bridge.line import Line
from bridge.people.channels.channel import Channel, Message, Outside
from bridge.people.channels.mail import MailAddress


class WhmcsTicket(Channel):
    kind: Literal["whmcs_ticket"]
    department_id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    """The support department in WHMCS; one that clients do not see."""
    sender_name: Annotated[Line, StringConstraints(min_length=1, max_length=100)] = "VoIP bridge"
    sender: MailAddress
    """The address in whose name it is opened."""
    priority: Literal["Low", "Medium", "High"] = "Medium"

    def send(self, message: Message, outside: Outside) -> str | None:
        if outside.whmcs is None:
            raise NotPrepared("no WHMCS is configured to open tickets in")
        outside.whmcs.open_ticket(
            self.department_id,
            subject=message.subject,
            message=message.text or message.subject,
            priority="High" if message.is_urgent else self.priority,
            name=self.sender_name,
            email=self.sender,
        )
        return None
