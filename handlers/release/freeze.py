"""R14: nothing that changes a service starts while a freeze covers it; policy refuses what says that it changes it."""

from datetime import timedelta

from bot.connectors.tandem import EVERY_SERVICE, AddFreeze, EndFreeze, Freeze, Tandem
from bot.operation import (
    Answer,
    Call,
    Field,
    Input,
    Observed,
    Offer,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    See,
    Service,
    Step,
    about_duration,
)

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=31)
FURTHEST = timedelta(days=180)


class Params(Input):
    service: Service | None = Field(default=None, description="none named: every service")
    lasting: timedelta = Field(default=timedelta(hours=24), description="how long")
    starts_in: timedelta = Field(default=timedelta(), description="0s: now")


class Facts(Observed):
    freezes: tuple[Freeze, ...]


class FreezeServices(Operation[Params, Facts]):
    """Keep changes away from a service, or from all of them, for a while.

    A restore and whatever else changes a frozen service for good is refused with the freeze's reason until it ends.
    What was begun goes on to its end, and so does what saves the service. Without a service every service is frozen.
    """

    risk = Risk.WRITE
    examples = (
        '/release freeze web lasting=4h reason="market day"',
        '/release freeze lasting=3d starts-in=12h reason="holidays"',
    )
    words = ("stop deploys", "change freeze", "moratorium")
    locks = ("freeze",)

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, freezes=tuple(await (await see(Tandem)).freezes()))

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        if not SHORTEST <= params.lasting <= LONGEST:
            sentence = "A freeze lasts 5 minutes to 31 days: type e.g. lasting=4h or lasting=3d."
            return Refusal(code="bounds", sentence=sentence)
        if not timedelta() <= params.starts_in <= FURTHEST:
            sentence = "A freeze starts now or within 180 days: type e.g. starts-in=12h."
            return Refusal(code="bounds", sentence=sentence)
        if held := _held(params, facts):
            said = f"Changes of {_whom(params)} are refused for all that time already"
            return Plan(sentence=f"{said}, by {held.name}: {held.reason}")
        name = f"freeze-{facts.run.tag}"
        when = f"in {about_duration(params.starts_in)}" if params.starts_in else "now"
        add = AddFreeze(
            name=name,
            services=(_key(params),),
            starts_in=params.starts_in,
            lasting=params.lasting,
            reason=params.reason,
        )
        return Plan(
            sentence=f"Freeze changes of {_whom(params)} for {about_duration(params.lasting)}, starting {when}",
            steps=(Step("freeze", add, undo=EndFreeze(name=name), tells=f"Freeze {_whom(params)} as {name}"),),
            offers=(Offer(label="End the freeze", call=Call(command="release unfreeze", params={"freeze": name})),),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        if held := _held(params, facts):
            headline = (
                f"Changes of {_whom(params)} are refused already, by {held.name} until {held.ends:%Y-%m-%d %H:%M} UTC"
            )
            return Answer(headline=headline)
        when = f" in {about_duration(params.starts_in)}" if params.starts_in else ""
        return Answer(
            headline=f"Changes of {_whom(params)} are refused{when} for {about_duration(params.lasting)}", loud=True
        )


def _key(params: Params) -> str:
    return params.service.key if params.service else EVERY_SERVICE


def _whom(params: Params) -> str:
    return params.service.key if params.service else "every service"


def _held(params: Params, facts: Facts) -> Freeze | None:
    """A freeze that already covers all of the wished window."""
    starts = facts.at + params.starts_in
    ends = starts + params.lasting
    return next((f for f in facts.freezes if f.names(_key(params)) and f.starts <= starts and ends <= f.ends), None)
