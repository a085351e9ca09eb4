"""docs/packages.md: every key and every finding is in it, its file is a package, and it names no other."""

from __future__ import annotations

import re
from pathlib import Path

from bridge.rating.packages.file import load_package, package_document
from bridge.rating.packages.package import LIMITS
from bridge.rating.packages.policies import GUARD_PRICES, GUARDS, POLICIES, POLICY_DAYS
from tests.rating.packages.test_file import SAMPLE

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "packages.md").read_text()
NAMED = set(re.findall(r"`([a-z0-9_]+)`", PAGE))


def test_every_key_is_on_the_page() -> None:
    document = package_document(load_package(SAMPLE))
    tables = {name for name, value in document.items() if isinstance(value, dict)} - {"included_scope"}
    lists = {"tiers", "destinations", "overrides", "special_numbers"}
    inside = {
        key
        for name in (tables | lists) - {"options", "features"}
        for each in (document[name] if name in lists else [document[name]])
        for key in each
    }

    assert document.keys() - tables - lists <= NAMED
    assert inside | {*document["included_scope"]} <= NAMED
    assert {name for name in tables if f"[package.{name}]" not in PAGE} == set()
    assert {name for name in lists if f"[[package.{name}]]" not in PAGE} == set()


def test_every_policy_guard_and_limit_is_on_the_page_with_its_values() -> None:
    values = {value for choices in POLICIES.values() for value in choices}

    assert {*POLICIES, *POLICY_DAYS, *GUARDS, *GUARD_PRICES, *LIMITS} | values <= NAMED


def test_the_file_on_the_page_is_a_package(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "premium.toml").write_text(text)

    assert load_package(tmp_path / "premium.toml").included_seconds == 60_000


def test_every_finding_is_on_the_page_and_no_other() -> None:
    room = [
        *(ROOT / "bridge" / "rating" / "packages").glob("*lint.py"),
        ROOT / "bridge" / "packages.py",
        ROOT / "bridge" / "package_findings.py",
    ]
    made = {code for path in room for code in re.findall(r'Finding\(\s*"([a-z_]+)"', path.read_text())}
    table = PAGE.split("## Findings")[1]

    told = {
        code
        for line in table.splitlines()
        if line.startswith("| `")
        for code in re.findall(r"`([a-z_]+)`", line.split(" | ")[0])
    }
    assert told == made
