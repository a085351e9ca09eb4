"""What a channel is: settings that the door reads, and `send`. What is sent is a message, the same for all.

kind                  sent twice?                    what a lost answer means
mail, whmcs_ticket,   never: a person would read     it is not repeated; another channel says that it may be missing
whmcs_notification    it twice
webhook               may be: the receiver tells a   it is repeated, by the schedule of Standard Webhooks
                      repeat by its webhook-id
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, StringConstraints, WithJsonSchema

from bridge.secret import Secret

if TYPE_CHECKING:
    from bridge.network import Guard
    from bridge.whmcs.client import Whmcs

SECRET_LENGTH_MAX = 200

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


@dataclass(frozen=True, slots=True)
class Message:
    """One notice on its way through one channel."""

    id: str
    """The same for every attempt."""
    kind: str
    title: str
    body: str
    department: str
    at: datetime
    task_id: int | None = None

    @property
    def is_urgent(self) -> bool:
        return self.kind == "escalation"

    @property
    def subject(self) -> str:
        """The title on one line, whatever it quotes."""
        return ("Urgent: " if self.is_urgent else "") + clean(self.title, allowed="").strip()

    @property
    def text(self) -> str:
        return clean(self.body, allowed="\n").strip()


@dataclass(frozen=True, slots=True)
class Outside:
    """What a channel may touch."""

    guard: Guard
    whmcs: Whmcs | None
    instance: str
    moment: datetime
    """When this attempt begins."""


class Channel(BaseModel, ABC):
    """The settings of one channel of a department, strict as everything the door reads."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    may_repeat: ClassVar[bool] = False
    """Whether the receiver can tell a repeat, so that a lost answer may be followed by another attempt."""
    seconds_max: ClassVar[int] = 30
    """No attempt takes longer."""

    name: Name

    @abstractmethod
    def send(self, message: Message, outside: Outside) -> str | None:
        """Sends it, or raises what became of it. Answers a remark where it went out with a blemish."""


def _read_secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not 1 <= len(value) <= SECRET_LENGTH_MAX or not value.isprintable():
        raise ValueError("not a secret")
    return Secret(value)


SecretText = Annotated[
    Secret,
    PlainValidator(_read_secret),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": SECRET_LENGTH_MAX, "writeOnly": True}),
]
"""A secret as it is given; it is shown by nothing and kept sealed."""


class WithSecret(Channel, ABC):
    secret: SecretText | None = None

    @property
    def wants_secret(self) -> bool:
        return True

    @property
    @abstractmethod
    def secret_goes_to(self) -> object:
        """Where the secret is used: a secret that is kept while this changes would be given to somebody else."""

    @abstractmethod
    def assert_open(self, guard: Guard) -> None:
        """NotPrepared where no message would ever be let out; what only DNS knows is seen when one is sent."""


def clean(text: str, *, allowed: str) -> str:
    """Without control characters: what is quoted can neither add a header nor move a cursor."""
    return "".join(each if each.isprintable() or each in allowed else " " for each in text)
