"""A standing approval ends before its time: one person is enough, for stopping is never the dangerous act."""

from bot.connectors.tandem import RevokeStanding, Tandem, Terms
from bot.operation import Answer, Input, Observed, Operation, Plan, Results, Risk, Schedule, See, Step


class Params(Input):
    schedule: Schedule


class Facts(Observed):
    terms: Terms | None


class WithdrawApproval(Operation[Params, Facts]):
    """End a schedule's standing approval now.

    Its next run asks two people. A run that is under way goes on; cancel it on its card.
    """

    risk = Risk.WRITE
    examples = ('/ops schedule withdraw nightly-prune reason="the table is being moved"',)
    words = ("standing approval", "revoke", "stop")
    locks = ("schedule/{schedule}",)

    async def observe(self, params: Params, see: See) -> Facts:
        found = await (await see(Tandem)).terms()
        mine = next((one for one in found if one.schedule == params.schedule.key), None)
        return Facts(run=see.run, at=see.at, terms=mine)

    def plan(self, params: Params, facts: Facts) -> Plan:
        key, given = params.schedule.key, facts.terms.given if facts.terms else None
        if given is None:
            return Plan(sentence=f"{key} has no standing approval: each of its runs asks for itself")
        return Plan(
            sentence=f"End the standing approval {given.run} of {key}, which would stand until {given.until:%Y-%m-%d}",
            steps=(
                Step(
                    "end",
                    RevokeStanding(schedule=key),
                    leaves=f"each run of {key} asks for itself; to give another: /ops schedule approve {key}",
                    tells=f"End the standing approval of {key}",
                ),
            ),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        return Answer(headline=f"{params.schedule.key} has no standing approval any more", loud=True)
