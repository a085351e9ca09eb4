"""A handler: how the services of a product are processed, and by which department. Pure."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bridge.errors import NotPrepared

MANUAL = "manual"
"""The driver of a handler whose every operation is done by a person."""

Adopt = Literal["never", "marked", "always"]

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+", re.ASCII)
_FIELDS = frozenset({"domain", "username", "service_id", "client_id", "product_id", "zone"})


@dataclass(frozen=True, slots=True)
class Handler:
    product_id: int
    server_id: int = 0
    """0: for every server that has no handler of its own."""
    driver: str = ""
    """Empty: the server's own."""
    department: str = "default"
    enabled: bool = True
    domain: str = ""
    """The naming template; empty takes the domain WHMCS has, else s<service id> in the server's zone."""
    adopt: Adopt = "marked"
    welcome_email: str = ""
    first_extension: int = 100
    extensions: int = 0
    """How many extensions a new service starts with."""
    server_group: int | None = None

    @property
    def is_manual(self) -> bool:
        return self.driver == MANUAL


def handler_from(
    *, product_id: int, server_id: int, driver: str, department: str, enabled: bool, settings: Mapping[str, Any]
) -> Handler:
    """A handler with its settings checked, each fault named by its key."""
    known: dict[str, type] = {
        "domain": str,
        "adopt": str,
        "welcome_email": str,
        "first_extension": int,
        "extensions": int,
        "server_group": int,
    }
    for name, value in settings.items():
        if name not in known:
            raise NotPrepared(f"settings.{name} is not a setting of a handler; there are {', '.join(sorted(known))}")
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise NotPrepared(f"settings.{name} is not {'text' if known[name] is str else 'a whole number'}")
    if settings.get("adopt", "marked") not in ("never", "marked", "always"):
        raise NotPrepared("settings.adopt is not one of never, marked, always")
    if not 0 <= settings.get("extensions", 0) <= 10_000:
        raise NotPrepared("settings.extensions is not from 0 to 10000")
    if not 1 <= settings.get("first_extension", 100) <= 10_000_000:
        raise NotPrepared("settings.first_extension is not from 1 to 10000000")
    _assert_template(settings.get("domain", ""))
    return Handler(product_id, server_id, driver, department, enabled, **settings)


def _assert_template(template: str) -> None:
    """Fields by their names alone; an id may be padded, such as {service_id:06}."""
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError:
        raise NotPrepared("settings.domain has a brace that is not closed or not opened") from None
    for _, named, padding, conversion in fields:
        if named is None:
            continue
        if named not in _FIELDS:
            raise NotPrepared(f"settings.domain names {{{named[:40]}}}; there are {', '.join(sorted(_FIELDS))}")
        may_pad = named.endswith("_id") and re.fullmatch(r"0[1-9]", padding or "")
        if conversion or (padding and not may_pad):
            raise NotPrepared(
                f"settings.domain says more than {{{named}}}; an id may be padded, such as {{{named}:06}}"
            )


def settings_of(handler: Handler) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "domain": handler.domain,
        "adopt": handler.adopt,
        "welcome_email": handler.welcome_email,
        "first_extension": handler.first_extension,
        "extensions": handler.extensions,
    }
    if handler.server_group is not None:
        settings["server_group"] = handler.server_group
    return settings


def domain_for(
    template: str, *, domain: str, username: str, service_id: int, client_id: int, product_id: int, zone: str
) -> str:
    """The tenant's name on the PBX. It is chosen once; a domain edited later in WHMCS is a task, never a rename."""
    if not template:
        template = "{domain}" if domain else "s{service_id}.{zone}"
    name = template.format(
        domain=domain, username=username, service_id=service_id, client_id=client_id, product_id=product_id, zone=zone
    )
    name = name.strip().lower().rstrip(".")
    if len(name) > 253 or not _DOMAIN.fullmatch(name):
        raise NotPrepared(f"service {service_id} would be named {name[:80]!r}, which is not a domain name")
    return name
