"""What is written for people, compared with what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import bridge

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("whmcs-module/**/*.md")])


def name_of(requirement: str) -> str:
    found = re.match(r"[a-z0-9-]+", requirement.lower())
    assert found is not None
    return found.group()


def test_every_direct_dependency_is_justified_in_a_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    wanted += [each for group in project["dependency-groups"].values() for each in group]
    lines = re.findall(r"^\| `([a-z0-9-]+)` \| \S.*\|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)

    assert sorted(lines) == sorted(map(name_of, wanted))


def test_contributing_fits_a_page() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 66


def test_the_changelog_begins_with_this_version() -> None:
    [first, *_] = re.findall(r"^## ([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert first == bridge.__version__


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()

    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    lost = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`make ([a-z]+)", page.read_text())) <= targets
