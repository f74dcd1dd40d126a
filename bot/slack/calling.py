"""Below a refusal to ask: the button that calls those who may ask."""

from collections.abc import Mapping
from typing import Any

from bot.catalogue import Entry
from bot.fields import FieldSpec, read
from bot.operation import Input
from bot.parse import Known
from bot.render.outcome import refusal
from bot.slack import drafts, forms
from bot.slack.desk import Act, Desk, Listener, button_key
from bot.slack.payload import action, chosen
from bot.view import Draft

GONE = "That button is not yours, or too old, so nobody was called. Type the command again."


def pressed(desk: Desk) -> Listener:
    """Calls them, in the channel where it was refused, for what the refused line said."""

    async def press(ack: Any, act: Act) -> None:
        if (draft := await desk.draft(act, chosen(action(act.body)), GONE)) is not None:
            await _call(desk, act, draft)
        await ack()

    return press


async def _call(desk: Desk, act: Act, draft: Draft) -> None:
    entry = desk.catalogue.get(draft.command)
    key = f"{button_key(act.by, draft.id)}:{action(act.body).get('action_ts', '')}"  # delivered twice is pressed once
    params, whole = wish(entry, draft.values, desk.known)
    direct = (draft.channel or "").startswith("D")  # nobody else reads there
    channel = None if direct else draft.channel
    outcome = await desk.service.call_to_ask(act.who, channel, entry, params, whole=whole, key=key)
    telling = desk.tell(act.by, refusal(outcome))
    if outcome.ok:
        desk.soon(telling)  # recorded, and its thread says so
    else:
        await telling


def wish(entry: Entry, kept: Mapping[str, str], known: Known) -> tuple[Input, bool]:
    """What was to be asked for, as far as it was kept, and whether that is all of it."""
    given = {spec.name: kept[spec.name] for spec in entry.fields if kept.get(spec.name)}
    built = forms.build(entry.params, entry.fields, given, {}, known)
    if isinstance(built, Input):
        return built, not kept.get(drafts.WITHHELD)
    values = {spec.name: _read(spec, given.get(spec.name, "")) for spec in entry.fields}
    return entry.params.model_construct(**{name: value for name, value in values.items() if value is not None}), False


def _read(spec: FieldSpec, words: str) -> Any:
    try:
        return read(spec, words) if words else None
    except ValueError:
        return None
