"""A read by a personal value."""

from typing import Annotated

from bot.operation import Answer, Input, Looks, Observed, Operation, Personal, Plan, Results, Risk, See
from tests.support.letters import Letters


class Params(Input):
    email: Annotated[Personal, Looks.MAIL]


class Facts(Observed):
    letters: int


class FindPerson(Operation[Params, Facts]):
    """How many letters somebody has."""

    risk = Risk.READ
    examples = ("/test find jo@example.com",)

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, letters=await (await see(Letters)).letters(params.email))

    def plan(self, params: Params, facts: Facts) -> Plan:
        return Plan(sentence=f"Look for {params.email}")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        return Answer(headline=f"{params.email} has {facts.letters} letters")
