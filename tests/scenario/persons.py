"""People before a Slack that fails: whoever sees that nothing came of an act does it again, as people do."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from bot.render.form import PICK
from bot.render.outcome import DEAD_END
from deploy.local.slack.client import ControlRefused, Outcome, shown_text
from tests.scenario.door import Bot

T = TypeVar("T")
TRIES = 5
HOME_SOON = 5.0  # seconds
BREATH = 1.0  # seconds
PATIENCE = 40.0  # seconds until somebody who was told nothing gives up: longer than three calls that hang
SLOWER = 4  # times as long for whoever sees that Slack is slow
SAID_SO_ALREADY = ("very same", "Press Ask again")


class LeftAlone(AssertionError):
    """Neither what was wanted came, nor a word why not."""


class Person:
    """One person of the company, with what they have read so far."""

    def __init__(self, bot: Bot, name: str) -> None:
        self.bot, self.name = bot, name

    async def brings_about(
        self, act: Callable[[], Awaitable[Outcome]], effect: Callable[[], Awaitable[T | None]], what: str
    ) -> T:
        """Acts until the effect is there. Raises LeftAlone."""
        for attempt in range(TRIES):
            if attempt and (found := await self._put_aside(effect)):
                return found
            read = await self._told()
            outcome = await act()

            async def came(read: list[str] = read, outcome: Outcome = outcome) -> tuple[T | None] | None:
                found = await effect()
                if found:
                    return (found,)
                return (None,) if not outcome.ok or _again(await self._told(), read) else None

            if not outcome.ok:
                await self._breath(effect)
            try:
                (found,) = await self.bot.slack.wait_for(came, seconds=self._patience, what=what)
            except TimeoutError:
                raise LeftAlone(f"{self.name} waits for {what}; {outcome}; read {await self._told()}") from None
            if found:
                return found
        raise LeftAlone(f"{self.name} tried {TRIES} times for {what}; read {await self._told()}")

    @property
    def _patience(self) -> float:
        return PATIENCE * (SLOWER if self.bot.server.core.faults.weather == "slow" else 1)

    async def types(self, line: str, effect: Callable[[], Awaitable[T | None]], what: str) -> T:
        """Types a command in #ops."""
        return await self.brings_about(lambda: self.bot.slack.command(self.name, "ops", line), effect, what)

    async def _put_aside(self, effect: Callable[[], Awaitable[T | None]]) -> T | None:
        """Closes a modal that only told something; what was wanted may stand below it."""
        view = await self.bot.slack.view(self.name)
        if view and view["callback_id"] == DEAD_END:
            await self.bot.slack.cancel(self.name, view)
        return await effect()

    async def _breath(self, effect: Callable[[], Awaitable[Any]]) -> None:
        """Nobody does at once again what just failed."""
        try:
            await self.bot.slack.wait_for(effect, seconds=BREATH)
        except TimeoutError:
            pass

    async def presses(
        self, where: dict[str, Any], label: str, effect: Callable[[], Awaitable[T | None]], what: str
    ) -> T:
        """Presses a button. Where it is gone by the second time, the first press came through: they wait."""
        pressed = 0

        async def press() -> Outcome:
            nonlocal pressed
            pressed += 1
            try:
                return await self.bot.slack.click(self.name, where, label)
            except ControlRefused:
                if pressed == 1:
                    raise
                return Outcome(ok=True, result="acked")

        return await self.brings_about(press, effect, what)

    async def opens(self, act: Callable[[], Awaitable[Outcome]], callback_id: str) -> dict[str, Any]:
        """Acts until that modal is on top."""

        async def shown() -> dict[str, Any] | None:
            view = await self.bot.slack.view(self.name)
            return view if view and view["callback_id"] == callback_id else None

        return await self.brings_about(act, shown, f"the modal {callback_id}")

    async def sends(self, view: dict[str, Any], values: dict[str, Any]) -> None:
        """Sends a modal until it closes, or only tells how things stand."""

        async def closed() -> bool:
            open_now = await self.bot.slack.views(self.name)
            return (view["id"], view["callback_id"]) not in [(one["id"], one["callback_id"]) for one in open_now]

        async def send() -> Outcome:
            return Outcome(True, "acked") if await closed() else await self.bot.slack.submit(self.name, view, values)

        await self.brings_about(send, closed, f"the modal {view['callback_id']} to close")

    async def opens_home(self, text: str) -> dict[str, Any]:
        """Opens the app's Home, and again where it does not say this soon: nobody is told why a Home is old."""
        for _ in range(TRIES):
            await self.bot.slack.open_home(self.name)
            try:
                return await self.bot.slack.wait_for_home(self.name, text=text, seconds=HOME_SOON)
            except TimeoutError:
                continue
        raise LeftAlone(f"{self.name} opened Home {TRIES} times, and it never said {text}")

    async def picks(self, view: dict[str, Any], block_id: str, typed: str) -> None:
        """Types in an external select until the value is offered, and chooses it."""
        offered: list[str] = []

        async def type_it() -> Outcome:
            found = await self.bot.slack.suggest(self.name, view, PICK, typed, block_id=block_id)
            offered[:] = [str(one["value"]) for one in found.options]
            return found if typed in offered else replace(found, ok=False)

        async def there() -> bool:
            return typed in offered

        async def held() -> bool:
            top = await self.bot.slack.view(self.name)
            field = (top or {}).get("state", {}).get("values", {}).get(block_id, {}).get(PICK, {})
            return (field.get("selected_option") or {}).get("value") == typed

        await self.brings_about(type_it, there, f"{typed} in the list")
        await self.bot.slack.choose(self.name, view, PICK, typed, block_id=block_id)
        assert await held(), "what was chosen stands in the form, whether or not the app heard of it"

    async def _told(self) -> list[str]:
        """Whatever the bot said to this person alone: beside a message, in a direct message, in a modal."""
        slack = self.bot.slack
        private = [shown_text(one) for one in await slack.ephemerals(self.name)]
        direct = [shown_text(one) for one in await slack.messages(self.name, "@tandem") if one.get("bot_id")]
        return [*private, *direct, *(shown_text(view) for view in await slack.views(self.name))]


def _again(told: list[str], read: list[str]) -> bool:
    """Whether something new says to do it again."""
    fresh = list(told)
    for one in read:
        if one in fresh:
            fresh.remove(one)
    return any("again" in one and not any(words in one for words in SAID_SO_ALREADY) for one in fresh)
