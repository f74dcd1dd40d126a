"""How much the notebook holds, and how much it held at earlier looks."""

from datetime import datetime, timedelta

from bot.connectors.tandem import Tandem
from bot.operation import Answer, Input, Observed, Operation, Plan, Record, Results, Risk, See, Series
from tests.support.notebook import Notebook

HOUR = timedelta(hours=1)


class Params(Input):
    of: str = "all"


class Held(Record):
    lines: int


class Facts(Observed):
    held: Held
    before: tuple[tuple[datetime, float], ...]


class Level(Operation[Params, Facts]):
    """Counts the lines of the notebook."""

    risk = Risk.READ
    examples = ("/test level",)

    async def observe(self, params: Params, see: See) -> Facts:
        before = await (await see(Tandem)).seen("test level", {"of": params.of}, "held.lines", HOUR)
        lines = len((await see(Notebook)).lines())
        return Facts(run=see.run, at=see.at, held=Held(lines=lines), before=tuple(before))

    def plan(self, params: Params, facts: Facts) -> Plan:
        return Plan(sentence="Count the lines")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        points = (*facts.before, (facts.at, float(facts.held.lines)))
        return Answer(
            headline=f"{facts.held.lines} lines, {len(facts.before)} looks before",
            series=Series(title="Lines of the notebook", unit="lines", points=points),
        )
