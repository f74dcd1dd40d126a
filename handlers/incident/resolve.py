"""I8: what was wrong is right again; how long it took stands in both threads."""

from collections.abc import Mapping, Sequence

from bot.connectors.tandem import EndIncident, Incident, Tandem
from bot.operation import (
    Answer,
    Choice,
    Field,
    Input,
    Observed,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Step,
    about_duration,
)


class Params(Input):
    incident: str = Field(description="its name, e.g. r142")


class Facts(Observed):
    open: tuple[Incident, ...]


class ResolveIncident(Operation[Params, Facts]):
    """End an incident: what was wrong is right again.

    Its own thread is told, with how long it was open and the reason.
    """

    risk = Risk.WRITE
    examples = ('/incident resolve r142 reason="the queue is empty again"',)
    words = ("close", "fixed", "over", "end")

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        found = await (await see(Tandem)).incidents()
        return [
            Choice(value=one.name, text=f"{one.name} ({one.severity}) {one.title}")
            for one in found
            if typed.casefold() in f"{one.name} {one.title}".casefold()
        ]

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, open=tuple(await (await see(Tandem)).incidents()))

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        found = _found(params, facts)
        if found is None:
            others = ", ".join(f"{one.name} ({one.title})" for one in facts.open)
            there = f"To resolve one of these, type its name: {others}." if others else "None is open at all."
            return Refusal(code="no_incident", sentence=f"No incident {params.incident} is open. {there}")
        return Plan(
            sentence=f"Resolve incident {found.name} ({found.severity}): {found.title}",
            steps=(
                Step(
                    "end",
                    EndIncident(incident=found.name),
                    leaves=f"{found.name} resolved; if it is wrong again, declare it again",
                    tells=f"End incident {found.name}",
                ),
            ),
            tells=(found.name,),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        found = _found(params, facts)
        if found is None:
            return Answer(headline=f"Incident {params.incident} is resolved", loud=True)
        long = about_duration(facts.at - found.declared)
        return Answer(headline=f"Incident {found.name} is resolved after {long}: {found.title}", loud=True)


def _found(params: Params, facts: Facts) -> Incident | None:
    return next((one for one in facts.open if one.name == params.incident), None)
