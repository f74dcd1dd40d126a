"""The forms that somebody keeps: the star in a form, and the buttons that open one or let it go."""

from typing import Any

from slack_sdk.errors import SlackApiError

from bot.fields import REASON
from bot.leaks import leak
from bot.model import Risk, id_of
from bot.render.outcome import refusal, told
from bot.slack import drafts, forms
from bot.slack.asking import allowed, drawn, keepable, lasting, masked, open_form
from bot.slack.desk import Act, Desk, Listener
from bot.slack.home import origin, redraw
from bot.slack.modals import GONE, draft_of
from bot.slack.payload import Surface, action, chosen, hash_of, memo, state

LOST = "That favourite is gone. Open the app's home again to see which there are."
CHANGED = "Kept on the app's home, as the form stood when you pressed. It has changed since; press again to keep that."


def starred(desk: Desk) -> Listener:
    """The star of a form: keeps it as it is filled in, the reason left out."""

    async def press(ack: Any, act: Act) -> None:
        if (draft := await desk.draft(act, memo(act.body), GONE)) is None:
            await ack()
            return
        entry = desk.catalogue.get(draft.command)
        given, _ = forms.texts(state(act.body), entry.fields)
        values = lasting(given, entry)
        found = next(
            (leak(words, prose=" " in words) for words in values.values() if leak(words, prose=" " in words)), None
        )
        if found is not None:
            words = f"This form seems to hold {found.value}, and what is kept stays. It was not kept."
            await desk.tell(act.by, told(words))
        elif not (outcome := await desk.service.keep(act.who, entry.command, values, draft.channel)).ok:
            await desk.tell(act.by, refusal(outcome))
        else:
            shown = {**draft.values, **keepable(given, entry), REASON: given.get(REASON, "")}
            values = await masked(desk, entry, shown)
            view = drawn(desk, entry, memo(act.body), draft.channel, values, favourite=True)
            await _redrawn(desk, act, view)
        await ack()

    return press


async def _redrawn(desk: Desk, act: Act, view: dict[str, Any]) -> None:
    """Draws the star as kept. A form that changed meanwhile is left as it is: the favourite is recorded all the same.

    Raises SlackApiError.
    """
    try:
        await desk.client.views_update(view_id=act.by.view_id, hash=hash_of(act.body) or None, view=view)
    except SlackApiError as error:
        if error.response.get("error") != "hash_conflict":
            raise
        await desk.tell(act.by, told(CHANGED))


def opened(desk: Desk) -> Listener:
    """Opens a form that its person keeps, filled in; nothing is asked before it is sent."""

    async def press(ack: Any, act: Act) -> None:
        one = next((f for f in await desk.service.favourites(act.who) if str(f.id) == chosen(action(act.body))), None)
        if one is None:
            await desk.tell(act.by, told(LOST))
            await ack()
            return
        entry = desk.catalogue.get(one.command)
        begun = await draft_of(desk, act) if act.by.surface is Surface.MODAL else None
        channel = (begun.channel if begun else None) or one.channel
        home = drafts.home_of(begun.values) if begun else origin(act)
        first = drafts.reason(begun.values) if begun and entry.risk is not Risk.READ else {}
        if (refused := await allowed(desk, act, entry, channel, values=one.values)) is not None:
            await desk.tell(act.by, refused)
        else:
            why = "As you keep it. Nothing is asked yet."
            await open_form(desk, act, entry, channel, {**one.values, **first}, why, drafts.from_home(home))
        await ack()

    return press


def unstarred(desk: Desk) -> Listener:
    """Lets a favourite go, and draws the Home anew."""

    async def press(ack: Any, act: Act) -> None:
        if (favourite := id_of(chosen(action(act.body)))) is None:
            await desk.tell(act.by, told(LOST))
        else:
            await desk.service.let_go(act.who, favourite)
            redraw(desk, act)
        await ack()

    return press
