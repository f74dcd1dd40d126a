"""What handlers may read of the bot's own tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.connectors.tandem import Freeze


class Own:
    """The reads behind the Tandem connector."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    async def freezes(self) -> Sequence[Freeze]:
        """Every freeze that has not ended, by start."""
        rows = await self.pool.fetch(
            "SELECT f.name, f.services, f.starts, f.ends, f.reason, f.by, coalesce(p.name, '') AS by_name "
            "FROM freezes f LEFT JOIN people p ON p.person = f.by WHERE f.ends > clock() ORDER BY f.starts"
        )
        return [Freeze.model_validate(dict(row)) for row in rows]

    async def now(self) -> datetime:
        """The database's clock."""
        return await self.pool.fetchval("SELECT clock()")  # type: ignore[no-any-return]
