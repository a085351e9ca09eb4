"""FusionPBX keeps the promises of every driver, in every release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.pbx.fusionpbx.driver import FusionPbx
from tests.pbx.contract import DriverContract
from tests.pbx.fusionpbx.hand import FusionHand, Rig, a_fusionpbx


@pytest.fixture
def rig(dsn: str, tmp_path: Path) -> Iterator[Rig]:
    with a_fusionpbx(dsn, tmp_path) as rig:
        yield rig


class TestFusionPbx(DriverContract):
    @pytest.fixture
    def pbx(self, rig: Rig) -> FusionPbx:
        return rig.pbx

    @pytest.fixture
    def hand(self, rig: Rig) -> FusionHand:
        return FusionHand(rig)
