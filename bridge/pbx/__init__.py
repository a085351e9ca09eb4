"""The PBX room: which drivers there are, and a connection to one. A driver is found by its file name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType

from bridge.errors import NotPrepared
from bridge.pbx.driver import Driver, Surroundings
from bridge.pbx.setting import ZONE, Setting, checked
from bridge.secret import Secret


def kinds() -> list[str]:
    """The drivers there are: the modules of this room that connect to something."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if _is_driver(importlib.import_module(f"{__name__}.{name}")))


def settings_of(kind: str) -> tuple[Setting, ...]:
    """What the driver has to be told, in the order a person would be asked."""
    settings: tuple[Setting, ...] = _module(kind).SETTINGS
    return (*settings, ZONE)


def check(kind: str, config: Mapping[str, object], secrets: Mapping[str, Secret]) -> dict[str, str]:
    """The configuration as the driver takes it, or NotPrepared naming every wrong key."""
    return checked(kind, settings_of(kind), config, secrets)


def connect(
    kind: str, config: Mapping[str, object], secrets: Mapping[str, Secret], surroundings: Surroundings
) -> Driver:
    """A driver ready to be asked. It opens no connection before the first question; keep it, it holds the pool."""
    driver: Driver = _module(kind).connect(check(kind, config, secrets), secrets, surroundings)
    return driver


def _module(kind: str) -> ModuleType:
    known = kinds()
    if kind not in known:
        raise NotPrepared(f"there is no driver {kind!a}; there are {', '.join(known)}")
    return importlib.import_module(f"{__name__}.{kind}")


def _is_driver(module: ModuleType) -> bool:
    return hasattr(module, "connect") and hasattr(module, "SETTINGS")
