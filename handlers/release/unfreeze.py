"""R14: a freeze ends before its time."""

from collections.abc import Mapping, Sequence

from bot.connectors.tandem import EVERY_SERVICE, EndFreeze, Freeze, Tandem
from bot.operation import Answer, Choice, Input, Observed, Operation, Plan, Refusal, Results, Risk, See, Step


class Params(Input):
    freeze: str  # its name, e.g. freeze-r142


class Facts(Observed):
    freezes: tuple[Freeze, ...]


class EndOfFreeze(Operation[Params, Facts]):
    """End a change freeze now, whether it has started or not.

    Other freezes of the same service stay in force. Who ended it, and why, is on record.
    """

    risk = Risk.WRITE
    examples = ('/release unfreeze freeze-r142 reason="the sale is over"',)
    words = ("thaw", "allow deploys")
    locks = ("freeze",)
    thaws = "freeze"

    async def choices(self, field: str, typed: str, params: Mapping[str, str], see: See) -> Sequence[Choice]:
        freezes = await (await see(Tandem)).freezes()
        return [Choice(value=f.name, text=f"{f.name}: {_whom(f)}, {f.reason}") for f in freezes if typed in f.name]

    async def observe(self, params: Params, see: See) -> Facts:
        return Facts(run=see.run, at=see.at, freezes=tuple(await (await see(Tandem)).freezes()))

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        found = next((f for f in facts.freezes if f.name == params.freeze), None)
        if found is None:
            others = ", ".join(f.name for f in facts.freezes) or "none"
            return Refusal(
                code="no_freeze",
                sentence=f"No freeze called {params.freeze} is in force or ahead. There is: {others}.",
            )
        until = f"{found.ends:%Y-%m-%d %H:%M} UTC"
        return Plan(
            sentence=f"End {found.name} of {_whom(found)} now instead of {until} (it was set for: {found.reason})",
            steps=(
                Step(
                    "end",
                    EndFreeze(name=found.name),
                    leaves=f"changes of {_whom(found)} allowed again; freeze anew to stop them",
                    tells=f"End {found.name}",
                ),
            ),
        )

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        ended = next((f for f in facts.freezes if f.name == params.freeze), None)
        left = tuple(f"still frozen: {_whom(f)} by {f.name}" for f in facts.freezes if f != ended)
        return Answer(headline=f"{params.freeze} has ended", lines=left, loud=True)


def _whom(freeze: Freeze) -> str:
    return "every service" if EVERY_SERVICE in freeze.services else ", ".join(freeze.services)
