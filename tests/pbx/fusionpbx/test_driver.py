"""FusionPBX keeps the promises of every driver, in every release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.agent import Agent
from bridge.pbx.driver import Driver
from bridge.pbx.fusionpbx.driver import FusionPbx
from bridge.signature import secret_bytes
from tests.pbx.contract import DriverContract
from tests.pbx.fusionpbx.hand import FusionHand, Rig, a_fusionpbx
from tests.pbx.test_remote import INSTANCE, KEY, SECRET, Clock, Wire, a_remote


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


class TestThroughTheAgent(DriverContract):
    """The same driver on the PBX's own host, asked from afar. The release makes no difference to the way."""

    @pytest.fixture
    def version(self) -> str:
        return "5.5.13"

    @pytest.fixture
    def pbx(self, rig: Rig) -> Driver:
        clock = Clock()
        return a_remote(Wire(Agent(rig.pbx, INSTANCE, {KEY: (secret_bytes(SECRET),)}, clock)), clock)

    @pytest.fixture
    def hand(self, rig: Rig) -> FusionHand:
        return FusionHand(rig)
