"""What holds on the operator's own systems, tried now and written down with version and date (F-45).

It only reads. Later releases add what they rely on; `docs/tried-on.md` says what was tried where by whoever made them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bridge import __version__, servers
from bridge.app import Bridge
from bridge.database import now, transact
from bridge.errors import BridgeError
from bridge.store import audit
from bridge.store import installation as facts
from bridge.store import servers as server_store

FACT = "selftest:"


@dataclass(frozen=True, slots=True)
class Trial:
    subject: str
    """whmcs_api, whmcs_records, or server:N"""
    status: str
    """pass, fail, or skip where nothing is set up to be tried"""
    version: str | None
    detail: str


def run(bridge: Bridge, *, by: str, dry_run: bool = False) -> list[Trial]:
    """Tries each, and writes it down. A dry run tries the same and keeps nothing, a server's own test included."""
    trials = [
        _tried("whmcs_api", partial(_whmcs_api, bridge)),
        _tried("whmcs_records", partial(_whmcs_records, bridge)),
    ]
    for server in transact(bridge.engine, server_store.listed):
        trials.append(_tried(f"server:{server.server_id}", partial(_server, bridge, server.server_id)))
    if not dry_run:
        transact(bridge.engine, lambda tx: _write_down(tx, trials, by))
    return trials


def results(bridge: Bridge) -> list[dict[str, Any]]:
    """What was written down last, the oldest first."""

    def look(tx: Connection) -> list[dict[str, Any]]:
        names = facts.named(tx, FACT, limit=1000)
        found = facts.several(tx, names)
        return [found[name] for name in names]

    return transact(bridge.engine, look)


def _tried(subject: str, trial: Callable[[], tuple[str, str | None, str]]) -> Trial:
    try:
        return Trial(subject, *trial())
    except BridgeError as trouble:
        return Trial(subject, "fail", None, str(trouble))


def _whmcs_api(bridge: Bridge) -> tuple[str, str | None, str]:
    if bridge.whmcs is None:
        return "skip", None, "WHMCS's API is not set up: BRIDGE_WHMCS_URL and its credential"
    details = bridge.whmcs.details()
    return "pass", details.version, f"answers as {details.admin_name}"


def _whmcs_records(bridge: Bridge) -> tuple[str, str | None, str]:
    if bridge.records is None:
        return "skip", None, "WHMCS's records are not set up to be read: BRIDGE_WHMCS_DATABASE_URL, or the addon"
    found = bridge.records.installation()
    return "pass", found.version, "read by SQL" if bridge.settings.whmcs_database_url else "read through the addon"


def _server(bridge: Bridge, server_id: int) -> tuple[str, str | None, str]:
    server, secrets = servers.with_secrets(bridge, server_id)
    checks = servers.examine(bridge, server, secrets)
    failed = [f"{each.name}: {each.detail}" for each in checks if each.status == "fail"]
    told = "; ".join(failed) or f"{len(checks)} checks with the driver {server.driver}"
    return ("fail" if failed else "pass"), None, told


def _write_down(tx: Connection, trials: list[Trial], by: str) -> None:
    at = now(tx).isoformat()
    for trial in trials:
        facts.put(tx, FACT + trial.subject, asdict(trial) | {"at": at, "by": by, "bridge": __version__})
    audit.add(
        tx,
        actor=by,
        action="selftest.run",
        subject="selftest",
        after={trial.subject: trial.status for trial in trials},
    )
