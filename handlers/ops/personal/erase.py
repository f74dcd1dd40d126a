"""Erases what the bot keeps of a person: the key of their values is destroyed; ledger and audit stay whole."""

from bot.connectors.tandem import Erased, ErasePersonal, Kept, Tandem
from bot.operation import (
    Answer,
    Field,
    Input,
    Loss,
    Observed,
    Operation,
    Personal,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Step,
)

COMMAND = "ops personal erase"


class Params(Input):
    value: Personal | None = Field(default=None, description="the mail address, number or other value, whole")
    run: str = Field(default="", description="or a run whose personal values are meant, e.g. r142")


class Facts(Observed):
    values: tuple[Personal, ...]
    kept: Kept


class ErasePerson(Operation[Params, Facts]):
    """Erase for good what Tandem keeps of a person.

    Finds every run that was given this value, however it was written then, and destroys the key under which it is
    sealed. From then on those runs show "(erased)". Their events stay, for they hold no personal value, and
    the audit still verifies. What other systems and Slack's own messages hold is not touched.
    """

    risk = Risk.DESTRUCTIVE
    examples = (
        '/ops personal erase jo@example.com reason="request 4711"',
        '/ops personal erase run=r142 reason="request 4711"',
    )
    words = ("gdpr", "privacy", "right to be forgotten", "data subject", "delete")

    async def observe(self, params: Params, see: See) -> Facts:
        own = await see(Tandem)
        values = [params.value] if params.value else await own.given(params.run.lower()) if params.run else []
        return Facts(run=see.run, at=see.at, values=tuple(values), kept=await own.kept(values, COMMAND))

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        kept = facts.kept
        if (params.value is None) == (not params.run):
            return Refusal(code="one_of", sentence="Name whom to erase: type the value itself, or run=r142, not both.")
        if params.run and not kept.people:
            sentence = f"{params.run} holds no personal value, or it is erased already: there is nothing to do."
            return Refusal(code="nothing", sentence=sentence)
        if kept.live:
            sentence = f"{', '.join(kept.live)} has not ended and needs it. Cancel it or wait, then ask again."
            return Refusal(code="live", sentence=sentence)
        lost = Loss(what="personal values", now=kept.values, at_most=kept.values, unit="values")
        whom = params.value or f"whomever {params.run.lower()} was about"
        return Plan(
            sentence=f"Erase {whom}: {_much(kept.values, len(kept.runs))}{_named(kept)}",
            steps=(self._erase(facts),),
            loses=(lost,) if kept.values else (),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer | None:
        done = results.get(self._erase(facts).result)
        if done is None:
            return None
        if not done.values:
            return Answer(headline="It was erased already")
        return Answer(headline=f"Erased: {_much(done.values, done.runs)}, requests to erase included")

    @staticmethod
    def _erase(facts: Facts) -> Step[Erased]:
        erase = ErasePersonal(values=facts.values, at_most=facts.kept.at_most)
        return Step("erase", erase, no_return=True, tells="Destroy the key under which these values are sealed")


def _much(values: int, runs: int) -> str:
    if not values:
        return "nothing is kept but requests to erase"
    return f"{values:,} value{'' if values == 1 else 's'} of {runs:,} run{'' if runs == 1 else 's'}"


def _named(kept: Kept) -> str:
    if not kept.runs:
        return ""
    return f" ({', '.join(kept.runs[:12])}{' and more' if len(kept.runs) > 12 else ''})"
