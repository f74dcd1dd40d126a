"""Every method of the Web API this workspace offers, in one list."""

from __future__ import annotations

from . import auth, chat, conversations, files, people, reactions, views
from .call import Method

ALL: tuple[Method, ...] = (
    *auth.METHODS,
    *chat.METHODS,
    *conversations.METHODS,
    *files.METHODS,
    *people.METHODS,
    *reactions.METHODS,
    *views.METHODS,
)
