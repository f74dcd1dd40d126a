"""What every module shares: what JSON is here, how it is read, and how a Web API refusal is raised."""

from __future__ import annotations

import json
import math
from typing import Any

JsonObject = dict[str, Any]


class SlackError(Exception):
    """A Web API refusal: `code` is Slack's error word; `extra` joins the answer; `status` and `headers` are HTTP's."""

    def __init__(self, code: str, *, status: int = 200, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.headers = headers or {}
        self.extra: JsonObject = extra

    def body(self) -> JsonObject:
        """The JSON body Slack would answer with."""
        return {"ok": False, "error": self.code, **self.extra}


def argument_error(*messages: str, code: str = "invalid_arguments") -> SlackError:
    """`invalid_arguments` with Slack's `[ERROR] …` lines in response_metadata."""
    return SlackError(code, response_metadata={"messages": [f"[ERROR] {message}" for message in messages]})


def as_text(value: Any, key: str) -> str:
    """An argument that is to be a string. Raises SlackError invalid_array_arg, invalid_arguments for what is none."""
    if isinstance(value, list):
        raise SlackError("invalid_array_arg")
    if isinstance(value, dict):
        raise argument_error(f"must be a string [json-pointer:/{key}]")
    return str(value)


def read_json(text: str) -> Any:
    """The JSON in a text. Raises ValueError also for what Python alone takes: NaN, and numbers beyond any."""
    return json.loads(text, parse_constant=_number, parse_float=_number)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no JSON number")
    return number
