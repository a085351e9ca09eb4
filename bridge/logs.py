"""Log lines: a constant sentence and its fields, as text for people or JSON for machines, never with a secret in it.

What is kept out: fields whose name says secret, `Secret` values (they print as ***), request and answer bodies, and the
text of exceptions that are not ours, which likes to quote what it choked on. Of those the kind and the way are told.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from bridge.errors import BridgeError

HIDDEN = "***"
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)?$|passw|secret|token|signature|authori[sz]ation|credential|cookie|accesskey|api_?key"
    r"|master_?key|private|nonce|^pin$|_pin$|sealed",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"(v1=)[0-9a-f]{64}|(://[^/\s:@]*:)[^@\s/]+(?=@)|((?:basic|bearer)\s+)[A-Za-z0-9+/._~=-]+", re.IGNORECASE
)
_BODY_NAMES = frozenset({"body", "payload", "content", "headers", "params", "request", "response"})
_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {
    *("message", "asctime", "taskName", "fields"),
    "color_message",  # uvicorn's own, with colours in it
}
_FIELD_LENGTH_MAX = 300


def say(logger: logging.Logger, level: int, sentence: str, /, **fields: Any) -> None:
    """One line. The sentence is constant, so that it can be counted; what varies is a field."""
    if logger.isEnabledFor(level):
        logger.log(level, sentence, extra={"fields": fields})


def way(error: BaseException) -> str:
    """The kind of an exception and the lines it came through, without its text."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    lines = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    told = f"{type(error).__name__}: {error}" if isinstance(error, BridgeError) else type(error).__name__
    return f"{told} at {lines}" if lines else told


def set_up(form: Literal["text", "json"] | str, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Every logger of the process writes this way, those of the libraries included."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.raiseExceptions = False  # a log that cannot be written must not print what it was about to say (T-20)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("httpx", "httpcore", "uvicorn.access", "jsonrpcserver"):
        logging.getLogger(name).setLevel(logging.WARNING)  # these tell addresses and bodies at a lower level


def fields_of(record: logging.LogRecord) -> dict[str, str | int | bool | None]:
    """The fields of a line, clean."""
    given = {name: value for name, value in vars(record).items() if name not in _OWN} | getattr(record, "fields", {})
    if record.exc_info and record.exc_info[1] is not None:
        given["error"] = way(record.exc_info[1])
    return {name: _clean(name, value) for name, value in given.items()}


def sentence_of(record: logging.LogRecord) -> str:
    return _line(_SECRET_TEXT.sub(_hide, record.getMessage()))


class TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        fields = "".join(f" {name}={_quoted(value)}" for name, value in fields_of(record).items())
        return f"{at} {record.levelname.lower():7} {sentence_of(record)}{fields}"


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        own = {"at": at, "level": record.levelname.lower(), "logger": record.name, "sentence": sentence_of(record)}
        return json.dumps(own | {name: value for name, value in fields_of(record).items() if name not in own})


def _clean(name: str, value: Any) -> str | int | bool | None:
    if _SECRET_NAME.search(name) or name.lower() in _BODY_NAMES:
        return HIDDEN
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, dict):
        value = {each: _clean(str(each), inner) for each, inner in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        value = [_clean(name, each) for each in value]
    return _line(_SECRET_TEXT.sub(_hide, str(value)))[:_FIELD_LENGTH_MAX]


def _hide(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group is not None) + HIDDEN


def _line(text: str) -> str:
    """One line stays one line, whatever it quotes (T-24)."""
    return "".join(each if each.isprintable() else " " for each in text)


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or " " in text or '"' in text else text
