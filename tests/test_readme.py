"""What the pages say exists, and what exists is in the pages: settings, commands, methods, what WHMCS must allow."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from bridge import settings
from bridge.cli import app
from bridge.rpc.methods import all_methods
from bridge.secret import Secret
from bridge.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, by what one types."""
    inner = getattr(group, "commands", None)
    if inner is None:
        yield path, group
        return
    for name, command in inner.items():
        yield from commands(command, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(app)))


def rows_of(text: str, first: str) -> dict[str, list[str]]:
    """The other cells of each table row whose first cell is code that matches."""
    found = {}
    for line in text.splitlines():
        if match := re.match(rf"\| `({first})` \| (.*) \|$", line):
            found[match[1]] = [cell.strip() for cell in match[2].split(" | ")]
    return found


# --- settings --------------------------------------------------------------------------------------------------------


def test_every_setting_has_a_row_with_its_default_and_its_meaning() -> None:
    rows = rows_of(README, "BRIDGE_[A-Z_]+")
    defaults = {f"BRIDGE_{each.name.upper()}": getattr(Settings(), each.name) for each in fields(Settings)}

    assert list(rows) == ["BRIDGE_CONFIG", *settings.names()]
    told = {name: cells[0].strip("`") for name, cells in rows.items() if name in defaults}
    assert told == {name: shown(value) for name, value in defaults.items()}
    assert all(len(cells[1]) > 15 for cells in rows.values())


def shown(value: object) -> str:
    if value is None or value == ():
        return "-"
    return value.reveal() if isinstance(value, Secret) else str(value)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_setting_that_a_page_names_exists(page: Path) -> None:
    assert set(re.findall(r"BRIDGE_[A-Z_]+[A-Z]", page.read_text())) <= {*settings.names(), "BRIDGE_CONFIG"}


# --- methods ---------------------------------------------------------------------------------------------------------


def test_every_method_is_in_the_list_and_no_other() -> None:
    [table] = re.findall(r"## Methods\n(.*?)\n## ", README, re.DOTALL)
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`([a-z]+\.[a-z_]+)`", row)]

    assert sorted(told) == sorted(all_methods())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_method_that_a_page_names_exists(page: Path) -> None:
    nouns = {name.split(".")[0] for name in all_methods()}
    named = re.findall(r"(?<![\w/.[-])([a-z]+\.[a-z_]+)(?![\w/.-])", page.read_text())  # [noun.word] is TOML
    files = {"key", "md", "py", "toml", "sql", "secret", "service", "timer", "conf", "json"}

    assert {each for each in named if each.split(".")[0] in nouns and each.split(".")[1] not in files} <= set(
        all_methods()
    )


# --- commands --------------------------------------------------------------------------------------------------------


def test_every_command_is_in_the_list_and_no_other() -> None:
    [table] = re.findall(r"## Commands\n(.*?)\n## ", README, re.DOTALL)

    assert sorted(re.findall(r"`bridge ([a-z -]+)`", table)) == sorted(" ".join(path) for path in COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_a_page_types_exists_with_its_options(page: Path) -> None:
    wrong = [
        line
        for line in typed_in(page.read_text())
        if (found := command_of(line)) is None or not understands(found, line)
    ]

    assert wrong == []


def typed_in(text: str) -> Iterator[str]:
    """Lines in blocks, and code inside sentences, that begin with `bridge`."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in "".join(blocks).splitlines():
        yield from re.findall(r"(?:^|\s)(bridge [a-z].*)$", line.split("  #")[0])
    yield from re.findall(r"`(bridge [a-z][^`]*)`", text)


def command_of(line: str) -> Any:
    words = [word for word in line.split()[1:] if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)]
    for length in (2, 1):
        if tuple(words[:length]) in COMMANDS:
            return COMMANDS[tuple(words[:length])]
    return None


def understands(command: Any, line: str) -> bool:
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    return set(re.findall(r"(?<=\s)--[a-z-]+", line)) <= known | {"--help"}


# --- the first screen, and WHMCS -------------------------------------------------------------------------------------


def test_the_first_screen_shows_the_thing_working_and_the_two_commands() -> None:
    first = README.splitlines()[:60]

    assert any("$ make demo ARGS=--once" in line for line in first)
    assert any(re.match(r"tied_out +yes", line) for line in first)
    assert sum(line.startswith(("| `make demo`", "| `make test`")) for line in first) == 2


def test_what_whmcs_must_allow_is_what_the_client_asks() -> None:
    client = (ROOT / "bridge" / "whmcs" / "client.py").read_text()
    asked = set(re.findall(r"self\._(?:read|write)\(\s*\"([A-Za-z]+)\"", client))
    rows = rows_of((ROOT / "docs" / "install.md").read_text(), "[A-Z][A-Za-z]+")

    assert len(asked) > 8
    assert rows.keys() == asked


def test_the_rights_are_given_in_two_parts_as_the_page_types_it_r67() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    parts = [
        subprocess.run(["sed", script, ROOT / "sql" / "grants.sql"], capture_output=True, text=True, check=True).stdout
        for script in re.findall(r"^sed '([^']+)' /root/grants\.sql \| mariadb", page, re.MULTILINE)
    ]
    first, second = ([line for line in part.splitlines() if line.startswith(("GRANT", "CREATE"))] for part in parts)
    whole = (ROOT / "sql" / "grants.sql").read_text().splitlines()

    assert [*first, *second] == [line for line in whole if line.startswith(("GRANT", "CREATE"))]
    assert sum("CREATE USER" in line for line in first) == 4
    assert "mod_ictvoipbilling_audit TO 'bridge'@" in second[0]


def test_a_claim_was_tried_somewhere_or_says_that_it_was_not_f45() -> None:
    page = (ROOT / "docs" / "tried-on.md").read_text()
    head, *rows = [line for line in page.splitlines() if line.count(" | ") == 4]

    assert [cell.strip() for cell in head.strip("| ").split(" | ")] == [
        "claim",
        "WHMCS 8.13",
        "WHMCS 9.0",
        "FusionPBX, live FreeSWITCH",
        "Vodia",
    ]
    claims = [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in rows if "---" not in row]
    assert len(claims) >= 10
    for claim, *cells in claims:
        assert all(re.fullmatch(r"stand-in only|-|tried on \S+.*, \d{4}-\d{2}-\d{2}", cell) for cell in cells), claim
        assert set(cells) != {"-"}, claim
