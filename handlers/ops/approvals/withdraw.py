"""A right that was handed over comes back before its time: by either of the two, alone, for that is never dangerous."""

from collections.abc import Mapping, Sequence

from bot.connectors.tandem import Absence, EndDelegation, Member, Tandem
from bot.operation import Answer, Choice, Input, Observed, Operation, Plan, Refusal, Results, Risk, See, Step


class Params(Input):
    delegation: str  # the run by which it was given, e.g. r142


class Facts(Observed):
    absences: tuple[Absence, ...]
    members: dict[str, Member]


class WithdrawDelegation(Operation[Params, Facts]):
    """End a delegation of approvals now, whether it has begun or not.

    Either of the two may. What was approved in the other's place and has not started by then counts no longer, and asks
    again.
    """

    risk = Risk.WRITE
    examples = ('/ops approvals withdraw r142 reason="back early"',)
    words = ("absence", "holiday", "leave", "stand in", "back", "revoke")
    locks = ("delegation/{delegation}",)

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        own = await see(Tandem)
        found = [a for a in await own.absences() if see.run.requester in (a.giver, a.taker) and typed in a.run]
        members = await own.members(*{key for one in found for key in (one.giver, one.taker)})
        return [Choice(value=one.run, text=f"{one.run}: {_pair(one, members)}") for one in found]

    async def observe(self, params: Params, see: See) -> Facts:
        own = await see(Tandem)
        found = tuple(await own.absences())
        members = await own.members(*{key for one in found for key in (one.giver, one.taker)})
        return Facts(run=see.run, at=see.at, absences=found, members=members)

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        one = _named(params, facts)
        if one is None:
            names = ", ".join(a.run for a in facts.absences) or "none"
            sentence = f"No delegation called {params.delegation} is in force or ahead. There is: {names}."
            return Refusal(code="no_delegation", sentence=sentence)
        if facts.run.requester not in (one.giver, one.taker):
            pair = " and ".join(facts.members[key].name for key in (one.giver, one.taker) if key in facts.members)
            return Refusal(
                code="not_yours", sentence=f"Only the two whom it is between end it: {pair}. Ask one of them."
            )
        return Plan(
            sentence=f"End {one.run} now instead of {one.ends:%Y-%m-%d %H:%M} UTC: {_pair(one, facts.members)}",
            steps=(
                Step(
                    "end",
                    EndDelegation(delegation=one.run),
                    leaves="each approves for themselves again; to hand over anew: /ops approvals delegate",
                    tells=f"End {one.run}: {_pair(one, facts.members)}",
                ),
            ),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        one = _named(params, facts)
        other = tuple(key for key in (one.giver, one.taker) if key != facts.run.requester) if one else ()
        return Answer(headline=f"{params.delegation} has ended: each approves for themselves", calls=other, loud=True)


def _named(params: Params, facts: Facts) -> Absence | None:
    return next((one for one in facts.absences if one.run == params.delegation), None)


def _pair(one: Absence, members: Mapping[str, Member]) -> str:
    giver, taker = (members[key].name if key in members else key for key in (one.giver, one.taker))
    return f"{taker}, for {giver}"
