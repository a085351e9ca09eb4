"""T-20 and T-24: a line is a constant sentence and fields, one line whatever it quotes, and never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import logs
from bridge.errors import Refused
from bridge.secret import Secret

HUSH = "Quiet4sJq0Zt+hush=now"
"""Not the canary: what is logged here on purpose, pytest itself would show in the raw."""


@pytest.fixture(params=["text", "json"])
def lines(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    stream = io.StringIO()
    logs.set_up(request.param, stream)
    yield stream
    root.handlers[:] = before[1]
    root.setLevel(before[0])


def test_a_line_is_a_sentence_and_its_fields() -> None:
    record = logging.LogRecord("bridge.worker", logging.INFO, "", 0, "operation settled", None, None)
    record.fields = {"operation": 17, "state": "retry_wait", "cause": "no answer from it"}

    as_text = logs.TextLines().format(record)
    as_json = json.loads(logs.JsonLines().format(record))

    assert as_text.partition("Z ")[2] == (
        'info    operation settled operation=17 state=retry_wait cause="no answer from it"'
    )
    assert as_json.pop("at").endswith("Z")
    assert as_json == {
        "level": "info",
        "logger": "bridge.worker",
        "sentence": "operation settled",
        "operation": 17,
        "state": "retry_wait",
        "cause": "no answer from it",
    }


def test_fields_given_the_usual_way_are_told_too(lines: io.StringIO) -> None:
    logging.getLogger("somebody").info("server tested", extra={"server": 3})

    assert "server" in lines.getvalue()
    assert "3" in lines.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "admin_password",
        "secret",
        "X-Bridge-Signature",
        "authorization",
        "api_key",
        "accesskey",
        "token",
        "nonce",
        "master_key",
        "voicemail_pin",
        "body",
        "params",
        "headers",
    ],
)
def test_a_field_whose_name_says_secret_is_hidden_t_20(lines: io.StringIO, name: str) -> None:
    logs.say(logging.getLogger("bridge"), logging.WARNING, "asked", **{name: HUSH, "inner": {name: HUSH}})

    assert HUSH not in lines.getvalue()
    assert "***" in lines.getvalue()


@pytest.mark.parametrize("name", ["key_id", "incident", "operation_id", "passed", "keyboard"])
def test_a_field_that_only_sounds_like_it_is_told(lines: io.StringIO, name: str) -> None:
    logs.say(logging.getLogger("bridge"), logging.WARNING, "asked", **{name: "visible-value"})

    assert "visible-value" in lines.getvalue()


def test_secrets_inside_of_text_are_cut_out_t_20(lines: io.StringIO) -> None:
    say = logging.getLogger("bridge").warning
    say("opened %s", f"mysql+pymysql://user:{HUSH}@db.example/bridge")
    say("sent Authorization: Basic %s", HUSH)
    say("signed v1=%s", "a1" * 32)
    logs.say(logging.getLogger("bridge"), logging.WARNING, "value", of=Secret(HUSH), many=[Secret(HUSH)])

    told = lines.getvalue()
    assert HUSH not in told
    assert "a1a1" not in told


def test_the_text_of_a_foreign_exception_is_not_told_and_its_way_is_t_20(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"cannot read {HUSH}")
    except ValueError:
        logging.getLogger("somebody").exception("it failed")

    told = lines.getvalue()
    assert HUSH not in told
    assert "ValueError at test_logs.py" in told


def test_the_sentence_of_our_own_trouble_is_told(lines: io.StringIO) -> None:
    try:
        raise Refused("service 42 is terminated")
    except Refused as error:
        logs.say(logging.getLogger("bridge"), logging.WARNING, "refused", error=logs.way(error))

    assert "Refused: service 42 is terminated" in lines.getvalue()


@given(st.text(max_size=100), st.text(max_size=100))
def test_whatever_it_quotes_a_line_is_one_line_t_24(sentence: str, value: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, sentence.replace("%", ""), None, None)
    record.fields = {"value": value}

    for form in (logs.TextLines(), logs.JsonLines()):
        assert len(form.format(record).splitlines()) == 1


def test_a_forged_line_cannot_be_written_t_24() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "call refused", None, None)
    record.fields = {"method": "a\n2026-11-20T12:00:00.000000Z info    key added key_id=evil\x1b[2K"}

    told = logs.TextLines().format(record)
    assert "\n" not in told
    assert "\x1b" not in told


def test_a_field_is_never_long(lines: io.StringIO) -> None:
    logs.say(logging.getLogger("bridge"), logging.WARNING, "asked", value="x" * 100_000)

    assert len(lines.getvalue()) < 500
