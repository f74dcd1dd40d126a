"""A quiet look: loud where the notebook holds what it was told to look for."""

from bot.operation import Answer, Call, Input, Observed, Offer, Operation, Plan, Refusal, Results, Risk, See, Voice
from tests.support.notebook import Notebook


class Params(Input):
    name: str


class Facts(Observed):
    text: str


class Glance(Operation[Params, Facts]):
    """Looks whether somebody wrote trouble."""

    risk = Risk.READ
    examples = ("/test glance a",)
    voice = Voice.QUIET

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, text=(await see(Notebook)).text(params.name))

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        if not facts.text:
            return Refusal(code="blind", sentence=f"There is no {params.name} to look at.")
        return Plan(sentence=f"Glance at {params.name}")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        note = Call(command="test write", params={"script": "plain", "reason": f"{params.name} looked bad"})
        loud = "trouble" in facts.text
        offers = (Offer(label="Note it", call=note, on="any"),) if loud else ()
        private = (f"{len(facts.text)} characters",)
        return Answer(headline=f"{params.name}: {facts.text}", loud=loud, offers=offers, private=private)
