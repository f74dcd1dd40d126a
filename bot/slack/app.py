"""The Bolt app: every payload goes to one listener, and what no listener knows is answered in words."""

import logging
import re
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize

from bot.model import Record
from bot.render.buttons import ACTION
from bot.render.details import APPROVE_CALLBACK
from bot.render.favourites import CHOSEN, STAR, UNSTAR
from bot.render.form import FORM, INPUT, PICK, WORD
from bot.render.lists import PICKER
from bot.render.outcome import ANEW, CALL
from bot.render.outcome import FORM as FORM_BUTTON
from bot.render.picker import OPEN
from bot.slack import buttons, calling, commands, favourites, home, message, modals
from bot.slack.desk import Desk
from bot.slack.lines import Lines

ANY = re.compile(".*", re.DOTALL)
GROUP_EVENTS = ("user_change", "team_join", "subteam_updated", "subteam_members_changed")


class Identity(Record):
    """Who the bot is in Slack, asked once at start: Bolt would ask once for each of the first requests."""

    team: str
    bot_id: str
    bot_user_id: str
    bot_token: str


class Installed(AsyncAuthorize):
    """One bot in one workspace. As a plain function Bolt would gather the arguments for it with every payload."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def __call__(self, **of_payload: Any) -> AuthorizeResult:
        one = self._identity
        return AuthorizeResult(
            enterprise_id=None,
            team_id=one.team,
            bot_user_id=one.bot_user_id,
            bot_id=one.bot_id,
            bot_token=one.bot_token,
        )


def build_app(desk: Desk, identity: Identity, signing_secret: str | None) -> AsyncApp:
    """The doors over HTTP (with a signing secret) or Socket Mode (without).

    Every listener commits before it acknowledges: process_before_response answers as soon as it has returned.
    """

    app = AsyncApp(
        name="tandem.bolt.app",  # a logger's name too, to which Bolt gives the level of its own at each payload
        logger=logging.getLogger("tandem.bolt"),
        client=desk.client,
        signing_secret=signing_secret or "-",  # without one nothing is mounted on HTTP
        authorize=Installed(identity),
        process_before_response=True,
        request_verification_enabled=signing_secret is not None,
    )
    _interactive(app, desk)
    _events(app, desk)
    return app


def socket_door(app: AsyncApp, token: str) -> Any:
    """Socket Mode's handler, to be connected and closed. Without a socket Slack tells people that a command failed."""
    from bot.slack.socket import Handler

    return Handler(app, token)


def _interactive(app: AsyncApp, desk: Desk) -> None:
    """In Bolt the first listener that matches takes it: the catch-alls come last."""
    lines = Lines(desk)
    app.command(ANY)(desk.listener(commands.command(desk)))
    app.action(re.compile(f"^{re.escape(ACTION)}"))(desk.listener(buttons.pressed(desk)))
    app.action(re.compile(f"^{re.escape(OPEN)}"))(desk.listener(modals.opened(desk)))
    app.action(STAR)(desk.listener(favourites.starred(desk)))
    app.action(re.compile(f"^{re.escape(CHOSEN)}"))(desk.listener(favourites.opened(desk)))
    app.action(re.compile(f"^{re.escape(UNSTAR)}"))(desk.listener(favourites.unstarred(desk)))
    app.action(PICKER)(desk.listener(modals.start(desk)))
    app.action(FORM_BUTTON)(desk.listener(modals.form_button(desk)))
    app.action(CALL)(desk.listener(calling.pressed(desk)))
    app.action(ANEW)(desk.listener(modals.anew(desk)))
    app.action(re.compile(f"^({re.escape(PICK)}|{re.escape(INPUT)})$"))(lines.changed)
    app.action(ANY)(desk.listener(buttons.unknown(desk)))
    app.view(FORM)(desk.listener(modals.submitted(desk, lines)))
    app.view(WORD)(desk.listener(modals.worded(desk)))
    app.view(APPROVE_CALLBACK)(desk.listener(modals.reviewed(desk)))
    app.view_submission(ANY)(desk.listener(modals.unknown(desk)))
    app.view_closed(ANY)(_nothing)
    app.options(PICK)(desk.listener(modals.suggestions(desk)))
    app.options(ANY)(desk.listener(modals.no_suggestions(desk)))
    app.shortcut(re.compile(f"^{re.escape(message.OPENS)}"))(desk.listener(message.opens(desk)))
    app.shortcut(ANY)(desk.listener(modals.start(desk)))


def _events(app: AsyncApp, desk: Desk) -> None:
    app.event("app_home_opened")(home.opened(desk))
    app.event("app_mention")(home.written(desk))
    app.event("message")(home.written(desk))
    for kind in GROUP_EVENTS:
        app.event(kind)(home.people_changed(desk))
    app.event(ANY)(_unused)


async def _nothing(ack: Any) -> None:
    """Something that needs no answer: a modal that was closed."""
    await ack()


async def _unused() -> None:
    """An event that nobody here uses: taken, so that Slack does not send it again."""
