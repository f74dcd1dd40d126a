"""Something that needs a mail address: a letter, and perhaps a called run that writes another."""

from typing import Annotated

from bot.operation import (
    Answer,
    Call,
    Field,
    IfFails,
    Input,
    Looks,
    Observed,
    Offer,
    Operation,
    Personal,
    Plan,
    Results,
    Risk,
    See,
    Step,
)  # fmt: skip
from tests.support.letters import Burn, Invite, Letters
from tests.support.notebook import Erase, Write


class Params(Input):
    email: Annotated[Personal, Looks.MAIL] = Field(description="who is invited")
    calls: bool = False
    fails: bool = False
    grave: bool = False


class Facts(Observed):
    letters: int


class InvitePerson(Operation[Params, Facts]):
    """Writes a letter."""

    risk = Risk.WRITE
    examples = ('/test invite jo@example.com reason="drill"',)

    def raises(self, params: Params, facts: Facts) -> Risk | None:
        return Risk.DESTRUCTIVE if params.grave else None

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, letters=await (await see(Letters)).letters(params.email))

    def plan(self, params: Params, facts: Facts) -> Plan:
        again = {"email": str(params.email), "reason": params.reason}
        invite = Step("invite", Invite(to=params.email), undo=Burn(to=params.email), tells=f"Write to {params.email}")
        call = Step("call", Call(command="test invite", params=again), if_fails=IfFails.GO_ON)
        fail = Step("page", Write(name="page"), undo=Erase(name="page"))
        more = (*((call,) if params.calls else ()), *((fail,) if params.fails else ()))
        offer = Offer(label="Find them", call=Call(command="test find", params={"email": str(params.email)}))
        return Plan(sentence=f"Invite {params.email}", steps=(invite, *more), offers=(offer,))

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        return Answer(headline=f"{params.email} is invited")
