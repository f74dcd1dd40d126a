"""Somebody goes away: their right to approve is another's as well, for a while, once a second person agrees."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from bot.connectors.tandem import Absence, Delegate, EndDelegation, Member, Tandem
from bot.operation import (
    Answer,
    Call,
    Field,
    Input,
    Observed,
    Offer,
    Operation,
    Person,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Step,
    Subject,
    about_duration,
)

SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=31)
FURTHEST = timedelta(days=90)


class Params(Input):
    to: Annotated[Person, Subject] = Field(description="who approves in your place")
    lasting: timedelta = Field(default=timedelta(days=7), description="how long")
    starts: datetime | None = Field(default=None, description="left out: at once")


class Facts(Observed):
    giver: Member | None  # who asks
    taker: Member | None
    absences: tuple[Absence, ...]


class DelegateApprovals(Operation[Params, Facts]):
    """Let somebody approve in your place while you are away.

    They may decide whatever you may decide, requests that wait already included, but never what they or you asked for;
    of one run the two of you count as one. It ends by itself, or by /ops approvals withdraw. Nobody hands on what was
    handed to them. Whoever it goes to is told by a direct message, and called instead of you.
    """

    risk = Risk.DESTRUCTIVE
    examples = (
        '/ops approvals delegate cleo reason="on leave"',
        '/ops approvals delegate to=cleo lasting=14d starts=2026-03-09T08:00Z reason="on leave"',
    )
    words = ("absence", "holiday", "leave", "stand in", "deputy", "substitute", "vacation")
    locks = ("approvals/{people}",)
    fresh_for = timedelta()
    start_by = timedelta(hours=1)

    def names(self, params: Params, facts: Facts) -> Mapping[str, Sequence[str]]:
        return {"people": (params.to.key, *([facts.run.requester] if facts.run.requester else []))}

    async def observe(self, params: Params, see: See) -> Facts:
        own = await see(Tandem)
        members = await own.members(params.to.key, *([see.run.requester] if see.run.requester else []))
        return Facts(
            run=see.run, at=see.at, giver=members.get(see.run.requester or ""), taker=members.get(params.to.key),
            absences=tuple(await own.absences()),
        )  # fmt: skip

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        starts, giver, taker = params.starts or facts.at, facts.giver, facts.taker
        if refused := _unfit(params, facts) or _unbounded(params, facts) or _handed_on(params, facts):
            return refused
        assert giver is not None and taker is not None and facts.run.requester is not None  # noqa: S101, PT018
        begins = "now" if starts <= facts.at else f"on {_day(starts)}"
        groups = ", ".join(giver.groups)
        return Plan(
            sentence=f"Let {taker.name} approve in place of {giver.name} for {about_duration(params.lasting)}, "
            f"starting {begins}",
            steps=(
                Step(
                    "delegate",
                    Delegate(
                        giver=facts.run.requester, taker=params.to.key, starts=params.starts, lasting=params.lasting
                    ),
                    undo=EndDelegation(delegation=facts.run.tag),
                    tells=f"{taker.name} may decide what {giver.name} may decide (groups: {groups})",
                ),
            ),
            offers=(Offer(label="End it now", call=_withdraw(facts.run.tag)),),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        giver, taker = (m.name if m else "somebody" for m in (facts.giver, facts.taker))
        begins = f" from {_day(params.starts)}" if params.starts and params.starts > facts.at else ""
        return Answer(
            headline=f"{taker} approves in place of {giver}{begins}, for {about_duration(params.lasting)}",
            lines=(f"To end it sooner, either of the two types: /ops approvals withdraw {facts.run.tag}",),
            calls=(params.to.key,),
            loud=True,
        )


def _withdraw(tag: str) -> Call:
    return Call(command="ops approvals withdraw", params={"delegation": tag})


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _unfit(params: Params, facts: Facts) -> Refusal | None:
    """Only who is away hands over, what is theirs, to another of the house."""
    giver, taker = facts.giver, facts.taker
    if giver is None or facts.run.requester is None or {*facts.run.askers} > {facts.run.requester}:
        sentence = "Only who goes away hands over their own right: no schedule does, and nobody changes it for them."
        return Refusal(code="not_own", sentence=f"{sentence} They type it themselves.")
    if params.to.key == facts.run.requester:
        return Refusal(code="self", sentence="That is yourself. Name somebody else of the roster.")
    if not giver.groups:
        return Refusal(code="nothing", sentence="You are in no group, so there is nothing to hand over.")
    if taker is None or taker.unfit:
        why = taker.unfit if taker else "not active in people.toml"
        sentence = f"{taker.name if taker else params.to.key} is {why}, so their word would count for nothing."
        return Refusal(code="unfit", sentence=f"{sentence} Name somebody else of the roster.")
    return None


def _unbounded(params: Params, facts: Facts) -> Refusal | None:
    """Between an hour and a month, begun soon."""
    if not SHORTEST <= params.lasting <= LONGEST:
        sentence = "It lasts an hour to 31 days: type e.g. lasting=7d. After that it is given anew."
        return Refusal(code="bounds", sentence=sentence)
    starts = params.starts or facts.at
    if starts + params.lasting <= facts.at or starts > facts.at + FURTHEST:
        return Refusal(code="bounds", sentence="It would be over already, or begins in more than 90 days.")
    return None


def _handed_on(params: Params, facts: Facts) -> Refusal | None:
    """One right has one holder besides its owner, who does not pass it on."""
    me, to = facts.run.requester, params.to.key
    starts = params.starts or facts.at
    ends = starts + params.lasting
    for held in (one for one in facts.absences if one.starts < ends and starts < one.ends):
        until = f"until {_day(held.ends)} ({held.run})"
        end = f"To end that first: /ops approvals withdraw {held.run}"
        if held.giver == me:
            return Refusal(
                code="given", sentence=f"{held.taker} approves in your place {until}. {end}",
                offers=(Offer(label="End that one", call=_withdraw(held.run)),),
            )  # fmt: skip
        if held.taker == me:
            sentence = f"You stand in for {held.giver} {until}, and what was handed to you is not handed on. {end}"
            return Refusal(code="chain", sentence=sentence)
        if held.giver == to:
            sentence = f"{to} is away themselves {until}, and {held.taker} approves for them. Name somebody else."
            return Refusal(code="away", sentence=sentence)
    return None
