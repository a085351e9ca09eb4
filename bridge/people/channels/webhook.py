"""A webhook: the message as a CloudEvent in JSON, signed by Standard Webhooks."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, StringConstraints, field_validator

from bridge import http
from bridge.errors import BridgeError, NotPrepared
from bridge.network import Guard
from bridge.people import webhook_signature
from bridge.people.channels.channel import Message, Outside, WithSecret
from bridge.people.delivery import Unwanted
from bridge.secret import Secret

TYPE = "whmcs-voip-bridge.notice"
_ANSWER_BYTES = 1024 * 1024
_GONE = 410


def _url(text: str) -> str:
    try:
        http.read_url(text)
    except NotPrepared as error:
        raise ValueError("not an address") from error
    return text


class Webhook(WithSecret):
    kind: Literal["webhook"]
    url: Annotated[str, StringConstraints(min_length=8, max_length=500), AfterValidator(_url)]

    may_repeat: ClassVar[bool] = True
    seconds_max: ClassVar[int] = 20

    @field_validator("secret")
    @classmethod
    def _is_a_webhook_secret(cls, secret: Secret | None) -> Secret | None:
        try:
            if secret is not None:
                webhook_signature.key_of(secret)
        except NotPrepared as error:
            raise ValueError("not a webhook secret") from error
        return secret

    @property
    def secret_goes_to(self) -> object:
        """Nowhere: it signs here, and only what it signed leaves."""
        return None

    def assert_open(self, guard: Guard) -> None:
        url = http.read_url(self.url)
        address = guard.literal(url.host)
        if address is not None and url.scheme == "http":
            guard.assert_may_be_plain(url.host, [address], use="https://")

    def send(self, message: Message, outside: Outside) -> str | None:
        if self.secret is None:
            raise NotPrepared(f"the webhook {self.name} has no secret to sign with")
        body = event(message, outside.instance)
        signed = webhook_signature.headers_for([self.secret], message_id=message.id, at=outside.moment, body=body)
        url = http.read_url(self.url)
        path = url.raw_path.decode("ascii")
        try:
            with http.client(f"{url.scheme}://{url.netloc.decode('ascii')}", guard=outside.guard) as client:
                http.ask(
                    client,
                    "POST",
                    path,
                    of=f"the webhook {self.name} at {url.host}",
                    reading=False,
                    seconds=self.seconds_max,
                    answer_bytes=_ANSWER_BYTES,
                    headers={"Content-Type": "application/cloudevents+json; charset=utf-8", **signed},
                    content=body,
                )
        except BridgeError as error:
            if error.facts.get("status") == _GONE:
                raise Unwanted(f"the webhook {self.name} answered 410: it wants no more messages") from None
            # Receivers like to put a token into the path, so it stays out of what is told.
            told = str(error).replace(f"POST {path} of ", "", 1)
            raise type(error)(told, kind="unavailable") from None
        return None


def event(message: Message, instance: str) -> bytes:
    """CloudEvents 1.0 in JSON; the same bytes for every attempt."""
    data: dict[str, object] = {
        "department": message.department,
        "kind": message.kind,
        "title": message.subject,
        "body": message.text,
        "urgent": message.is_urgent,
    }
    if message.task_id is not None:
        data["task_id"] = message.task_id
    document = {
        "specversion": "1.0",
        "id": message.id,
        "source": f"/whmcs-voip-bridge/{instance}",
        "type": f"{TYPE}.{message.kind}",
        "time": message.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "subject": f"task/{message.task_id}" if message.task_id is not None else f"department/{message.department}",
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
