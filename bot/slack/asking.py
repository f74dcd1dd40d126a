"""From words or a form to the service's `ask`: the one path by which a run begins in Slack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot import parse
from bot.catalogue import Entry
from bot.fields import REASON, FieldSpec, Kind, personal, read
from bot.help import AreaHelp, OperationHelp
from bot.model import Risk
from bot.operation import Input, Operation, Personal
from bot.personal import ERASED, HIDDEN, TOKEN
from bot.policy import Code
from bot.render.blocks import button
from bot.render.form import Form
from bot.render.message import Message
from bot.render.outcome import FORM as FORM_BUTTON
from bot.render.outcome import refusal, told
from bot.render.picker import Item, picker
from bot.slack import drafts, forms
from bot.slack.desk import Act, Desk
from bot.slack.lines import line_below, wants_form
from bot.view import Outcome
from bot.words import Word

INTO_FORM = frozenset({parse.Code.MISSING, parse.Code.NEEDS_FORM, parse.Code.REASON, parse.Code.SECRET})
NO_FORM = frozenset({parse.Code.LEAK, parse.Code.QUOTE})


@dataclass(frozen=True)
class Typed:
    """A line whose operation was found."""

    entry: Entry
    words: Sequence[Word]  # behind the command
    line: str  # whole, as typed
    channel: str | None


def form_of(entry: Entry) -> Form:
    """The form of an operation."""
    return Form(
        entry.command,
        entry.summary,
        entry.fields,
        confirm=entry.operation.confirm,
        reason=entry.risk is not Risk.READ,
        picked=picked(entry),
    )


def picked(entry: Entry) -> frozenset[str]:
    """The free fields for which the operation offers live entries."""
    if type(entry.operation).choices is Operation.choices:
        return frozenset()
    named = getattr(entry.operation, "picks", None)
    texts = [s.name for s in entry.fields if s.kind is Kind.TEXT and s.name != "reason"]
    return frozenset(texts if named is None else named)


def drawn(
    desk: Desk, entry: Entry, draft: str, channel: str | None, values: Mapping[str, str], *, notice: str = "",
    amends: str = "", favourite: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The form of an operation as a modal, with the line that would do the same. `draft`: the row it belongs to;
    `channel`: from which it is asked; `favourite`: it has just become one.
    """
    typed = None if amends else line_below(entry, values, desk.known)
    place = channel or desk.fallback
    return form_of(entry).view(
        draft, values, notice=notice, amends=amends, typed=typed, kept=favourite, channel=place,
        withheld=drafts.withheld(values),
    )  # fmt: skip


async def allowed(
    desk: Desk, act: Act, entry: Entry, channel: str | None, params: Input | None = None,
    values: Mapping[str, str] | None = None,
) -> Message | None:  # fmt: skip
    """None where the person may ask here and now, else why not. Without params: may they anywhere?

    `values`: the typed texts, for which those who may ask can be called.
    """
    if params is None:
        page = desk.help(act.who, channel, entry.words)
        if isinstance(page, OperationHelp) and any(place.may_ask for place in page.here):
            return None
    verdict = await desk.service.may_ask(act.who, entry, channel, params)
    if verdict.may:
        return None
    names = desk.names()
    members = dict.fromkeys(person for key in verdict.who for person in names.group(key).members)
    could = [
        f"{names.person(one)} (on call)" if one in names.on_call else names.person(one)
        for one in sorted(members, key=lambda one: one not in names.on_call)
    ]
    said = f"/{entry.command} was not asked: {verdict.sentence}".rstrip(".")
    outcome = Outcome(code=verdict.code.value, sentence=f"{said}.", who=tuple(could), ok=False)
    return refusal(outcome, draft=await call_draft(desk, act, entry, channel, outcome, values or {}))


async def call_draft(
    desk: Desk, act: Act, entry: Entry, channel: str | None, outcome: Outcome, values: Mapping[str, str]
) -> str:
    """The row by which those who may ask are called for these typed texts; empty where it is not for want of them."""
    if outcome.code != Code.NOT_IN_GROUP or not outcome.who:
        return ""
    return await desk.service.draft_save(act.who, entry.command, channel, kept(values, entry))


async def open_form(
    desk: Desk, act: Act, entry: Entry, channel: str | None, values: Mapping[str, str], why: str,
    began: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Saves the draft and opens its form. Raises what the service raises, and SlackApiError.

    `began`: what the draft remembers of where it was begun.
    """
    remembered = {**kept(values, entry), **(began or {})}
    draft = await desk.service.draft_save(act.who, entry.command, channel, remembered)
    await desk.open(act.by, drawn(desk, entry, draft, channel, await masked(desk, entry, values), notice=why))


async def masked(desk: Desk, entry: Entry, values: Mapping[str, str]) -> dict[str, str]:
    """The values as a form shows them: a mask where a personal one is known by its token, else nothing there."""
    personal = {spec.name for spec in entry.fields if spec.personal}
    tokens = {name: TOKEN.findall(words) for name, words in values.items() if name in personal}
    masks = await desk.service.masks([token for found in tokens.values() for token in found])
    masks = {token: mask for token, mask in masks.items() if mask not in (ERASED, HIDDEN)}
    shown = {name: ",".join(masks[token] for token in found if token in masks) for name, found in tokens.items()}
    return {**values, **shown}


def items(desk: Desk, act: Act, at: str, channel: str | None) -> list[Item]:
    """What the person sees of one level of the picker: areas and operations that are theirs, here."""
    page = desk.help(act.who, channel, at.split())
    if not isinstance(page, AreaHelp):
        return []
    inner = [f"{at} {name}".strip() for name, _ in page.areas]
    areas = [Item(words=words, summary=_inside(desk, act, words, channel)) for words in inner]
    return [*areas, *(Item(words=one.command, summary=one.summary, risk=one.risk) for one in page.operations)]


def _inside(desk: Desk, act: Act, at: str, channel: str | None) -> str:
    """What an area holds, by the last words."""
    page = desk.help(act.who, channel, at.split())
    if not isinstance(page, AreaHelp):
        return ""
    return ", ".join([*(name for name, _ in page.areas), *(one.command.rpartition(" ")[2] for one in page.operations)])


def kept(values: Mapping[str, str], entry: Entry) -> dict[str, str]:
    """What a draft's row may hold: nothing secret, and of what is personal the token alone."""
    secret = {spec.name for spec in entry.fields if spec.secret}
    personal = {spec.name for spec in entry.fields if spec.personal}
    tokens = {name: ",".join(TOKEN.findall(words)) for name, words in values.items() if name in personal}
    return {name: tokens.get(name, words) for name, words in values.items() if name not in secret}


def lasting(values: Mapping[str, str], entry: Entry) -> dict[str, str]:
    """What a favourite holds of a form: nothing secret or of a person, no default, and no reason: another each time."""
    usual = {spec.name: spec.default for spec in entry.fields}
    return {name: words for name, words in keepable(values, entry).items() if words != usual.get(name)}


def keepable(values: Mapping[str, str], entry: Entry) -> dict[str, str]:
    """What of a form may be kept: nothing secret, of a person, or said for one time."""
    left_out = {REASON, *(spec.name for spec in entry.fields if spec.secret or spec.personal)}
    return {name: words for name, words in values.items() if name not in left_out}


async def open_picker(
    desk: Desk, act: Act, at: str, channel: str | None, began: Mapping[str, str] | None = None, notice: str = ""
) -> None:
    """Opens one level of the tree of operations. `began`: what the drafts remember of where it was begun.

    `notice`: why it is this level.
    """
    draft = await desk.service.draft_save(act.who, at or "-", channel, began or {})
    favourites = await desk.service.favourites(act.who) if not at else ()
    await desk.open(act.by, picker(draft, at, items(desk, act, at, channel), favourites, notice))


async def ask_line(desk: Desk, act: Act, typed: Typed, *, key: str, anew: bool = False) -> Message | None:
    """Asks what was typed, or opens the form that it needs. What to tell the person, or None where a form opened."""
    entry = typed.entry
    words = [word for word in typed.words if not _looks(word)]
    look = len(words) < len(typed.words)
    params = parse.read(entry.command, entry.params, words, desk.known)
    if isinstance(params, parse.Fault):
        guessed, unread = forms.guessed(words, entry.fields)
        guessed |= drafts.withholding(forms.withheld(words, entry.fields))
        return await _faulty(desk, act, typed, guessed, params, unread)
    values = forms.written(params, entry.fields)
    typed_once = [s.name for s in entry.fields if s.personal and s.name not in values and getattr(params, s.name)]
    values |= drafts.withholding(typed_once)
    if not look and (fault := parse.needs_reason(entry.command, params, entry.risk)) is not None:
        return await _faulty(desk, act, typed, values, fault)
    if not look and wants_form(entry):
        return await _into_form(desk, act, typed, values, "Look it over, then ask. Nothing is asked yet.", params)
    outcome = await desk.service.ask(
        act.who, typed.channel, entry, params, key=key, words=typed.line, look_only=look, anew=anew
    )
    if outcome.code == "same_words":
        again = drafts.same(outcome.run) if personal(params) else drafts.typed(typed.line)
        draft = await desk.service.draft_save(act.who, entry.command, typed.channel, again)
        return refusal(outcome, draft=draft)
    if outcome.ok and look:
        return told(
            "Only a look: the plan comes to you alone, as a direct message. Nobody is asked and nothing is done."
        )
    if outcome.ok and entry.risk is Risk.READ:
        return None  # a read's answer follows at once
    called_by = "" if look else await call_draft(desk, act, entry, typed.channel, outcome, values)
    return refusal(outcome, draft=called_by)


def _looks(word: Word) -> bool:
    return word.value in parse.LOOKS and not word.key and not word.quoted


async def _faulty(
    desk: Desk, act: Act, typed: Typed, values: Mapping[str, str], fault: parse.Fault, unread: Sequence[str] = ()
) -> Message | None:
    """A line that lacks something opens its form; any other fault is told, with the form one click away.

    `unread`: the keys of fields that the form shows empty though something was typed.
    """
    said = fault.sentence.replace("`", "")
    if unread and fault.code not in NO_FORM:
        said += f" What was typed for {', '.join(unread)} could not be read, so the form does not hold it."
    if fault.code in INTO_FORM:
        return await _into_form(desk, act, typed, values, said)
    if fault.code in NO_FORM:
        return told(said)
    draft = await desk.service.draft_save(act.who, typed.entry.command, typed.channel, kept(values, typed.entry))
    return told(f"{said} Nothing was asked.", offered=[button("Fill in the form", FORM_BUTTON, draft)], code=fault.line)


async def _into_form(
    desk: Desk, act: Act, typed: Typed, values: Mapping[str, str], why: str, params: Input | None = None
) -> Message | None:
    """Opens the form where the person may ask at all; else says why not."""
    if (refused := await allowed(desk, act, typed.entry, typed.channel, params, values)) is not None:
        return refused
    await open_form(desk, act, typed.entry, typed.channel, values, why)
    return None


def called(spec: FieldSpec, words: str) -> Any:
    """A call names personal values by their tokens: they are in its plan, and nobody typed them. Raises ValueError."""
    tokens = tuple(Personal(token) for token in words.split(","))
    return tokens if spec.many else tokens[0]


def params_of_call(entry: Entry, given: Mapping[str, str]) -> Input | None:
    """The Params that a prefilled call makes whole; None where a person must fill in more."""
    values: dict[str, Any] = {}
    for spec in entry.fields:
        if words := given.get(spec.name, ""):
            try:
                values[spec.name] = called(spec, words) if spec.personal else read(spec, words)
            except ValueError:
                return None
    try:
        params = entry.params.model_validate(values)
    except ValueError:
        return None
    lacks_reason = parse.needs_reason(entry.command, params, entry.risk) is not None
    return None if lacks_reason or wants_form(entry) else params
