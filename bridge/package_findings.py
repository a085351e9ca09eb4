"""What lint finds of a package with all there is: the decks that its tariffs name, and the PBXs of its product."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from bridge import servers, tariffs
from bridge.app import Bridge
from bridge.database import now, transact
from bridge.errors import BridgeError, Refused
from bridge.quota import COUNTED_BY
from bridge.rating.decks.deck import Deck
from bridge.rating.packages import lint as package_lint
from bridge.rating.packages.finding import Finding, Severity
from bridge.rating.packages.lint import Abilities, Decks
from bridge.rating.packages.package import NoRate, Package, RatePlan
from bridge.server import Server
from bridge.store import handlers, providers
from bridge.store import servers as server_store


def findings(bridge: Bridge, package: Package) -> list[Finding]:
    """Every finding, the worst first."""
    decks, missing = _decks(bridge, package)
    able, silent = _abilities(bridge, package.product_id)
    moment = transact(bridge.engine, now)
    return [*missing, *package_lint.lint(package, moment, decks, able), *silent]


def assert_covers_home(bridge: Bridge, package: Package) -> None:
    """`no_rate_policy = "reject"`: a package whose calls at home would have no price is not taken."""
    if package.no_rate_policy is not NoRate.REJECT:
        return
    decks, missing = _decks(bridge, package)
    moment = transact(bridge.engine, now)
    lacking = [each for each in missing if each.path == "package.tariff"]
    lacking += [each for each in package_lint.lint(package, moment, decks) if each.code == "home_uncovered"]
    for each in lacking:
        if each.severity is Severity.ERROR:
            raise Refused(f'package.no_rate_policy is "reject", and {each.sentence}', kind="tariff_invalid")


def tariff_of(tx: Connection, package: Package) -> str | None:
    """The tariff of outbound calls: the package's, else the one default that the providers have."""
    if package.tariff is not None:
        return package.tariff
    defaults = _defaults(tx)
    return defaults[0] if len(defaults) == 1 else None


def _defaults(tx: Connection) -> list[str]:
    return sorted({each.tariff for each in providers.listed(tx) if each.tariff is not None})


def _decks(bridge: Bridge, package: Package) -> tuple[Decks, list[Finding]]:
    """The decks in force, and a finding for each tariff that has none."""
    missing: list[Finding] = []

    def ask(tx: Connection) -> tuple[datetime, str | None, list[str]]:
        return now(tx), tariff_of(tx, package), _defaults(tx)

    moment, outbound, defaults = transact(bridge.engine, ask)
    if outbound is None and package.rate_plan is RatePlan.TARIFF:
        several = f"providers have several: {', '.join(defaults)}" if defaults else "no provider has a default"
        missing.append(_missing("tariff", f"no tariff is named, and {several}"))

    def deck(key: str, name: str | None) -> Deck | None:
        if name is None:
            return None
        try:
            return tariffs.deck_at(bridge, name, moment)
        except Refused as error:
            missing.append(_missing(key, str(error)))
            return None

    tariff = deck("tariff", outbound)
    return Decks(
        tariff, deck("inbound_tariff", package.inbound_tariff), deck("cost_tariff", package.cost_tariff)
    ), missing


def _missing(key: str, told: str) -> Finding:
    return Finding("tariff_missing", Severity.ERROR, f"package.{key}", told)


def _abilities(bridge: Bridge, product_id: int) -> tuple[Iterable[Abilities], list[Finding]]:
    """What the PBXs that a product's tenants are put on enforce, a driver each, and those that did not answer."""

    def act(tx: Connection) -> list[Server]:
        by_server, known = handlers.of_product(tx, product_id), server_store.listed(tx)
        by_hand = {server_id for server_id, handler in by_server.items() if handler.is_manual}
        if 0 in by_hand:  # every server without a handler of its own
            by_hand |= {each.server_id for each in known} - by_server.keys()
        return [each for each in known if each.enabled and each.server_id not in by_hand]

    able: dict[str, Abilities] = {}
    silent: list[Finding] = []
    for server in transact(bridge.engine, act):
        if server.driver in able:
            continue
        try:
            known = servers.driver_of(bridge, server.server_id)[1].capabilities
        except BridgeError as error:
            told = f"the PBX {server.name} was not asked what it enforces: {error}"
            silent.append(Finding("pbx_not_asked", Severity.NOTE, "package.limits", told))
            continue
        counted = frozenset(COUNTED_BY.values())
        able[server.driver] = Abilities(server.driver, known.limits, known.features, counted)
    return able.values(), silent
