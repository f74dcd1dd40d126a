"""A run's buttons: each is read as a hint, judged anew by the service, and answered where it came to nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError
from slack_sdk.errors import SlackApiError

from bot.catalogue import Entry, NoOperation
from bot.model import Choice, Record, Risk, State, id_of, run_of
from bot.operation import Input
from bot.render.buttons import CHOICES, Pressed, Verb, offers, pack, unpack
from bot.render.details import details, review, whole
from bot.render.form import word
from bot.render.outcome import SENTENCES, refusal, revealed, told
from bot.service import NotRecorded, Uncertain
from bot.slack import drafts, forms
from bot.slack.asking import allowed, drawn, kept, lasting, masked, open_form, params_of_call
from bot.slack.desk import Act, Desk, Listener, button_key
from bot.slack.home import origin, redraw
from bot.slack.payload import action, chosen
from bot.view import Outcome, RunView

OLD = "That button is from an earlier version of the bot, so nothing was done. Type /ops runs to see how things stand."
OPENED = 1.5  # seconds for a window with a secret: what came of it must be recorded within the same answer
Does = Callable[[Desk, Act, Pressed], Awaitable[Outcome | None]]


def pressed(desk: Desk) -> Listener:
    """Any button of a run."""

    async def press(ack: Any, act: Act) -> None:
        hint = unpack(chosen(action(act.body)))
        if hint is None:
            await desk.tell(act.by, told(OLD))
        elif (outcome := await DOES[hint.verb](desk, act, hint)) and (outcome.sentence or not outcome.ok):
            telling = desk.tell(act.by, refusal(outcome))
            if outcome.ok:
                desk.soon(telling)  # recorded, and the card shows it: Slack's answer need not wait for this
            else:
                await telling
        if hint and hint.verb in DECIDES:
            redraw(desk, act)
        await ack()

    return press


def unknown(desk: Desk) -> Listener:
    """A button or select that no part of this version knows."""

    async def press(ack: Any, act: Act) -> None:
        await desk.tell(act.by, told(OLD))
        await ack()

    return press


def key_of(act: Act) -> str:
    return button_key(act.by, chosen(action(act.body)))


async def _seen(desk: Desk, act: Act, run: int) -> RunView | None:
    view = await desk.service.view(run, act.who)
    if view is None:
        await desk.tell(act.by, told(SENTENCES["no_run"]))
    return view


async def _approve(desk: Desk, act: Act, hint: Pressed) -> Outcome:
    return await desk.service.approve(act.who, hint.run, hint.fingerprint)


async def _review(desk: Desk, act: Act, hint: Pressed) -> None:
    if view := await _seen(desk, act, hint.run):
        await desk.open(act.by, review(view, desk.names(), origin(act)))
        desk.soon(_looked(desk, act, view))


async def _details(desk: Desk, act: Act, hint: Pressed) -> None:
    if view := await _seen(desk, act, hint.run):
        await open_details(desk, act, view)


async def open_details(desk: Desk, act: Act, view: RunView, link: str = "") -> None:
    """All of one run in a window of this person's own; `link` leads to its thread. Raises SlackApiError."""
    private = act.who.person in (view.requester, *view.askers)
    await desk.open(act.by, details(view, desk.names(), private=private, link=link))
    desk.soon(_looked(desk, act, view))


async def _unmask(desk: Desk, act: Act, hint: Pressed) -> Outcome | None:
    """The whole personal values, once it is recorded that this person looks at them."""
    if (view := await _seen(desk, act, hint.run)) is None:
        return None
    outcome, values = await desk.service.unmask(act.who, hint.run)
    if outcome.ok:
        await desk.open(act.by, whole(view, values))
    return outcome


async def _looked(desk: Desk, act: Act, view: RunView) -> None:
    """A courtesy to whoever waits: that somebody has the plan before them."""
    if view.state in (State.AWAITING, State.IN_DOUBT) and act.who.person not in view.askers:
        with suppress(NotRecorded, Uncertain):
            await desk.service.looked(act.who, view.id)


async def _follow(desk: Desk, act: Act, hint: Pressed) -> Outcome:
    outcome = await desk.service.follow(act.who, hint.run)
    return outcome.model_copy(update={"sentence": SENTENCES["followed"]}) if outcome.ok else outcome


async def _call_in(desk: Desk, act: Act, hint: Pressed) -> Outcome:
    return await desk.service.call_in(act.who, hint.run, hint.fingerprint)


async def _again(desk: Desk, act: Act, hint: Pressed) -> None:
    """The form of the same operation, filled in as the run was asked for; nothing is asked before it is sent."""
    if (view := await _seen(desk, act, hint.run)) is None:
        return
    entry, channel = desk.catalogue.get(view.command), act.by.channel or view.channel
    values = _values(view, entry)
    if (refused := await allowed(desk, act, entry, channel, values=values)) is not None:
        await desk.tell(act.by, refused)
        return
    why = f"As {view.tag} was asked. Nothing is asked yet."
    await open_form(desk, act, entry, channel, values, why, drafts.from_home(origin(act)))


async def _retry(desk: Desk, act: Act, hint: Pressed) -> Outcome | None:
    """Another run for what failed in this one, asked by whoever presses."""
    if (view := await _seen(desk, act, hint.run)) is None:
        return None
    entry = desk.catalogue.get(view.command)
    channel = act.by.channel or view.channel
    outcome = await desk.service.retry(act.who, channel, entry, _given(view, entry), view.id, key=key_of(act))
    await desk.tell(act.by, refusal(outcome))
    return None


async def _star(desk: Desk, act: Act, hint: Pressed) -> Outcome | None:
    """Keeps the form of the same operation, filled in as the run was asked for; the reason is another each time."""
    if (view := await _seen(desk, act, hint.run)) is None:
        return None
    entry = desk.catalogue.get(view.command)
    values = lasting(_values(view, entry), entry)
    return await desk.service.keep(act.who, entry.command, values, view.channel, view.id)


class _Asks(Record):
    """A modal that asks for one text."""

    title: str
    asks: str
    label: str
    submit: str
    optional: bool = False


CANCELS = (
    "If it has not started, nothing is done. If it has, it stops after the present step, and what was done is undone, "
    "down to the last point of no return."
)
WORDS: Mapping[Verb, _Asks] = {
    Verb.DENY: _Asks(
        title="Deny", asks="Nothing of it is done, and the asker is told why.", label="Why", submit="Deny"
    ),
    Verb.ASK_BACK: _Asks(
        title="Ask back about", asks="Nothing is decided by asking.", label="Your question", submit="Ask"
    ),
    Verb.ANSWER_BACK: _Asks(
        title="Answer about", asks="It is told in the run's thread.", label="Your answer", submit="Answer"
    ),
    Verb.CANCEL: _Asks(title="Cancel", asks=CANCELS, label="Why, if you like", submit="Cancel the run", optional=True),
}


async def _word(desk: Desk, act: Act, hint: Pressed) -> None:
    given = WORDS[hint.verb]
    memo = pack(hint.run, hint.fingerprint, hint.verb, origin(act))
    title = f"{given.title} r{hint.run}"
    await desk.open(act.by, word(memo, title, given.asks, given.label, submit=given.submit, optional=given.optional))


def _values(view: RunView, entry: Entry) -> dict[str, str]:
    """What was asked for, as typed texts. Raises NoOperation where it was under an earlier version of the operation."""
    if not view.given:  # others were called to ask for it, by its name alone
        return {}
    return forms.written(_given(view, entry), entry.fields)


def _given(view: RunView, entry: Entry) -> Input:
    """What was asked for. Raises NoOperation as above."""
    try:
        return entry.params.model_validate(view.given)
    except ValidationError as changed:
        raise NoOperation(entry.command) from changed


async def _amend(desk: Desk, act: Act, hint: Pressed) -> None:
    if (view := await _seen(desk, act, hint.run)) is None:
        return
    entry = desk.catalogue.get(view.command)
    values = _values(view, entry)
    draft = await desk.service.draft_save(
        act.who, entry.command, view.channel, drafts.amending(hint.run, hint.fingerprint, kept(values, entry))
    )
    why = "Filled in as it was asked. Approvals given so far will not count, and a new plan is made."
    shown = await masked(desk, entry, values)
    await desk.open(act.by, drawn(desk, entry, draft, view.channel, shown, notice=why, amends=view.tag))


async def _replace(desk: Desk, act: Act, hint: Pressed) -> Outcome:
    if (other := run_of(hint.of)) is None:
        return Outcome(code="no_run", ok=False)
    return await desk.service.supersede(act.who, other, hint.run, key_of(act))


async def _doubt(desk: Desk, act: Act, hint: Pressed) -> Outcome:
    seq, _, choice = hint.of.partition(":")
    if (question := id_of(seq)) is None or choice not in set(Choice):
        return Outcome(code="no_choice", ok=False)
    outcome = await desk.service.answer_doubt(act.who, hint.run, question, Choice(choice))
    if outcome.code == "recorded" and not outcome.sentence:
        said = f"Recorded: {CHOICES[Choice(choice)][0]}. It counts once enough people give the same answer."
        await desk.tell(act.by, told(said))
    return outcome


async def _tick(desk: Desk, act: Act, hint: Pressed) -> Outcome:
    outcome = await desk.service.tick(act.who, hint.run, hint.of)
    if outcome.secret is None:
        return outcome
    try:
        async with asyncio.timeout(OPENED):
            await desk.open(act.by, revealed(outcome.secret))
    except (SlackApiError, OSError, TimeoutError):  # it is wiped, and perhaps somebody saw it: never sent again
        await desk.service.tick(act.who, hint.run, hint.of, shown=False)
        return Outcome(code="not_shown_once", run=hint.run, ok=False)
    return await desk.service.tick(act.who, hint.run, hint.of, shown=True)


async def _offer(desk: Desk, act: Act, hint: Pressed) -> Outcome | None:
    """Planned freshly at the click, asked by whoever clicks."""
    if (view := await _seen(desk, act, hint.run)) is None:
        return None
    offer = offers(view).get(hint.of)
    if offer is None:
        await desk.tell(act.by, told("That is not offered any more. Type the command itself if it is still needed."))
        return None
    entry = desk.catalogue.get(offer.call.command)
    channel = act.by.channel or view.channel
    params = params_of_call(entry, offer.call.params)
    if (refused := await allowed(desk, act, entry, channel, params, offer.call.params)) is not None:
        await desk.tell(act.by, refused)
        return None
    if params is None:
        began = drafts.about("", hint.run)
        await open_form(desk, act, entry, channel, offer.call.params, f"{offer.label}. Nothing is asked yet.", began)
        return None
    key = key_of(act)
    if entry.risk is Risk.READ:  # each press is a look of its own; what Slack delivers twice has one time
        key += f":{action(act.body).get('action_ts', '')}"
    outcome = await desk.service.ask(act.who, channel, entry, params, key=key, about=hint.run)
    if not (outcome.ok and entry.risk is Risk.READ):  # a read's answer follows at once
        await desk.tell(act.by, refusal(outcome))
    return None


async def _stale(desk: Desk, act: Act, hint: Pressed) -> None:
    await desk.tell(act.by, told(OLD))


DOES: Mapping[Verb, Does] = {
    Verb.APPROVE: _approve,
    Verb.REVIEW: _review,
    Verb.DETAILS: _details,
    Verb.UNMASK: _unmask,
    Verb.DENY: _word,
    Verb.ASK_BACK: _word,
    Verb.ANSWER_BACK: _word,
    Verb.CANCEL: _word,
    Verb.AMEND: _amend,
    Verb.REPLACE: _replace,
    Verb.DOUBT: _doubt,
    Verb.TICK: _tick,
    Verb.OFFER: _offer,
    Verb.AGAIN: _again,
    Verb.FOLLOW: _follow,
    Verb.RETRY: _retry,
    Verb.STAR: _star,
    Verb.CALL_IN: _call_in,
    Verb.ANEW: _stale,
}
DECIDES = frozenset({Verb.APPROVE, Verb.STAR, Verb.DOUBT, Verb.TICK, Verb.REPLACE})  # at once, without a modal between
