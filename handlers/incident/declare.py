"""I2: something is wrong; from now on it has a name, a thread, people who were called, and a list of what changed."""

from datetime import timedelta
from typing import Literal

from bot.connectors.tandem import Change, DeclareIncident, EndIncident, Incident, Tandem
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

BEFORE = timedelta(hours=2)  # what changed since then is suspected first
CHANGES = 8
LONGEST = 150
CAME = {"failed": ", failed", "undone": ", taken back", "cancelled": ", cancelled on the way"}
FIRST = (
    "Minutes 0 to 5: say in this thread who leads. Look: /ops health.",
    "Minutes 5 to 15: who is hit, since when, what changed? Take back what you suspect before you understand it.",
    "Until minute 30: write here what was seen and tried. Keep other changes away: /release freeze.",
)


class Params(Input):
    title: str = Field(description="what is wrong, in a few words")
    severity: Literal["P0", "P1", "P2", "P3"] = Field(
        default="P1", description="P0: all are hit, P1: many, P2: some, P3: hardly anybody"
    )
    services: tuple[Service, ...] = Field(default=(), description="which of them, if you know")


class Facts(Observed):
    open: tuple[Incident, ...]
    changes: tuple[Change, ...]


class DeclareAnIncident(Operation[Params, Facts]):
    """Declare that something is wrong, and call whoever is on call.

    The thread is the incident's own. It begins with what changed in the two hours before and with what to do first.
    Operations that are started from a message in it are told of in it. It stays open until /incident resolve.
    """

    risk = Risk.WRITE
    examples = (
        '/incident declare "checkout is down" P0 services=web reason="every payment fails"',
        '/incident declare "mails are late" severity=P3 reason="a customer wrote"',
    )
    words = ("outage", "down", "alarm", "emergency", "broken", "SEV1")
    quotes = "title"

    async def observe(self, params: Params, see: See) -> Facts:
        own = await see(Tandem)
        return Facts(
            run=see.run, at=see.at, open=tuple(await own.incidents()), changes=tuple(await own.changes(BEFORE))
        )

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        title = " ".join(params.title.split())
        if not 3 <= len(title) <= LONGEST:
            sentence = f'A title has 3 to {LONGEST} characters: type e.g. "checkout is down". The reason may be longer.'
            return Refusal(code="bounds", sentence=sentence)
        if same := next((one for one in facts.open if one.title.casefold() == title.casefold()), None):
            sentence = (
                f"{same.name} is open already and has that very title. Go on in its thread, or name what differs."
            )
            return Refusal(code="open", sentence=sentence)
        services = tuple(service.key for service in params.services)
        return Plan(
            sentence=f"Declare an incident, {params.severity}: {title}",
            steps=(
                Step(
                    "declare",
                    DeclareIncident(title=title, severity=params.severity, services=services),
                    undo=EndIncident(incident=facts.run.tag),
                    tells=f"Open incident {facts.run.tag} and call whoever is on call",
                ),
            ),
            offers=(
                Offer(label="Resolve", call=Call(command="incident resolve", params={"incident": facts.run.tag})),
                Offer(label="Look at health", call=Call(command="ops health")),
            ),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        title = " ".join(params.title.split())
        hit = f", {', '.join(one.key for one in params.services)}" if params.services else ""
        return Answer(
            headline=f"Incident {facts.run.tag} is open ({params.severity}{hit}): {title}",
            lines=(*_changed(facts), *_others(facts), *FIRST),
            calls=("on-call",),
            loud=True,
        )


def _changed(facts: Facts) -> tuple[str, ...]:
    """What Tandem changed lately; whatever others changed it does not know."""
    mine = [one for one in facts.changes if not one.command.startswith("incident ")]
    if not mine:
        return (f"Nothing was changed through Tandem in the {about_duration(BEFORE)} before.",)
    more = (f"and {len(mine) - CHANGES} earlier ones",) if len(mine) > CHANGES else ()
    return (*(f"Changed before: {_line(one)}" for one in mine[:CHANGES]), *more)


def _line(one: Change) -> str:
    """When, not how long ago: an incident's thread is read for hours."""
    who = one.by_name or "a schedule"
    return f"{one.run}, {one.ended:%Y-%m-%d %H:%M} UTC: {one.sentence} ({who}{CAME.get(one.state, '')})"


def _others(facts: Facts) -> tuple[str, ...]:
    return tuple(f"Also open: {one.name} ({one.severity}) {one.title}" for one in facts.open[:5])
