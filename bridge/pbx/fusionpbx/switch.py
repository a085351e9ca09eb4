"""What the FreeSWITCH under FusionPBX is told after a commit, and what it shows: gateways, registrations, channels."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.errors import OutcomeUnknown
from bridge.pbx.fusionpbx.commands import Command, command

GONE_SECONDS = 3.0
_LOOK_SECONDS = 0.05
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PROFILE = re.compile(r"<profile>\s*<name>([a-z0-9_.-]+)</name>", re.ASCII)
CAUSE = "CALL_REJECTED"


class Asked(Protocol):
    def api(self, asked: Command) -> str: ...


@dataclass(frozen=True, slots=True)
class Channel:
    """One leg of a call in progress."""

    uuid: str
    domain: str
    dialled: str
    created_epoch: int
    gateway: str = ""
    accountcode: str = ""


@dataclass(slots=True)
class Switch:
    asked: Asked
    wait: Callable[[float], None] = time.sleep

    def hostname(self) -> str:
        """How the switch calls itself, in the keys of the cache."""
        return self.asked.api(command("hostname")).strip()

    def load_gateways(self, profile: str) -> None:
        """Those that are not loaded yet."""
        self._expect("rescan", self.asked.api(command("sofia", "profile", profile, "rescan")))

    def drop_gateway(self, profile: str, uuid: str) -> None:
        """Waits until it is gone: loading passes over one that is still there."""
        self.asked.api(command("sofia", "profile", profile, "killgw", uuid))
        left = GONE_SECONDS
        while "Invalid Gateway" not in self.asked.api(command("sofia", "xmlstatus", "gateway", uuid)):
            if left <= 0:
                raise OutcomeUnknown(f"gateway {uuid} is still loaded")
            self.wait(_LOOK_SECONDS)
            left -= _LOOK_SECONDS

    def silence(self, domain: str, domain_uuid: str, emergency: Iterable[str]) -> None:
        """No registration and no call of a tenant is left, but calls for help."""
        for profile in self.profiles():
            self.asked.api(command("sofia", "profile", profile, "flush_inbound_reg", f"@{domain}"))
        self._hang_up([each for each in self.channels() if each.domain == domain], emergency)
        if not any(self._is_spared(each, emergency) for each in self.channels() if each.domain == domain):
            self.asked.api(command("hupall", CAUSE, "domain_uuid", domain_uuid))  # legs that name no tenant elsewhere

    def silence_extension(self, number: str, domain: str, uuid: str, emergency: Iterable[str]) -> None:
        for profile in self.profiles():
            self.asked.api(command("sofia", "profile", profile, "flush_inbound_reg", f"{number}@{domain}"))
        mine = [each for each in self.channels() if each.domain == domain]
        if not any(self._is_spared(each, emergency) for each in mine):
            self.asked.api(command("hupall", CAUSE, "extension_uuid", uuid))

    def profiles(self) -> list[str]:
        return _PROFILE.findall(self.asked.api(command("sofia", "xmlstatus")))

    def channels(self) -> list[Channel]:
        return list(_channels(self.asked.api(command("show", "channels", "as", "json"))))

    def _hang_up(self, channels: Iterable[Channel], emergency: Iterable[str]) -> None:
        for each in channels:
            if not self._is_spared(each, emergency):
                self.asked.api(command("uuid_kill", each.uuid, CAUSE))

    def _is_spared(self, channel: Channel, emergency: Iterable[str]) -> bool:
        return channel.dialled in set(emergency)

    def _expect(self, what: str, answer: str) -> None:
        if answer.startswith(("-", "Invalid")):
            raise OutcomeUnknown(f"the switch answers {what} with {answer.strip()[:80]!a}")


def _channels(told: str) -> Iterator[Channel]:
    """Without any there are no rows at all."""
    document: dict[str, Any] = json.loads(told)
    for row in document.get("rows", []):
        if _UUID.fullmatch(row.get("uuid", "")):
            yield Channel(
                uuid=row["uuid"],
                domain=_domain_of(row),
                dialled=row.get("dest", ""),
                created_epoch=int(row.get("created_epoch") or 0),
                gateway=_gateway_of(row.get("application_data", "")),
                accountcode=row.get("accountcode", ""),
            )


def _domain_of(row: dict[str, str]) -> str:
    _, at, domain = row.get("presence_id", "").partition("@")
    if at:
        return domain
    context = row.get("context") or row.get("initial_context") or ""
    return context if "." in context else ""


def _gateway_of(data: str) -> str:
    return data.split("/")[2] if data.startswith("sofia/gateway/") and data.count("/") >= 3 else ""
