"""The drivers in use: one for each server, connected when first needed and again when its configuration changes."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping

from bridge import pbx
from bridge.pbx.driver import Driver, Surroundings
from bridge.secret import Secret
from bridge.server import Server


class Drivers:
    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._lock = threading.Lock()
        self._drivers: dict[int, tuple[str, Driver]] = {}

    def of(self, server: Server, secrets: Mapping[str, Secret]) -> Driver:
        """Raises NotPrepared where the configuration is wrong; opens no connection."""
        version = _version(server, secrets)
        with self._lock:
            known = self._drivers.get(server.server_id)
            if known is not None and known[0] == version:
                return known[1]
            driver = pbx.connect(server.driver, server.config, secrets, self.surroundings)
            self._drivers[server.server_id] = (version, driver)
            return driver

    def use(self, server: Server, secrets: Mapping[str, Secret], driver: Driver) -> None:
        """Hands in a driver that is connected already: the demo's and the tests' own PBX."""
        with self._lock:
            self._drivers[server.server_id] = (_version(server, secrets), driver)


def secrets_from(sealed_text: Secret | None) -> dict[str, Secret]:
    """A server's secrets by name; they are sealed together."""
    if sealed_text is None:
        return {}
    return {name: Secret(value) for name, value in json.loads(sealed_text.reveal()).items()}


def secrets_to(secrets: Mapping[str, Secret]) -> Secret:
    return Secret(json.dumps({name: secret.reveal() for name, secret in sorted(secrets.items())}))


def _version(server: Server, secrets: Mapping[str, Secret]) -> str:
    """Changes with the configuration; a fingerprint, so that no secret is kept twice."""
    content = [server.driver, server.config, secrets_to(secrets).reveal()]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
