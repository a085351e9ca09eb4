"""Servers: adding one, testing it, pausing it, and listing what is on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from bridge import once, pbx
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.drift import view
from bridge.drift.view import View
from bridge.drivers import secrets_from, secrets_to
from bridge.errors import BridgeError, NotFound, NotPrepared, NotReached, Refused
from bridge.pbx import connection
from bridge.pbx.driver import Check, Driver
from bridge.pbx.wire import object_to_json
from bridge.secret import Secret
from bridge.server import Health, Server
from bridge.store import audit, notices, operations, servers, services, tenants

Answer = TypeVar("Answer")

RED_TESTS_MAX = 3
"""So many failed tests in a row close the road; the first test of all has to pass."""


def upsert(
    bridge: Bridge,
    asking: Asking,
    *,
    server_id: int,
    changed: Mapping[str, Any],
    config: Mapping[str, Any] | None,
    secrets: Mapping[str, Secret] | None,
) -> dict[str, Any]:
    """Adds or changes a server. A new connection has to pass its test before automation uses it."""

    def act(tx: Connection) -> dict[str, Any]:
        held = servers.get(tx, server_id, lock=True)
        if held is None and not ("name" in changed and "driver" in changed):
            raise NotPrepared(f"server {server_id} is new here, so it needs at least a name and a driver")
        server = replace(held or Server(server_id, "", ""), **changed)
        known = secrets_from(servers.secret_of(tx, server_id, bridge.vault)) if held else {}
        given = known if secrets is None else {**known, **secrets}
        if config is not None:
            server = replace(server, config=dict(config))
        pbx.check(server.driver, server.config, given)

        same_connection = held is not None and (held.driver, held.config, known) == (
            server.driver,
            server.config,
            given,
        )
        if not same_connection:
            server = replace(
                server,
                health=Health.UNTESTED,
                checks=None,
                tested_at=None,
                red_tests=0,
                unreachable_since=None,
                probe_at=None,
            )
        servers.save(tx, server)
        servers.save_secret(tx, server_id, secrets_to(given), bridge.vault)
        audit.add(
            tx,
            actor=asking.caller,
            action="server.upsert",
            subject=f"server:{server_id}",
            before=_audited(held) if held else None,
            after=_audited(server) | {"secrets": sorted(given)},
        )
        return server_answer(server, servers.accounts(tx).get(server_id, 0))

    answer = once.write(bridge, asking, act)
    bridge.bell.ring()
    return answer


def listed(bridge: Bridge) -> list[dict[str, Any]]:
    def act(tx: Connection) -> list[dict[str, Any]]:
        accounts = servers.accounts(tx)
        return [server_answer(each, accounts.get(each.server_id, 0)) for each in servers.listed(tx)]

    return transact(bridge.engine, act)


def test(bridge: Bridge, server_id: int, actor: str) -> dict[str, Any]:
    """The connection test, check by check; green lets automation run, red makes its operations wait."""
    server, secrets = with_secrets(bridge, server_id)
    checks = examine(bridge, server, secrets)
    examined = Examined(server, secrets, checks)
    recorded = transact(bridge.engine, lambda tx: record_test(tx, bridge, examined, actor=actor))
    bridge.bell.ring()
    return {
        "server_id": server_id,
        "health": recorded.health.value,
        "checks": [object_to_json(each) for each in checks],
    }


def examine(bridge: Bridge, server: Server, secrets: Mapping[str, Secret]) -> list[Check]:
    """Asks the PBX; nothing is written, and no trouble leaves it but as a failed check."""
    surroundings = bridge.drivers.surroundings
    tester = connection.Tester(surroundings.guard, surroundings.clock)
    zones = [server.zone] if server.zone else []
    try:
        endpoint = connection.endpoint_of(pbx.check(server.driver, server.config, secrets))
        return list(connection.checks(tester, endpoint, bridge.drivers.of(server, secrets), zones=zones))
    except BridgeError as trouble:
        name = "reached" if isinstance(trouble, NotReached) else "configuration"
        return [Check(name, "fail", 0, str(trouble), "Mend what is named, then test again.")]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a test found, and of which connection."""

    server: Server
    secrets: Mapping[str, Secret]
    checks: list[Check]


def record_test(tx: Connection, bridge: Bridge, examined: Examined, *, actor: str) -> Server:
    """A test of a connection that was changed meanwhile says nothing of the new one, which waits for its own."""
    server_id, checks = examined.server.server_id, examined.checks
    held = servers.get(tx, server_id, lock=True)
    if held is None:
        raise NotFound(f"server {server_id} is not known", server_id=server_id)
    known = secrets_from(servers.secret_of(tx, server_id, bridge.vault))
    if (held.driver, held.config, known) != (examined.server.driver, examined.server.config, dict(examined.secrets)):
        return held
    moment = now(tx)
    failed = [each for each in checks if each.status == "fail"]
    red_tests = held.red_tests + 1 if failed else 0
    health = Health.GREEN if not failed else held.health
    if failed and (held.health is not Health.GREEN or red_tests >= RED_TESTS_MAX):
        health = Health.RED
    soon = bridge.settings.probe_seconds if failed else bridge.settings.test_seconds
    tested = replace(
        held,
        checks=[object_to_json(each) for each in checks],
        tested_at=moment,
        red_tests=red_tests,
        health=health,
        probe_at=moment + timedelta(seconds=soon),
        unreachable_since=None if not failed else held.unreachable_since,
    )
    servers.save(tx, tested)
    if health is not held.health or held.unreachable_since is not None:
        _tell_of_change(tx, held, tested, failed, moment, actor)
    if tested.is_working and not held.is_working:
        operations.wake_server(tx, server_id, now=moment)
    return tested


def pause(bridge: Bridge, asking: Asking, server_id: int, reason: str) -> dict[str, Any]:
    """Maintenance: everything for the server queues until it is resumed (F-4)."""

    def act(tx: Connection) -> dict[str, Any]:
        held = _known(servers.get(tx, server_id, lock=True), server_id)
        paused = replace(held, paused_at=now(tx), paused_by=asking.caller, paused_reason=reason)
        return _save(tx, asking, held, paused, "server.pause", reason)

    return once.write(bridge, asking, act)


def resume(bridge: Bridge, asking: Asking, server_id: int) -> dict[str, Any]:
    def act(tx: Connection) -> dict[str, Any]:
        held = _known(servers.get(tx, server_id, lock=True), server_id)
        resumed = replace(held, paused_at=None, paused_by=None, paused_reason=None)
        answer = _save(tx, asking, held, resumed, "server.resume", None)
        if resumed.is_working:
            operations.wake_server(tx, server_id, now=now(tx))
        return answer

    answer = once.write(bridge, asking, act)
    bridge.bell.ring()
    return answer


def override(bridge: Bridge, asking: Asking, server_id: int, *, on: bool, reason: str) -> dict[str, Any]:
    """Lets automation run although the test is not green; a named person answers for it."""

    def act(tx: Connection) -> dict[str, Any]:
        held = _known(servers.get(tx, server_id, lock=True), server_id)
        changed = replace(held, override_by=asking.caller if on else None)
        answer = _save(tx, asking, held, changed, "server.override", reason)
        if changed.is_working and not held.is_working:
            operations.wake_server(tx, server_id, now=now(tx))
        return answer

    answer = once.write(bridge, asking, act)
    bridge.bell.ring()
    return answer


def accounts(bridge: Bridge, server_id: int) -> list[dict[str, Any]]:
    """Every tenant the PBX has, beside what the bridge knows of it."""
    _, driver = driver_of(bridge, server_id)
    there = _asked(driver.domains, server_id)
    known = transact(bridge.engine, lambda tx: tenants.domains_of_server(tx, server_id))
    return [{"domain": domain, "tenant_id": known.get(domain)} for domain in there] + [
        {"domain": domain, "tenant_id": tenant_id, "missing": True}
        for domain, tenant_id in sorted(known.items())
        if domain not in set(there)
    ]


def sync(bridge: Bridge, asking: Asking, server_id: int) -> dict[str, Any]:
    """Reads every tenant of ours from the PBX into the mirror. It changes nothing on the PBX."""
    _, driver = driver_of(bridge, server_id)
    before = transact(bridge.engine, lambda tx: tenants.domains_of_server(tx, server_id))
    found = {domain: _read(bridge, driver, server_id, each, asking) for domain, each in sorted(before.items())}
    there = _asked(driver.domains, server_id)
    after = transact(bridge.engine, lambda tx: tenants.domains_of_server(tx, server_id))
    answer = {
        "server_id": server_id,
        "read": sum(each is not None and each.actual is not None for each in found.values()),
        "left": sum(each is None for each in found.values()),
        "missing": [domain for domain, each in found.items() if each is not None and each.actual is None],
        "unknown": sorted(set(there) - before.keys() - after.keys()),
    }
    return once.write(bridge, asking, lambda tx: answer)


def _read(bridge: Bridge, driver: Driver, server_id: int, tenant_id: int, asking: Asking) -> View | None:
    """None: it is left alone, because something is being done for it, or it is not there any more."""
    found = transact(bridge.engine, lambda tx: view.known(tx, bridge, services.of_tenants(tx, [tenant_id])))
    here = [each for each in found if each.kept.server_id == server_id]
    views = [_asked(partial(view.look, each, driver), server_id) for each in here]
    return next(iter(view.keep(bridge, views, dry_run=asking.dry_run)), None)


def driver_of(bridge: Bridge, server_id: int) -> tuple[Server, Driver]:
    server, secrets = with_secrets(bridge, server_id)
    return server, bridge.drivers.of(server, secrets)


def server_answer(server: Server, accounts: int) -> dict[str, Any]:
    """A server as it is shown: everything but its secrets."""
    return {
        "server_id": server.server_id,
        "name": server.name,
        "driver": server.driver,
        "config": server.config,
        "zone": server.zone,
        "enabled": server.enabled,
        "default": server.is_default,
        "accounts": accounts,
        "accounts_max": server.accounts_max,
        "group_id": server.group_id,
        "cdr_group": server.cdr_group,
        "health": server.health.value,
        "tested_at": server.tested_at.isoformat() if server.tested_at else None,
        "working": server.is_working,
        "why_not": None if server.is_working else server.why_not,
        "paused_reason": server.paused_reason,
        "override_by": server.override_by,
    }


def _asked(ask: Callable[[], Answer], server_id: int) -> Answer:
    try:
        return ask()
    except NotReached as trouble:
        raise Refused(str(trouble), kind="pbx_unreachable", server_id=server_id) from trouble


def with_secrets(bridge: Bridge, server_id: int) -> tuple[Server, dict[str, Secret]]:
    def act(tx: Connection) -> tuple[Server, dict[str, Secret]]:
        server = _known(servers.get(tx, server_id), server_id)
        return server, secrets_from(servers.secret_of(tx, server_id, bridge.vault))

    return transact(bridge.engine, act)


def _save(
    tx: Connection, asking: Asking, held: Server, changed: Server, action: str, reason: str | None
) -> dict[str, Any]:
    servers.save(tx, changed)
    audit.add(
        tx,
        actor=asking.caller,
        action=action,
        subject=f"server:{held.server_id}",
        before=_audited(held),
        after=_audited(changed),
        reason=reason,
    )
    return server_answer(changed, servers.accounts(tx).get(held.server_id, 0))


def _tell_of_change(
    tx: Connection, held: Server, tested: Server, failed: list[Check], moment: datetime, actor: str
) -> None:
    audit.add(
        tx,
        actor=actor,
        action="server.tested",
        subject=f"server:{tested.server_id}",
        before={"health": held.health.value},
        after={"health": tested.health.value, "failed": [each.name for each in failed]},
    )
    if tested.health is Health.RED:
        title, body = (
            f"{tested.name} failed its connection test",
            "; ".join(f"{each.name}: {each.detail}" for each in failed),
        )
    elif tested.is_working:
        title, body = f"{tested.name} is back", "What waited for it is being done now."
    else:
        return
    notices.add(
        tx,
        once_key=f"server:{tested.server_id}:{tested.health}:{moment:%Y%m%d%H%M%S%f}",
        department="default",
        kind="server",
        title=title,
        body=body,
    )


def _audited(server: Server) -> dict[str, Any]:
    return {
        "name": server.name,
        "driver": server.driver,
        "config": server.config,
        "enabled": server.enabled,
        "default": server.is_default,
        "health": server.health.value,
        "paused": server.paused_at is not None,
        "override_by": server.override_by,
    }


def _known(server: Server | None, server_id: int) -> Server:
    if server is None:
        raise NotFound(f"server {server_id} is not known; add it with server.upsert", server_id=server_id)
    return server
