"""Every fault of Slack's x every interaction: the state in the end is that of a Slack without faults."""

import asyncio
import inspect
import random
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from difflib import unified_diff
from itertools import count
from pathlib import Path
from pprint import pformat
from typing import Any, get_args

import pytest

import bot.slack.app
from bot.render.buttons import ACTION, Verb, unpack
from bot.render.picker import PICKER
from bot.slack.message import OPENS
from bot.slack.payload import action, chosen
from deploy.local.slack.client import ControlRefused
from deploy.local.slack.delivery.sockets import REASONS
from deploy.local.slack.faults import DeliveryFault, MethodFault, Weather
from tests.conftest import MakeDatabase
from tests.scenario.door import Bot, manifest
from tests.scenario.ending import Ending, ending, rest
from tests.scenario.further import FURTHER
from tests.scenario.interactions import INTERACTIONS, Interaction, press
from tests.scenario.strikes import OF_SOCKETS, STRIKES
from tests.support.company import TEMPLATE
from tests.support.plugin import opened

EVERY = (*INTERACTIONS, *FURTHER)
NOT_PLAYED = {
    Verb.ANEW: "no button of this version carries it: those of earlier ones are answered in words",
    press(PICKER): "opens the list as the shortcut does, by the same listener",
}
OF_METHODS = ("ratelimited", "error", "server_error", "bad_gateway", "slow", "hang", "drop", "lost")
OF_DELIVERIES = ("lose_ack", "duplicate", "slow", "drop", "hang", "reorder", "cut")
OF_SLACK = (*STRIKES, *OF_SOCKETS)
ONLY_OVER_SOCKETS = ("cut", *OF_SOCKETS)
SLOW = {"slow": 1.0, "ratelimited": 1.0, "reorder": 0.5}  # seconds
GIVEN_UP = 3  # seconds after which the bot's client gives up a call: more than a door waits for it
SOCKETS_TOO = 3  # of the sample: faults of calls by a bot in Socket Mode, as the manifest has it
OUTLASTS = timedelta(seconds=30)  # a lease that no stall of a full machine uses up: no worker is to end here
AT_ONCE = 3  # stories: most of each is waiting


@dataclass(frozen=True)
class Peace:
    """A story without faults: how it ends, and what Slack was asked and delivered meanwhile."""

    ending: Ending
    methods: tuple[str, ...]
    deliveries: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    interaction: Interaction
    kind: str
    of: str  # "methods", "deliveries" or "slack"
    transport: str

    def __str__(self) -> str:
        return f"{self.interaction.name}: {self.of} {self.kind}, {self.transport}"

    def targets(self, peace: Peace) -> tuple[str, ...]:
        if self.of == "slack":
            return ("all of it",)
        if self.of == "methods":
            return peace.methods
        return tuple(f"delivery:{name}" for name in peace.deliveries)


Begin = Callable[[str], Any]
Difference = dict[str, list[str]]
PEACE: dict[tuple[str, str], Peace] = {}


@pytest.fixture
async def begin(make_database: MakeDatabase, tmp_path: Path) -> Begin:
    """`async with begin(transport) as bot`: a bot with nothing behind it, as often as wanted."""

    number = count()
    room = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def make(transport: str) -> AsyncIterator[Bot]:
        folder = tmp_path / str(next(number))
        folder.mkdir()
        async with (
            room,
            opened(await make_database(TEMPLATE)) as home,
            Bot(home, folder, socket=transport == "socket", patience=GIVEN_UP, lease=OUTLASTS) as bot,
        ):
            yield bot

    return make


async def peace(begin: Begin, interaction: Interaction, transport: str) -> Peace:
    """The story without faults, told once a session."""
    key = (interaction.name, transport)
    if key not in PEACE:
        async with begin(transport) as bot:
            given = await interaction.before(bot)
            await rest(bot)
            mark = max((one["number"] for one in await bot.slack.log()), default=0)
            await interaction.during(bot, given)
            await rest(bot)
            entries = await bot.slack.log(since=mark)
            calls = sorted({one["name"] for one in entries if one["kind"] == "api"})
            if any(one["kind"] == "response_url" for one in entries):
                calls.append("response_url")
            if "files.completeUploadExternal" in calls:
                calls.append("upload")
            delivered = [one for one in entries if one["kind"] == "delivery"]
            did = {act for one in delivered for act in acts_in(one["request"])}
            assert did >= set(interaction.acts), f"{interaction.name}: {did}"
            deliveries = sorted({one["name"] for one in delivered})
            PEACE[key] = Peace(await ending(bot), tuple(calls), tuple(deliveries))
    return PEACE[key]


def acts_in(payload: dict[str, Any]) -> Iterator[str]:
    """What somebody did, by the names that interactions have for it."""
    yield str(payload.get("callback_id", ""))
    if payload.get("type") == "view_submission":
        yield str(payload["view"]["callback_id"])
    for done in payload.get("actions", ()):
        hint = unpack(chosen(action(payload)))
        yield hint.verb if hint else press(re.sub(r"\.\d+$", "", str(done["action_id"])))


async def played(begin: Begin, cell: Cell, target: str, times: int) -> Ending:
    """The story with that fault in it. Fails where a delivery's fault never came about."""
    async with begin(cell.transport) as bot:
        given = await cell.interaction.before(bot)
        await rest(bot)
        if cell.of == "slack":
            async with (STRIKES | OF_SOCKETS)[cell.kind](bot):
                await cell.interaction.during(bot, given)
            await rest(bot)
            return await ending(bot)
        await bot.slack.fault(target, cell.kind, times=times, seconds=SLOW.get(cell.kind, 1.0))
        mark = max((one["number"] for one in await bot.slack.log()), default=0)
        overtakes = asyncio.create_task(bystander(bot, target, mark)) if cell.kind == "reorder" else None
        await cell.interaction.during(bot, given)
        if overtakes:
            await overtakes
        await rest(bot)
        left = sum(fault.times for fault in bot.server.core.faults.planned)
        # whether a card is edited once more depends on how fast the run was; what people do is delivered always
        assert left < times or cell.of == "methods", "the fault never came about"
        await bot.slack.clear_faults()
        return await ending(bot)


async def bystander(bot: Bot, target: str, mark: int) -> None:
    """Somebody else does something while that delivery is held back, so that it arrives after theirs."""
    name = target.removeprefix("delivery:")
    await bot.slack.wait_for_log(lambda: bot.slack.log(kind="delivery", name=name, since=mark))
    await bot.slack.open_home("dora")


async def differs(begin: Begin, cell: Cell, target: str, times: int) -> Difference | None:
    """What is otherwise than without the fault, by name."""
    quiet = (await peace(begin, cell.interaction, cell.transport)).ending
    try:
        found = await played(begin, cell, target, times)
    except (AssertionError, TimeoutError, ControlRefused) as error:
        return {"the story": [repr(error)]}
    return {name: _apart(quiet[name], found[name]) for name in quiet if found[name] != quiet[name]} or None


def _apart(quiet: Any, found: Any) -> list[str]:
    """The lines in which two endings differ."""
    then, now = (pformat(one, width=200).splitlines() for one in (quiet, found))
    return [line[:300] for line in unified_diff(then, now, "without", "with", n=0, lineterm="")][2:]


def cells() -> list[Cell]:
    """All of them."""
    ways = [("methods", kind, way) for kind in OF_METHODS for way in ("http", "socket")]
    ways += [("deliveries", kind, way) for kind in OF_DELIVERIES for way in ("http", "socket")]
    ways += [("slack", kind, way) for kind in OF_SLACK for way in ("http", "socket")]
    return [
        Cell(interaction, kind, of, transport)
        for interaction in EVERY
        for of, kind, transport in ways
        if transport == "socket" or kind not in ONLY_OVER_SOCKETS
    ]


def often() -> list[tuple[Cell, int]]:
    """Each cell with how often its fault comes: once and thrice, but for what is done to Slack as a whole."""
    return [(cell, times) for cell in cells() for times in ((1,) if cell.of == "slack" else (1, 3))]


def sample() -> list[Cell]:
    """A few that take every interaction and every kind at least once, the same ones every time."""
    dice = random.Random(4)
    left = [cell for cell in cells() if cell.transport == "http"]
    dice.shuffle(left)
    taken: list[Cell] = []
    for fresh in (("interaction", "kind"), ("kind",), ("interaction",)):
        for cell in left:
            if all(_new(cell, taken, of) for of in fresh):
                taken.append(cell)
    sockets = [cell for cell in cells() if cell.transport == "socket"]
    lost = [dice.choice([cell for cell in sockets if cell.kind == kind]) for kind in ONLY_OVER_SOCKETS]
    return [*taken, *lost, *dice.sample([cell for cell in sockets if cell.of == "methods"], SOCKETS_TOO)]


def few() -> list[Cell]:
    """One of each kind in the story that is told soonest, of those that keep nobody waiting; the same ones always."""
    dice = random.Random(4)
    quick = [cell for cell in cells() if cell.interaction.name == "cancel" and cell.transport == "http"]
    quick = [cell for cell in quick if cell.kind not in (*SLOW, "hang", "lose_ack")]
    return [dice.choice([cell for cell in quick if cell.of == of]) for of in ("methods", "deliveries", "slack")]


def _new(cell: Cell, taken: list[Cell], of: str) -> bool:
    return getattr(cell, of) not in [getattr(one, of) for one in taken]


def test_every_kind_of_fault_is_in_the_matrix() -> None:
    assert {(cell.of, cell.kind) for cell in cells()} == {
        *(("methods", kind) for kind in get_args(MethodFault)),
        *(("deliveries", kind) for kind in get_args(DeliveryFault)),
        *(("slack", kind) for kind in {*get_args(Weather)} - {"fair"}),
        *(("slack", reason) for reason in REASONS),
        *(("slack", kind) for kind in ("cut sockets", "rate limits", "events first", "again later")),
    }


def test_whatever_people_can_press_send_or_begin_is_in_the_matrix_or_has_its_reason() -> None:
    named = {act for interaction in EVERY for act in interaction.acts}
    shortcuts = {one.callback_id for one in manifest().features.shortcuts}
    opening = {one for one in shortcuts if one.startswith(OPENS)}
    assert opening
    assert any(one.startswith(OPENS) for one in named), "each of them is one listener's, whatever it opens"
    buttons = {press(one) for one in _listened("action")} - {press(ACTION)}
    every = {*Verb, *_listened("view"), *buttons, *(shortcuts - opening)}
    assert every - named == set(NOT_PLAYED)


def _listened(kind: str) -> set[str]:
    """The ids that the app has a listener for."""
    source = inspect.getsource(bot.slack.app)
    names = re.findall(rf"app\.{kind}\((?:re\.compile\(f\"\^{{re\.escape\()?([A-Z_]+)\b", source)
    found = {getattr(bot.slack.app, name) for name in names}
    assert len(found) > 2
    return found - {bot.slack.app.ANY}


async def _tried(begin: Begin, cell: Cell) -> tuple[str, Difference | None]:
    """One of the calls or deliveries that the fault could hit, and what is otherwise then."""
    quiet = await peace(begin, cell.interaction, cell.transport)
    target = random.Random(str(cell)).choice(cell.targets(quiet))
    return f"{cell}: {target}", await differs(begin, cell, target, 1)


async def test_a_fault_of_each_kind_changes_no_ending(begin: Begin) -> None:
    found = dict([await _tried(begin, cell) for cell in few()])
    assert len(found) == 3
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.prove  # a few stories at once on two cores: what is slow may be told as late
async def test_a_sample_of_faults_changes_no_ending(begin: Begin) -> None:
    found = dict(await asyncio.gather(*(_tried(begin, cell) for cell in sample())))
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.prove
@pytest.mark.parametrize(("cell", "times"), often(), ids=str)
async def test_no_fault_changes_an_ending(begin: Begin, cell: Cell, times: int) -> None:
    targets = cell.targets(await peace(begin, cell.interaction, cell.transport))
    found = await asyncio.gather(*(differs(begin, cell, target, times) for target in targets))
    wrong = {target: apart for target, apart in zip(targets, found, strict=True) if apart}
    assert not wrong, pformat(wrong, width=200)
