"""A price list brought in at one stroke: staged, and activated unless a person has to look at it first (T-25).

What its staging answered is the dry run. A list that changes suspiciously much is activated only by whoever names that
answer; one of which rows are refused, only by whoever accepts that they stay out.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from bridge import tariffs
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.errors import Refused
from bridge.rating.decks.reading import DeckReading, Instructions, read_deck
from bridge.rating.decks.sheet import NotASheet
from bridge.tariffs import Progress, Wanted

TEXT_PREFIXES_MAX = 200_000
"""A text that fits into a request says so many by ranges at most."""


def bring_in(
    bridge: Bridge,
    asking: Asking,
    wanted: Wanted,
    how: Instructions,
    reading: DeckReading,
    *,
    confirm: str | None = None,
    accept_refused: bool = False,
    only_stage: bool = False,
    progress: Progress = tariffs.quiet,
) -> dict[str, Any]:
    """What was staged, and the deck it became; `kept_back` is why it is not in force."""
    staged = tariffs.stage(bridge, asking, wanted, how, reading, progress)
    why = _kept_back(staged, confirm=confirm, accept_refused=accept_refused)
    if why or only_stage or asking.dry_run:
        return {**staged, "activated": False, "kept_back": why}
    activated = tariffs.activate(
        bridge,
        asking,
        staged["deck_id"],
        confirm=staged["confirm"],
        accept_refused=accept_refused,
        progress=progress,
    )
    return {**staged, **activated, "activated": True, "kept_back": None}


def stage_text(bridge: Bridge, asking: Asking, wanted: Wanted, content: str) -> dict[str, Any]:
    """A list that came as text, staged."""
    how = replace(tariffs.instructions(bridge, wanted), prefixes_max=TEXT_PREFIXES_MAX)
    try:
        reading = read_deck(io.BytesIO(content.encode()), how)
    except NotASheet as why:
        raise Refused(str(why), kind="tariff_invalid") from None
    return tariffs.stage(bridge, asking, wanted, how, reading)


def _kept_back(staged: dict[str, Any], *, confirm: str | None, accept_refused: bool) -> str | None:
    if confirm is not None and confirm != staged["confirm"]:
        why = "this is not what the dry run looked at: the list, or the deck in force, is another by now"
    elif staged["rows_refused"] and not accept_refused:
        why = f"{staged['rows_refused']} of {staged['rows_read']} rows are refused"
    elif staged["alarm"] and confirm is None:
        why = staged["alarm"]
    else:
        return None
    if staged["deck_id"] is None:
        return f"{why}; as it is, it would not come into force"
    accept = " --accept-refused" if staged["rows_refused"] else ""
    return (
        f"{why}; deck {staged['deck_id']} is staged and not in force. If it is right as it is:"
        f" bridge tariff activate {staged['deck_id']} --confirm {staged['confirm']}{accept}"
    )
