"""Price lists brought into force, for tests."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from bridge import tariff_activation, tariff_staging
from bridge.app import Bridge
from bridge.rating.decks.reading import DeckReading, Instructions, read_deck
from bridge.tariff_staging import Wanted
from tests.factories import asking

HEADER = "Prefix,Description,RateValue,Increment\n"
A_LIST = HEADER + "44,UK,0.01,60\n447,UK Mobile,0.05,60\n1,USA,0.02,6\n"


def wanted(**changed: Any) -> Wanted:
    return Wanted(**{"provider": "Telnyx", "name": "outbound", "currency": "USD", "file_name": "june.csv", **changed})


def read(bridge: Bridge, text: str, want: Wanted) -> tuple[Instructions, DeckReading]:
    how = tariff_staging.instructions(bridge, want)
    return how, read_deck(io.BytesIO(text.encode()), how)


def staged(bridge: Bridge, text: str = A_LIST, *, dry_run: bool = False, **changed: Any) -> dict[str, Any]:
    want = wanted(**changed)
    how, reading = read(bridge, text, want)
    return tariff_staging.stage(bridge, asking("tariff.import", dry_run=dry_run), want, how, reading)


def activated(
    bridge: Bridge, text: str = A_LIST, *, effective: datetime | None = None, **changed: Any
) -> dict[str, Any]:
    told = staged(bridge, text, effective=effective, **changed)
    return tariff_activation.activate(
        bridge, asking("tariff.activate"), told["deck_id"], confirm=told["confirm"], accept_refused=True
    )
