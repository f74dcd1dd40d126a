"""Something about a person: they count for nothing in it."""

from typing import Annotated

from bot.operation import Input, Observed, Operation, Person, Plan, Risk, See, Step, Subject
from tests.support.notebook import Notebook
from tests.support.notebook import Write as Writes


class Params(Input):
    whom: Annotated[Person, Subject]


class Facts(Observed):
    pass


class About(Operation[Params, Facts]):
    """Writes about a person."""

    risk = Risk.DESTRUCTIVE
    examples = ("/test about ben",)

    async def observe(self, params: Params, see: See) -> Facts:
        await see(Notebook)
        return Facts(run=see.run, at=see.at)

    def plan(self, params: Params, facts: Facts) -> Plan:
        name = f"about-{params.whom.key}"
        return Plan(sentence="Write about a person", steps=(Step("write", Writes(name=name), leaves="the page"),))
