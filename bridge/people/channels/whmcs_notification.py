"""A notification event of WHMCS; it reaches somebody only if an administrator made a rule for its identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import StringConstraints

from bridge.errors import NotPrepared
from bridge.people.channels.channel import Channel, Message, Outside

if TYPE_CHECKING:
    from bridge.whmcs.client import StatusStyle

_STYLES: dict[str, StatusStyle] = {"escalation": "danger", "task": "danger", "circuit_open": "danger"}


class WhmcsNotification(Channel):
    kind: Literal["whmcs_notification"]
    identifier: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "voipbridge"

    def send(self, message: Message, outside: Outside) -> str | None:
        if outside.whmcs is None:
            raise NotPrepared("no WHMCS is configured to notify through")
        outside.whmcs.trigger_notification(
            self.identifier,
            title=message.subject,
            message=message.text or message.subject,
            status=message.kind,
            style=_STYLES.get(message.kind, "info"),
            attributes=[
                ("Department", message.department),
                *([("Task", str(message.task_id))] if message.task_id else []),
            ],
        )
        return None
