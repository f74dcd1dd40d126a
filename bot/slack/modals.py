"""Modals: the picker's levels, an operation's form, one text for a run, live entries of a select."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bot.catalogue import Entry
from bot.fields import Kind
from bot.leaks import leak
from bot.model import Risk
from bot.operation import Choice
from bot.parse import suggest
from bot.render.buttons import Pressed, Verb, unpack
from bot.render.fit import OPTIONS
from bot.render.form import CONFIRM, NONE, options
from bot.render.message import Message
from bot.render.outcome import refusal, told
from bot.render.picker import picker
from bot.service import NotRecorded, Uncertain
from bot.slack import drafts, forms, message
from bot.slack.asking import allowed, call_draft, called, drawn, items, masked, open_picker
from bot.slack.commands import line
from bot.slack.desk import Act, Desk, Listener, refused_view
from bot.slack.home import origin, redraw
from bot.slack.lines import Lines
from bot.slack.payload import action, chosen, memo, state
from bot.view import Draft, Outcome
from bot.words import strip

GONE = "This form is not yours, or too old. Nothing was asked. Close it and type the command again."
OLD = "This form is from an earlier version of the bot, so nothing was done. Close it and type the command again."
LOOKED = 1.5  # seconds for a handler's live entries


async def draft_of(desk: Desk, act: Act) -> Draft | None:
    """The row that a form remembers itself by; None where it is not this account's."""
    return await desk.service.draft_load(act.who, memo(act.body))


def opened(desk: Desk) -> Listener:
    """The picker: one area or operation further, or one back."""

    async def choose(ack: Any, act: Act) -> None:
        at = (
            chosen(action(act.body)).replace("-", "", 1)
            if chosen(action(act.body)) == "-"
            else chosen(action(act.body))
        )
        if (draft := await desk.draft(act, memo(act.body), GONE)) is not None:
            await _chosen(desk, act, draft, at)
        await ack()

    return choose


async def _chosen(desk: Desk, act: Act, draft: Draft, at: str) -> None:
    if at in desk.catalogue.entries:
        await _to_form(desk, act, desk.catalogue.get(at), draft)
    else:
        kept_ones = await desk.service.favourites(act.who) if not at else ()
        view = picker(draft.id, at, items(desk, act, at, draft.channel), kept_ones)
        await desk.client.views_update(view_id=act.by.view_id, view=view)


async def _to_form(desk: Desk, act: Act, entry: Entry, draft: Draft) -> None:
    if (refused := await allowed(desk, act, entry, draft.channel)) is not None:
        await desk.tell(act.by, refused)
        return
    first = drafts.reason(draft.values) if entry.risk is not Risk.READ else {}
    remembered = first | drafts.kept_of(draft.values)
    id = await desk.service.draft_save(act.who, entry.command, draft.channel, remembered)
    await desk.client.views_update(view_id=act.by.view_id, view=drawn(desk, entry, id, draft.channel, first))


def start(desk: Desk) -> Listener:
    """Start something, from Home or by a shortcut: the picker. From a message, the reason will lead back to it."""

    async def press(ack: Any, act: Act) -> None:
        began = await message.place(desk, act) | drafts.from_home(origin(act))
        await open_picker(desk, act, "", act.by.channel, began)
        await ack()

    return press


def form_button(desk: Desk) -> Listener:
    """Fill in the form: opens what a faulty line left."""

    async def press(ack: Any, act: Act) -> None:
        if (draft := await desk.draft(act, chosen(action(act.body)), GONE)) is not None:
            entry = desk.catalogue.get(draft.command)
            values = await masked(desk, entry, draft.values)
            await desk.open(act.by, drawn(desk, entry, draft.id, draft.channel, values))
        await ack()

    return press


def anew(desk: Desk) -> Listener:
    """Ask again: the same words once more, and meant."""

    async def press(ack: Any, act: Act) -> None:
        draft = await desk.draft(act, chosen(action(act.body)), GONE)
        if draft is not None and (said := await _asked_anew(desk, act, draft)) is not None:
            await desk.tell(act.by, said)
        await ack()

    return press


async def _asked_anew(desk: Desk, act: Act, draft: Draft) -> Message | None:
    key = f"draft:{draft.id}"
    if (run := drafts.same_as(draft.values)) is not None:
        return await _once_more(desk, act, draft, run, key)
    if not (typed := drafts.line_of(draft.values)):
        return told(GONE)
    area, _, rest = typed.removeprefix("/").partition(" ")
    return await line(desk, act, area, rest, draft.channel, key=key, anew=True)


async def _once_more(desk: Desk, act: Act, draft: Draft, run: int, key: str) -> Message:
    """What a run was asked, asked once more and meant: its line was not kept, for it held a personal value."""
    view, entry = await desk.service.view(run, act.who), desk.catalogue.get(draft.command)
    if view is None or view.requester != act.who.person or view.command != draft.command:
        return told(GONE)
    params = entry.params.model_validate(view.given)
    return refusal(await desk.service.ask(act.who, draft.channel, entry, params, key=key, anew=True))


def submitted(desk: Desk, lines: Lines) -> Listener:
    """An operation's form: asked, or every fault beside its field."""

    async def submit(ack: Any, act: Act) -> None:
        draft = await draft_of(desk, act)
        if draft is None:
            await ack(**refused_view({}, told(GONE)))
            return
        entry = desk.catalogue.get(draft.command)
        now = state(act.body)
        given, secrets = forms.texts(now, entry.fields)
        saved = forms.unchanged(given, await masked(desk, entry, draft.values), draft.values, entry.fields)
        tokens = {s.name: called(s, saved[s.name]) for s in entry.fields if s.name in saved}
        params = forms.build(entry.params, entry.fields, given, {**secrets, **tokens}, desk.known)
        faults = dict(params) if isinstance(params, dict) else {}
        confirm = entry.operation.confirm
        if confirm and forms.typed_again(now) != given.get(confirm, ""):
            faults[CONFIRM] = f"This is not the same as in {confirm.replace('_', ' ')} above. Type it once more."
        if entry.risk is not Risk.READ and not given.get("reason"):
            faults["reason"] = "Say why, in a few words: it is kept with what is done."
        if faults or isinstance(params, dict):
            await lines.settle(act.who, act.body)
            await ack(response_action="errors", errors={name: words[:300] for name, words in faults.items()})
            return
        if (amends := drafts.amended(draft.values)) is not None:
            key = f"draft:{memo(act.body)}"
            outcome = await desk.service.amend(act.who, amends.run, amends.fingerprint, entry, params, key)
        else:
            outcome = await desk.service.ask(
                act.who, draft.channel, entry, params, key=f"draft:{memo(act.body)}", look_only=forms.only_look(now),
                about=drafts.within(draft.values),
            )  # fmt: skip
        if not outcome.ok:  # what comes of it replaces the form: no change of a field may bring that back
            with suppress(NotRecorded, Uncertain):
                await desk.service.draft_change(act.who, memo(act.body), drafts.OVER)
        await _done(ack, outcome, await _called_by(desk, act, entry, draft, outcome, now))
        if outcome.ok and (home := drafts.home_of(draft.values)):
            redraw(desk, act, home)

    return submit


async def _called_by(
    desk: Desk, act: Act, entry: Entry, draft: Draft, outcome: Outcome, now: Mapping[str, Mapping[str, Any]]
) -> str:
    """The row by which those may be called who may ask for what the form says; empty where they are not."""
    if outcome.ok or forms.only_look(now) or drafts.amended(draft.values) is not None:
        return ""
    given, secrets = forms.texts(now, entry.fields)
    hidden = [*secrets, *(spec.name for spec in entry.fields if spec.personal and given.get(spec.name))]
    return await call_draft(desk, act, entry, draft.channel, outcome, {**given, **drafts.withholding(hidden)})


async def _done(ack: Any, outcome: Outcome, draft: str = "") -> None:
    """Closes the modal where it was recorded, else says in it what came of it."""
    if outcome.ok:
        await ack(response_action="clear")
    else:
        await ack(**refused_view({}, refusal(outcome, draft=draft)))


async def _decided(desk: Desk, act: Act, ack: Any, outcome: Outcome) -> None:
    """Closes the modal where there is nothing more to say, and draws the Home anew that it was opened from."""
    if outcome.ok and outcome.sentence:
        await ack(**refused_view({}, refusal(outcome)))
    else:
        await _done(ack, outcome)
    if outcome.ok:
        redraw(desk, act)


def worded(desk: Desk) -> Listener:
    """One text for a run: why it is denied, what is asked back, what is answered."""

    async def submit(ack: Any, act: Act) -> None:
        hint = unpack(memo(act.body))
        text = strip(str(state(act.body).get("text", {}).get("value") or ""), lines=True)
        if hint is None:
            await ack(**refused_view({}, told(OLD)))
        elif (found := leak(text, prose=True)) is not None:
            words = f"This seems to hold {found.value}, and what is written here is kept for good. Leave it out."
            await ack(response_action="errors", errors={"text": words})
        else:
            await _decided(desk, act, ack, await _say(desk, act, hint, text))

    return submit


async def _say(desk: Desk, act: Act, hint: Pressed, text: str) -> Outcome:
    key = f"view:{act.by.view_id}"
    match hint.verb:
        case Verb.DENY:
            return await desk.service.deny(act.who, hint.run, hint.fingerprint, text, key)
        case Verb.ASK_BACK:
            return await desk.service.ask_back(act.who, hint.run, text, key)
        case Verb.ANSWER_BACK:
            return await desk.service.answer_back(act.who, hint.run, text, key)
        case Verb.CANCEL:
            return await desk.service.cancel(act.who, hint.run, text, key)
        case _:
            return Outcome(code="unknown", sentence=OLD, ok=False)


def reviewed(desk: Desk) -> Listener:
    """Approve, under the whole plan."""

    async def submit(ack: Any, act: Act) -> None:
        hint = unpack(memo(act.body))
        if hint is None:
            await ack(**refused_view({}, told(OLD)))
        else:
            await _decided(desk, act, ack, await desk.service.approve(act.who, hint.run, hint.fingerprint))

    return submit


def unknown(desk: Desk) -> Listener:
    """A form that no part of this version knows."""

    async def submit(ack: Any, act: Act) -> None:
        await ack(**refused_view({}, told(OLD)))

    return submit


def suggestions(desk: Desk) -> Listener:
    """Live entries while somebody types: targets from config, everything else from the operation."""

    async def suggest_for(ack: Any, act: Act) -> None:
        draft = await draft_of(desk, act)
        field, typed = str(act.body.get("block_id", "")), str(act.body.get("value") or "").strip()
        entry = desk.catalogue.entries.get(draft.command) if draft else None
        spec = next((s for s in entry.fields if s.name == field), None) if entry else None
        if entry is None or spec is None:
            await ack(options=options([Choice(value=NONE, text="This form is too old: type the command again")]))
        elif spec.kind is Kind.TARGET:
            keys = desk.known.targets.get(spec.target, ())
            near = [k for k in keys if typed.lower() in k.lower()] or list(suggest(typed, keys))
            nothing = [Choice(value=NONE, text=f"config names no such {spec.target}")]
            await ack(options=options([Choice(value=key, text=key) for key in near] or nothing))
        else:
            given, _ = forms.texts(state(act.body), entry.fields)
            given = {spec.name: given[spec.name] for spec in entry.fields if spec.name in given and not spec.personal}
            await ack(options=options(await _live(desk, act, entry, field, typed, given)))

    return suggest_for


async def _live(desk: Desk, act: Act, entry: Entry, field: str, typed: str, given: dict[str, str]) -> list[Choice]:
    """The operation's own entries, and what was typed itself: an entry is a help, never a fence."""
    own = [Choice(value=typed, text=typed)] if typed and len(typed) <= 75 else []
    try:
        async with asyncio.timeout(LOOKED):
            found = await desk.service.choices(act.who, entry, field, typed, given)
    except TimeoutError:
        return [*own, Choice(value=NONE, text="Looking took too long; type it instead")]
    return [*found[: OPTIONS - len(own)], *own]


def no_suggestions(desk: Desk) -> Listener:
    """A select that no part of this version knows."""

    async def suggest_for(ack: Any, act: Act) -> None:
        await ack(options=options([Choice(value=NONE, text="This form is too old: type the command again")]))

    return suggest_for
