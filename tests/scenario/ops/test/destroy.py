"""Something that destroys: its target is typed once more, its backup is picked live."""

import asyncio
from collections.abc import Mapping, Sequence

from bot.operation import (
    Answer,
    Choice,
    Database,
    Input,
    Loss,
    Observed,
    Operation,
    Plan,
    Results,
    Risk,
    See,
    Step,
)  # fmt: skip
from tests.support.notebook import Erase, Notebook, Write

NEWEST = "newest"  # typed for a backup: which one that is depends on the time
BREAKS = "break"  # typed for a backup: the handler fails while it looks
HANGS = "hang"  # typed for a backup: the handler looks for ever


class Params(Input):
    database: Database
    backup: str = "latest"


class Facts(Observed):
    size: int


class Destroy(Operation[Params, Facts]):
    """Puts a backup over a database.

    Every write since the backup is lost.
    """

    risk = Risk.DESTRUCTIVE
    examples = ('/test destroy shop backup=b2 reason="drill"',)
    words = ("overwrite",)
    locks = ("database/{database}",)
    confirm = "database"

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        if typed == BREAKS:
            raise ValueError("a fault of the handler's own")
        if typed == HANGS:
            await asyncio.Event().wait()
        kept = [Choice(value=f"b{n}", text=f"b{n}, {n} days old") for n in range(1, 4)]
        return [choice for choice in kept if typed in choice.text] if field == "backup" else ()

    async def resolve(self, params: Params, see: See) -> Params:
        newest = f"b{len((await see(Notebook)).lines())}"
        return params.model_copy(update={"backup": newest}) if params.backup == NEWEST else params

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, size=len((await see(Notebook)).lines()))

    def plan(self, params: Params, facts: Facts) -> Plan:
        name = f"{params.database.key}-{params.backup}"
        load = Step("load", Write(name=name), undo=Erase(name=name), tells=f"Load {params.backup}")
        loses = (Loss(what="every write since the backup", now=7, at_most=37, unit="minutes"),)
        return Plan(sentence=f"Put {params.backup} over {params.database.key}", steps=(load,), loses=loses)

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        return Answer(headline=f"{params.database.key} is back", lines=(f"from {params.backup}",))
