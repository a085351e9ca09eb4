"""`doctor`: how the bridge is."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    """Filled as the rooms behind it are built."""
