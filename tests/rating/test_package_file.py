"""Packages as files: what is read, what is refused and how it is told, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bridge.rating.package import Package
from bridge.rating.package_file import load_package, package_document, read_package

SAMPLE = Path(__file__).with_name("sample_package.toml")


def the_least(**more: Any) -> dict[str, Any]:
    return {"name": "Basic", "product_id": 12, "type": "metered", "currency": "USD", "country": "CA", **more}


def a_package(**more: Any) -> Package:
    return read_package(the_least(**more))


def test_a_package_with_everything_is_read_and_written_back() -> None:
    package = load_package(SAMPLE)

    written = json.loads(json.dumps(package_document(package)))
    assert read_package(written) == package
