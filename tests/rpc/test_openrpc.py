"""R-60: the description is made of the models that validate, and describes every method there is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.rpc.methods import all_methods, with_discover
from bridge.rpc.openrpc import document, params_schema
from tests.rpc.room import Room

METHODS = {**with_discover(Room().methods()), **all_methods()}


def described() -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in document(METHODS)["methods"]}


def test_every_method_is_described_and_nothing_else() -> None:
    assert list(described()) == sorted(METHODS)
    assert "rpc.discover" in METHODS


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_parameters_described_are_those_of_the_model_that_validates(name: str) -> None:
    model = METHODS[name].params
    params = described()[name]["params"]
    schema = params_schema(model)

    fields = {each.alias or name: each for name, each in model.model_fields.items()}
    assert {each["name"] for each in params} == fields.keys()
    for each in params:
        told = {key: value for key, value in each["schema"].items() if key != "$defs"}
        assert told == schema["properties"][each["name"]]
        assert each["required"] == fields[each["name"]].is_required()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_says_in_a_sentence_what_it_does(name: str) -> None:
    method = described()[name]

    assert method["summary"].endswith(".")
    assert method["paramStructure"] == "by-name"
    assert method["result"]["schema"]
    assert {error["$ref"].rpartition("/")[2] for error in method["errors"]} <= document(METHODS)["components"][
        "errors"
    ].keys()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_required_parameters_come_first(name: str) -> None:
    """OpenRPC: required before optional, so that a positional reading would work too."""
    required = [each["required"] for each in described()[name]["params"]]

    assert required == sorted(required, reverse=True)


def test_the_document_has_the_shape_of_openrpc_1_3() -> None:
    made = document(METHODS)

    assert made["openrpc"].startswith("1.3.")
    assert {"title", "version"} <= made["info"].keys()
    assert len({each["name"] for each in made["methods"]}) == len(made["methods"])
    for error in made["components"]["errors"].values():
        assert isinstance(error["code"], int)
        assert isinstance(error["message"], str)
    json.dumps(made, allow_nan=False)
