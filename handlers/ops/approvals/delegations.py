"""Who approves in whose place, and until when."""

from datetime import datetime

from bot.connectors.tandem import Absence, Member, Tandem
from bot.operation import Answer, Input, Observed, Operation, Plan, Results, Risk, See


class Params(Input):
    pass


class Facts(Observed):
    absences: tuple[Absence, ...]
    members: dict[str, Member]


class ListDelegations(Operation[Params, Facts]):
    """Lists who approves in whose place, now and from when on."""

    risk = Risk.READ
    examples = ("/ops approvals delegations",)
    words = ("absence", "holiday", "leave", "stand in", "deputy", "substitute", "vacation")

    async def observe(self, params: Params, see: See) -> Facts:
        own = await see(Tandem)
        found = tuple(await own.absences())
        members = await own.members(*{key for one in found for key in (one.giver, one.taker)})
        return Facts(run=see.run, at=see.at, absences=found, members=members)

    def plan(self, params: Params, facts: Facts) -> Plan:
        return Plan(sentence="List who approves in whose place")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        if not facts.absences:
            line = "To hand yours over while you are away: /ops approvals delegate"
            return Answer(headline="Everybody approves for themselves: nothing is handed over", lines=(line,))
        lines = tuple(_line(one, facts) for one in facts.absences)
        end = "To end one sooner, either of the two types: /ops approvals withdraw, with its name"
        return Answer(headline=f"Handed over: {len(lines)}", lines=(*lines, end))


def _line(one: Absence, facts: Facts) -> str:
    giver, taker = (facts.members[key].name if key in facts.members else key for key in (one.giver, one.taker))
    unfit = [m.unfit for m in (facts.members.get(one.giver), facts.members.get(one.taker)) if m and m.unfit]
    begins = f"from {_day(one.starts)} " if one.starts > facts.at else ""
    void = f"; it counts for nothing: one of them is {unfit[0]}" if unfit else ""
    return f"{one.run}: {taker}, for {giver}, {begins}until {_day(one.ends)}{void}"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
