"""Where the calls of a package may go: what a dial plan opens, and what a call that happened is noted for (F-23)."""

from __future__ import annotations

NUMBER_TYPES = (
    "fixed_line",
    "mobile",
    "fixed_line_or_mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
"""The kinds of numbers that the numbering plans know."""
