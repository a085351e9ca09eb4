"""A price list brought in at one stroke: staged, and activated unless a person has to look at it first (T-25).

What its staging answered is the dry run. A list that changes suspiciously much is activated only by whoever names that
answer; one of which rows are refused, only by whoever accepts that they stay out.
"""

from __future__ import annotations

from typing import Any

from bridge import tariff_activation, tariff_staging
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.rating.decks.reading import DeckReading, Instructions
from bridge.tariff_staging import Progress, Wanted, quiet


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
    progress: Progress = quiet,
) -> dict[str, Any]:
    """What was staged, and the deck it became; `kept_back` is why it is not in force."""
    staged = tariff_staging.stage(bridge, asking, wanted, how, reading, progress)
    why = _kept_back(staged, confirm=confirm, accept_refused=accept_refused)
    if why or only_stage or asking.dry_run:
        return {**staged, "activated": False, "kept_back": why}
    activated = tariff_activation.activate(
        bridge,
        asking,
        staged["deck_id"],
        confirm=staged["confirm"],
        accept_refused=accept_refused,
        progress=progress,
    )
    return {**staged, **activated, "activated": True, "kept_back": None}


def _kept_back(staged: dict[str, Any], *, confirm: str | None, accept_refused: bool) -> str | None:
    if confirm is not None and confirm != staged["confirm"]:
        why = "this is not what the dry run looked at: the list, or the deck in force, is another by now"
    elif staged["rows_refused"] and not accept_refused:
        why = f"{staged['rows_refused']} of {staged['rows_read']} rows are refused"
    elif staged["alarm"] and confirm is None:
        why = staged["alarm"]
    else:
        return None
    if not staged["prefixes"]:
        return f"{why}, and nothing is left to come into force"
    if staged["deck_id"] is None:
        return f"{why}; as it is, it would not come into force"
    accept = " --accept-refused" if staged["rows_refused"] else ""
    return (
        f"{why}; deck {staged['deck_id']} is staged and not in force. If it is right as it is:"
        f" bridge tariff activate {staged['deck_id']} --confirm {staged['confirm']}{accept}"
    )
