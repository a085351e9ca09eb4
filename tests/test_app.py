"""Settings become a bridge."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import app, keys, schema
from bridge.errors import NotPrepared
from bridge.secret import Secret
from bridge.settings import Settings


def settings_in(folder: Path, *, key: str = "master.key") -> Settings:
    return Settings(database_url=Secret(f"sqlite:///{folder}/bridge.db"), master_key_file=folder / key)


def test_a_master_key_is_made_on_first_use(tmp_path: Path) -> None:
    bridge = app.build(settings_in(tmp_path))
    bridge.engine.dispose()

    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600


def test_a_lost_master_key_is_not_replaced_by_another(tmp_path: Path) -> None:
    """T-21: with secrets waiting for it, a key that is not there was lost or is named wrongly."""
    bridge = app.build(settings_in(tmp_path))
    schema.upgrade(bridge.engine)
    keys.add(bridge, "whmcs-main")
    bridge.engine.dispose()

    with pytest.raises(NotPrepared, match=r"their master key .*typo\.key is not there; put it back"):
        app.build(settings_in(tmp_path, key="typo.key"))
    assert not (tmp_path / "typo.key").exists()
