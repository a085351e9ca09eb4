"""A name as a-z, 0-9 and _: what stands in the names of tables, and by what a provider or a tariff is found. Pure."""

from __future__ import annotations

import re
import unicodedata

from bridge.errors import NotPrepared

SLUG_MAX = 64


def slug(name: str) -> str:
    """`Telnyx - Outbound` is telnyx_outbound. Names that differ in case or signs alone are one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:SLUG_MAX].strip("_")
    if not words:
        raise NotPrepared(f"{name[:40]!r} has no letter from a to z and no digit to be named by")
    return words
