"""A plan may be of a higher risk than its operation: who asked, where and when is judged again by the rule for that."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.model import Risk, State
from bot.policy import Policy, Rule
from tests.support.company import GROUPS
from tests.support.factory import Factory, working
from tests.support.plugin import Home

MILD = Rule(operations=("test *",), ask=("engineers",), approve=(), risks=(Risk.READ, Risk.WRITE))


@pytest.fixture
async def factory(home: Home, tmp_path: Path) -> AsyncIterator[Factory]:
    async with working(home, tmp_path) as factory:
        yield factory


def governed(factory: Factory, **destructive: Any) -> None:
    """What destroys has a rule of its own."""
    rule = Rule(operations=("test *",), approve=("dba",), **{"ask": ("engineers",), **destructive})
    object.__setattr__(factory.worker.runner.handlers, "policy", Policy(rules=(MILD, rule)))


async def refused(factory: Factory, script: str) -> str:
    run = await factory.ask(script)
    assert (await factory.end(run)).state is State.REFUSED
    assert factory.folder.lines() == []
    return str((await factory.ledger.events(run))[-1].body["sentence"])


async def test_who_may_ask_for_a_change_may_not_for_what_destroys(factory: Factory) -> None:
    assert "ana" not in GROUPS["lead"]
    governed(factory, ask=("lead",))
    assert (await factory.end(await factory.ask("plain"))).state is State.SUCCEEDED
    factory.folder.take("log")
    assert await refused(factory, "big-plain") == (
        "As planned, it destroys or touches production, and only lead may ask for it."
    )


async def test_nor_may_they_make_it_of_another_persons_request(factory: Factory) -> None:
    governed(factory, ask=("lead",))
    run = await factory.ask("big-plain", person="cleo")
    await factory.state(run, State.AWAITING)
    said = await factory.story.say("ana", run, "amend", params={"script": "big-many"}, reason="another")
    assert said["code"] == "done", "as a change it may be asked for"
    ended = await factory.end(run)
    assert ended.state is State.REFUSED, ended
    assert "only lead may ask for it" in (await factory.ledger.events(run))[-1].body["sentence"]


async def test_what_destroys_is_asked_for_where_its_rule_says(factory: Factory) -> None:
    governed(factory, channels=("incidents",))
    said = await refused(factory, "big-plain")
    assert said.startswith("As planned, it destroys or touches production, and it is asked for in #incidents")


async def test_where_no_rule_allows_it_nobody_may(factory: Factory) -> None:
    object.__setattr__(factory.worker.runner.handlers, "policy", Policy(rules=(MILD,)))
    assert "no rule in policy.toml allows it" in await refused(factory, "big-plain")


async def test_whoever_may_ask_is_asked_for_approvals_as_before(factory: Factory) -> None:
    governed(factory)
    await factory.state(await factory.ask("big-plain"), State.AWAITING)
