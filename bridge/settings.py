"""Every knob, read once: from the environment, or from the TOML file named by BRIDGE_CONFIG."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bridge.errors import NotPrepared
from bridge.secret import Secret

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults are those of production; tests, proofs and the demo shorten the waits."""

    database_url: Secret = field(default_factory=lambda: Secret("sqlite:///var/bridge.db"))
    whmcs_database_url: Secret | None = None
    instance: str = "bridge"
    master_key_file: Path = Path("var/master.key")
    listen: Address = Address("127.0.0.1", 8470)
    admin_listen: Address | None = None
    allowed_networks: tuple[Network, ...] = ()
    tax: str | None = None
    whmcs_url: str | None = None
    whmcs_identifier: str | None = None
    whmcs_secret_file: Path | None = None
    whmcs_access_key_file: Path | None = None
    addon_key: str = "bridge"
    addon_instance: str = "whmcs"
    addon_secret_file: Path | None = None
    log: str = "text"
    workers: int = 4

    retry_seconds: int = 300
    retry_jitter_seconds: int = 10
    attempts_max: int = 5
    outage_max_seconds: int = 24 * 3600
    probe_seconds: int = 60
    lease_seconds: int = 60
    claim_batch: int = 20
    per_server_max: int = 8
    drain_seconds: int = 25
    announce_check_seconds: int = 90
    sweep_seconds: int = 900
    test_seconds: int = 3600
    seal_seconds: int = 5
    digest_hour: int = 7
    blast_services: int = 20
    blast_percent: int = 2
    retention_days: int = 30
    nonce_seconds: int = 660
    signature_tolerance_seconds: int = 300
    idempotency_days: int = 30


class _Wrong(ValueError):
    """Why a value cannot be taken, as the end of a sentence that names the setting."""


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise _Wrong("is not host:port, such as 127.0.0.1:8470")
    return Address(host, int(port))


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise _Wrong("is not a list of networks, such as 10.0.0.0/8,192.168.1.0/24") from error


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise _Wrong(f"is not one of {', '.join(words)}")
        return text

    return read


def _matching(pattern: str, example: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise _Wrong(f"is not like {example}")
        return text

    return read


def _database(text: str) -> Secret:
    if not re.match(r"(sqlite|mysql\+pymysql|mariadb\+pymysql)://", text):
        raise _Wrong(
            "is not a database URL, such as sqlite:///var/bridge.db or mysql+pymysql://user:password@host/name"
        )
    return Secret(text)


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or not lowest <= int(text) <= highest:
            raise _Wrong(f"is not a whole number from {lowest} to {highest}")
        return int(text)

    return read


_READERS: dict[str, Callable[[str], Any]] = {
    "database_url": _database,
    "whmcs_database_url": _database,
    "instance": _matching(r"[A-Za-z0-9._-]{1,64}", "bridge-example"),
    "master_key_file": Path,
    "listen": _address,
    "admin_listen": _address,
    "allowed_networks": _networks,
    "tax": _one_of("at_top_up", "at_usage", "none"),
    "whmcs_url": _matching(r"https?://[^\s?#]+", "https://billing.example.com/"),
    "whmcs_identifier": _matching(r"\S{1,200}", "an API credential's identifier"),
    "whmcs_secret_file": Path,
    "whmcs_access_key_file": Path,
    "addon_key": _matching(r"[a-z0-9-]{3,64}", "bridge"),
    "addon_instance": _matching(r"[A-Za-z0-9._-]{1,64}", "whmcs"),
    "addon_secret_file": Path,
    "log": _one_of("text", "json"),
    "workers": _whole(1, 64),
    "retry_seconds": _whole(1, 86400),
    "retry_jitter_seconds": _whole(0, 600),
    "attempts_max": _whole(1, 50),
    "outage_max_seconds": _whole(1, 30 * 86400),
    "probe_seconds": _whole(1, 3600),
    "lease_seconds": _whole(1, 3600),
    "claim_batch": _whole(1, 20),
    "per_server_max": _whole(1, 100),
    "drain_seconds": _whole(1, 300),
    "announce_check_seconds": _whole(1, 3600),
    "sweep_seconds": _whole(1, 86400),
    "test_seconds": _whole(1, 86400),
    "seal_seconds": _whole(1, 10),
    "digest_hour": _whole(0, 23),
    "blast_services": _whole(1, 1_000_000),
    "blast_percent": _whole(1, 100),
    "retention_days": _whole(0, 3650),
    "nonce_seconds": _whole(60, 86400),
    "signature_tolerance_seconds": _whole(1, 3600),
    "idempotency_days": _whole(1, 365),
}


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings, or one message that names everything wrong with them."""
    wrong: list[str] = []
    given: dict[str, str] = {}

    config = environment.get("BRIDGE_CONFIG")
    if config:
        given |= _from_file(Path(config), wrong)
    for name, text in environment.items():
        if name.startswith("BRIDGE_") and name != "BRIDGE_CONFIG" and text != "":
            given[name] = text

    values: dict[str, Any] = {}
    for name, text in given.items():
        reader = _READERS.get(name.removeprefix("BRIDGE_").lower()) if name.startswith("BRIDGE_") else None
        if reader is None:
            wrong.append(f"{name} is not a setting of the bridge")
            continue
        try:
            values[name.removeprefix("BRIDGE_").lower()] = reader(text)
        except _Wrong as error:
            wrong.append(f"{name} {error}")
    if wrong:
        raise NotPrepared("settings: " + "; ".join(sorted(wrong)))
    return Settings(**values)


def names() -> list[str]:
    """Every setting by the name an operator types."""
    return [f"BRIDGE_{each.name.upper()}" for each in fields(Settings)]


def _from_file(path: Path, wrong: list[str]) -> dict[str, str]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        wrong.append(f"BRIDGE_CONFIG names {path}, which cannot be read")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        wrong.append(f"BRIDGE_CONFIG names {path}, which is not TOML: {error}")
        return {}
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in document.items()
    }
