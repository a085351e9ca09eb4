"""What is going to be written, and told to the switch: the parts that planning fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from bridge.pbx.driver import Tenant
from bridge.pbx.fusionpbx.catalogue import YES, is_on
from bridge.pbx.fusionpbx.database import Row

Values = Mapping[str, object]

KEY_OF = {
    "v_domains": "domain_uuid",
    "v_domain_settings": "domain_setting_uuid",
    "v_extensions": "extension_uuid",
    "v_voicemails": "voicemail_uuid",
    "v_gateways": "gateway_uuid",
    "v_destinations": "destination_uuid",
    "v_dialplans": "dialplan_uuid",
    "v_dialplan_details": "dialplan_uuid",
    "v_users": "user_uuid",
    "v_user_groups": "user_group_uuid",
}
"""What a row is found by. The details of a rule are written all together, by their rule."""


@dataclass(frozen=True, slots=True)
class Write:
    table: str
    uuid: UUID
    values: Values | None
    """None: the row goes."""
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the switch is told: `load` or `drop` a gateway, `silence` a tenant or an extension."""

    what: str
    words: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    writes: list[Write] = field(default_factory=list)
    keys: dict[str, None] = field(default_factory=dict)
    """In their order, each once."""
    steps: dict[Step, None] = field(default_factory=dict)
    made: set[UUID] = field(default_factory=set)

    def insert(self, table: str, uuid: UUID, values: Values) -> None:
        self.writes.append(Write(table, uuid, {KEY_OF[table]: uuid, **values}, is_new=True))

    def update(self, table: str, uuid: UUID, values: Values) -> None:
        self.writes.append(Write(table, uuid, values))

    def delete(self, table: str, uuid: UUID) -> None:
        self.writes.append(Write(table, uuid, None))

    def forget(self, *keys: str) -> None:
        self.keys |= dict.fromkeys(keys)

    def tell(self, what: str, *words: str) -> None:
        self.steps[Step(what, words)] = None


@dataclass(frozen=True, slots=True)
class Means:
    """What planning needs besides the two sides."""

    emergency: tuple[str, ...]
    new_secret: Callable[[], str]
    """For a telephone that nobody gave one."""
    new_code: Callable[[], str]
    """Eight digits: of a mailbox, of a rule that asks for a code."""
    hash_of: Callable[[str], str]
    """A password as the pages of FusionPBX check it."""
    is_hash_of: Callable[[str, str], bool]


def help_numbers(wanted: Tenant, means: Means) -> tuple[str, ...]:
    """What no rule stops: the numbers for help of the tenant's country, and those that the operator names."""
    return tuple(sorted(wanted.emergency.union(means.emergency)))


def identifier(marker: str, what: str) -> UUID:
    return uuid5(UUID(marker), what)


def identifier_in(wanted: Tenant, what: str) -> UUID:
    assert wanted.marker is not None
    return identifier(wanted.marker, what)


def differing(row: Row, values: Values, flags: tuple[str, ...] = ()) -> dict[str, object]:
    """The columns in which a row is not as it should be. NULL is an empty text."""
    changed: dict[str, object] = {}
    for name, value in values.items():
        if name in flags:
            if is_on(row[name]) != (value == YES):
                changed[name] = value
        elif (row[name] if row[name] is not None else "") != (value if value is not None else ""):
            changed[name] = value
    return changed
