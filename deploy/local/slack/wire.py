"""The two words every module shares: what JSON is here, and how a Web API refusal is raised."""

from __future__ import annotations

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
