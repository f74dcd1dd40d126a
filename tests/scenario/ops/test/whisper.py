"""A quiet one: a script whose run is told in a thread only when it fails, asks, or its answer is loud."""

from bot.operation import Answer, Input, Observed, Operation, Plan, Refusal, Results, Risk, See, Voice
from tests.support.notebook import Notebook
from tests.support.scripts import SCRIPTS, Seen


class Params(Input):
    script: str
    loud: bool = False


class Facts(Observed):
    seen: Seen


class Whisper(Operation[Params, Facts]):
    """Runs a script quietly."""

    risk = Risk.WRITE
    examples = ("/test whisper plain",)
    voice = Voice.QUIET

    async def observe(self, params: Params, see: See) -> Facts:
        await see(Notebook)
        return Facts(run=see.run, at=see.at, seen=Seen())

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        return SCRIPTS[params.script](facts)

    def answer(self, params: Params, facts: Facts, results: Results) -> Answer:
        return Answer(headline=f"{params.script} was whispered", loud=params.loud)
