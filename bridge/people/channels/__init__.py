"""The channels by which people are told, a file for each kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bridge.people.channels.mail import Mail
from bridge.people.channels.webhook import Webhook
from bridge.people.channels.whmcs_notification import WhmcsNotification
from bridge.people.channels.whmcs_ticket import WhmcsTicket

AnyChannel = Annotated[Mail | WhmcsTicket | WhmcsNotification | Webhook, Field(discriminator="kind")]
"""Every kind there is, told apart by `kind`."""
