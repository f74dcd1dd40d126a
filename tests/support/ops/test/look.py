"""A read."""

from bot.operation import Answer, Input, Observed, Operation, Plan, Results, Risk, See
from tests.support.notebook import Notebook


class Params(Input):
    name: str = "a"


class Facts(Observed):
    text: str


class Look(Operation[Params, Facts]):
    """What a file says."""

    risk = Risk.READ
    examples = ("/test look",)

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, text=(await see(Notebook)).text(params.name))

    def plan(self, params: Params, facts: Facts) -> Plan:
        return Plan(sentence=f"Read {params.name}")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        return Answer(headline=f"{params.name} says {facts.text!r}")
