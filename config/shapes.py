"""Texts of config that have a shape, Slack's ids for one. Each says by an example what it should be."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def shaped(pattern: str, what: str, instead: str, longest: int = 200) -> AfterValidator:
    """A text that matches wholly; `what` it is else, and what to write `instead`."""

    def check(value: str) -> str:
        if len(value) > longest or not re.fullmatch(pattern, value):
            raise ValueError(f"{what}: write {instead}")
        return value

    return AfterValidator(check)


KEY, KEYS = r"^[a-z0-9-]+$", "small letters, digits and - only, e.g. main-shop"
Key = Annotated[str, StringConstraints(pattern=KEY, max_length=40)]
Account = Annotated[
    str,
    shaped(
        r"[TE][A-Z0-9]+/[UW][A-Z0-9]+", "it is no account", "Slack's ids of team and member, e.g. T0123ABC/U0123ANA"
    ),
]
Team = Annotated[str, shaped(r"[TE][A-Z0-9]+", "it is no id of a Slack team", "e.g. T0123ABC")]
Channel = Annotated[
    str,
    shaped(r"[CG][A-Z0-9]+", "it is no id of a Slack channel", "what stands at the foot of its About, e.g. C0123ABC"),
]
UserGroup = Annotated[str, shaped(r"S[A-Z0-9]+", "it is no id of a Slack user group", "e.g. S0123ABC")]
Header = Annotated[str, shaped(r"[A-Za-z0-9-]+", "it is no name of a header", "e.g. X-Signature", 80)]
Place = Annotated[
    str,
    shaped(
        r"body:[\w-]+(\.[\w-]+)*|[A-Za-z0-9-]+",
        "it is neither a header nor a place in the body",
        "e.g. X-Time or body:event.occurred_at",
        120,
    ),
]
