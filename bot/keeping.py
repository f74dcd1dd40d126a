"""What people keep beside their runs: forms that are being filled in, and those that they mean to fill in again."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from bot.model import Who
from bot.store.store import Doors
from bot.store.views import Views
from bot.view import Draft, Favourite, Outcome

FAVOURITES = 20  # forms that one person keeps at most


class Keeping:
    """Drafts and favourites, each its owner's alone. Every call may raise NotRecorded or Uncertain."""

    doors: Doors
    views: Views

    async def favourites(self, who: Who) -> Sequence[Favourite]:
        """The forms that somebody keeps."""
        return await self.views.favourites(who.person) if who.person else ()

    async def keep(
        self, who: Who, command: str, values: Mapping[str, str], channel: str | None, run: int | None = None
    ) -> Outcome:
        """Keeps a form, filled in so; secret and personal values are never given to it. `run`: whose values it has."""
        word = {"command": command, "filled": dict(values), "channel": channel, "run": run, "most": FAVOURITES}
        return await self._favour(who, word)

    async def let_go(self, who: Who, favourite: int) -> Outcome:
        return await self._favour(who, {"gone": favourite})

    async def _favour(self, who: Who, word: dict[str, Any]) -> Outcome:
        answer = await self.doors.favour({"team": who.team, "user": who.user, **word})
        return Outcome(code=str(answer["code"]), ok=answer["code"] == "done")

    async def draft_save(
        self, who: Who, command: str, channel: str | None, values: Mapping[str, str], id: str | None = None
    ) -> str:
        """Keeps a form's values; gives the draft's id. Secret and personal values are never given to it."""
        known = UUID(id) if id else uuid4()
        await self.doors.save_draft(known, who.team, who.user, command, channel, dict(values))
        return str(known)

    async def draft_load(self, who: Who, id: str) -> Draft | None:
        """This account's draft, else None."""
        return await self._draft(id, lambda known: self.doors.draft(known, who.team, who.user))

    async def draft_change(self, who: Who, id: str, at: str) -> Draft | None:
        """This account's draft whose form changed; None where a later change is known. `at`: Slack's time of it."""
        return await self._draft(id, lambda known: self.doors.change_draft(known, who.team, who.user, at))

    async def _draft(self, id: str, read: Callable[[UUID], Awaitable[dict[str, Any] | None]]) -> Draft | None:
        try:
            found = await read(UUID(id))
        except ValueError:
            return None
        if found is None:
            return None
        return Draft(id=id, command=found["command"], channel=found["channel"], values=found["body"])
