"""Whom a message in a run's thread calls: Slack user ids, never more than a few."""

from bot.render.message import Names
from bot.view import RunView

MOST = 8


def asker(view: RunView) -> tuple[str, ...]:
    """Whoever asked; nobody for a schedule."""
    return (view.slack_user,) if view.slack_user else ()


def followers(view: RunView) -> tuple[str, ...]:
    """Whoever asked, and everybody who wants to hear when it ends or asks."""
    followed = (event.body.get("slack_user") for event in view.events if event.kind == "followed")
    return tuple(dict.fromkeys((*asker(view), *(one for one in followed if isinstance(one, str)))))[:MOST]


def page(view: RunView, names: Names) -> tuple[str, ...]:
    """The followers; where nobody asked, whoever is on call comes first: that is the page."""
    called = () if view.slack_user else names.group("on-call").mentions
    return tuple(dict.fromkeys((*called, *followers(view))))[:MOST]


def turn(view: RunView, names: Names, whom: str) -> tuple[str, tuple[str, ...]]:
    """Whose turn it is, in words, and whom to call. `whom`: a group's key, "requester" or "another"."""
    if whom == "requester":
        return view.requester_name or "whoever asked", asker(view)
    if whom == "another":
        return "somebody who did not ask for this run", ()
    return names.group(whom).title, names.group(whom).mentions
