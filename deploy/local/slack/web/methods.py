"""Every method of the Web API this workspace offers, in one list."""

from __future__ import annotations

from . import (
    auth,
    canvases,
    channels,
    chat,
    conversations,
    files,
    manifests,
    people,
    pins,
    reactions,
    scheduled,
    streams,
    unfurls,
    usergroups,
    views,
)
from .call import Method

ALL: tuple[Method, ...] = (
    *auth.METHODS,
    *canvases.METHODS,
    *channels.METHODS,
    *chat.METHODS,
    *conversations.METHODS,
    *files.METHODS,
    *manifests.METHODS,
    *people.METHODS,
    *pins.METHODS,
    *reactions.METHODS,
    *scheduled.METHODS,
    *streams.METHODS,
    *unfurls.METHODS,
    *usergroups.METHODS,
    *views.METHODS,
)
