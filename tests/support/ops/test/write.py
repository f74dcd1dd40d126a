"""Any plan a test wants, by name: the plans stand in tests/support/scripts.py."""

from datetime import timedelta

from bot.operation import Answer, Input, Observed, Operation, Plan, Refusal, Results, Risk, See, Series
from tests.support.notebook import Notebook
from tests.support.scripts import SCRIPTS, Seen


class Params(Input):
    script: str


class Facts(Observed):
    seen: Seen


class Write(Operation[Params, Facts]):
    """Runs a script on the notebook."""

    risk = Risk.WRITE
    examples = ("/test write plain",)
    locks = ("script/{script}",)

    async def observe(self, params: Params, see: See) -> Facts:
        folder = await see(Notebook)
        return Facts(run=see.run, at=see.at, seen=Seen(names=frozenset(p.name for p in folder.path.iterdir())))

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        return SCRIPTS[params.script](facts)

    def raises(self, params: Params, facts: Facts) -> Risk | None:
        return Risk.DESTRUCTIVE if params.script.startswith("big-") else None

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        lines = tuple(sorted(facts.seen.names)) if params.script == "listing" else ()
        points = tuple((facts.at + timedelta(minutes=n), float(n * n)) for n in range(5))
        series = Series(title="Squares", unit="squares", points=points) if params.script == "listing" else None
        return Answer(headline=f"{params.script} went through", lines=lines, series=series)
