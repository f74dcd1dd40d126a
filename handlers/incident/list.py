"""I6: which incidents are open."""

from bot.connectors.tandem import Incident, Tandem
from bot.operation import Answer, Call, Input, Observed, Offer, Operation, Plan, Results, Risk, See, about_duration


class Params(Input):
    pass


class Facts(Observed):
    open: tuple[Incident, ...]


class ListIncidents(Operation[Params, Facts]):
    """Lists the incidents that are open, the gravest first."""

    risk = Risk.READ
    examples = ("/incident list",)
    words = ("outages", "open")

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, open=tuple(await (await see(Tandem)).incidents()))

    def plan(self, params: Params, facts: Facts) -> Plan:
        return Plan(sentence="List the open incidents")

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        if not facts.open:
            return Answer(headline="No incident is open", lines=("To open one: /incident declare",))
        return Answer(
            headline=f"Open incidents: {len(facts.open)}",
            lines=tuple(_line(one, facts) for one in facts.open),
            offers=tuple(
                Offer(label=f"Resolve {one.name}", call=Call(command="incident resolve", params={"incident": one.name}))
                for one in facts.open[:3]
            ),
        )


def _line(one: Incident, facts: Facts) -> str:
    hit = f" ({', '.join(one.services)})" if one.services else ""
    by = f", declared by {one.by_name}" if one.by_name else ""
    return f"{one.name} {one.severity}{hit}: {one.title}, open for {about_duration(facts.at - one.declared)}{by}"
