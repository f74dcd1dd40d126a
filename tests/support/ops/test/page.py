"""A page of the notebook, reached by a key: which page a key leads to may change, and two keys may lead to one."""

from datetime import timedelta
from typing import Any

from bot.effect import Target
from bot.operation import Call, Input, Observed, Operation, Plan, Refusal, Risk, See, Step
from tests.support.notebook import Notebook
from tests.support.notebook import Write as Writes


class Page(Target):
    """A page by its key."""


class Params(Input):
    page: Page
    calls: bool = False


class Facts(Observed):
    pass


class Turn(Operation[Params, Facts]):
    """Writes a page, itself or by a run of its own."""

    risk = Risk.DESTRUCTIVE
    examples = ("/test page front",)
    locks = ("page/{page}",)
    fresh_for = timedelta(0)

    async def observe(self, params: Params, see: See) -> Facts:
        await see(Notebook)
        return Facts(run=see.run, at=see.at)

    def plan(self, params: Params, facts: Facts) -> Plan | Refusal:
        again = Call(command="test page", params={"page": params.page.key})
        does: Any = again if params.calls else Writes(name="a", text="a")
        return Plan(sentence="Write a page", steps=(Step("turn", does, leaves="the page as written"),))
