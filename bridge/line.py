"""A line of text: what names a thing or a person to people. One line, and nothing in it that moves a cursor."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")]
