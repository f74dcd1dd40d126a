"""A schedule that destroys runs under a standing approval: two people, within bounds, for a limited time."""

from bot.connectors.tandem import GrantStanding, RevokeStanding, Tandem, Terms
from bot.operation import (
    Answer,
    Call,
    Input,
    Loss,
    Observed,
    Offer,
    Operation,
    Plan,
    Refusal,
    Results,
    Risk,
    Schedule,
    See,
    Step,
    about_duration,
)


class Params(Input):
    schedule: Schedule


class Facts(Observed):
    terms: Terms | None
    line: str  # what it runs, as config has it
    cron: str
    zone: str
    reason: str


class ApproveSchedule(Operation[Params, Facts]):
    """Give a schedule a standing approval, so that its runs need not be approved one by one.

    It takes two people, and stands for these very words, times and bounds, for as long as config says. Any change of
    the schedule drops it, and so does whoever gave it leaving the group. A run that may lose more than the bounds asks
    two people again. It is ended at any time by /ops schedule withdraw.
    """

    risk = Risk.DESTRUCTIVE
    examples = ('/ops schedule approve nightly-prune reason="reviewed with the data people"',)
    words = ("standing approval", "cron", "retention")
    locks = ("schedule/{schedule}",)
    confirm = "schedule"

    async def observe(self, params: Params, see: See) -> Facts:
        at, found = see.config(params.schedule), await (await see(Tandem)).terms()
        mine = next((one for one in found if one.schedule == params.schedule.key), None)
        return Facts(
            run=see.run, at=see.at, terms=mine, line=at.run, cron=at.cron, zone=at.zone, reason=at.reason,
        )  # fmt: skip

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        key, terms = params.schedule.key, facts.terms
        if terms is None:
            sentence = (
                f"Config allows {key} no standing approval: each of its runs asks for itself. "
                f"To allow one, add [schedules.{key}.standing] to schedules.toml, then check and migrate."
            )
            return Refusal(code="no_standing", sentence=sentence)
        grant = GrantStanding(schedule=key, terms=terms.hash, lasting=terms.lasts)
        lasting = about_duration(terms.lasts)
        return Plan(
            sentence=f"Let {key} run {facts.line} at {facts.cron} ({facts.zone}) for {lasting} without being asked",
            steps=(
                Step(
                    "grant",
                    grant,
                    undo=RevokeStanding(schedule=key),
                    tells=f"From now on, for {lasting}: {facts.line}",
                ),
            ),
            loses=tuple(Loss(what=f"each run: {what}", at_most=bound) for what, bound in sorted(terms.at_most.items())),
            offers=(Offer(label="End it", call=Call(command="ops schedule withdraw", params={"schedule": key})),),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        return Answer(
            headline=f"{params.schedule.key} runs under a standing approval",
            lines=(
                f"{facts.line} at {facts.cron} ({facts.zone})",
                f"To end it: /ops schedule withdraw {params.schedule.key}",
            ),
            loud=True,
        )
