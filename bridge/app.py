"""Settings become a Bridge: the one place where parts are put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from bridge.settings import Settings
    from bridge.vault import Vault


@dataclass(frozen=True, slots=True)
class Bridge:
    """What a use case may touch. Passed, never imported."""

    settings: Settings
    engine: Engine
    vault: Vault
    random: Callable[[int], bytes]
