"""What a person's act came to, as the control API tells it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from ..delivery.transport import Ack
from ..wire import JsonObject


@dataclass(slots=True)
class Outcome:
    """`result`: acked, refused, unreachable, no_socket, late, or blocked (Slack itself said no: `text` says why).

    `text` is what Slack shows the person; `elapsed` the seconds to the ack; `errors` texts under inputs by block_id;
    `options` what a suggestion offered.
    """

    result: str
    text: str = ""
    elapsed: float = 0.0
    trigger_id: str = ""
    response_url: str = ""
    ts: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    options: list[JsonObject] = field(default_factory=list)
    option_groups: list[JsonObject] = field(default_factory=list)

    def body(self) -> JsonObject:
        """As JSON."""
        return {"ok": self.result == "acked" and not self.errors, **asdict(self)}


def blocked(text: str, errors: dict[str, str] | None = None) -> Outcome:
    """Slack did not send anything."""
    return Outcome("blocked", text, errors=errors or {})


def of_ack(ack: Ack, text: str = "", trigger_id: str = "", response_url: str = "", ts: str = "") -> Outcome:
    """The outcome of a delivery."""
    return Outcome(ack.result, text, ack.elapsed, trigger_id, response_url, ts)
