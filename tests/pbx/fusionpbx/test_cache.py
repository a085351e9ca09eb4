"""The cache of FusionPBX: which file a key is, and that nothing else is deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import NotPrepared, NotReached, Refused
from bridge.pbx.fusionpbx import cache
from bridge.pbx.fusionpbx.cache import Files, file_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "directory.101@acme.example",
        "directory.102@acme.example",
        "directory.101@other.example",
        "dialplan.acme.example",
        "dialplan.public",
        "dialplan.public.442079460101",
        "dialplan.public.+442079460101",
        "dialplan.public.442079460102",
        "pbx1.configuration.sofia.conf",
        "configuration.sofia.conf.pbx1",
    ):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("keys", "gone"),
    [
        ([cache.of_extension("101", "acme.example")], {"directory.101@acme.example"}),
        (
            [cache.of_every_extension("acme.example")],
            {"directory.101@acme.example", "directory.102@acme.example"},
        ),
        ([cache.of_dial_plan("acme.example")], {"dialplan.acme.example"}),
        (
            cache.of_number("442079460101"),
            {"dialplan.public", "dialplan.public.442079460101", "dialplan.public.+442079460101"},
        ),
        (cache.of_gateways("pbx1"), {"pbx1.configuration.sofia.conf", "configuration.sofia.conf.pbx1"}),
        (["directory:999@acme.example"], set()),
    ],
)
def test_a_key_is_its_file_and_no_other(folder: Path, keys: list[str], gone: set[str]) -> None:
    before = {path.name for path in folder.iterdir()}

    Files(folder).delete(keys)

    assert before - {path.name for path in folder.iterdir()} == gone


@pytest.mark.parametrize("key", ["", "*", "..", "...", "*.*", "directory:$(id)@x", "a b", "a\nb", "a\0b", "é"])
def test_what_is_no_key_deletes_nothing_t14(folder: Path, key: str) -> None:
    with pytest.raises(Refused, match="is no key of the cache"):
        Files(folder).delete([key])

    assert len(list(folder.iterdir())) == 10


def test_no_key_leads_out_of_the_folder_t14() -> None:
    assert file_of("directory:../../etc/passwd@x") == "directory..._.._etc_passwd@x"


def test_a_folder_that_is_not_there_is_told_with_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(NotPrepared, match=r"no folder .*cache.location in config.conf"):
        Files(tmp_path / "elsewhere").check()


def test_a_file_that_cannot_be_deleted_is_told(folder: Path) -> None:
    (folder / "dialplan.odd").mkdir()

    with pytest.raises(NotReached, match="cannot be deleted"):
        Files(folder).delete(["dialplan:odd"])
