"""Messages, channels and what they may touch, as tests need them."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

from bridge.network import Guard
from bridge.people.channels.channel import Message, Outside
from bridge.people.channels.mail import Mail
from bridge.people.channels.webhook import Webhook
from bridge.people.channels.whmcs_notification import WhmcsNotification
from bridge.people.channels.whmcs_ticket import WhmcsTicket
from bridge.whmcs.client import Whmcs
from tests.factories import NOON

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
WEBHOOK_SECRET = "whsec_YSBjYW5hcnkgb2YgdGhpcnR5LXR3byBieXRlcywgb2s="
"""The canary's key, in the coat of a webhook secret."""


def a_message(**changed: Any) -> Message:
    message = Message(
        id="msg_0123456789abcdef",
        kind="task",
        title="Task 12: Suspend service 42",
        body="pbx1 refused it. Mend what was refused, then retry the operation.",
        department="support",
        at=NOON,
        task_id=12,
    )
    return replace(message, **changed)


def outside(whmcs: Whmcs | None = None, **changed: Any) -> Outside:
    return replace(Outside(Guard((LOOPBACK,)), whmcs, "bridge-test", NOON), **changed)


def a_mail(port: int = 2525, **changed: Any) -> Mail:
    settings: dict[str, Any] = {
        "kind": "mail",
        "name": "staff",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "bridge@example.com",
        "to": ["noc@example.com"],
    }
    return Mail.model_validate(settings | changed)


def a_webhook(url: str, **changed: Any) -> Webhook:
    settings = {"kind": "webhook", "name": "hook", "url": url, "secret": WEBHOOK_SECRET}
    return Webhook.model_validate(settings | changed)


def a_ticket(**changed: Any) -> WhmcsTicket:
    settings = {"kind": "whmcs_ticket", "name": "ticket", "department_id": 3, "sender": "bridge@example.com"}
    return WhmcsTicket.model_validate(settings | changed)


def a_notification(**changed: Any) -> WhmcsNotification:
    return WhmcsNotification.model_validate({"kind": "whmcs_notification", "name": "notification"} | changed)
