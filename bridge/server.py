"""A server: one PBX, how it is, and which one a new service goes to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Health(StrEnum):
    UNTESTED = "untested"
    GREEN = "green"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Server:
    server_id: int
    name: str
    driver: str
    config: dict[str, Any] = field(default_factory=dict)
    """What the driver needs to connect, apart from its secrets."""
    enabled: bool = True
    is_default: bool = False
    accounts_max: int | None = None
    group_id: int | None = None
    zone: str | None = None
    """The domain under which tenants without a name of their own are named."""
    cdr_group: str | None = None
    health: Health = Health.UNTESTED
    checks: list[dict[str, Any]] | None = None
    tested_at: datetime | None = None
    red_tests: int = 0
    unreachable_since: datetime | None = None
    probe_at: datetime | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_reason: str | None = None
    override_by: str | None = None
    """Who let automation run although the test is not green."""

    @property
    def is_working(self) -> bool:
        """Whether automation may act on it now."""
        tested = self.health is Health.GREEN or self.override_by is not None
        return tested and self.paused_at is None and self.unreachable_since is None

    @property
    def why_not(self) -> str:
        """Why automation waits, in one sentence."""
        if self.paused_at is not None:
            return f"{self.name} is paused by {self.paused_by}: {self.paused_reason}"
        if self.unreachable_since is not None:
            return f"{self.name} has been out of reach since {self.unreachable_since:%Y-%m-%d %H:%M:%S} UTC"
        if self.health is Health.UNTESTED:
            return f"{self.name} has not passed its connection test yet"
        return f"{self.name} failed its connection test"


@dataclass(frozen=True, slots=True)
class Choice:
    """The server for a new service, and by which rule; or none, and why."""

    server: Server | None
    rule: str


def choose(servers: Iterable[Server], *, asked: int | None, group_id: int | None, accounts: dict[int, int]) -> Choice:
    """The service's own server, else the product's group, else the default, else the only one; else a person."""
    servers = sorted(servers, key=lambda each: each.server_id)
    if asked is not None:
        for each in servers:
            if each.server_id == asked:
                if not each.enabled:
                    return Choice(None, f"server {asked} ({each.name}) is disabled")
                if _is_full(each, accounts):
                    return Choice(None, f"server {asked} ({each.name}) has its {each.accounts_max} accounts")
                return Choice(each, "the service's own server")
        return Choice(None, f"server {asked} is not known; add it with server.upsert")

    usable = [
        each for each in servers if each.enabled and each.health is not Health.RED and not _is_full(each, accounts)
    ]
    if group_id is not None:
        members = [each for each in usable if each.group_id == group_id]
        if members:
            least = min(members, key=lambda each: (accounts.get(each.server_id, 0), each.server_id))
            return Choice(least, f"the least full of server group {group_id}")
    for each in usable:
        if each.is_default:
            return Choice(each, "the default server")
    if len([each for each in servers if each.enabled]) == 1 and len(usable) == 1:
        return Choice(usable[0], "the only enabled server")
    if not servers:
        return Choice(None, "no server is known; add one with server.upsert")
    return Choice(None, "no server could be chosen: none is the default, or those that are cannot take a service now")


def _is_full(server: Server, accounts: dict[int, int]) -> bool:
    return server.accounts_max is not None and accounts.get(server.server_id, 0) >= server.accounts_max
