"""What the two of an absence are told when it begins or ends by itself, each once."""

from datetime import datetime, timedelta
from typing import Any, Literal

from bot.model import Record

NEWS = timedelta(days=3)  # what is older is told no more: a weekend's quiet hours are shorter


class Note(Record):
    """One person's, claimed by pushing its due time ahead: every write names it, and a lost one changes nothing."""

    run: int
    what: Literal["begins", "ends"]
    person: str
    giver: str
    taker: str
    starts: datetime
    ends: datetime
    due: datetime
    trying: bool  # it may have been sent already
    tries: int
    over: bool  # nothing is to be told any more


class AbsenceNotes:
    """Reads and writes of them."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    async def claim(self, limit: int, hold: timedelta) -> list[Note]:
        """Those that are due."""
        rows = await self.pool.fetch("SELECT * FROM claim_absence_notes($1, $2, $3)", limit, hold, NEWS)
        return [Note.model_validate(dict(row)) for row in rows]

    async def sending(self, note: Note) -> bool:
        """Committed before it goes out, so that it is looked for after a crash. False: it is another's by now."""
        return await self._write(note, "trying = true")

    async def told(self, note: Note) -> None:
        await self._write(note, "due = 'infinity', trying = false")

    async def put_off(self, note: Note, after: timedelta) -> None:
        await self._write(note, "due = clock() + $5::interval", after)

    async def failed(self, note: Note, after: timedelta) -> None:
        """Later again; where no answer came, it is looked for first."""
        await self._write(note, "due = clock() + $5::interval, tries = tries + 1", after)

    async def _write(self, note: Note, change: str, *values: Any) -> bool:
        sql = f"UPDATE absence_notes SET {change} WHERE run = $1 AND what = $2 AND person = $3 AND due = $4"  # noqa: S608
        done = await self.pool.execute(sql, note.run, note.what, note.person, note.due, *values)
        return bool(done != "UPDATE 0")
